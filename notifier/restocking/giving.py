"""Units that are set aside for orders, small or large restock: who gets them, and what is written of it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from notifier.db import restocks
from notifier.db.facts import Order, record
from notifier.db.tables import BackorderLine
from notifier.domain.supply import Pile, Rule, Share, Waiting, along, pile
from notifier.planning import write

Gifts = Mapping[str, Sequence[Share]]
"""By SKU, who gets units of it."""


def heap(
    session: Session, store_id: str, sku: str, units: int, rule: Rule, known_by: datetime | None = None
) -> Pile:
    """Units at the head of the queue as it is now."""
    needs = restocks.needs(session, store_id, sku, known_by) if rule == "fair" else None
    return pile(units, rule, needs)


def sharing(
    session: Session,
    store_id: str,
    sku: str,
    start: Pile,
    *,
    known_by: datetime | None = None,
    most: int | None = None,
) -> Iterator[Share]:
    """Who gets units of it, the oldest order first, as the queue is now; at `most` so many of them."""
    limit = start.left if most is None else min(most, start.left)  # as each gets one at least
    lines = restocks.queue(session, store_id, [sku], known_by=known_by, limit=limit)
    for share, _ in along(start, (queued.line for queued in lines)):
        yield share


def line_of(order: Order, sku: str) -> BackorderLine:
    return next(row for row in order.lines if row.sku == sku)


def lacks(orders: Mapping[str, Order], sku: str) -> Callable[[Waiting], Waiting]:
    """Of those orders, which are locked, a line as it is now; one that is gone lacks nothing."""

    def now(line: Waiting) -> Waiting:
        order = orders.get(line.backorder_id)
        row = line_of(order, sku) if order else None
        needed = row.waiting - row.allocated if row else 0
        return Waiting(line.backorder_id, line.line_id, needed, line.placed_at)

    return now


def set_aside(session: Session, orders: Mapping[str, Order], gifts: Gifts, now: datetime) -> None:
    """Give them to these orders, which are locked, each changed once."""
    happened = defaultdict(list)
    for sku, shares in gifts.items():
        for given in shares:
            order = orders[given.backorder_id]
            row = line_of(order, sku)
            row.allocated += given.quantity
            data = {"line": row.id, "sku": sku, "quantity": given.quantity}
            happened[order.row.id].append(record(order, "allocated", now, now, data))
    write(session, [(orders[id_], facts) for id_, facts in sorted(happened.items())], now)
