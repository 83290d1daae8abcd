"""Wall times, days and windows as instants, over every change of the clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.policy import (
    Policy,
    SkuPolicy,
    Window,
    at_local,
    in_window,
    into_window,
    jurisdiction,
    local_day,
    starved,
    widest_gap,
)
from tests.domain.strategies import windows

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
LORD_HOWE, APIA = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[misc, arg-type]  # year, month, day, hour, minute


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        (NEW_YORK, date(2026, 3, 7), time(9), utc(2026, 3, 7, 14)),
        (NEW_YORK, date(2026, 3, 8), time(9), utc(2026, 3, 8, 13)),  # the clock went forward that night
        (NEW_YORK, date(2026, 3, 8), time(2, 30), utc(2026, 3, 8, 7, 30)),  # skipped: 03:30 it is
        (NEW_YORK, date(2026, 11, 1), time(1, 30), utc(2026, 11, 1, 5, 30)),  # comes twice: the first
        (NEW_YORK, date(2026, 11, 1), time(9), utc(2026, 11, 1, 14)),
        (BERLIN, date(2026, 3, 29), time(9), utc(2026, 3, 29, 7)),
        (BERLIN, date(2026, 3, 29), time(2, 30), utc(2026, 3, 29, 1, 30)),
        (BERLIN, date(2026, 10, 25), time(2, 30), utc(2026, 10, 25, 0, 30)),
        (BERLIN, date(2026, 10, 25), time(9), utc(2026, 10, 25, 8)),
        (LORD_HOWE, date(2026, 4, 4), time(9), utc(2026, 4, 3, 22)),
        (LORD_HOWE, date(2026, 4, 5), time(9), utc(2026, 4, 4, 22, 30)),  # half an hour back
        (LORD_HOWE, date(2026, 10, 4), time(9), utc(2026, 10, 3, 22)),  # and forward
        (APIA, date(2011, 12, 29), time(9), utc(2011, 12, 29, 19)),
        (APIA, date(2011, 12, 31), time(9), utc(2011, 12, 30, 19)),
    ],
)
def test_a_wall_time_is_an_instant_over_every_change_of_the_clock(
    zone: ZoneInfo, day: date, clock: time, expected: datetime
) -> None:
    assert at_local(day, clock, zone) == expected


def test_a_window_opens_and_closes_on_the_minute() -> None:
    window = Window(time(9), time(20))
    opens, closes = (
        at_local(date(2026, 3, 8), time(9), NEW_YORK),
        at_local(date(2026, 3, 8), time(20), NEW_YORK),
    )
    moment = timedelta(microseconds=1)
    assert not in_window(opens - moment, window, NEW_YORK)
    assert in_window(opens, window, NEW_YORK)
    assert in_window(closes - moment, window, NEW_YORK)
    assert not in_window(closes, window, NEW_YORK)
    assert into_window(opens - moment, window, NEW_YORK) == opens
    assert into_window(opens, window, NEW_YORK) == opens
    assert into_window(closes - moment, window, NEW_YORK) == closes - moment
    assert into_window(closes, window, NEW_YORK) == at_local(date(2026, 3, 9), time(9), NEW_YORK)


def test_a_window_must_start_before_it_ends() -> None:
    for start, end in [(time(20), time(9)), (time(9), time(9))]:
        with pytest.raises(ValueError, match="send_window must start before it ends"):
            Window(start, end)


def test_a_day_that_the_zone_skipped_has_no_window_of_its_own() -> None:
    evening = at_local(date(2011, 12, 29), time(21), APIA)
    assert local_day(into_window(evening, Window(), APIA), APIA) == date(2011, 12, 31)


instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # given a zone
every_zone = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)


@given(instants, windows(), every_zone)
def test_the_next_moment_of_the_window_lies_ahead_in_the_window_and_is_soon(
    at: datetime, window: Window, zone: ZoneInfo
) -> None:
    then = into_window(at, window, zone)
    assert at <= then <= at + timedelta(days=3)
    assert into_window(then, window, zone) == then
    if in_window(at, window, zone):
        assert then == at


@pytest.mark.parametrize(
    ("country", "law"), [("US", "us-ftc"), (None, "us-ftc"), ("DE", "eu"), ("GB", "eu"), ("JP", "none")]
)
def test_the_law_follows_the_country_and_an_unknown_one_gets_the_strictest(
    country: str | None, law: str
) -> None:
    assert jurisdiction(Policy(), country) == law


def test_a_policy_may_name_the_law_itself() -> None:
    assert jurisdiction(Policy(jurisdiction="none"), "US") == "none"
    assert jurisdiction(Policy(jurisdiction="us-ftc"), "DE") == "us-ftc"


# --- by SKU, and gaps ------------------------------------------------------------------------------------


def test_a_sku_differs_in_what_was_set_for_it_alone() -> None:
    policy = Policy(skus={"A": SkuPolicy(countdown_days=(30,)), "B": SkuPolicy(delay_threshold_days=0)})
    assert policy.of("A") == replace(policy, countdown_days=(30,))
    assert policy.of("B") == replace(policy, delay_threshold_days=0)
    assert policy.of("C") is policy
    assert policy.first_countdown == 30


@pytest.mark.parametrize(
    ("days", "gap", "lost", "widest"),
    [
        ((14, 7, 3, 1), 20, (), 20),
        ((14, 7, 3, 1), 58, (), 58),
        ((14, 7, 3, 1), 59, (1,), 58),  # two days and eleven hours
        ((3, 2, 1), 20, (), 20),
        ((3, 2, 1), 30, (1,), 29),  # the second goes late on its day, and leaves the third no room
        ((3, 2, 1), 36, (2,), 29),
        ((7,), 720, (), 720),
        ((), 720, (), 720),
    ],
)
def test_a_gap_may_starve_a_milestone(
    days: tuple[int, ...], gap: int, lost: tuple[int, ...], widest: int
) -> None:
    policy = Policy(countdown_days=days, min_gap_hours=gap)
    assert (starved(policy), widest_gap(policy)) == (lost, widest)
