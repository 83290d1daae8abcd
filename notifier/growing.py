"""Lines that come to an order after it was registered: a customer, or the shop, added them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from notifier.db import registering
from notifier.errors import Conflict, Fault
from notifier.inputs import NewLine
from notifier.intake import OrderFacts, impossible, line_of


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid for a whole order, and the part of it that was for shipping; in its currency."""

    total: Decimal
    shipping: Decimal | None = None


def add_lines(
    session: Session,
    store_id: str,
    backorder_id: str,
    new: Sequence[NewLine],
    at: datetime,
    now: datetime,
    paid: Paid | None = None,
) -> str:
    """Add lines to a registered order; answers the id of the fact. The law's clock of a line starts when it was added.

    `at` is when that was, `paid` what was paid for the order with them: without it, what had been paid before tells no
    more what all of it costs. Raises Conflict for an SKU that the order has, or where its customer was erased, and
    Invalid for a promise from before the line was added.
    """
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        row, facts = fact.order.row, fact.order.facts
        if facts.erased:
            raise Conflict("the customer of this order was erased, so there is nobody who waits for more")
        has = {line.sku for line in facts.lines}
        for number, line in enumerate(new):
            if line.sku in has:
                fault = Fault(f"/lines/{number}/sku", "must be one that the order does not have")
                raise Conflict(f"order {row.order_id!r} has a line {line.sku!r} already", (fault,))
            has.add(line.sku)
        at = min(max(at, row.placed_at), now)
        lines = tuple(replace(line_of(line, now), added_at=at) for line in new)
        if early := impossible(replace(facts, placed_at=at, lines=lines)):
            raise early
        first = 1 + max(line.position for line in fact.order.lines)
        rows = registering.rows_of_lines(row.store_id, row.id, first, lines)
        fact.order = replace(fact.order, lines=(*fact.order.lines, *rows))
        if facts.paid:  # 0 says that nothing is charged yet, and goes on
            row.payment = _with(paid, row.payment or {})
        data = {
            "units": {line.id: line.quantity for line in lines},
            "lines": [registering.promise(line) for line in lines],
            "paid": str(paid.total) if paid else None,
        }
        return fact.happened("lines_added", data, at)


def _with(paid: Paid | None, payment: Mapping[str, Any]) -> dict[str, Any] | None:
    kept = {name: value for name, value in payment.items() if name != "paid"}
    if paid is not None:
        kept |= {"paid": str(paid.total), "shipping": str(paid.shipping or 0)}
    return kept or None
