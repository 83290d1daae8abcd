"""Alice orders on 1 March 2026, so T is 31 March and X is 30 April: what may happen to her order in 16 CFR 435."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from notifier.domain.law import standing
from notifier.domain.law.standing import Standing
from notifier.domain.message import Message
from notifier.domain.order import Answer, Choice, Facts, Refund
from tests.domain.builders import (
    a_cancellation,
    a_line,
    a_message,
    a_policy,
    a_shipment,
    an_order,
    on,
)

T, X = date(2026, 3, 31), date(2026, 4, 30)
SHORT, LONG = date(2026, 4, 20), date(2026, 5, 15)
SECOND = timedelta(seconds=1)


def where(facts: Facts, now: datetime, line: int = 0) -> Standing:
    return standing(facts, facts.lines[line], a_policy(), now)


def short_notice(at: datetime | None = None, eta: date = SHORT) -> Message:
    return a_message(at or on(3, 20), eta, "n1_short")


def long_notice(at: datetime | None = None, eta: date = LONG) -> Message:
    return a_message(at or on(3, 20), eta, "n1_long", answer_by=X)


def cannot_say(at: datetime | None = None) -> Message:
    return a_message(at or on(3, 20), None, "n1_indef", answer_by=X)


def renewed_notice(at: datetime, eta: date | None, answer_by: date) -> Message:
    return a_message(at, eta, "n2_renewed", answer_by=answer_by)


def keep(at: datetime, *line_ids: str) -> Answer:
    return Answer(at, Choice.KEEP, line_ids)


def cancel(at: datetime, *line_ids: str) -> Answer:
    return Answer(at, Choice.CANCEL, line_ids)


def a_refund(at: datetime) -> Refund:
    return Refund(at, Decimal("49.00"), "USD")


def the_order(
    *messages: Message,
    answers: tuple[Answer, ...] = (),
    shipped: datetime | None = None,
    cancelled: datetime | None = None,
    refunded: datetime | None = None,
    eta: date | None = date(2026, 3, 20),
    promised: date | None = None,
) -> Facts:
    """One unit of one item."""
    return an_order(
        a_line(eta, promised=promised),
        messages=messages,
        answers=answers,
        shipments=(a_shipment(shipped),) if shipped else (),
        cancellations=(a_cancellation(cancelled),) if cancelled else (),
        refunds=(a_refund(refunded),) if refunded else (),
    )


RENEWED_ON_THE_15TH = (short_notice(), renewed_notice(on(4, 15), date(2026, 5, 10), SHORT))
