"""16 CFR 435, row by row. Alice orders on 1 March 2026, so T is 31 March and X is 30 April."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from notifier.domain.law import standing
from notifier.domain.law.standing import Notice, Standing
from notifier.domain.message import Message, Status
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


# The dated examples of the rule's reading, to the letter.

FINE = ("shipped", None)
RENEWED_ON_THE_15TH = (short_notice(), renewed_notice(on(4, 15), date(2026, 5, 10), SHORT))

DATED = [
    pytest.param(the_order(shipped=on(3, 31, 23)), on(5, 31), *FINE, id="shipped on T"),
    pytest.param(the_order(), on(4, 1), "cancelled", date(2026, 4, 10), id="no notice by T: vests 1 April"),
    pytest.param(
        the_order(short_notice(), shipped=on(4, 20, 23)), on(5, 31), *FINE, id="SHORT, silence, shipped on R"
    ),
    pytest.param(
        the_order(long_notice(), shipped=on(4, 28)), on(5, 31), *FINE, id="LONG, silence, shipped by X"
    ),
    pytest.param(
        the_order(long_notice()), on(5, 1), "cancelled", date(2026, 5, 12), id="LONG, silence: vests 1 May"
    ),
    pytest.param(
        the_order(*RENEWED_ON_THE_15TH),
        on(4, 21),
        "cancelled",
        date(2026, 4, 30),
        id="renewed, silence: vests 21 April",
    ),
    pytest.param(
        the_order(*RENEWED_ON_THE_15TH, shipped=on(4, 19)),
        on(5, 31),
        *FINE,
        id="renewed, shipped before old R",
    ),
    pytest.param(
        the_order(a_message(on(3, 20), SHORT)),
        on(4, 1),
        "cancelled",
        date(2026, 4, 10),
        id="a delay mail without the rights is no notice",
    ),
]


@pytest.mark.parametrize(("facts", "now", "state", "refund_by"), DATED)
def test_dated_examples(facts: Facts, now: datetime, state: str, refund_by: date | None) -> None:
    found = where(facts, now)
    assert (found.state, found.refund_by) == (state, refund_by)


def test_thirty_days_after_t_is_short_and_one_more_is_long() -> None:
    assert where(the_order(eta=X), on(3, 20)).notice == Notice("n1_short", X, None, T)
    may = date(2026, 5, 1)
    assert where(the_order(eta=may), on(3, 20)).notice == Notice("n1_long", may, X, T)


def test_consent_on_the_last_day_moves_the_clock_to_the_new_date() -> None:
    facts = the_order(*RENEWED_ON_THE_15TH, answers=(keep(on(4, 20, 23)),))
    found = where(facts, on(4, 21))
    assert (found.state, found.ship_by) == ("consented", date(2026, 5, 10))


def test_the_upper_end_of_a_range_at_checkout_is_the_promise() -> None:
    assert where(the_order(promised=date(2026, 4, 12)), on(3, 2)).ship_by == date(2026, 4, 12)


# on_time


def test_an_estimate_within_t_asks_for_nothing() -> None:
    found = where(the_order(eta=T), on(3, 20))
    assert found == Standing(
        "on_time", ship_by=T, lapse=Notice("n1_indef", None, X, T), changes_at=on(4, 1, 0)
    )


def test_an_unknown_estimate_asks_for_the_cannot_say_notice() -> None:
    assert where(the_order(eta=None), on(3, 20)).notice == Notice("n1_indef", None, answer_by=X, give_by=T)


@pytest.mark.parametrize(
    ("notice", "state", "ship_by", "answer_by"),
    [
        (short_notice(), "silence_ok", SHORT, None),
        (long_notice(), "need_consent", X, X),
        (cannot_say(), "need_consent", X, X),
    ],
)
def test_the_first_notice_starts_its_clock(
    notice: Message, state: str, ship_by: date, answer_by: date | None
) -> None:
    eta = notice.says["a"].eta.latest
    found = where(the_order(notice, eta=eta), on(3, 21))
    assert (found.state, found.ship_by, found.answer_by, found.notice) == (state, ship_by, answer_by, None)


def test_a_notice_on_the_last_second_of_t_counts_and_one_after_it_does_not() -> None:
    assert where(the_order(short_notice(on(4, 1, 0) - SECOND)), on(4, 2)).state == "silence_ok"
    assert where(the_order(short_notice(on(4, 1, 0))), on(4, 2)).state == "cancelled"


def test_a_notice_that_calls_a_long_delay_short_cannot_turn_silence_into_consent() -> None:
    assert where(the_order(short_notice(eta=X)), on(3, 21)).state == "silence_ok"
    assert where(the_order(short_notice(eta=X + timedelta(days=1))), on(3, 21)).state == "need_consent"


def test_a_notice_that_names_no_later_date_changes_nothing() -> None:
    assert where(the_order(short_notice(eta=date(2026, 3, 25))), on(3, 21)).ship_by == T


def test_a_second_notice_stands_as_the_first_when_the_first_bounced() -> None:
    bounced = a_message(on(3, 10), date(2026, 4, 5), "n1_short", status=Status.BOUNCED)
    found = where(the_order(bounced, renewed_notice(on(3, 20), SHORT, date(2026, 4, 5))), on(3, 21))
    assert (found.state, found.answer_by) == ("need_consent", date(2026, 4, 5))


def test_keep_waiting_means_nothing_where_nothing_was_asked() -> None:
    assert where(the_order(answers=(keep(on(3, 20)),)), on(3, 21)).state == "on_time"
    assert where(the_order(short_notice(), answers=(keep(on(3, 21)),)), on(3, 22)).state == "silence_ok"


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.SENT, Status.DELIVERED, Status.COMPLAINED}))
def test_a_notice_that_was_not_given_is_none(status: Status) -> None:
    notice = a_message(on(3, 20), SHORT, "n1_short", status=status)
    assert where(the_order(notice), on(3, 21)).state == "on_time"
    assert where(the_order(notice), on(4, 1)).state == "cancelled"


@pytest.mark.parametrize("status", [Status.SENDING, Status.UNKNOWN])
def test_a_notice_on_its_way_is_not_demanded_twice_but_another_date_is(status: Status) -> None:
    notice = a_message(on(3, 20), SHORT, "n1_short", status=status)
    assert where(the_order(notice, eta=SHORT), on(3, 21)).notice is None
    later = date(2026, 4, 25)
    assert where(the_order(notice, eta=later), on(3, 21)).notice == Notice("n1_short", later, None, T)


def test_a_notice_is_demanded_again_when_it_bounced() -> None:
    notice = a_message(on(3, 20), SHORT, "n1_short", status=Status.BOUNCED)
    assert where(the_order(notice, eta=SHORT), on(3, 21)).notice == Notice("n1_short", SHORT, None, T)


# silence_ok and consented


@pytest.mark.parametrize("eta", [date(2026, 4, 21), None])
@pytest.mark.parametrize("now", [on(3, 25), on(4, 15)], ids=["before T", "after T"])
def test_a_second_slip_asks_for_the_renewed_notice(eta: date | None, now: datetime) -> None:
    found = where(the_order(short_notice(), eta=eta), now)
    assert found.notice == Notice("n2_renewed", eta, answer_by=SHORT, give_by=SHORT)


def test_silence_keeps_the_order_until_r_and_not_a_day_longer() -> None:
    facts = the_order(short_notice(), eta=SHORT)
    assert where(facts, on(4, 20, 23)) == Standing(
        "silence_ok",
        ship_by=SHORT,
        lapse=Notice("n2_renewed", None, answer_by=SHORT, give_by=SHORT),
        changes_at=on(4, 21, 0),
    )
    assert where(facts, on(4, 21, 0)).state == "cancelled"


def test_a_consented_date_that_passes_without_a_renewed_notice_cancels() -> None:
    facts = the_order(long_notice(), answers=(keep(on(4, 1)),), eta=LONG)
    assert where(facts, on(5, 15)).state == "consented"
    assert where(facts, on(5, 15)).lapse == Notice("n2_renewed", None, answer_by=LONG, give_by=LONG)
    assert where(facts, on(5, 16)) == Standing(
        "cancelled", refund_by=date(2026, 5, 27), changes_at=on(5, 28, 0), cancel_by=date(2026, 5, 16)
    )  # Memorial Day does not count


def test_a_slip_after_consent_is_asked_for_again() -> None:
    facts = the_order(
        long_notice(), renewed_notice(on(5, 1), date(2026, 6, 1), LONG), answers=(keep(on(4, 1)),), eta=None
    )
    found = where(facts, on(5, 2))
    assert (found.state, found.answer_by) == ("renewed", LONG)
    assert found.notice == Notice("n2_renewed", None, answer_by=LONG, give_by=LONG)
    agreed = replace(facts, answers=(*facts.answers, keep(on(5, 3))))
    assert (where(agreed, on(5, 20)).state, where(agreed, on(5, 20)).ship_by) == (
        "consented",
        date(2026, 6, 1),
    )


# need_consent


@pytest.mark.parametrize(
    ("notice", "state", "ship_by"), [(long_notice(), "consented", LONG), (cannot_say(), "indefinite", None)]
)
def test_consent_by_x_is_to_the_date_that_was_told(notice: Message, state: str, ship_by: date | None) -> None:
    found = where(the_order(notice, answers=(keep(on(4, 30, 23)),)), on(5, 1))
    assert (found.state, found.ship_by) == (state, ship_by)


def test_consent_after_x_comes_too_late() -> None:
    facts = the_order(long_notice(), answers=(keep(on(5, 1, 0)),))
    assert where(facts, on(5, 1)).state == "cancelled"


def test_a_better_estimate_does_not_turn_a_question_into_silence() -> None:
    found = where(the_order(long_notice(), eta=SHORT), on(4, 1))
    assert (found.state, found.ship_by, found.notice) == ("need_consent", X, None)


def test_a_worse_estimate_is_asked_about_within_the_same_limit() -> None:
    later = date(2026, 6, 1)
    facts = the_order(long_notice(), eta=later)
    assert where(facts, on(4, 1)).notice == Notice("n2_renewed", later, answer_by=X, give_by=X)
    told = replace(facts, messages=(*facts.messages, renewed_notice(on(4, 2), later, X)))
    assert where(told, on(4, 3)) == Standing("renewed", X, answer_by=X, changes_at=on(5, 1, 0))
    agreed = replace(told, answers=(keep(on(4, 3)),))
    assert where(agreed, on(5, 1)).ship_by == later


def test_a_date_found_after_nobody_could_say_needs_no_notice() -> None:
    assert where(the_order(cannot_say(), eta=LONG), on(4, 1)).notice is None


def test_the_answer_may_be_for_one_line_or_for_the_whole_order() -> None:
    lines = (a_line(LONG), a_line(LONG, line_id="b"))
    notices = (long_notice(), a_message(on(3, 20, 13), LONG, "n1_long", answer_by=X, line_id="b"))
    one = an_order(*lines, messages=notices, answers=(keep(on(4, 1), "b"),))
    assert [where(one, on(5, 1), line).state for line in (0, 1)] == ["cancelled", "consented"]
    whole = replace(one, answers=(keep(on(4, 1)),))
    assert [where(whole, on(5, 1), line).state for line in (0, 1)] == ["consented", "consented"]


# renewed


def test_silence_after_a_renewed_notice_is_rejection() -> None:
    facts = the_order(*RENEWED_ON_THE_15TH)
    assert where(facts, on(4, 20, 23)).state == "renewed"
    assert where(facts, on(4, 21, 0)).state == "cancelled"


def test_consent_to_a_renewed_cannot_say_is_indefinite() -> None:
    facts = the_order(
        short_notice(), renewed_notice(on(4, 15), None, SHORT), answers=(keep(on(4, 16)),), eta=None
    )
    assert where(facts, on(9, 1)) == Standing("indefinite")


# indefinite


def test_an_indefinite_wait_asks_for_no_more_notice_and_may_be_cancelled_at_any_time() -> None:
    facts = the_order(
        cannot_say(),
        a_message(on(4, 5), None, "n2_renewed"),
        answers=(keep(on(4, 1)),),
        eta=date(2026, 12, 1),
    )
    assert where(facts, on(11, 1)) == Standing("indefinite")
    ended = replace(facts, answers=(*facts.answers, cancel(on(11, 2))))
    assert where(ended, on(11, 2)).state == "cancelled"


# cancelled, shipped, refunded


@pytest.mark.parametrize("messages", [(), (short_notice(),), (long_notice(),), RENEWED_ON_THE_15TH])
def test_a_cancel_by_the_customer_vests_on_receipt(messages: tuple[Message, ...]) -> None:
    found = where(the_order(*messages, answers=(cancel(on(3, 27)),)), on(3, 27))
    assert found == Standing("cancelled", refund_by=date(2026, 4, 7), changes_at=on(4, 8, 0))


def test_a_store_that_decides_not_to_ship_owes_the_refund_from_that_day() -> None:
    found = where(the_order(long_notice(), cancelled=on(4, 2)), on(4, 3))
    assert (found.state, found.refund_by) == ("cancelled", date(2026, 4, 13))


def test_a_cancelled_order_is_refunded_or_overdue() -> None:
    facts = the_order(cancelled=on(4, 1))
    assert where(facts, on(4, 10, 23)).state == "cancelled"
    assert where(facts, on(4, 11, 0)) == Standing("refund_overdue", refund_by=date(2026, 4, 10))
    paid = replace(facts, refunds=(a_refund(on(4, 13)),))
    assert where(paid, on(4, 12)).state == "refund_overdue"
    assert where(paid, on(4, 13)) == Standing("refunded")


def test_a_refund_from_before_the_cancellation_does_not_pay_for_it() -> None:
    assert where(the_order(cancelled=on(4, 1), refunded=on(3, 30)), on(4, 2)).state == "cancelled"


def test_a_refund_at_the_instant_of_the_cancellation_or_after_pays_for_it() -> None:
    facts = the_order(cancelled=on(3, 20), refunded=on(3, 20))
    assert where(facts, on(3, 20)) == Standing("refunded")
    twice = replace(facts, refunds=(a_refund(on(3, 2)), a_refund(on(3, 21))))
    assert where(twice, on(3, 21)) == Standing("refunded")


def test_the_store_s_own_cancellation_after_the_law_s_adds_no_second_refund() -> None:
    facts = the_order(refunded=on(4, 3), cancelled=on(4, 6))
    assert where(facts, on(4, 7)).state == "refunded"


def test_goods_shipped_after_the_store_cancelled_are_shipped_and_the_refund_stays_owed() -> None:
    facts = the_order(cancelled=on(3, 20), shipped=on(3, 21))
    assert where(facts, on(3, 21)) == Standing("shipped", refund_by=date(2026, 3, 31))


def test_goods_shipped_after_the_law_cancelled_are_shipped_and_the_refund_stays_owed() -> None:
    facts = the_order(shipped=on(4, 2))
    assert where(facts, on(4, 2)) == Standing("shipped", refund_by=date(2026, 4, 10))
    assert where(replace(facts, refunds=(a_refund(on(4, 3)),)), on(4, 3)) == Standing("shipped")


def test_at_one_instant_a_cancel_beats_a_shipment_and_a_consent() -> None:
    then = on(4, 2)
    raced = the_order(long_notice(), answers=(cancel(then), keep(then)))
    assert where(raced, then).state == "cancelled"
    shipped = the_order(long_notice(), answers=(cancel(then),), shipped=then)
    assert where(shipped, then) == Standing("shipped", refund_by=date(2026, 4, 13))


def test_a_cancel_after_shipment_changes_nothing() -> None:
    facts = the_order(shipped=on(3, 20), cancelled=on(3, 22))
    assert where(replace(facts, answers=(cancel(on(3, 21)),)), on(3, 23)) == Standing("shipped")


def test_a_part_shipped_after_the_cancel_leaves_the_rest_cancelled() -> None:
    facts = an_order(a_line(T, quantity=2), answers=(cancel(on(3, 20)),), shipments=(a_shipment(on(3, 21)),))
    assert where(facts, on(3, 22)).state == "cancelled"


def test_a_second_cancel_changes_nothing() -> None:
    facts = the_order(answers=(cancel(on(3, 20)), cancel(on(3, 25))), cancelled=on(3, 26), refunded=on(3, 24))
    assert where(facts, on(3, 27)) == Standing("refunded")


def test_what_has_not_shipped_is_what_stands() -> None:
    facts = an_order(a_line(SHORT, quantity=3), shipments=(a_shipment(on(3, 20), 2),))
    assert where(facts, on(3, 21)).notice == Notice("n1_short", SHORT, None, T)
    assert where(facts, on(4, 1)).state == "cancelled"
    rest = replace(facts, shipments=(*facts.shipments, a_shipment(on(3, 25), 1)))
    assert where(rest, on(4, 1)) == Standing("shipped")
    dropped = replace(facts, cancellations=(a_cancellation(on(3, 25), 1),))
    assert where(dropped, on(3, 26)).state == "cancelled"


def test_units_taken_off_are_owed_while_the_others_wait_and_ship() -> None:
    facts = an_order(a_line(T, quantity=3), cancellations=(a_cancellation(on(3, 20), 1),))
    waiting = where(facts, on(3, 21))
    assert (waiting.state, waiting.refund_by) == ("on_time", date(2026, 3, 31))
    shipped = replace(facts, shipments=(a_shipment(on(3, 25), 2),))
    assert where(shipped, on(3, 26)) == Standing("shipped", refund_by=date(2026, 3, 31))
    assert where(replace(shipped, refunds=(a_refund(on(3, 26)),)), on(3, 26)) == Standing("shipped")
    dropped = replace(facts, cancellations=(*facts.cancellations, a_cancellation(on(3, 25), 2)))
    assert where(dropped, on(3, 26)).refund_by == date(2026, 3, 31), "the first cancellation is owed first"


def test_what_happens_to_another_line_is_not_this_one_s() -> None:
    facts = the_order()
    shipped = replace(facts, shipments=(a_shipment(on(3, 20), line_id="b"),))
    cancelled = replace(facts, cancellations=(a_cancellation(on(3, 20), line_id="b"),))
    assert where(shipped, on(3, 21)) == where(cancelled, on(3, 21)) == where(facts, on(3, 21))


def test_what_lies_ahead_has_not_happened() -> None:
    facts = the_order(
        short_notice(), answers=(cancel(on(4, 1)),), shipped=on(4, 2), cancelled=on(4, 3), refunded=on(4, 4)
    )
    assert where(facts, on(3, 19)).state == "on_time"
    assert where(facts, on(3, 21)).state == "silence_ok"
