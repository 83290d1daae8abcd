"""16 CFR 435, row by row. Alice orders on 1 March 2026, so T is 31 March and X is 30 April."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from notifier.domain.law.standing import Notice, Standing
from notifier.domain.message import Message, Status
from notifier.domain.order import Facts
from tests.domain.alice import (
    LONG,
    RENEWED_ON_THE_15TH,
    SECOND,
    SHORT,
    T,
    X,
    cancel,
    cannot_say,
    keep,
    long_notice,
    renewed_notice,
    short_notice,
    the_order,
    where,
)
from tests.domain.builders import (
    a_line,
    a_message,
    an_order,
    on,
)

# The dated examples of the rule's reading, to the letter.

FINE = ("shipped", None)
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
