"""Two subjects of one email, each for half of the orders: what may be said of which is better, and when nothing may.

**The interval of a share**: Wilson's score interval at 95 % (E. B. Wilson, "Probable inference, the law of
succession, and statistical inference", JASA 22, 1927): it holds for few orders and for shares near none, where the
usual one does not.

**The interval of a difference**: Newcombe's hybrid of two of those (R. G. Newcombe, "Interval estimation for the
difference between independent proportions", Statistics in Medicine 17, 1998, method 10). A difference is told only
where that interval leaves out zero and each half has `MIN_ORDERS`.

What it does not know: each look at a running trial is another chance to see a difference by accident, as is each
outcome beyond the first; and a customer of several orders may get either subject, by order.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import sqrt
from typing import Literal

Variant = Literal["a", "b"]
VARIANTS: tuple[Variant, ...] = ("a", "b")

MIN_ORDERS = 100
"""From fewer orders of one half nothing is said of the two."""

WEEK = timedelta(days=7)
"""For how long after the first such email what its customer does is counted. Younger orders do not count yet."""

_Z = 1.959963984540054
"""The standard normal's 97.5th percentile."""


def half(order: str) -> Variant:
    """Which subject the emails of this order have: always the same, and either as likely."""
    return VARIANTS[hashlib.sha256(order.encode()).digest()[0] % 2]


class Verdict(StrEnum):
    TOO_FEW = "too_few"
    """One half has fewer than `MIN_ORDERS` orders: nothing can be said."""
    NO_DIFFERENCE = "no_difference"
    """The interval of the difference holds zero."""
    FEWER_WITH_A = "fewer_with_a"
    FEWER_WITH_B = "fewer_with_b"


@dataclass(frozen=True, slots=True)
class Interval:
    """What lies, with 95 % confidence, between these."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many orders."""

    orders: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.orders <= self.of:
            raise ValueError(f"{self.orders} of {self.of} is no share")

    @property
    def value(self) -> float | None:
        return self.orders / self.of if self.of else None

    @property
    def interval(self) -> Interval:
        """Anything from none to all where there is no order."""
        if not self.of:
            return Interval(0.0, 1.0)
        n, p = self.of, self.orders / self.of
        middle = (p + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
        reach = _Z / (1 + _Z * _Z / n) * sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
        low = 0.0 if self.orders == 0 else max(middle - reach, 0.0)
        high = 1.0 if self.orders == n else min(middle + reach, 1.0)
        return Interval(low, high)


@dataclass(frozen=True, slots=True)
class Finding:
    """How b differs from a in one outcome: `difference` is b's share less a's, None where one half has no order."""

    verdict: Verdict
    difference: float | None
    interval: Interval


def compared(shares: Mapping[Variant, Share]) -> Finding:
    """What may be said of an outcome of which fewer are better."""
    a, b = shares["a"], shares["b"]
    if a.value is None or b.value is None:
        return Finding(Verdict.TOO_FEW, None, Interval(-1.0, 1.0))
    difference, of_a, of_b = b.value - a.value, a.interval, b.interval
    interval = Interval(
        difference - sqrt((b.value - of_b.low) ** 2 + (of_a.high - a.value) ** 2),
        difference + sqrt((of_b.high - b.value) ** 2 + (a.value - of_a.low) ** 2),
    )
    if min(a.of, b.of) < MIN_ORDERS:
        return Finding(Verdict.TOO_FEW, difference, interval)
    if interval.low > 0:
        return Finding(Verdict.FEWER_WITH_A, difference, interval)
    if interval.high < 0:
        return Finding(Verdict.FEWER_WITH_B, difference, interval)
    return Finding(Verdict.NO_DIFFERENCE, difference, interval)
