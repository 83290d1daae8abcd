"""What new estimates would make happen, before they do: orders, emails by kind, answers, money, samples."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from sqlmodel import Session

from notifier.db.alike import Shapes
from notifier.db.beside import Beside, ahead, beside
from notifier.db.codec import policy_from_json
from notifier.db.facts import Order
from notifier.db.gathered import read
from notifier.db.moving import Moving, Wanted, moving
from notifier.db.tables import Store
from notifier.domain.message import CHANGE_OF_DATE, Draft, Kind
from notifier.domain.plan import LAPSE
from notifier.errors import Held
from notifier.planning import changes_of, load, plan_shapes

SAMPLES = 5
NAMED = 20
"""How many of the orders that must answer by a day are named."""

SINGLES = 200
"""How many orders are loaded at a time that are planned one by one."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The orders whose customers must say yes by a day: how many, and the first of them by id."""

    backorders: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Radius:
    """What a new estimate makes happen: how many orders move, and which emails come of it, by kind."""

    backorders: int
    messages: Mapping[Kind, int]
    needs_consent: int
    value_at_risk: Mapping[str, Decimal]
    """By currency: what the units that slip are worth, where their prices are known."""
    samples: tuple[tuple[Order, Draft], ...]
    answer_by: Mapping[date, Answers] = field(default_factory=dict)
    """Who must say yes, by the last day on which it counts."""

    def refuse_too_many(self, most: int) -> None:
        """Raises Held when this is more than a store sends at once without a second yes."""
        count = sum(self.messages.values())
        if count > most:
            raise Held(
                f"this would send {count:,} messages to {self.backorders:,} orders, more than max_messages_per_change"
                f" ({most:,}); nothing was changed: look at the effect, then repeat it with confirm: true",
                self,
            )


Alike = Iterable[tuple[Wanted, Sequence[str]]]
"""Orders of which one line moves, chunk by chunk: the new estimate, and the ids of those that get it."""

Each = Mapping[str, Sequence[Wanted]]
"""Orders of which several lines move, with all that moves."""


def foresee(
    session: Session, store_row: Store, alike: Alike, now: datetime, each: Each | None = None
) -> Radius:
    """What it would do if these orders of a store got these estimates now. Changes nothing."""
    policy, zone = policy_from_json(store_row.policy), ZoneInfo(store_row.timezone)
    tally = _Tally()
    known: defaultdict[Wanted, dict[Hashable, tuple[Draft, ...]]] = defaultdict(dict)
    with beside(session) as asked:
        questions = (
            (change, partial(read, ids=ids, sku=change.sku, own=policy.skus.keys())) for change, ids in alike
        )
        for change, found in ahead(asked, questions):
            looks: defaultdict[Hashable, list[Moving]] = defaultdict(list)
            for look in moving(found, change, Shapes(policy, zone)):
                if look.anew:
                    looks[look.order.shape or look.order.id].append(look)
            fresh = known[change]
            firsts = {shape: those[0].order.id for shape, those in looks.items()}
            plan_shapes(asked, firsts, fresh, partial(_fresh_after, (change,), now))
            for shape, those in looks.items():
                units = [(look.currency, look.unit_price, look.units) for look in those]
                tally.note([look.order.id for look in those], (change,), fresh[shape], units)
        _note_each(asked, tally, each or {}, now)
        samples = _samples(asked, tally, now)
    return Radius(
        tally.orders,
        dict(tally.messages),
        tally.by_day.total(),
        tally.value(),
        samples,
        {day: Answers(count, tuple(tally.first[day])) for day, count in sorted(tally.by_day.items())},
    )


@dataclass
class _Tally:
    orders: int = 0
    messages: Counter[Kind] = field(default_factory=Counter)
    by_day: Counter[date] = field(default_factory=Counter)
    first: defaultdict[date, list[str]] = field(default_factory=lambda: defaultdict(list))
    worth: Counter[tuple[str | None, str, int]] = field(default_factory=Counter)
    samples: defaultdict[Kind, list[tuple[str, tuple[Wanted, ...]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def note(
        self,
        ids: Sequence[str],
        changes: tuple[Wanted, ...],
        fresh: Sequence[Draft],
        units: Iterable[tuple[str | None, str | None, int]],
    ) -> None:
        """Orders that move alike: the emails of each; and of each line that moves its (currency, price, units)."""
        self.orders += len(ids)
        for draft in fresh:
            self.messages[draft.kind] += len(ids)
        news = next((draft for draft in fresh if draft.kind in CHANGE_OF_DATE), None)
        if news is None:
            return
        if news.kind is Kind.CONSENT:
            day = min(said.answer_by for said in news.says.values() if said.answer_by)
            self.by_day[day] += len(ids)
            self.first[day] = sorted([*self.first[day], *ids[:NAMED]])[:NAMED]
        room = SAMPLES - len(self.samples[news.kind])
        self.samples[news.kind] += [(id_, changes) for id_ in ids[:room]]
        if news.kind is not Kind.EARLIER:
            self.worth.update(
                (currency, price, count) for currency, price, count in units if price is not None
            )

    def value(self) -> dict[str, Decimal]:
        value: defaultdict[str, Decimal] = defaultdict(Decimal)
        for (currency, price, units), orders in self.worth.items():
            value[currency or ""] += Decimal(price) * units * orders
        return dict(value)


def _note_each(asked: Beside, tally: _Tally, each: Each, now: datetime) -> None:
    ids = sorted(each)
    for start in range(0, len(ids), SINGLES):
        loaded = load(asked, ids[start : start + SINGLES])
        for id_, order in loaded.items():
            changes = tuple(each[id_])
            after = _as_if(order, changes)
            moved = [
                (order.row.currency, row.unit_price, row.waiting)
                for row, line, new in zip(order.lines, order.facts.lines, after.facts.lines, strict=True)
                if line.eta != new.eta
            ]
            if moved:
                tally.note([id_], changes, _fresh(after, now), moved)


def _samples(asked: Beside, tally: _Tally, now: datetime) -> tuple[tuple[Order, Draft], ...]:
    chosen = [sample for of_kind in tally.samples.values() for sample in of_kind][:SAMPLES]
    loaded = load(asked, [id_ for id_, _ in chosen])
    orders = [_as_if(loaded[id_], changes) for id_, changes in chosen]
    return tuple(
        (order, next(draft for draft in _fresh(order, now) if draft.kind in CHANGE_OF_DATE))
        for order in orders
    )


def _fresh(order: Order, now: datetime) -> tuple[Draft, ...]:
    """The emails that come of the change: those that do not exist yet, or not any more, and planned word of a moved
    date that now says something else. Not the can't-say notices, which may never be needed.
    """
    changes = changes_of(order, now)
    again = [
        move.draft
        for move in changes.move
        if move.restored or (move.draft.kind in CHANGE_OF_DATE and move.draft.says != move.message.says)
    ]
    return tuple(draft for draft in (*changes.add, *again) if not draft.key.startswith(LAPSE))


def _fresh_after(changes: Sequence[Wanted], now: datetime, order: Order) -> tuple[Draft, ...]:
    return _fresh(_as_if(order, changes), now)


def _as_if(order: Order, changes: Sequence[Wanted]) -> Order:
    """The order as it would be with the new estimates."""
    new = {change.sku: change for change in changes}
    lines = tuple(
        replace(line, eta=change.eta, eta_reason=change.reason, eta_changed_at=change.at)
        if (change := new.get(line.sku)) and line.waiting and line.eta != change.eta
        else line
        for line in order.facts.lines
    )
    return replace(order, facts=replace(order.facts, lines=lines))
