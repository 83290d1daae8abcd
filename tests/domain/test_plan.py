"""What an order's customer gets, and when: one rule of planning at a time.

Unless said otherwise the order was placed and registered on 1 March 2026 at ten, in New York, where its customer
and its store are, and the law asks for nothing.
"""

from dataclasses import replace
from datetime import date, datetime, time

import pytest

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.message import Kind, Said, Status
from notifier.domain.plan import plan
from notifier.domain.policy import Window
from tests.domain.builders import PLACED, a_line, on
from tests.domain.life import a_life

COUNTDOWN, DELAY, EARLIER = Kind.COUNTDOWN, Kind.DELAY, Kind.EARLIER
EXPECTATION, CONSENT, SHIPPED, CANCELLED = Kind.EXPECTATION, Kind.CONSENT, Kind.SHIPPED, Kind.CANCELLED

WELCOMED = (EXPECTATION, PLACED)


# --- the expectation -------------------------------------------------------------------------------------


def test_a_new_order_is_told_every_date_at_once_even_at_night() -> None:
    at_night = on(3, 2, 3)
    life = a_life(
        a_line(date(2026, 3, 20)),
        a_line(line_id="b"),
        order={"registered_at": at_night},
    )
    life.until(at_night)
    assert life.story == [(EXPECTATION, at_night)]
    assert life.sent[0].says == {
        "a": Said(Eta(date(2026, 3, 20))),
        "b": Said(UNKNOWN, next_word=date(2026, 3, 16)),
    }


def test_an_expectation_that_could_not_leave_tells_the_date_of_the_day_it_leaves() -> None:
    life = a_life(a_line(date(2026, 3, 20)))
    life.away_until(on(3, 3))
    life.moves(date(2026, 4, 1))
    life.until(on(3, 10))
    assert life.kinds == [EXPECTATION]
    assert life.sent[0].says["a"].eta == Eta(date(2026, 4, 1))


def test_an_expectation_later_than_two_weeks_is_worth_nothing_and_the_next_change_is_told() -> None:
    life = a_life(a_line(date(2026, 5, 1), promised=date(2026, 5, 1)))
    life.away_until(on(3, 20))
    life.moves(date(2026, 5, 10))
    life.until(on(3, 21))
    assert [(m.kind, m.status) for m in life.facts.messages] == [
        (EXPECTATION, Status.EXPIRED),
        (DELAY, Status.SENT),
    ]


def test_an_order_that_shipped_before_its_expectation_left_gets_word_of_the_parcel_only() -> None:
    life = a_life(a_line(date(2026, 3, 20)))
    life.ships()
    life.until(on(4, 1))
    assert life.kinds == [SHIPPED]


# --- a moved date ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (Eta(date(2026, 3, 30)), Eta(date(2026, 4, 6)), DELAY),
        (Eta(date(2026, 3, 30)), Eta(date(2026, 3, 29)), EARLIER),
        (Eta(date(2026, 3, 30)), UNKNOWN, DELAY),
        (UNKNOWN, Eta(date(2026, 3, 30)), EARLIER),
        (Eta(date(2026, 3, 30), date(2026, 3, 20)), Eta(date(2026, 4, 2), date(2026, 3, 20)), DELAY),
        (Eta(date(2026, 3, 30), date(2026, 3, 20)), Eta(date(2026, 3, 30), date(2026, 3, 25)), None),
        (Eta(date(2026, 3, 30)), Eta(date(2026, 3, 30), date(2026, 3, 25)), None),
    ],
)
def test_a_date_that_moves_is_told_once_it_has_settled(before: Eta, after: Eta, kind: Kind | None) -> None:
    life = a_life(a_line(before))
    life.until(on(3, 10, 12))
    life.moves(after)
    life.until(on(3, 20))
    assert life.story[1:] == ([(kind, on(3, 10, 12, 15))] if kind else [])
    assert all(m.says["a"].eta == after for m in life.sent[1:])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (on(3, 10, 8, 44), on(3, 10, 9)),
        (on(3, 10, 8, 45), on(3, 10, 9)),
        (on(3, 10, 8, 46), on(3, 10, 9, 1)),
        (on(3, 10, 19, 44), on(3, 10, 19, 59)),
        (on(3, 10, 19, 45), on(3, 11, 9)),
        (on(3, 10, 23, 50), on(3, 11, 9)),
        (on(3, 7, 21), on(3, 8, 9)),  # the night that the clock goes forward
    ],
)
def test_word_of_a_moved_date_waits_for_the_window(changed: datetime, told: datetime) -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    life.until(changed)
    life.moves(date(2026, 4, 6))
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (DELAY, told)]


def test_a_date_moved_twice_within_minutes_makes_one_email_with_the_last_date() -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    life.until(on(3, 10, 12))
    life.moves(date(2026, 4, 6))
    life.until(on(3, 10, 12, 10))
    life.moves(date(2026, 4, 9))
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (DELAY, on(3, 10, 12, 25))]
    assert life.sent[1].says["a"].eta == Eta(date(2026, 4, 9))


def test_a_date_moved_back_sends_nothing_and_says_why() -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    life.until(on(3, 10, 12))
    life.moves(date(2026, 4, 6))
    life.until(on(3, 10, 12, 10))
    life.moves(date(2026, 3, 30))
    life.until(on(3, 20))
    assert life.story == [WELCOMED]
    assert life.reasons == [("delay:1", "date_moved_back")]


def test_a_date_moved_the_other_way_within_minutes_makes_one_email_of_the_other_kind() -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    life.until(on(3, 10, 12))
    life.moves(date(2026, 4, 6))
    life.until(on(3, 10, 12, 10))
    life.moves(date(2026, 3, 20))
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (EARLIER, on(3, 10, 12, 25))]
    assert life.reasons == [("delay:1", "date_moved_again")]


def test_a_second_slip_after_the_first_was_told_is_told_too() -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    for day, eta in [(10, date(2026, 4, 6)), (12, date(2026, 4, 20))]:
        life.until(on(3, day))
        life.moves(eta)
    life.until(on(3, 20))
    assert [m.key for m in life.sent] == ["expectation", "delay:1", "delay:2"]


def test_a_slip_below_the_threshold_makes_no_email_until_slips_add_up() -> None:
    life = a_life(a_line(date(2026, 3, 20)), delay_threshold_days=3)
    for day, moved in [(3, 21), (4, 22), (5, 23)]:
        life.until(on(3, day))
        life.moves(date(2026, 3, moved))
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (DELAY, on(3, 5, 12, 15))]


def test_a_countdown_tells_a_small_slip_so_that_it_is_no_news_later() -> None:
    life = a_life(a_line(date(2026, 3, 20)), delay_threshold_days=3, countdown_days=(7,))
    for day, moved in [(3, 22), (16, 24)]:
        life.until(on(3, day))
        life.moves(date(2026, 3, moved))
    life.until(on(4, 1))
    told = [(m.kind, m.says["a"].eta.latest) for m in life.sent[1:]]
    assert told == [(COUNTDOWN, date(2026, 3, 22)), (COUNTDOWN, date(2026, 3, 24))]


def test_lines_that_move_together_share_an_email_and_the_graver_news_names_it() -> None:
    life = a_life(a_line(date(2026, 3, 30)), a_line(date(2026, 3, 30), line_id="b"))
    life.until(on(3, 10, 12))
    life.moves(date(2026, 3, 25))
    life.moves(date(2026, 4, 6), "b")
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (DELAY, on(3, 10, 12, 15))]
    assert set(life.sent[1].says) == {"a", "b"}


@pytest.mark.parametrize("day", [date(2026, 3, 9), date(2026, 3, 10)])
def test_a_date_that_is_over_before_it_could_be_told_is_no_news(day: date) -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    life.until(on(3, 10, 21))
    life.moves(day)
    life.until(on(3, 20))
    assert life.story == [WELCOMED]


def test_word_of_a_date_that_could_not_leave_before_that_date_is_over_expires() -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    life.until(on(3, 10))
    life.moves(date(2026, 3, 12))
    life.away_until(on(3, 13))
    life.until(on(3, 14))
    assert life.reasons == [("earlier:1", "too_late")]
    life.moves(date(2026, 4, 10))
    life.until(on(3, 20))
    assert [m.key for m in life.sent] == ["expectation", "delay:2"]


def test_an_email_that_may_have_left_is_not_repeated() -> None:
    for status in (Status.UNKNOWN, Status.FAILED, Status.BOUNCED, Status.SENDING):
        life = a_life(a_line(date(2026, 3, 30)))
        life.until(on(3, 10))
        life.moves(date(2026, 4, 6))
        life.until(on(3, 11))
        life.reports(life.sent[-1], status)
        life.until(on(3, 20))
        assert life.kinds == [EXPECTATION, DELAY]


def test_an_email_that_a_person_sends_again_is_wanted_while_it_is_still_news() -> None:
    life = a_life(a_line(date(2026, 3, 30)))
    for day, eta in [(10, date(2026, 4, 6)), (12, date(2026, 4, 20))]:
        life.until(on(3, day))
        life.moves(eta)
    life.until(on(3, 13))
    first, second = life.sent[1:]
    life.reports(second, Status.FAILED)
    life.reports(replace(second, status=Status.FAILED, sent_at=None), Status.PLANNED)
    assert [m.key for m in life.planned] == ["delay:2"]
    life.reports(replace(first, status=Status.FAILED, sent_at=None), Status.PLANNED)
    assert [m.key for m in life.planned] == ["delay:1"]


def test_of_two_emails_in_one_instant_the_later_one_counts_as_told() -> None:
    life = a_life(a_line(date(2026, 3, 30)), settle_minutes=0)
    life.until(PLACED)
    life.moves(date(2026, 3, 25))
    life.until(PLACED)
    assert life.story == [WELCOMED, (EARLIER, PLACED)]
    life.until(on(3, 20))
    assert life.kinds == [EXPECTATION, EARLIER]


# --- shipping and cancelling -----------------------------------------------------------------------------


def test_a_parcel_is_told_at_once_and_nothing_else_follows() -> None:
    life = a_life(a_line(date(2026, 3, 30)), countdown_days=(7, 1))
    at_night = on(3, 22, 23)
    life.until(at_night)
    life.ships()
    life.until(on(5, 1))
    assert life.story == [WELCOMED, (SHIPPED, at_night)]
    assert {reason for _, reason in life.reasons} == {"order_shipped"}


def test_each_parcel_is_told_and_the_rest_of_a_line_goes_on_waiting() -> None:
    life = a_life(
        a_line(date(2026, 3, 30), quantity=3), a_line(date(2026, 3, 30), line_id="b"), countdown_days=(7, 1)
    )
    life.until(on(3, 10))
    life.ships(1, "a")
    life.until(on(3, 25))
    life.ships(None, "b")
    life.until(on(3, 31))
    life.ships()
    life.until(on(5, 1))
    assert [(m.kind, m.sent_at, set(m.says)) for m in life.sent[1:]] == [
        (SHIPPED, on(3, 10), {"a"}),
        (COUNTDOWN, on(3, 23, 9), {"a", "b"}),
        (SHIPPED, on(3, 25), {"b"}),
        (COUNTDOWN, on(3, 29, 9), {"a"}),
        (SHIPPED, on(3, 31), {"a"}),
    ]


def test_a_delay_of_the_rest_is_told_although_a_parcel_left_meanwhile() -> None:
    life = a_life(a_line(date(2026, 3, 30), quantity=2))
    life.until(on(3, 10, 12))
    life.moves(date(2026, 4, 6))
    life.until(on(3, 10, 12, 5))
    life.ships(1)
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (SHIPPED, on(3, 10, 12, 5)), (DELAY, on(3, 10, 12, 15))]


def test_what_is_cancelled_in_part_is_told_and_the_rest_goes_on_waiting() -> None:
    life = a_life(a_line(date(2026, 3, 30)), a_line(date(2026, 3, 25), line_id="b"), countdown_days=(1,))
    life.until(on(3, 10))
    life.cancels(None, "b")
    life.until(on(5, 1))
    assert life.story == [WELCOMED, (CANCELLED, on(3, 10)), (COUNTDOWN, on(3, 29, 9))]
    assert life.reasons == [("countdown:2026-03-24", "lines_cancelled")]


def test_a_cancelled_order_gets_word_of_that_and_nothing_else() -> None:
    life = a_life(a_line(date(2026, 3, 30)), countdown_days=(7, 1))
    life.until(on(3, 10))
    life.moves(date(2026, 4, 6))
    life.cancels()
    life.until(on(5, 1))
    assert life.story == [WELCOMED, (CANCELLED, on(3, 10))]
    assert {reason for _, reason in life.reasons} == {"order_cancelled", "moved_with_date"}


# --- what time alone makes untrue ------------------------------------------------------------------------


def test_only_what_can_still_be_true_is_wanted() -> None:
    eta = date(2026, 3, 20)
    life = a_life(a_line(eta, promised=eta), countdown_days=(14, 7, 3, 1))
    facts = life.facts
    assert len(plan(facts, life.policy, on(3, 1))) == 5
    assert [draft.key for draft in plan(facts, life.policy, on(3, 17))] == [
        "countdown:2026-03-17",
        "countdown:2026-03-19",
    ]
    assert plan(facts, life.policy, on(4, 1)) == ()


def test_a_window_of_one_minute_is_kept() -> None:
    life = a_life(
        a_line(date(2026, 3, 30)),
        countdown_days=(7,),
        send_window=Window(time(14, 30), time(14, 31)),
    )
    life.until(on(3, 10, 14, 20))
    life.moves(date(2026, 4, 6))
    life.until(on(4, 10))
    assert life.story[1:] == [(DELAY, on(3, 11, 14, 30)), (COUNTDOWN, on(3, 30, 14, 30))]
