"""A budget: never more than a full bucket and what flows in, whoever's clock is asked."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.pace import SKEW, Pace

NOON = datetime.fromisoformat("2026-12-01T12:00:00+00:00")
PACE = Pace(per_second=2, burst=5)


def test_a_bucket_that_was_never_used_is_full() -> None:
    assert PACE.refilled(None, None, NOON) == (5.0, NOON)


def test_a_bucket_fills_with_time_up_to_its_brim() -> None:
    assert PACE.refilled(1.0, NOON, NOON + timedelta(seconds=1)) == (3.0, NOON + timedelta(seconds=1))
    assert PACE.refilled(1.0, NOON, NOON + timedelta(hours=1)) == (5.0, NOON + timedelta(hours=1))


def test_a_slow_clock_fills_nothing_and_turns_no_time_back() -> None:
    assert PACE.refilled(1.0, NOON, NOON - timedelta(minutes=1)) == (1.0, NOON)


def test_a_clock_that_was_set_back_does_not_stop_the_flow() -> None:
    back = NOON - timedelta(hours=1)
    assert PACE.refilled(1.0, NOON, back) == (1.0, back)
    assert PACE.refilled(1.0, back, back + timedelta(seconds=1)) == (3.0, back + timedelta(seconds=1))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 9)), max_size=60))
def test_two_workers_whose_clocks_differ_never_share_out_more_than_the_budget(
    steps: list[tuple[int, bool, int]],
) -> None:
    tokens, since, now, taken = None, None, NOON, 0
    for seconds, fast, wanted in steps:
        now += timedelta(seconds=seconds)
        tokens, since = PACE.refilled(tokens, since, now + SKEW / 2 if fast else now)
        used = min(wanted, int(tokens))
        tokens, taken = tokens - used, taken + used
    once_more = PACE.burst  # when the fast clock is first asked
    assert taken <= PACE.burst + once_more + PACE.per_second * (now - NOON).total_seconds()
