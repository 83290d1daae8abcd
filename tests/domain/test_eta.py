"""Estimates: a day, a range, or nobody knows; and how one differs from another."""

from datetime import date

import pytest

from notifier.domain.eta import UNKNOWN, Eta, Slip, slip

MARCH_20 = Eta(date(2026, 3, 20))


def test_a_range_needs_both_ends_in_order() -> None:
    assert Eta(date(2026, 3, 20), date(2026, 3, 18)).is_range
    for latest, earliest in [(None, date(2026, 3, 18)), (date(2026, 3, 17), date(2026, 3, 18))]:
        with pytest.raises(ValueError, match="eta_earliest needs an eta on or after it"):
            Eta(latest, earliest)


def test_a_range_of_one_day_is_that_day() -> None:
    assert Eta(date(2026, 3, 20), date(2026, 3, 20)) == MARCH_20
    assert not Eta(date(2026, 3, 20), date(2026, 3, 20)).is_range


def test_unknown_is_not_known() -> None:
    assert not UNKNOWN.known
    assert not UNKNOWN.is_range
    assert MARCH_20.known


@pytest.mark.parametrize(
    ("told", "current", "expected"),
    [
        (MARCH_20, MARCH_20, Slip.NONE),
        (MARCH_20, Eta(date(2026, 3, 21)), Slip.LATER),
        (MARCH_20, Eta(date(2026, 3, 19)), Slip.EARLIER),
        (MARCH_20, UNKNOWN, Slip.LOST),
        (UNKNOWN, MARCH_20, Slip.FOUND),
        (UNKNOWN, UNKNOWN, Slip.NONE),
        (MARCH_20, Eta(date(2026, 3, 20), date(2026, 3, 16)), Slip.NONE),
        (Eta(date(2026, 3, 20), date(2026, 3, 16)), Eta(date(2026, 3, 24), date(2026, 3, 16)), Slip.LATER),
    ],
)
def test_estimates_are_compared_by_their_last_day(told: Eta, current: Eta, expected: Slip) -> None:
    assert slip(told, current) is expected


@pytest.mark.parametrize(
    ("threshold", "days", "expected"),
    [
        (3, 2, Slip.NONE),
        (3, 3, Slip.LATER),
        (3, -2, Slip.NONE),
        (3, -3, Slip.EARLIER),
        (0, 0, Slip.NONE),
        (0, 1, Slip.LATER),
    ],
)
def test_a_move_below_the_threshold_is_none(threshold: int, days: int, expected: Slip) -> None:
    assert slip(MARCH_20, Eta(date(2026, 3, 20 + days)), threshold) is expected
