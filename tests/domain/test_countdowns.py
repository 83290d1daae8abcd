"""Countdowns: on which days, at what hour, and when not.

Unless said otherwise the order was placed and registered on 1 March 2026 at ten, in New York, where its customer
and its store are, and the law asks for nothing.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.eta import Eta
from notifier.domain.message import Kind
from notifier.domain.order import Customer
from notifier.domain.policy import at_local
from tests.domain.builders import NEW_YORK, PLACED, a_line, on
from tests.domain.life import a_life

COUNTDOWN, DELAY, EARLIER = Kind.COUNTDOWN, Kind.DELAY, Kind.EARLIER
EXPECTATION, CONSENT, SHIPPED, CANCELLED = Kind.EXPECTATION, Kind.CONSENT, Kind.SHIPPED, Kind.CANCELLED

WELCOMED = (EXPECTATION, PLACED)


@pytest.mark.parametrize(
    ("countdown_days", "days"),
    [
        ((14, 7, 3, 1), [on(3, 16, 9), on(3, 23, 9), on(3, 27, 9), on(3, 29, 9)]),
        ((7, 1), [on(3, 23, 9), on(3, 29, 9)]),
        ((30, 29, 28), [on(3, 2, 9)]),  # the others were before the order, or on its day
        ((), []),
    ],
)
def test_countdowns_go_when_the_window_opens_on_each_milestone(
    countdown_days: tuple[int, ...], days: list[datetime]
) -> None:
    life = a_life(a_line(date(2026, 3, 30)), countdown_days=countdown_days)
    life.until(on(4, 10))
    assert life.story == [WELCOMED, *((COUNTDOWN, day) for day in days)]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_milestones_are_days_of_the_customer_not_of_the_store(zone: str) -> None:
    customer = Customer("kim@example.com", timezone=zone, country="JP")
    life = a_life(a_line(date(2026, 3, 30)), countdown_days=(7,), order={"customer": customer})
    life.until(on(4, 10))
    assert life.story[1:] == [(COUNTDOWN, at_local(date(2026, 3, 23), time(9), ZoneInfo(zone)))]


@pytest.mark.parametrize(
    ("zone", "eta", "expected"),
    [
        (NEW_YORK, date(2026, 3, 9), datetime(2026, 3, 8, 13, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 30), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2026, 4, 6), datetime(2026, 4, 4, 22, 30, tzinfo=UTC)),
    ],
)
def test_a_countdown_on_the_day_of_a_clock_change_still_goes_at_nine(
    zone: str, eta: date, expected: datetime
) -> None:
    life = a_life(a_line(eta), countdown_days=(1,), order={"zone": zone})
    life.until(on(5, 1))
    assert life.story[1:] == [(COUNTDOWN, expected)]


def test_a_day_that_the_zone_skipped_has_no_countdown() -> None:
    at = datetime(2011, 12, 20, tzinfo=UTC)
    line = a_line(date(2011, 12, 31), eta_changed_at=at)
    life = a_life(
        line, countdown_days=(2, 1), min_gap_hours=0, order={"zone": "Pacific/Apia", "placed_at": at}
    )
    life.until(at + timedelta(days=20))
    assert [m.key for m in life.sent] == ["expectation", "countdown:2011-12-29"]


def test_lines_that_reach_a_milestone_on_one_day_share_an_email() -> None:
    life = a_life(
        a_line(date(2026, 3, 20)),
        a_line(date(2026, 3, 20), line_id="b"),
        a_line(date(2026, 3, 26), line_id="c"),
        countdown_days=(7, 1),
    )
    life.until(on(4, 10))
    told = [(m.sent_at, set(m.says)) for m in life.sent[1:]]
    assert told == [(on(3, 13, 9), {"a", "b"}), (on(3, 19, 9), {"a", "b", "c"}), (on(3, 25, 9), {"c"})]


def test_countdowns_keep_the_gap_and_one_without_room_on_its_day_is_left_out() -> None:
    life = a_life(a_line(date(2026, 3, 20)), countdown_days=(4, 3, 2, 1), min_gap_hours=30)
    life.until(on(4, 10))
    assert life.story[1:] == [
        (COUNTDOWN, on(3, 16, 9)),
        (COUNTDOWN, on(3, 17, 15)),
        (COUNTDOWN, on(3, 19, 9)),
    ]


def test_a_countdown_that_its_day_has_overtaken_is_never_sent() -> None:
    life = a_life(a_line(date(2026, 3, 20)), countdown_days=(7, 3))
    life.until(on(3, 12))
    life.away_until(on(3, 15, 21))
    life.until(on(4, 1))
    assert life.story[1:] == [(COUNTDOWN, on(3, 17, 9))]
    assert ("countdown:2026-03-13", "too_late") in life.reasons


@pytest.mark.parametrize(
    ("countdown_days", "gap", "last"),
    [
        ((7,), 20, on(3, 15, 20)),  # two days later: room for two more orders of the customer
        ((7,), 30, on(3, 17, 20)),
        ((7, 6), 20, on(3, 13, 20)),  # not into the next milestone
        ((1,), 20, on(3, 20, 20)),  # nor past the date
    ],
)
def test_a_countdown_kept_from_its_day_has_a_few_days_more(
    countdown_days: tuple[int, ...], gap: int, last: datetime
) -> None:
    life = a_life(a_line(date(2026, 3, 20)), countdown_days=countdown_days, min_gap_hours=gap)
    first = next(message for message in life.planned if message.kind is COUNTDOWN)
    assert first.expires_at == last


def test_no_countdown_comes_on_the_day_on_which_the_date_became_known() -> None:
    life = a_life(a_line(date(2026, 3, 8)), countdown_days=(7, 3))
    life.until(on(3, 4, 8))
    life.moves(date(2026, 3, 11))
    life.until(on(4, 1))
    assert life.story == [WELCOMED, (DELAY, on(3, 4, 9)), (COUNTDOWN, on(3, 8, 9))]


@pytest.mark.parametrize("changed", [on(3, 12, 21), on(3, 13, 8)])
def test_no_line_counts_down_on_the_day_on_which_another_is_told_to_slip(changed: datetime) -> None:
    life = a_life(a_line(date(2026, 3, 20)), a_line(date(2026, 3, 30), line_id="b"), countdown_days=(7, 1))
    life.until(changed)
    life.moves(date(2026, 5, 1), "b")
    assert ("countdown:2026-03-13", "too_close") in life.reasons
    life.until(on(3, 20))
    assert life.story == [WELCOMED, (DELAY, on(3, 13, 9)), (COUNTDOWN, on(3, 19, 9))]


def test_a_range_counts_down_to_its_last_day_and_an_unknown_date_to_nothing() -> None:
    life = a_life(a_line(Eta(date(2026, 3, 20), date(2026, 3, 10))), a_line(line_id="b"), countdown_days=(7,))
    life.until(on(4, 1))
    counted = [(m.sent_at, set(m.says)) for m in life.sent if m.kind is COUNTDOWN]
    assert counted == [(on(3, 13, 9), {"a"})]


def test_who_unsubscribed_gets_no_countdown_but_all_else() -> None:
    life = a_life(a_line(date(2026, 3, 30)), countdown_days=(7, 1))
    life.until(on(3, 2))
    life.happens(unsubscribed=True)
    assert life.reasons == [
        ("countdown:2026-03-23", "unsubscribed"),
        ("countdown:2026-03-29", "unsubscribed"),
    ]
    life.until(on(3, 25))
    life.moves(date(2026, 4, 10))
    life.until(on(4, 8))
    life.ships()
    life.until(on(4, 20))
    assert life.kinds == [EXPECTATION, DELAY, SHIPPED]


def test_who_subscribes_again_gets_the_countdowns_that_are_still_ahead() -> None:
    life = a_life(a_line(date(2026, 3, 30)), countdown_days=(7, 1))
    life.happens(unsubscribed=True)
    life.until(on(3, 26))
    life.happens(unsubscribed=False)
    life.until(on(4, 20))
    assert life.story == [WELCOMED, (COUNTDOWN, on(3, 29, 9))]
