"""What the law asks of a store is done: money was sent back, or a person says that a duty is settled.

Functions take a session inside a transaction and the time `now`, and raise before anything is written.
"""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from notifier.domain.law import standing
from notifier.domain.law.duties import Task, duties
from notifier.domain.law.money import total_paid
from notifier.domain.order import Facts
from notifier.errors import Conflict, Fault, Invalid
from notifier.inputs import NewRefund, NewSettlement
from notifier.intake import CLOCKS_DIFFER, OrderFacts


def refund(session: Session, store_id: str, backorder_id: str, new: NewRefund, now: datetime) -> str:
    """The store says that it has sent money back; answers the id of the fact.

    Invalid for a time or a currency that can't be; Conflict where what is known of the order speaks against it.
    """
    with OrderFacts(session, store_id, backorder_id, now) as order:
        at = new.refunded_at or now
        _check_time(order.order.facts, at, now)
        _check_currency(order.order.facts, new)
        _check_amount(order.order.facts, new)
        data = {"amount": str(new.amount), "currency": new.currency, "method": new.method}
        return order.happened("refunded", data, at)


def _check_time(facts: Facts, at: datetime, now: datetime) -> None:
    if at > now + CLOCKS_DIFFER:
        raise Invalid(
            f"refunded_at {at.isoformat()} lies ahead; report a refund when it was sent",
            (Fault("/refunded_at", "must not lie in the future"),),
        )
    if at < facts.placed_at:
        placed = facts.placed_at.isoformat()
        raise Invalid(
            f"refunded_at {at.isoformat()} lies before the order was placed, {placed}",
            (Fault("/refunded_at", f"must not lie before {placed}, when the order was placed"),),
        )


def _check_currency(facts: Facts, new: NewRefund) -> None:
    known = facts.currency or next((refund.currency for refund in facts.refunds), None)
    if known is not None and new.currency != known:
        what = "order is" if facts.currency else "refund before was"
        raise Invalid(
            f"the {what} in {known}, the refund in {new.currency}",
            (Fault("/currency", f"must be {known!r}"),),
        )


def _check_amount(facts: Facts, new: NewRefund) -> None:
    paid, sent = total_paid(facts), sum((refund.amount for refund in facts.refunds), Decimal(0))
    if paid is not None and paid == 0:
        detail = "nothing was paid for this order, so there is nothing to send back"
        raise Conflict(f"order {facts.order_id!r}: {detail}", (Fault("/amount", detail),))
    again = any(
        (it.at, it.amount, it.currency) == (new.refunded_at, new.amount, new.currency)
        for it in facts.refunds
        if new.refunded_at is not None
    )
    if again:
        detail = "this very refund is reported already"
        raise Conflict(
            f"{new.amount} {new.currency} of {new.refunded_at}: {detail}", (Fault("/refunded_at", detail),)
        )
    if paid is not None and sent + new.amount > paid:
        before = f", of which {sent:f} is sent back already" if sent else ""
        raise Conflict(
            f"{new.amount:f} {new.currency} is more than is left of what was paid: {paid:f}{before}",
            (Fault("/amount", f"must be at most {paid - sent:f}"),),
        )


def call_done(session: Session, store_id: str, new: NewSettlement, now: datetime) -> str:
    """A person says that a duty is done though the engine could not see it, and why; answers the id of the fact.

    Conflict where the line has no such duty now. Notices and answers can't be called done: only a notice that was
    given and an answer of the customer's count.
    """
    with OrderFacts(session, store_id, new.backorder_id, now) as order:
        row, facts = order.line(new.sku, "/sku"), order.order.facts
        wheres = {line.id: standing(facts, line, order.order.policy, now) for line in facts.lines}
        asked = [duty for duty in duties(facts, wheres, now) if duty.line.id == row.id]
        if Task(new.duty) not in {duty.task for duty in asked}:
            has = ", ".join(duty.task for duty in asked) or "none"
            raise Conflict(
                f"line {new.sku!r} of order {facts.order_id!r} has no duty {new.duty!r} now; it has {has}",
                (Fault("/duty", f"the line has {has}"),),
            )
        return order.happened(
            "duty_done", {"duty": new.duty, "line": row.id, "sku": row.sku, "reason": new.reason}
        )
