"""What past dates were worth, and what that says of the next."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.hindsight import (
    MIN_OBSERVATIONS,
    Moved,
    Outcome,
    Outlook,
    Shipped,
    Suggestion,
    origins,
    outcomes,
    outlook,
    quantile,
    suggest,
)

DAY = timedelta(days=1)
FIRST = date(2026, 1, 1)
TODAY = date(2026, 11, 27)


def day(number: int) -> date:
    return FIRST + number * DAY


def at(number: int) -> datetime:
    return datetime(2026, 1, 1, 12, tzinfo=UTC) + number * DAY


def past(*late: int) -> tuple[Outcome, ...]:
    """Origins a fortnight apart, each that many days late."""
    return tuple(Outcome(day(14 * n), day(14 * n + days), 1) for n, days in enumerate(late))


def missed(likely: int, safe: int) -> Outlook:
    return Outlook(6, 6, 5, likely, safe, FIRST)


# --- which date came first -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves", "first"),
    [
        ([], {}),
        ([(1, 2)], {2: 1}),
        ([(1, 2), (2, 3)], {2: 1, 3: 1}),
        ([(1, 3), (2, 3)], {3: 1}),
        ([(1, 2), (2, 1)], {2: 1}),
        ([(1, None), (5, 6)], {6: 5}),
        ([(3, 2)], {2: 3}),
    ],
    ids=["none", "one", "a chain", "two that met", "there and back", "a lost date", "good news"],
)
def test_a_date_belongs_to_the_one_that_it_was_moved_from(
    moves: list[tuple[int, int | None]], first: dict[int, int]
) -> None:
    happened = [
        Moved(day(named), day(became) if became else None, at(n)) for n, (named, became) in enumerate(moves)
    ]
    assert origins(happened) == {day(became): day(named) for became, named in first.items()}


def test_how_far_a_date_moved_is_told_in_days() -> None:
    assert [Moved(day(3), became, at(0)).days for became in (day(10), day(1), None)] == [7, -2, None]


# --- what became of them ---------------------------------------------------------------------------------


def test_orders_of_one_date_and_container_are_one_outcome() -> None:
    assert outcomes([Shipped(day(0), day(5), 999)], []) == (Outcome(day(0), day(5), 999),)


def test_dates_that_were_moved_count_from_the_first() -> None:
    shipped = [Shipped(day(0), day(8), 3), Shipped(day(8), day(8), 2)]
    assert outcomes(shipped, [Moved(day(0), day(8), at(0))]) == (Outcome(day(0), day(8), 5),)


def test_an_origin_is_as_late_as_its_middle_unit() -> None:
    one = [Shipped(day(0), day(2), 9), Shipped(day(0), day(90), 1)]
    assert [it.late for it in outcomes(one, [])] == [2]
    even = [Shipped(day(0), day(2), 1), Shipped(day(0), day(4), 1)]
    assert [it.late for it in outcomes(even, [])] == [2]


# --- the estimator ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "likely", "safe"),
    [
        ([0, 0, 0, 0, 0], 0, 0),
        ([1, 2, 3, 4, 5], 3, 5),
        ([-3, -2, -1, 0, 1], -1, 1),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 5, 8),
        ([5, 5, 5, 5, 5, 5, 5, 5, 365], 5, 5),
    ],
    ids=str,
)
def test_half_and_four_in_five_of_the_next_are_covered(late: list[int], likely: int, safe: int) -> None:
    found = outlook(past(*late))
    assert found is not None
    assert (found.likely, found.safe) == (likely, safe)
    assert (found.observations, found.late, found.since) == (len(late), sum(it > 0 for it in late), FIRST)


def test_nothing_is_said_from_too_few_dates() -> None:
    assert outlook(past(9, 9, 9, 9)) is None
    assert outlook(()) is None


def test_dates_that_shipped_in_one_container_are_no_more_than_one_observation() -> None:
    together = tuple(Outcome(day(n), day(40), 1) for n in range(20))
    assert outlook(together) is None


def test_what_is_long_ago_is_forgotten() -> None:
    found = outlook(past(*[60] * 30, *[0] * 30))
    assert found is not None
    assert (found.safe, found.late, found.observations) == (0, 0, 30)


@pytest.mark.parametrize(("count", "p"), [(0, 0.5), (3, 0.8), (1, 0.8)])
def test_a_quantile_that_so_few_cannot_tell_is_refused(count: int, p: float) -> None:
    with pytest.raises(ValueError, match=f"{count} observations"):
        quantile(list(range(count)), p)


latenesses = st.lists(st.integers(-60, 400), min_size=MIN_OBSERVATIONS, max_size=30)


@given(latenesses)
def test_the_range_is_made_of_what_was_seen_and_is_in_order(late: list[int]) -> None:
    found = outlook(past(*late))
    if found:
        assert found.likely <= found.safe
        assert {found.likely, found.safe} <= set(late)
        # The promise of the estimator, in the sample itself.
        assert sum(it <= found.likely for it in late) >= 0.5 * len(late)
        assert sum(it <= found.safe for it in late) >= 0.8 * len(late)


@given(latenesses, st.data())
def test_a_later_past_never_makes_an_earlier_future(late: list[int], data: st.DataObject) -> None:
    more = [it + data.draw(st.integers(0, 50)) for it in late]
    before, after = outlook(past(*late)), outlook(past(*more))
    if before and after:
        assert before.likely <= after.likely
        assert before.safe <= after.safe


@given(latenesses, st.randoms())
def test_the_order_in_which_dates_were_missed_changes_nothing(late: list[int], random: object) -> None:
    mixed = list(late)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # st.randoms is typed as object here
    before, after = outlook(past(*late)), outlook(past(*mixed))
    if before and after:
        assert (before.likely, before.safe, before.late) == (after.likely, after.safe, after.late)


# --- advice ----------------------------------------------------------------------------------------------


def test_a_date_that_history_contradicts_gets_a_range() -> None:
    entered = Eta(date(2026, 12, 12))
    found = suggest(entered, missed(5, 8), None, TODAY)
    assert found == Suggestion(Eta(date(2026, 12, 20), date(2026, 12, 17)), missed(5, 8), date(2026, 12, 12))


@pytest.mark.parametrize(
    ("entered", "known", "origin"),
    [
        (UNKNOWN, missed(5, 8), None),
        (Eta(date(2026, 12, 12)), None, None),
        (Eta(date(2026, 12, 12)), missed(0, 8), None),
        (Eta(date(2026, 12, 12)), missed(-2, 3), None),
        (Eta(date(2026, 12, 20), date(2026, 12, 17)), missed(5, 8), date(2026, 12, 12)),
        (Eta(date(2027, 2, 1)), missed(5, 8), date(2026, 12, 12)),
    ],
    ids=["no date", "too little known", "half were kept", "mostly early", "advice was taken", "long past it"],
)
def test_a_date_that_history_does_not_contradict_gets_none(
    entered: Eta, known: Outlook | None, origin: date | None
) -> None:
    assert suggest(entered, known, origin, TODAY) is None


def test_a_move_that_falls_short_of_history_is_told_so() -> None:
    found = suggest(Eta(date(2026, 12, 14)), missed(5, 8), date(2026, 12, 12), TODAY)
    assert found is not None
    assert found.eta == Eta(date(2026, 12, 20), date(2026, 12, 17))


days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
etas = days.map(Eta) | st.tuples(days, st.integers(0, 30)).map(lambda it: Eta(it[0] + it[1] * DAY, it[0]))


@given(etas, st.integers(-30, 200), st.integers(0, 100), st.none() | days)
def test_what_is_suggested_is_ahead_later_than_entered_and_not_suggested_again(
    entered: Eta, likely: int, more: int, origin: date | None
) -> None:
    known = missed(likely, likely + more)
    found = suggest(entered, known, origin, TODAY)
    if found is None:
        return
    assert likely > 0
    assert entered.latest is not None
    assert found.eta.latest is not None
    first = found.eta.earliest or found.eta.latest
    assert TODAY <= first <= found.eta.latest
    assert first > entered.latest
    assert suggest(found.eta, known, found.origin, TODAY) is None


@given(etas, st.integers(1, 100), st.integers(0, 100), st.integers(0, 50))
def test_a_worse_past_never_suggests_an_earlier_range(
    entered: Eta, likely: int, more: int, worse: int
) -> None:
    before = suggest(entered, missed(likely, likely + more), None, TODAY)
    after = suggest(entered, missed(likely + worse, likely + more + worse), None, TODAY)
    if before:
        assert after is not None
        assert before.eta.latest is not None
        assert after.eta.latest is not None
        assert before.eta.latest <= after.eta.latest
