"""How far apart one customer's reminders go, whichever orders they are of."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.policy import Policy
from notifier.domain.spacing import WEEK, free_at

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def day(number: float) -> datetime:
    return NINE + timedelta(days=number)


@pytest.mark.parametrize(
    ("sent", "most", "gap", "free"),
    [
        ([], 3, 20, None),
        ([0], 3, 20, day(20 / 24)),
        ([0], 3, 0, day(0)),
        ([0, 1], 3, 20, day(1 + 20 / 24)),
        ([0, 1, 2], 3, 20, day(7)),
        ([2, 0, 1], 3, 20, day(7)),  # in whatever order they are known
        ([0, 1, 2, 3], 3, 20, day(8)),
        ([0], 1, 20, day(7)),
        ([0], 1, 24 * 10, day(10)),
    ],
)
def test_the_next_one_waits_for_the_gap_and_for_room_in_the_week(
    sent: list[int], most: int, gap: int, free: datetime | None
) -> None:
    policy = Policy(max_per_week=most, min_gap_hours=gap)
    assert free_at((), [day(number) for number in sent], policy) == free


def test_one_order_alone_is_not_capped() -> None:
    policy = Policy(max_per_week=3, min_gap_hours=20)
    sent = [day(number) for number in range(6)]
    assert free_at(sent, (), policy) == sent[-1] + timedelta(hours=20)
    assert free_at(sent[1:], sent[:1], policy) == sent[-1] + timedelta(hours=20), "the other is long past"
    assert free_at(sent[:-1], sent[-1:], policy) == sent[-3] + WEEK


@given(st.lists(st.floats(0, 30), max_size=40), st.integers(1, 6), st.sampled_from([0, 20, 48, 200]))
def test_whoever_asks_first_never_gets_more_than_the_cap_nor_closer_than_the_gap(
    asked: list[float], most: int, gap: int
) -> None:
    policy = Policy(max_per_week=most, min_gap_hours=gap)
    sent: list[datetime] = []
    for at in sorted(map(day, asked)):
        if (free := free_at((), sent, policy)) is None or free <= at:
            sent.append(at)
    assert all(b - a >= timedelta(hours=gap) for a, b in pairwise(sent))
    assert all(b - a >= WEEK for a, b in zip(sent, sent[most:], strict=False))
