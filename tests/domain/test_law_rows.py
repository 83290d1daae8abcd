"""The rule as a table: each row is one line of 16 CFR 435 or of Directive 2011/83/EU, and names its paragraph.

An order of 1 March 2026 without a date at checkout: T is 31 March, X is 30 April; in the EU it is due on 31 March.
"""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from notifier.domain.law import standing
from notifier.domain.law.standing import Notice, Standing
from notifier.domain.message import Message, Status
from notifier.domain.order import Answer, Choice, Facts, Refund
from tests.domain.builders import a_cancellation, a_line, a_message, a_policy, a_shipment, an_order, on

T, X, R, FAR, LATER = (
    date(2026, 3, 31), date(2026, 4, 30), date(2026, 4, 20), date(2026, 5, 15), date(2026, 5, 10),
)  # fmt: skip

SHORT = a_message(on(3, 20), R, "n1_short")
LONG = a_message(on(3, 20), FAR, "n1_long", answer_by=X)
INDEF = a_message(on(3, 20), None, "n1_indef", answer_by=X)
RENEWED = a_message(on(4, 15), LATER, "n2_renewed", answer_by=R)
RENEWED_INDEF = a_message(on(4, 15), None, "n2_renewed", answer_by=R)


def keep(at: datetime, **fields: Any) -> Answer:
    return Answer(at, Choice.KEEP, **fields)


def cancel(at: datetime) -> Answer:
    return Answer(at, Choice.CANCEL)


def told(*messages: Message, eta: date | None = R, **happened: Any) -> Facts:
    return an_order(a_line(eta), messages=messages, **happened)


def at_law(facts: Facts, now: datetime, law: str = "us-ftc") -> Standing:
    return standing(facts, facts.lines[0], a_policy(jurisdiction=law), now)


# paragraph, what happened, when it is asked, the state, and the day its clock runs to (or None)
US = [
    ("435.2(a)(1)(ii): no time stated, thirty days", told(eta=T), on(3, 31), "on_time", T),
    ("435.2(a)(1): credit from the seller, fifty days", told(seller_credit=True), on(4, 20), "on_time", R),
    ("435.2(a)(1)(i): the time stated at checkout, credit or not",
     an_order(a_line(T, promised=date(2026, 3, 12)), seller_credit=True), on(3, 10), "on_time", date(2026, 3, 12)),
    ("435.2(b)(1)(ii): at most thirty days late, silence agrees", told(SHORT), on(4, 5), "silence_ok", R),
    ("435.2(b)(1)(ii): cancel before shipment and before R", told(SHORT, answers=(cancel(on(4, 5)),)), on(4, 5),
     "cancelled", None),
    ("435.2(b)(1)(iii)(A): more than thirty days late asks", told(LONG), on(4, 5), "need_consent", X),
    ("435.2(b)(1)(iii)(A): nobody can say asks", told(INDEF), on(4, 5), "need_consent", X),
    ("435.2(b)(1)(iii)(B): consent by X to a date", told(LONG, answers=(keep(on(4, 30)),)), on(5, 5), "consented", FAR),
    ("435.2(b)(1)(iii)(B): consent by X to whenever", told(INDEF, answers=(keep(on(4, 30)),)), on(9, 1), "indefinite",
     None),
    ("435.2(b)(1)(iii)(B): the right to cancel goes on", told(INDEF, answers=(keep(on(4, 1)), cancel(on(9, 1)))),
     on(9, 1), "cancelled", None),
    ("435.2(b)(1)(iv): consent in advance to further delay, after a short notice",
     told(replace(SHORT, says={"a": replace(SHORT.says["a"], further=True)}), answers=(keep(on(3, 25), further=True),)),
     on(9, 1), "indefinite", None),
    ("435.2(b)(1)(iv): the same after a long one",
     told(replace(LONG, says={"a": replace(LONG.says["a"], further=True)}), answers=(keep(on(3, 25), further=True),)),
     on(9, 1), "indefinite", None),
    ("435.2(b)(1)(iv): asked, but the yes was to this delay alone",
     told(replace(LONG, says={"a": replace(LONG.says["a"], further=True)}), answers=(keep(on(3, 25)),)),
     on(4, 1), "consented", FAR),
    ("435.2(b)(1)(iv): a yes to what was not asked is none",
     told(SHORT, answers=(keep(on(3, 25), further=True),)), on(4, 1), "silence_ok", R),
    ("435.2(b)(1)(iv): a yes after R comes too late",
     told(replace(SHORT, says={"a": replace(SHORT.says["a"], further=True)}), answers=(keep(on(4, 22), further=True),)),
     on(4, 23), "cancelled", None),
    ("435.2(b)(2): a second delay asks, by the old date", told(SHORT, RENEWED), on(4, 16), "renewed", R),
    ("435.2(b)(2)(i): consent before the old date ends", told(SHORT, RENEWED, answers=(keep(on(4, 20)),)), on(4, 25),
     "consented", LATER),
    ("435.2(b)(2)(ii): consent to whenever", told(SHORT, RENEWED_INDEF, answers=(keep(on(4, 20)),)), on(9, 1),
     "indefinite", None),
    ("435.2(b)(2): a slip before T counts as the second", told(SHORT, replace(RENEWED, sent_at=on(3, 25))), on(3, 26),
     "renewed", R),
    ("435.2(b)(2): after consent too",
     told(LONG, a_message(on(5, 10), date(2026, 6, 1), "n2_renewed", answer_by=FAR), answers=(keep(on(4, 1)),)),
     on(5, 11), "renewed", FAR),
    ("435.2(c)(1): the buyer cancels", told(answers=(cancel(on(3, 10)),)), on(3, 10), "cancelled", None),
    ("435.2(c)(2): X ends without a yes or a shipment", told(LONG), on(5, 1), "cancelled", None),
    ("435.2(c)(2): shipped by X without a yes", told(LONG, shipments=(a_shipment(on(4, 30)),)), on(5, 5), "shipped",
     None),
    ("435.2(c)(3): R ends without a renewed notice", told(SHORT), on(4, 21), "cancelled", None),
    ("435.2(c)(3): a consented date ends without one", told(LONG, answers=(keep(on(4, 1)),)), on(5, 16), "cancelled",
     None),
    ("435.2(c)(3): silence on a renewed notice rejects", told(SHORT, RENEWED), on(4, 21), "cancelled", None),
    ("435.2(c)(3): shipped before the old date ends", told(SHORT, RENEWED, shipments=(a_shipment(on(4, 19)),)),
     on(4, 25), "shipped", None),
    ("435.2(c)(4): the seller decides not to ship", told(cancellations=(a_cancellation(on(3, 10)),)), on(3, 10),
     "cancelled", None),
    ("435.2(c)(5): T ends without a notice", told(), on(4, 1), "cancelled", None),
    ("435.2(c)(5): a notice that bounced is none", told(replace(SHORT, status=Status.BOUNCED)), on(4, 1), "cancelled",
     None),
    ("435.1(e): shipped is with the carrier", told(shipments=(a_shipment(on(3, 31)),)), on(4, 5), "shipped", None),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "now", "state", "by"), [pytest.param(*row[1:], id=row[0]) for row in US])
def test_the_rule_of_the_ftc(facts: Facts, now: datetime, state: str, by: date | None) -> None:
    found = at_law(facts, now)
    assert (found.state, found.ship_by) == (state, by)


REFUNDS = [
    ("435.1(b): seven working days from the buyer's cancel", told(answers=(cancel(on(3, 27)),)), on(3, 27),
     date(2026, 4, 7)),
    ("435.1(b): from the day after T", told(), on(4, 1), date(2026, 4, 10)),
    ("435.1(b): from the day after X", told(LONG), on(5, 1), date(2026, 5, 12)),
    ("435.1(b): from the day after the revised date", told(SHORT), on(4, 21), date(2026, 4, 30)),
    ("435.1(b): Memorial Day does not count", told(LONG, answers=(keep(on(4, 1)),)), on(5, 16), date(2026, 5, 27)),
    ("435.1(b): one billing cycle where the seller is the creditor",
     told(seller_credit=True, answers=(cancel(on(3, 27)),)), on(3, 27), date(2026, 4, 24)),
    ("435.1(b): nothing charged, nothing to send back", told(paid=Decimal(0), answers=(cancel(on(3, 27)),)), on(3, 28),
     None),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "now", "by"), [pytest.param(*row[1:], id=row[0]) for row in REFUNDS])
def test_the_refund_s_clock(facts: Facts, now: datetime, by: date | None) -> None:
    found = at_law(facts, now)
    assert (found.state, found.refund_by) == ("cancelled", by)


DEMANDS = [
    ("435.2(b)(1)(ii)", told(eta=X), on(3, 20), Notice("n1_short", X, None, T)),
    ("435.2(b)(1)(iii)", told(eta=date(2026, 5, 1)), on(3, 20), Notice("n1_long", date(2026, 5, 1), X, T)),
    ("435.2(b)(1)(iii), nobody can say", told(eta=None), on(3, 20), Notice("n1_indef", None, X, T)),
    ("435.2(b)(2)", told(SHORT, eta=LATER), on(4, 15), Notice("n2_renewed", LATER, R, R)),
    ("435.2(b)(2), nobody can say", told(SHORT, eta=None), on(4, 15), Notice("n2_renewed", None, R, R)),
    ("435.2(b)(1)(iv): none after consent to whenever", told(INDEF, answers=(keep(on(4, 1)),), eta=FAR), on(4, 15),
     None),
    ("the estimate improved: none", told(LONG, eta=R), on(4, 1), None),
    ("within T: none", told(eta=T), on(3, 20), None),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "now", "notice"), [pytest.param(*row[1:], id=row[0]) for row in DEMANDS])
def test_the_notice_that_is_demanded(facts: Facts, now: datetime, notice: Notice | None) -> None:
    assert at_law(facts, now).notice == notice


EXTRA = date(2026, 4, 25)
PAID = (Refund(on(4, 3), Decimal(9), "EUR"),)

EU = [
    ("Art. 18(1): thirty days unless agreed", told(), on(3, 31), "on_time", T, None),
    ("Art. 18(1): the day agreed", an_order(a_line(R, promised=R)), on(4, 20), "on_time", R, None),
    ("Art. 18(2): the day is missed", told(), on(4, 1), "late", None, None),
    ("Art. 18(2): silence ends nothing", told(), on(12, 1), "late", None, None),
    ("Art. 18(2): an additional period to a day of the consumer's",
     told(answers=(keep(on(4, 2), extra_until=EXTRA),)), on(4, 25), "late", EXTRA, None),
    ("Art. 18(2): missed again", told(answers=(keep(on(4, 2), extra_until=EXTRA),)), on(4, 26), "terminable", None,
     None),
    ("Art. 18(2): a further one", told(answers=(keep(on(4, 2), extra_until=EXTRA), keep(on(4, 27), extra_until=LATER))),
     on(5, 1), "late", LATER, None),
    ("Art. 18(2): not before it is late", told(answers=(keep(on(3, 20), extra_until=EXTRA),)), on(4, 2), "late", None,
     None),
    ("Art. 18(2): the consumer ends the contract",
     told(answers=(keep(on(4, 2), extra_until=EXTRA), cancel(on(4, 27)))), on(4, 27), "terminated", None,
     date(2026, 5, 11)),
    ("Art. 18(2), second subparagraph: an essential date, at once", an_order(a_line(R, essential_date=True)),
     on(4, 1), "terminable", None, None),
    ("the same: and the contract ended",
     an_order(a_line(R, essential_date=True), answers=(cancel(on(4, 2)),)), on(4, 2), "terminated", None,
     date(2026, 4, 16)),
    ("the same: the consumer waits all the same",
     an_order(a_line(R, essential_date=True), answers=(keep(on(4, 2), extra_until=EXTRA),)), on(4, 3), "late", EXTRA,
     None),
    ("Art. 18(2), second subparagraph: the trader refuses", told(cancellations=(a_cancellation(on(4, 2)),)), on(4, 2),
     "cancelled", None, date(2026, 4, 16)),
    ("Art. 9, 13(1): withdrawal before delivery", told(answers=(cancel(on(3, 10)),)), on(3, 10), "cancelled", None,
     date(2026, 3, 24)),
    ("Art. 13(1), 18(3): the refund is sent", told(answers=(cancel(on(4, 2)),), refunds=PAID), on(4, 3), "refunded",
     None, None),
    ("Art. 13(1), 18(3): and not in time", told(answers=(cancel(on(4, 2)),)), on(4, 17), "refund_overdue", None,
     date(2026, 4, 16)),
    ("delivered late", told(shipments=(a_shipment(on(5, 1)),)), on(5, 1), "shipped", None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "now", "state", "by", "refund_by"), [pytest.param(*row[1:], id=row[0]) for row in EU]
)
def test_the_directive_on_consumer_rights(
    facts: Facts, now: datetime, state: str, by: date | None, refund_by: date | None
) -> None:
    found = at_law(facts, now, "eu")
    assert (found.state, found.ship_by, found.refund_by) == (state, by, refund_by)
    assert found.extra_until == (by if state == "late" else None)
    assert (found.notice, found.lapse, found.answer_by, found.cancel_by) == (None, None, None, None)


def test_what_the_law_has_cancelled_stands_in_the_order_until_somebody_cancels_it() -> None:
    assert at_law(told(), on(4, 1)).cancel_by == date(2026, 4, 1)
    done = told(cancellations=(a_cancellation(on(4, 3), by="law"),))
    assert (at_law(done, on(4, 3)).state, at_law(done, on(4, 3)).cancel_by) == ("cancelled", None)
    assert at_law(done, on(4, 3)).refund_by == date(2026, 4, 10), "the money is owed since the law ended it"
    paid = told(refunds=(Refund(on(4, 2), Decimal(9), "USD"),))
    assert (at_law(paid, on(4, 2)).state, at_law(paid, on(4, 2)).cancel_by) == ("refunded", date(2026, 4, 1))


FEBRUARY = [
    ("29 February is a day like others", date(2028, 2, 29), "America/New_York", "America/New_York", (2028, 3, 1, 5)),
    ("the day before it", date(2028, 2, 28), "America/New_York", "America/New_York", (2028, 2, 29, 5)),
    ("the night the clocks change, spring", date(2026, 3, 8), "America/New_York", "America/New_York", (2026, 3, 9, 4)),
    ("the night the clocks change, autumn", date(2026, 11, 1), "America/New_York", "America/New_York",
     (2026, 11, 2, 5)),
    ("a buyer in Kiritimati, a store in Honolulu", date(2026, 7, 3), "Pacific/Kiritimati", "Pacific/Honolulu",
     (2026, 7, 3, 10)),
    ("the other way round", date(2026, 7, 3), "Pacific/Honolulu", "Pacific/Kiritimati", (2026, 7, 3, 10)),
    ("a holiday is no excuse for a shipment", date(2026, 12, 25), "America/New_York", "America/New_York",
     (2026, 12, 26, 5)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("promised", "customer", "store", "ends"), [pytest.param(*row[1:], id=row[0]) for row in FEBRUARY]
)
def test_the_deadline_ends_with_its_day_wherever_that_ends_first(
    promised: date, customer: str, store: str, ends: tuple[int, int, int, int]
) -> None:
    placed = on(1, 5, year=promised.year)
    facts = an_order(
        a_line(promised, promised=promised), zone=customer, placed_at=placed, store_timezone=store
    )
    year, month, day, hour = ends
    last = on(month, day, hour, zone="UTC", year=year)
    assert at_law(facts, placed).changes_at == last
    assert at_law(facts, last).state == "cancelled"


def test_thirty_days_over_29_february() -> None:
    facts = an_order(a_line(None), placed_at=on(2, 1, year=2028))
    assert at_law(facts, on(2, 2, year=2028)).ship_by == date(2028, 3, 2)


def test_a_refund_due_around_holidays_counts_working_days_only() -> None:
    thanksgiving = an_order(
        a_line(None, promised=date(2026, 11, 19)), placed_at=on(11, 1), answers=(cancel(on(11, 18)),)
    )
    assert at_law(thanksgiving, on(11, 18)).refund_by == date(2026, 11, 30), "26 November does not count"
