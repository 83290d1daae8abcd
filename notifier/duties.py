"""What the law asks of a store, nearest first, as it is now: from what planning wrote, corrected by the clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from notifier.db import duties as store
from notifier.db.duties import Place, Row, Wanted
from notifier.db.facts import Order, load
from notifier.domain.law import refunds_owed, standing
from notifier.domain.law.course import day_ends
from notifier.domain.law.duties import Task, duties

LOOKED_AT = 500
"""How many orders, of which a clock ran out a moment ago, are looked at anew for one list. Planning writes such changes
within seconds; where it is behind by more orders than this, the rest are shown as they were."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A duty as lists show it. `amount` is what a refund comes to, None for other duties or where it is not known."""

    place: Place
    task: Task
    order: Order
    sku: str
    ends_at: datetime
    overdue: bool
    amount: Decimal | None


def listed(
    session: Session, store_id: str, wanted: Wanted, now: datetime, *, after: Place | None = None, limit: int
) -> list[Listed]:
    """The store's duties, from just past `after`."""
    moved = store.to_look_at(session, store_id, now, LOOKED_AT)
    rows = store.rows(session, store_id, wanted, now=now, after=after, without=moved, limit=limit)
    orders = load(session, [*moved, *(row.backorder_id for row in rows)])
    anew = (row for id_ in moved for row in _now(orders[id_], now))
    found = sorted([*rows, *_asked_for(anew, wanted, after)], key=lambda row: row.place)[:limit]
    return list(_shown(found, orders, now))


def _now(order: Order, now: datetime) -> Iterator[Row]:
    """The order's duties by the clock, as its row would have them had it been planned at this moment."""
    facts = order.facts
    wheres = {line.id: standing(facts, line, order.policy, now) for line in facts.lines}
    for duty in duties(facts, wheres, now):
        place = Place.of(duty.due, duty.line.id, duty.task)
        yield Row(place, duty.task, facts.backorder_id, duty.line.sku)


def _asked_for(rows: Iterable[Row], wanted: Wanted, after: Place | None) -> Iterator[Row]:
    for row in rows:
        if (
            row.task in wanted.tasks
            and wanted.sku in {None, row.sku}
            and wanted.backorder_id in {None, row.backorder_id}
            and (wanted.due_before is None or row.place.due < wanted.due_before)
            and (after is None or row.place > after)
        ):
            yield row


def _shown(rows: Iterable[Row], orders: dict[str, Order], now: datetime) -> Iterator[Listed]:
    for row in rows:
        order = orders[row.backorder_id]
        amount = None
        if row.task is Task.REFUND:
            owed = refunds_owed(order.facts, order.policy, now).get(row.place.line_id)
            amount = owed.amount if owed else None
        ends_at = day_ends(order.facts, row.place.due)
        yield Listed(row.place, row.task, order, row.sku, ends_at, now >= ends_at, amount)
