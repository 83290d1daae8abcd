"""What units that arrive would do, before they do: the queue is gone along once, and no list of orders is kept."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import gathered, restocks
from notifier.db.alike import Shapes
from notifier.db.beside import Beside, ahead, beside
from notifier.db.codec import policy_from_json
from notifier.db.facts import Order
from notifier.db.gathered import Found
from notifier.db.restocks import Queued
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.domain.plan import LAPSE
from notifier.domain.supply import Pile, Rule, Share
from notifier.planning import changes_of, plan_shapes
from notifier.restocking.giving import heap
from notifier.restocking.ledger import Allocations, Ledger

GLANCE = 2500
"""How many orders are looked at together."""

SINGLES = 200
"""How many orders are loaded at a time that are planned one by one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule makes of the units beyond who gets them. `filled` orders lack nothing of these SKUs any more.

    `messages` are the emails that come of it by kind, `stopped` those that were planned and go no more, but for the
    notices of a legal deadline's day, which may never be needed; `freed` is the worth of what can ship now, by
    currency, where prices are known.
    """

    filled: int
    messages: Mapping[Kind, int]
    stopped: Mapping[Kind, int]
    freed: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Foretold:
    """By SKU who would get how much, and what nobody waits for; and what comes of it."""

    allocated: Mapping[str, Allocations]
    left_over: Mapping[str, int]
    outcome: Outcome


Given = Mapping[str, Share]
"""By SKU, what one order gets."""

Glance = dict[str, list[Given]]
"""Some orders by id, with what each rule has for them."""

Emails = tuple[Counter[Kind], Counter[Kind]]
"""Those that come of it, and those that go no more."""


def foretell(
    session: Session, store_row: Store, arrived: Mapping[str, int], rules: Sequence[Rule], now: datetime
) -> dict[Rule, Foretold]:
    """What each rule would make of these units, by SKU, without anything being written."""
    hands = [
        _Hand({sku: heap(session, store_row.id, sku, units, rule) for sku, units in arrived.items()})
        for rule in rules
    ]
    with beside(session) as asked:
        foreseen = _Foreseen(asked, store_row, hands, now)
        for count, answer in ahead(
            asked, foreseen.questions(_glances(restocks.queue(session, store_row.id, arrived), hands))
        ):
            count(answer)
    return {rule: hand.told() for rule, hand in zip(rules, hands, strict=True)}


def _glances(lines: Iterable[Queued], hands: Sequence["_Hand"]) -> Iterator[Glance]:
    """Give along the queue; what those get who lack nothing of a SKU any more, as no emails of others change."""
    some: Glance = {}
    for id_, of_order in groupby(lines, lambda queued: queued.line.backorder_id):
        lacking = list(of_order)
        gifts = [hand.give(lacking) for hand in hands]
        if any(map(_completes, gifts)):
            some[id_] = gifts
        if len(some) == GLANCE:
            yield some
            some = {}
        if all(hand.empty for hand in hands):
            break
    yield some


def _completes(given: Given) -> bool:
    return any(not it.still_waiting for it in given.values())


@dataclass
class _Hand:
    """One rule on its way along the queue, and what came of it so far."""

    piles: dict[str, Pile]
    filled: int = 0
    messages: Counter[Kind] = field(default_factory=Counter)
    stopped: Counter[Kind] = field(default_factory=Counter)
    freed: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def empty(self) -> bool:
        return not any(pile.left for pile in self.piles.values())

    def give(self, lines: Sequence[Queued]) -> Given:
        """What the next order in the queue gets, which lacks these."""
        gifts = {}
        for line, sku, price, currency in lines:
            units, self.piles[sku] = self.piles[sku].give(line.needed)
            if not units:
                continue
            gifts[sku] = Share(line.backorder_id, line.line_id, units, line.needed - units)
            self.ledger.add(sku, line.backorder_id, units, line.needed - units)
            if price is not None:
                self.freed[currency or ""] += Decimal(price) * units
        self.filled += bool(gifts) and not any(it.still_waiting for it in gifts.values())
        return gifts

    def note(self, emails: Emails, orders: int) -> None:
        """Of so many orders each has these emails."""
        for kinds, of_one in zip((self.messages, self.stopped), emails, strict=True):
            for kind, count in of_one.items():
                kinds[kind] += count * orders

    def told(self) -> Foretold:
        outcome = Outcome(self.filled, dict(self.messages), dict(self.stopped), dict(self.freed))
        left_over = {sku: pile.left for sku, pile in self.piles.items()}
        return Foretold({sku: self.ledger.of(sku) for sku in self.piles}, left_over, outcome)


class _Foreseen:
    """Counts the emails: orders of one shape that lack nothing any more are planned once."""

    def __init__(self, asked: Beside, store_row: Store, hands: Sequence[_Hand], now: datetime) -> None:
        policy = policy_from_json(store_row.policy)
        self._asked, self._hands, self._now = asked, hands, now
        self._policy, self._zone = policy, ZoneInfo(store_row.timezone)
        self._known: defaultdict[str, dict[Hashable, Emails]] = defaultdict(dict)

    def questions(
        self, glances: Iterable[Glance]
    ) -> Iterator[tuple[Callable[[Any], None], Callable[[Session], Any]]]:
        """What to ask of these orders, each with who counts what comes of the answer."""
        own = self._policy.skus.keys()
        for glance in glances:
            alike: defaultdict[str, Glance] = defaultdict(dict)
            alone: Glance = {}
            for id_, gifts in glance.items():
                skus = {sku for given in gifts for sku in given}
                (alike[skus.pop()] if len(skus) == 1 else alone)[id_] = gifts
            for sku, some in alike.items():
                question = partial(gathered.read, ids=sorted(some), sku=sku, own=own)
                yield partial(self._count_alike, sku, some), question
            ids = sorted(alone)
            for start in range(0, len(ids), SINGLES):
                yield partial(self._count_each, alone), partial(store.load, ids=ids[start : start + SINGLES])

    def _count_alike(self, sku: str, some: Glance, found: Found) -> None:
        """Orders of which one line is given units."""
        shapes = Shapes(self._policy, self._zone)
        looks: defaultdict[Hashable, list[str]] = defaultdict(list)
        for order in gathered.orders(found):
            look = shapes.sketch(order, order.eta, here=True)
            looks[look.shape or look.id].append(look.id)

        def emails(order: Order) -> Emails:
            return _emails(_as_if(order, next(filter(_completes, some[order.row.id]))), self._now)

        firsts = {shape: ids[0] for shape, ids in looks.items()}
        plan_shapes(self._asked, firsts, known := self._known[sku], emails)
        for shape, ids in looks.items():
            for place, hand in enumerate(self._hands):
                if orders := sum(_completes(some[id_][place]) for id_ in ids):
                    hand.note(known[shape], orders)

    def _count_each(self, some: Glance, loaded: Mapping[str, Order]) -> None:
        for id_, order in loaded.items():
            known: dict[frozenset[Share], Emails] = {}
            for hand, given in zip(self._hands, some[id_], strict=True):
                if not _completes(given):
                    continue
                what = frozenset(given.values())  # both rules often come to the same
                if what not in known:
                    known[what] = _emails(_as_if(order, given), self._now)
                hand.note(known[what], 1)


def _emails(order: Order, now: datetime) -> Emails:
    changes = changes_of(order, now)
    fresh = [*changes.add, *(move.draft for move in changes.move if move.restored)]
    return (
        Counter(draft.kind for draft in fresh if not draft.key.startswith(LAPSE)),
        Counter(stop.message.kind for stop in changes.stop if not stop.message.key.startswith(LAPSE)),
    )


def _as_if(order: Order, given: Given) -> Order:
    lines = tuple(
        replace(line, allocated=line.allocated + given[line.sku].quantity) if line.sku in given else line
        for line in order.facts.lines
    )
    return replace(order, facts=replace(order.facts, lines=lines))
