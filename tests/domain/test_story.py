"""Which changes of dates a customer is told of."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.story import Move, revisions, settled

AT = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)
SETTLE = timedelta(minutes=15)
EARLY, LATE, LATER = Eta(date(2026, 12, 5)), Eta(date(2026, 12, 12)), Eta(date(2027, 1, 2))


def move(minutes: float, before: Eta, after: Eta, line: str = "a", reason: str | None = None) -> Move:
    return Move(line, AT + timedelta(minutes=minutes), before, after, reason)


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        ([], []),
        ([move(0, EARLY, LATE)], [move(0, EARLY, LATE)]),
        ([move(0, EARLY, LATE), move(14, LATE, LATER)], [move(14, EARLY, LATER)]),
        ([move(0, EARLY, LATE), move(15, LATE, LATER)], [move(0, EARLY, LATE), move(15, LATE, LATER)]),
        ([move(0, EARLY, LATE), move(5, LATE, EARLY)], []),
        ([move(0, EARLY, UNKNOWN), move(5, UNKNOWN, LATE)], [move(5, EARLY, LATE)]),
        ([move(0, EARLY, EARLY, reason="a better reason")], []),
        (
            [move(0, EARLY, LATE), move(5, EARLY, LATER, "b")],
            [move(0, EARLY, LATE), move(5, EARLY, LATER, "b")],
        ),
        ([move(20, LATE, LATER), move(0, EARLY, LATE)], [move(0, EARLY, LATE), move(20, LATE, LATER)]),
    ],
)
def test_only_what_lasted_is_told(moves: list[Move], told: list[Move]) -> None:
    assert settled(moves, SETTLE) == told


def test_the_last_reason_is_told() -> None:
    [told] = settled([move(0, EARLY, LATE, reason="x"), move(3, LATE, LATER, reason="y")], SETTLE)
    assert told.reason == "y"


def test_a_revision_is_another_date_of_that_line() -> None:
    moves = [move(0, EARLY, LATE), move(1, LATE, LATE), move(2, LATE, EARLY), move(3, EARLY, LATE, "b")]
    assert (revisions(moves, "a"), revisions(moves, "b"), revisions(moves, "c")) == (2, 1, 0)


@given(st.lists(st.tuples(st.floats(0, 200), st.sampled_from([EARLY, LATE, LATER, UNKNOWN])), max_size=12))
def test_the_story_ends_where_the_dates_do(steps: list[tuple[float, Eta]]) -> None:
    now, moves = EARLY, []
    for minutes, after in sorted(steps, key=lambda step: step[0]):
        moves.append(move(minutes, now, after))
        now = after
    told = settled(moves, SETTLE)
    assert (told[-1].after if told else EARLY) == now
    assert all(one.before == other.after for other, one in pairwise(told))
