"""What the law on late orders adds to the plan: notices, answers, deadlines.

Unless said otherwise the order was placed and registered on 1 March 2026 at ten, in New York, where its customer
and its store are, and the FTC's rule holds.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.message import Kind, Said, Status
from notifier.domain.order import Line
from tests.domain.builders import PLACED, a_line, on
from tests.domain.life import Life, a_life

COUNTDOWN, DELAY, EARLIER = Kind.COUNTDOWN, Kind.DELAY, Kind.EARLIER
EXPECTATION, CONSENT, SHIPPED, CANCELLED = Kind.EXPECTATION, Kind.CONSENT, Kind.SHIPPED, Kind.CANCELLED

WELCOMED = (EXPECTATION, PLACED)

# Promised for 31 March, the thirtieth day; X, thirty days later, is 30 April.
T, X = date(2026, 3, 31), date(2026, 4, 30)


def under_law(*lines: Line, **policy: Any) -> Life:
    return a_life(*(lines or (a_line(T, promised=T),)), **({"jurisdiction": "us-ftc"} | policy))


@pytest.mark.parametrize(
    ("eta", "kind", "said"),
    [
        (date(2026, 4, 30), DELAY, Said(Eta(date(2026, 4, 30)), "n1_short")),
        (date(2026, 5, 1), CONSENT, Said(Eta(date(2026, 5, 1)), "n1_long", X)),
        (None, CONSENT, Said(UNKNOWN, "n1_indef", X, next_word=date(2026, 4, 3))),
        (date(2026, 3, 30), EARLIER, Said(Eta(date(2026, 3, 30)))),
    ],
)
def test_the_legal_notice_of_a_delay_decides_whether_an_answer_is_asked(
    eta: date | None, kind: Kind, said: Said
) -> None:
    life = under_law()
    life.until(on(3, 20))
    life.moves(eta)
    life.until(on(3, 21))
    assert life.story == [WELCOMED, (kind, on(3, 20, 12, 15))]
    assert life.sent[1].says == {"a": said}


@pytest.mark.parametrize(
    ("eta", "asked"), [(date(2026, 4, 30), True), (date(2026, 5, 20), True), (None, False)]
)
def test_a_store_may_ask_in_advance_for_consent_to_a_further_delay_where_it_names_a_date(
    eta: date | None, asked: bool
) -> None:
    """435.2(b)(1)(iv). Whoever is given no date is asked to wait for as long as it takes anyway."""
    for policy, further in (({"ask_further": True}, asked), ({}, False)):
        life = under_law(**policy)
        life.until(on(3, 20))
        life.moves(eta)
        life.until(on(3, 21))
        (said,) = life.sent[-1].says.values()
        assert said.notice
        assert said.further == further


def test_a_renewed_notice_asks_for_no_consent_in_advance() -> None:
    life = under_law(ask_further=True)
    for day, eta in ((20, date(2026, 4, 10)), (25, date(2026, 4, 20))):
        life.until(on(3, day))
        life.moves(eta)
    life.until(on(3, 27))
    (said,) = life.sent[-1].says.values()
    assert (said.notice, said.further) == ("n2_renewed", False)


def test_a_second_delay_is_a_renewed_notice_whose_answer_is_due_by_the_old_date() -> None:
    life = under_law()
    for month, day, eta in [(3, 20, date(2026, 4, 20)), (4, 15, date(2026, 5, 10))]:
        life.until(on(month, day))
        life.moves(eta)
    life.until(on(4, 16))
    assert life.kinds == [EXPECTATION, DELAY, CONSENT]
    assert life.sent[2].says == {"a": Said(Eta(date(2026, 5, 10)), "n2_renewed", date(2026, 4, 20))}


def test_a_slip_below_the_threshold_is_told_when_it_passes_a_legal_limit() -> None:
    life = under_law(a_line(date(2026, 3, 30), promised=T), delay_threshold_days=5)
    life.until(on(3, 10))
    life.moves(T)
    life.until(on(3, 12))
    life.moves(date(2026, 4, 1))
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (DELAY, on(3, 12, 12, 15))]


def test_lines_with_different_notices_share_the_email_that_asks() -> None:
    life = under_law(a_line(T, promised=T), a_line(T, promised=T, line_id="b"))
    life.until(on(3, 20))
    life.moves(date(2026, 4, 20))
    life.moves(None, "b")
    life.until(on(3, 21))
    assert life.kinds == [EXPECTATION, CONSENT]
    assert {line: said.notice for line, said in life.sent[1].says.items()} == {
        "a": "n1_short",
        "b": "n1_indef",
    }


def test_a_notice_that_would_miss_the_deadline_in_the_window_goes_at_night() -> None:
    life = under_law(auto_notice=False)
    life.until(on(3, 31, 21))
    life.moves(date(2026, 4, 20))
    life.until(on(4, 2))
    assert life.story == [WELCOMED, (DELAY, on(3, 31, 21, 15))]


def test_a_notice_that_would_miss_the_deadline_while_it_settles_goes_at_once() -> None:
    life = under_law(auto_notice=False)
    life.until(on(3, 31, 23, 50))
    life.moves(date(2026, 4, 20))
    life.until(on(4, 2))
    assert life.story == [WELCOMED, (DELAY, on(3, 31, 23, 50))]


def test_a_notice_that_would_settle_too_long_goes_in_the_window_unsettled() -> None:
    life = under_law(auto_notice=False, settle_minutes=24 * 60)
    life.until(on(3, 31, 3))
    life.moves(date(2026, 4, 20))
    life.until(on(4, 2))
    assert life.story == [WELCOMED, (DELAY, on(3, 31, 9))]


def test_a_notice_that_the_worker_sends_late_does_not_wait_for_a_window_past_the_deadline() -> None:
    life = under_law(auto_notice=False)
    life.until(on(3, 31, 12))
    life.moves(date(2026, 4, 20))
    life.away_until(on(3, 31, 22))
    life.until(on(4, 2))
    assert life.story == [WELCOMED, (DELAY, on(3, 31, 22))]


def test_a_legal_deadline_never_passes_in_silence() -> None:
    life = under_law()
    life.until(on(4, 10))
    assert life.story == [WELCOMED, (CONSENT, on(3, 31, 19))]
    assert life.sent[1].says == {"a": Said(UNKNOWN, "n1_indef", X, next_word=date(2026, 4, 14))}


def test_word_of_a_better_date_on_its_way_does_not_silence_the_deadline() -> None:
    life = under_law()
    life.until(on(3, 10))
    life.moves(date(2026, 3, 28))
    assert [m.key for m in life.planned] == ["earlier:1", "lapse:consent:2026-03-31"]


def test_what_is_left_to_tell_when_one_line_ended_by_law_meanwhile_is_told_under_a_new_key() -> None:
    life = under_law(a_line(T, promised=T), a_line(X, promised=X, line_id="b"), auto_notice=False)
    life.until(on(3, 20))
    life.moves(date(2026, 4, 20))
    life.moves(date(2026, 5, 10), "b")
    life.away_until(on(4, 2))
    life.until(on(4, 3))
    assert [(m.key, set(m.says)) for m in life.sent[1:]] == [("delay:2", {"b"})]
    assert ("delay:1", "too_late") in life.reasons


@pytest.mark.parametrize(
    ("happens", "kinds"),
    [
        (Life.ships, [EXPECTATION, SHIPPED]),
        (Life.cancels, [EXPECTATION, CANCELLED]),
    ],
)
def test_the_deadline_asks_nothing_of_an_order_that_has_left_or_ended(
    happens: Callable[[Life], None], kinds: list[Kind]
) -> None:
    life = under_law()
    life.until(on(3, 31, 18))
    happens(life)
    life.until(on(4, 10))
    assert life.kinds == kinds


def test_with_auto_notice_off_the_deadline_passes_in_silence() -> None:
    life = under_law(auto_notice=False)
    life.until(on(4, 10))
    assert life.story == [WELCOMED]


def test_the_deadline_day_ends_where_it_ends_first() -> None:
    tokyo = under_law(a_line(T, promised=T))
    tokyo.happens(store_timezone="Asia/Tokyo")
    tokyo.until(on(4, 10))
    assert tokyo.story[1:] == [(CONSENT, on(3, 31, 10))]
    auckland = under_law(a_line(T, promised=T))
    auckland.happens(store_timezone="Pacific/Auckland")
    auckland.until(on(4, 10))
    assert auckland.story[1:] == [(CONSENT, on(3, 30, 19))]  # the day ends at seven in New York


def test_a_notice_that_bounced_is_tried_once_more_with_its_own_date_on_the_deadline_day() -> None:
    life = under_law()
    life.until(on(3, 20))
    life.moves(date(2026, 4, 20))
    life.until(on(3, 21))
    life.reports(life.sent[-1], Status.BOUNCED)
    life.until(on(4, 10))
    assert life.story == [WELCOMED, (DELAY, on(3, 20, 12, 15)), (DELAY, on(3, 31, 19))]
    assert life.sent[2].says == life.sent[1].says


def test_after_the_cannot_say_notice_the_old_date_is_no_news_but_a_new_one_is() -> None:
    life = under_law()
    life.until(on(4, 5))
    assert life.kinds == [EXPECTATION, CONSENT]
    life.moves(date(2026, 4, 20))
    life.until(on(4, 6))
    assert life.story[2:] == [(EARLIER, on(4, 5, 12, 15))]
    assert life.sent[2].says == {"a": Said(Eta(date(2026, 4, 20)))}, "it ships before the answer is due"


def test_where_an_answer_is_still_due_a_better_date_past_that_day_asks_again() -> None:
    life = under_law()
    for day, eta in [(20, date(2026, 5, 15)), (25, date(2026, 5, 10)), (28, date(2026, 4, 25))]:
        life.until(on(3, day))
        life.moves(eta)
    life.until(on(3, 30))
    assert [(m.kind, m.says["a"]) for m in life.sent[1:]] == [
        (CONSENT, Said(Eta(date(2026, 5, 15)), "n1_long", X)),
        (CONSENT, Said(Eta(date(2026, 5, 10)), "n1_long", X)),
        (EARLIER, Said(Eta(date(2026, 4, 25)))),
    ]


def test_nothing_counts_down_to_a_date_that_needs_a_yes_first() -> None:
    line = a_line(T, promised=T)
    life = under_law(line, countdown_days=(26, 1))
    life.until(on(3, 20))
    life.moves(date(2026, 5, 10))
    assert [m.key for m in life.planned] == ["consent:1"]
    life.until(on(4, 12))
    life.keeps()
    life.until(on(5, 10))
    assert life.story[2:] == [
        (CONSENT, on(3, 20, 12, 15)),
        (COUNTDOWN, on(4, 14, 9)),
        (COUNTDOWN, on(5, 9, 9)),
    ]


def test_what_the_law_has_ended_gets_nothing_more_until_the_store_acts() -> None:
    life = under_law(countdown_days=(1,))
    life.until(on(3, 20))
    life.moves(date(2026, 5, 15))
    life.until(on(5, 2))
    silent = list(life.story)
    life.moves(date(2026, 6, 15))
    life.until(on(7, 1))
    assert life.story == silent
    life.cancels()
    life.until(on(7, 2))
    assert life.story[-1] == (CANCELLED, on(7, 1))


def test_in_the_eu_silence_and_delay_need_no_answer() -> None:
    life = under_law(jurisdiction="eu")
    life.until(on(3, 20))
    life.moves(None)
    life.until(on(6, 1))
    assert [kind for kind in life.kinds if kind is not Kind.WAITING] == [EXPECTATION, DELAY]
