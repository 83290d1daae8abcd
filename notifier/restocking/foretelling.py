"""What units that arrive would do, before they do: the queue is gone along once, and no list of orders is kept."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import restocks
from notifier.db.facts import Order
from notifier.db.restocks import Queued
from notifier.domain.message import Kind
from notifier.domain.plan import LAPSE
from notifier.domain.supply import Pile, Rule, Share
from notifier.planning import changes_of
from notifier.restocking.giving import heap
from notifier.restocking.ledger import Allocations, Ledger

CHUNK = 200
"""How many orders are loaded at a time to foretell their emails."""


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


def foretell(
    session: Session, store_id: str, arrived: Mapping[str, int], rules: Sequence[Rule], now: datetime
) -> dict[Rule, Foretold]:
    """What each rule would make of these units, by SKU, without anything being written."""
    hands = [
        _Hand({sku: heap(session, store_id, sku, units, rule) for sku, units in arrived.items()})
        for rule in rules
    ]
    orders: list[tuple[str, list[Given]]] = []
    for order in _orders(restocks.queue(session, store_id, arrived)):
        orders.append((order[0].line.backorder_id, [hand.give(order) for hand in hands]))
        if len(orders) == CHUNK:
            _plan(session, orders, hands, now)
            orders.clear()
        if all(hand.empty for hand in hands):
            break
    _plan(session, orders, hands, now)
    return {rule: hand.told() for rule, hand in zip(rules, hands, strict=True)}


def _orders(lines: Iterable[Queued]) -> Iterator[list[Queued]]:
    for _, of_order in groupby(lines, lambda queued: queued.line.backorder_id):
        yield list(of_order)


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

    def told(self) -> Foretold:
        outcome = Outcome(self.filled, dict(self.messages), dict(self.stopped), dict(self.freed))
        left_over = {sku: pile.left for sku, pile in self.piles.items()}
        return Foretold({sku: self.ledger.of(sku) for sku in self.piles}, left_over, outcome)


def _plan(
    session: Session, orders: Sequence[tuple[str, Sequence[Given]]], hands: Sequence[_Hand], now: datetime
) -> None:
    """Count the emails of these orders; only those change of orders that lack nothing of a SKU any more."""
    changing = [id_ for id_, gifts in orders if any(map(_completes, gifts))]
    loaded = store.load(session, changing)
    for id_, gifts in orders:
        if id_ not in loaded:
            continue
        known: dict[frozenset[Share], tuple[Counter[Kind], Counter[Kind]]] = {}
        for hand, given in zip(hands, gifts, strict=True):
            if not _completes(given):
                continue
            what = frozenset(given.values())  # both rules often come to the same
            if what not in known:
                known[what] = _emails(_as_if(loaded[id_], given), now)
            fresh, stopped = known[what]
            hand.messages.update(fresh)
            hand.stopped.update(stopped)


def _completes(given: Given) -> bool:
    return any(not it.still_waiting for it in given.values())


def _emails(order: Order, now: datetime) -> tuple[Counter[Kind], Counter[Kind]]:
    """Those that come of it, and those that go no more."""
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
