"""When a line is expected to leave the house: a day, a range of days, or not known.

An ETA is made of dates. It has no time and no zone: "12 December" is the 12th wherever it is read.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Eta:
    """An estimate of the ship date.

    `latest` is the day by which the goods are expected to ship, None when nobody can say;
    `earliest` is set only where the estimate is a range, and lies before `latest`.
    """

    latest: date | None = None
    earliest: date | None = None

    def __post_init__(self) -> None:
        if self.earliest is not None and (self.latest is None or self.earliest > self.latest):
            raise ValueError("eta_earliest needs an eta on or after it")
        if self.earliest == self.latest and self.earliest is not None:
            object.__setattr__(self, "earliest", None)

    @property
    def known(self) -> bool:
        return self.latest is not None

    @property
    def is_range(self) -> bool:
        return self.earliest is not None


UNKNOWN = Eta()


class Slip(StrEnum):
    """How a new estimate differs from what the customer was last told."""

    NONE = "none"
    LATER = "later"
    EARLIER = "earlier"
    LOST = "lost"
    """There was a date; now nobody can say."""
    FOUND = "found"
    """Nobody could say; now there is a date."""


def slip(told: Eta, current: Eta, threshold_days: int = 1) -> Slip:
    """Compare by the last day of each estimate; a move of fewer than `threshold_days` is none.

    A threshold of 0 acts as 1: two equal dates are never news.
    """
    if told.latest is None or current.latest is None:
        if told.latest == current.latest:
            return Slip.NONE
        return Slip.LOST if current.latest is None else Slip.FOUND
    moved = (current.latest - told.latest).days
    if abs(moved) < max(threshold_days, 1):
        return Slip.NONE
    return Slip.LATER if moved > 0 else Slip.EARLIER
