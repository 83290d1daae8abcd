"""What the law has cancelled, taken off orders of stores that chose so (`deemed_cancellation`: `carry_out`).

The law ends an order by the passing of time; that a store's own books say so too is an act, and a store may want a
person for it (`ask`, the default): then it stays a duty. Carried out, it is a cancellation like others, `by` the law.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from notifier.db.facts import Order, record
from notifier.db.tables import Fact
from notifier.domain.law import standing
from notifier.domain.law.duties import carries_out

Changed = tuple[Order, list[Fact]]


def cancellations(orders: Iterable[Order], now: datetime) -> Iterator[Changed]:
    """Of these locked orders, those of which something is now taken off, with the fact of it; their rows show it."""
    for order in orders:
        wheres = {line.id: standing(order.facts, line, order.policy, now) for line in order.facts.lines}
        if not carries_out(order.facts, order.policy, wheres):
            continue
        units = {row.id: row.waiting for row in order.lines if row.waiting and wheres[row.id].cancel_by}
        for row in order.lines:
            if row.id in units:
                row.cancelled += row.waiting
                row.waiting = row.allocated = 0
        data = {"units": units, "by": "law", "reason": None}
        yield order, [record(order, "cancelled", now, now, data)]
