"""Plans orders again and writes what came of it: the one road from facts to the outbox."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import facts as store
from notifier.db.engine import transaction
from notifier.db.facts import Order
from notifier.db.planned import apply
from notifier.domain.law import standing
from notifier.domain.plan import plan
from notifier.domain.reconcile import reconcile
from notifier.telling import stands

CHUNK = 200
"""How many orders one transaction plans again, so that sending goes on meanwhile."""


def replan(session: Session, orders: Iterable[Order], now: datetime) -> None:
    """Make the planned emails of these orders what their facts ask for, and note where they stand in law.

    The orders are locked by this transaction and were loaded after its last change to them.
    """
    orders = list(orders)
    planned, order_standings, line_standings = [], [], []
    for order in orders:
        changes = reconcile(plan(order.facts, order.policy, now), order.facts, order.policy, now)
        if changes:
            planned.append((order.row.store_id, order.row.id, changes))
        order_standing, moved = standings(order, now)
        if order_standing:
            order_standings.append(order_standing)
        line_standings += moved
    apply(session, planned, now)
    order_standings += stands(session, orders, now)
    store.store_standings(session, order_standings, line_standings)


def standings(order: Order, now: datetime) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """What to write of where an order and its lines stand in law and in general; only what differs."""
    wheres = {line.id: standing(order.facts, line, order.policy, now) for line in order.facts.lines}
    replan_at = min((where.changes_at for where in wheres.values() if where.changes_at), default=None)
    status = order.facts.status.value
    whole = {"id": order.row.id, "replan_at": replan_at, "status": status}
    same = (order.row.replan_at, order.row.status) == (replan_at, status)
    lines = [
        {"id": row.id, "law_state": wheres[row.id].state, "answer_by": wheres[row.id].answer_by}
        for row in order.lines
        if (row.law_state, row.answer_by) != (wheres[row.id].state, wheres[row.id].answer_by)
    ]
    return None if same else whole, lines


def watch(engine: Engine, now: datetime) -> bool:
    """Plan again a chunk of the orders whose time has come: a legal clock ran out, or the policy changed.

    True when the chunk was full, so that more may be left.
    """
    with transaction(engine) as session:
        orders = store.load(session, store.to_replan(session, now, CHUNK), lock=True)
        replan(session, orders.values(), now)
    return len(orders) == CHUNK
