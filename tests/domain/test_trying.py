"""What may be said of two subjects: intervals as published, and silence where there is too little."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.trying import MIN_ORDERS, Share, Variant, Verdict, compared, half

shares = st.integers(0, 3000).flatmap(lambda of: st.builds(Share, st.integers(0, of), st.just(of)))


@pytest.mark.parametrize(
    ("orders", "of", "low", "high"),
    [  # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share_is_wilson_s(orders: int, of: int, low: float, high: float) -> None:
    found = Share(orders, of).interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # Newcombe, "Interval estimation for the difference", 1998, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_newcombe_s(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = compared({"a": Share(*other), "b": Share(*one)}).interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ((0, 0), (0, 0), Verdict.TOO_FEW),
        ((99, 99), (0, 5000), Verdict.TOO_FEW),
        ((0, 5000), (99, 99), Verdict.TOO_FEW),
        ((5, 100), (4, 100), Verdict.NO_DIFFERENCE),
        ((0, 100), (0, 100), Verdict.NO_DIFFERENCE),
        ((50, 1000), (20, 1000), Verdict.FEWER_WITH_B),
        ((20, 1000), (50, 1000), Verdict.FEWER_WITH_A),
    ],
)
def test_a_difference_is_told_only_where_there_is_one(
    a: tuple[int, int], b: tuple[int, int], verdict: Verdict
) -> None:
    assert compared({"a": Share(*a), "b": Share(*b)}).verdict is verdict


@given(shares)
def test_a_share_lies_in_its_interval(share: Share) -> None:
    interval = share.interval
    assert 0 <= interval.low <= interval.high <= 1
    if share.value is not None:
        assert interval.low <= share.value <= interval.high


@given(shares, shares)
def test_it_makes_no_difference_which_half_is_called_a(one: Share, other: Share) -> None:
    found, turned = compared({"a": one, "b": other}), compared({"a": other, "b": one})
    mirrored = {Verdict.FEWER_WITH_A: Verdict.FEWER_WITH_B, Verdict.FEWER_WITH_B: Verdict.FEWER_WITH_A}
    assert turned.verdict is mirrored.get(found.verdict, found.verdict)
    assert (turned.interval.low, turned.interval.high) == pytest.approx(
        (-found.interval.high, -found.interval.low)
    )
    if min(one.of, other.of) < MIN_ORDERS:
        assert found.verdict is Verdict.TOO_FEW


@pytest.mark.parametrize(("orders", "of"), [(1, 0), (-1, 3), (4, 3)])
def test_what_is_no_share_is_refused(orders: int, of: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        Share(orders, of)


def test_half_of_the_orders_get_each_and_always_the_same() -> None:
    found = [half(f"bo_{number}") for number in range(2000)]
    assert found == [half(f"bo_{number}") for number in range(2000)]
    assert set(found) == set(get_args(Variant))
    assert 900 < found.count("a") < 1100
