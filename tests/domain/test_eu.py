"""Late delivery in the EU and the UK. Anna in Berlin orders on 1 March 2026, for the 31st, in one line."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from notifier.domain.law import standing
from notifier.domain.law.standing import Standing
from notifier.domain.message import Status
from notifier.domain.order import Answer, Choice, Facts, Refund
from tests.domain import builders
from tests.domain.builders import a_cancellation, a_line, a_message, a_policy, a_shipment, an_order

BERLIN = "Europe/Berlin"
DUE = date(2026, 3, 31)
EXTRA = date(2026, 4, 20)


def on(month: int, day: int, hour: int = 12) -> datetime:
    return builders.on(month, day, hour, zone=BERLIN)


def anna_s(**fields: Any) -> Facts:
    return an_order(a_line(EXTRA, promised=DUE), zone=BERLIN, country="DE", **fields)


def where(facts: Facts, now: datetime) -> Standing:
    return standing(facts, facts.lines[0], a_policy(), now)


def keep(at: datetime) -> Answer:
    return Answer(at, Choice.KEEP)


TOLD = a_message(on(3, 25), EXTRA)


def test_a_late_estimate_demands_no_notice() -> None:
    assert where(anna_s(), on(3, 25)) == Standing("on_time", ship_by=DUE, changes_at=on(4, 1, 0))


def test_a_line_is_late_when_its_day_has_passed_and_silence_leaves_it_so() -> None:
    assert where(anna_s(), on(4, 1, 0)) == Standing("late")
    assert where(anna_s(), on(12, 1)) == Standing("late")


def test_without_a_promise_the_day_is_the_thirtieth() -> None:
    facts = an_order(zone=BERLIN, country="DE")
    assert where(facts, on(3, 2)).ship_by == DUE


def test_keep_waiting_grants_the_period_that_the_customer_was_told() -> None:
    facts = anna_s(messages=(TOLD,), answers=(keep(on(4, 2)),))
    assert where(facts, on(4, 3)) == Standing("late", ship_by=EXTRA, changes_at=on(4, 21, 0))
    assert where(facts, on(4, 21, 0)) == Standing("terminable")


def test_the_first_and_the_last_instant_count() -> None:
    at_once = a_message(on(4, 1, 0), EXTRA)
    assert where(anna_s(messages=(at_once,), answers=(keep(on(4, 1, 0)),)), on(4, 2)).ship_by == EXTRA
    too_late = anna_s(messages=(TOLD,), answers=(keep(on(4, 21, 0)),))
    assert where(too_late, on(4, 22)) == Standing("late")


def test_the_customer_may_grant_another_period() -> None:
    later = a_message(on(4, 22), date(2026, 5, 10))
    facts = anna_s(messages=(TOLD, later), answers=(keep(on(4, 2)), keep(on(4, 23))))
    assert where(facts, on(4, 22)).state == "terminable"
    assert where(facts, on(4, 23)).ship_by == date(2026, 5, 10)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (anna_s(messages=(TOLD,), answers=(keep(on(3, 30)),)), "not late yet"),
        (anna_s(answers=(keep(on(4, 2)),)), "nothing told"),
        (anna_s(messages=(a_message(on(3, 25), None),), answers=(keep(on(4, 2)),)), "no date told"),
        (anna_s(messages=(TOLD,), answers=(keep(on(4, 25)),)), "the date told had passed"),
        (
            anna_s(messages=(a_message(on(3, 25), EXTRA, status=Status.BOUNCED),), answers=(keep(on(4, 2)),)),
            "the email came back",
        ),
    ],
)
def test_keep_waiting_grants_nothing(facts: Facts, why: str) -> None:
    assert where(facts, on(4, 26)) == Standing("late"), why


def test_an_ended_order_is_refunded_within_fourteen_days_or_overdue() -> None:
    facts = anna_s(answers=(Answer(on(3, 10), Choice.CANCEL),))
    assert where(facts, on(3, 10)) == Standing(
        "cancelled", refund_by=date(2026, 3, 24), changes_at=on(3, 25, 0)
    )
    assert where(facts, on(3, 25, 0)) == Standing("refund_overdue", refund_by=date(2026, 3, 24))
    paid = replace(facts, refunds=(Refund(on(3, 12), Decimal(49), "EUR"),))
    assert where(paid, on(3, 25)) == Standing("refunded")


@pytest.mark.parametrize(("by", "state"), [("customer", "terminated"), ("store", "cancelled")])
def test_after_the_additional_period_the_customer_may_terminate(by: str, state: str) -> None:
    facts = anna_s(
        messages=(TOLD,), answers=(keep(on(4, 2)),), cancellations=(a_cancellation(on(4, 22), by=by),)
    )
    assert where(facts, on(4, 23)).state == state
    assert where(facts, on(4, 23)).refund_by == on(4, 22).date() + timedelta(days=14)


def test_a_shipped_line_is_shipped_however_late() -> None:
    assert where(anna_s(shipments=(a_shipment(on(6, 1)),)), on(6, 1)) == Standing("shipped")
