"""The days that 16 CFR 435 counts: where they end, how many, and which of them are working days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import holidays
import pytest

from notifier.domain.law.us_ftc import federal_holidays, standing, working_days_after
from tests.domain.builders import PLACED, a_line, an_order, on

T = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("customer", "store", "ends"),
    [
        ("America/New_York", "America/Los_Angeles", datetime(2026, 4, 1, 4, tzinfo=UTC)),
        ("Pacific/Honolulu", "America/New_York", datetime(2026, 4, 1, 4, tzinfo=UTC)),
        ("America/New_York", "Asia/Tokyo", datetime(2026, 3, 31, 15, tzinfo=UTC)),
        ("Pacific/Kiritimati", "Pacific/Honolulu", datetime(2026, 3, 31, 10, tzinfo=UTC)),
        ("Pacific/Honolulu", "Pacific/Kiritimati", datetime(2026, 3, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_day_ends_where_it_ends_first(customer: str, store: str, ends: datetime) -> None:
    facts = replace(an_order(a_line(T, promised=T), zone=customer), store_timezone=store)
    assert standing(facts, facts.lines[0], ends - timedelta(seconds=1)).state == "on_time"
    assert standing(facts, facts.lines[0], ends).state == "cancelled"


def test_an_order_placed_near_midnight_counts_from_the_earlier_day() -> None:
    facts = an_order(placed_at=on(3, 2, 1, zone="Europe/Berlin"), store_timezone="Europe/Berlin")
    assert standing(facts, facts.lines[0], on(3, 2)).ship_by == T


@pytest.mark.parametrize(
    ("zone", "promised", "ends"),
    [
        ("America/New_York", date(2026, 3, 8), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        ("America/New_York", date(2026, 11, 1), datetime(2026, 11, 2, 5, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        ("America/Santiago", date(2026, 9, 5), datetime(2026, 9, 6, 4, tzinfo=UTC)),
        ("Africa/Cairo", date(2026, 10, 29), datetime(2026, 10, 29, 22, tzinfo=UTC)),
    ],
    ids=["US spring", "US autumn", "EU spring", "EU autumn", "midnight skipped", "midnight repeated"],
)
def test_a_day_on_which_the_clock_changes_ends_at_its_own_midnight(
    zone: str, promised: date, ends: datetime
) -> None:
    facts = an_order(a_line(promised, promised=promised), zone=zone)
    assert standing(facts, facts.lines[0], PLACED).changes_at == ends


@pytest.mark.parametrize(
    ("promised", "limit", "refund_by"),
    [
        (date(2026, 12, 25), date(2027, 1, 24), date(2027, 1, 6)),
        (date(2026, 11, 26), date(2026, 12, 26), date(2026, 12, 8)),
        (date(2028, 2, 29), date(2028, 3, 30), date(2028, 3, 10)),
    ],
    ids=["Christmas", "Thanksgiving", "29 February"],
)
def test_a_deadline_on_a_holiday_or_a_leap_day_is_that_very_day(
    promised: date, limit: date, refund_by: date
) -> None:
    """Only refunds are counted in working days (435.1(b)); T and X are calendar days (435.2(a)(1), (b)(1))."""
    facts = an_order(a_line(None, promised=promised))
    (line,) = facts.lines
    waits = standing(facts, line, PLACED)
    assert waits.notice is not None
    assert (waits.ship_by, waits.notice.answer_by) == (promised, limit)
    ended = standing(facts, line, waits.changes_at or PLACED)
    assert (ended.state, ended.cancel_by, ended.refund_by) == (
        "cancelled",
        promised + timedelta(days=1),
        refund_by,
    )


def test_thirty_days_are_counted_over_a_leap_day() -> None:
    leap = an_order(placed_at=datetime(2028, 1, 30, 15, tzinfo=UTC))
    assert standing(leap, leap.lines[0], leap.placed_at).ship_by == date(2028, 2, 29)


def test_federal_holidays_are_the_published_ones() -> None:
    assert sorted(federal_holidays(2026)) == [
        date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19),
        date(2026, 7, 3), date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26),
        date(2026, 12, 25),
    ]  # fmt: skip
    assert {date(2025, 5, 26), date(2025, 6, 19), date(2025, 12, 25)} <= federal_holidays(2025)
    assert date(2027, 12, 31) in federal_holidays(2027), "New Year's Day 2028 is a Saturday"
    assert date(2027, 7, 5) in federal_holidays(2027), "the Fourth of July 2027 is a Sunday"


def test_working_days_skip_weekends_and_holidays() -> None:
    assert working_days_after(date(2026, 12, 22), 7) == date(2027, 1, 4)


def test_federal_holidays_are_those_of_the_package_that_the_world_keeps_up_to_date() -> None:
    for year in range(2021, 2101):  # from the first year of all eleven
        theirs = holidays.country_holidays("US", years=year, observed=True)
        free = {day for day in theirs if day.weekday() < 5 and day.year == year}
        assert {day for day in federal_holidays(year) if day.weekday() < 5} == free, year
