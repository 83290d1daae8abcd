"""What the dates of the past were worth: how often and how far they slipped, and what that says of the next one.

**What counts as one observation.** A thousand orders of one SKU that share a date and a container are one date that was
kept or missed, not a thousand. Dates that follow from one another by moving belong to the one that was named first,
their *origin*; an origin is late by as many days as the median unit of it shipped after it. Origins that shipped on one
day may have come in one container, so as many observations count as there are origins or days of shipping, whichever
are fewer.

**The estimator.** Of n past latenesses the k-th smallest, k = ⌈p(n + 1)⌉: the next one, if it comes from the same
source as those, lies at or below it with a probability of at least p, whatever their distribution (S. S. Wilks,
"Determination of Sample Sizes for Setting Tolerance Limits", Annals of Mathematical Statistics 12, 1941; W. Q. Meeker,
G. J. Hahn and L. A. Escobar, "Statistical Intervals", 2nd ed. 2017, section 5.3). No mean, so that one date that was a
year late moves nothing but the tail; no P80 from fewer than four, where there is no such k. We ask for five.

What it does not know: units that never shipped are not counted, so that it flatters a store whose latest orders are
cancelled. What was late on purpose is not told apart.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from notifier.domain.eta import Eta

MIN_OBSERVATIONS = 5
"""From fewer past dates nothing is said."""

REMEMBERED = 30
"""How many origins count, the last: a maker that has mended its ways is not reproached for ever."""

LIKELY, SAFE = 0.5, 0.8
"""The suggested range: by its first day half of such dates had shipped, by its last four in five."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """So many units for which `named` was the first date shipped on that day, both of the store's calendar."""

    named: date
    on: date
    units: int = 1


@dataclass(frozen=True, slots=True)
class Moved:
    """A date became another one, at that time; None when nobody could say any more. `lines` had it."""

    named: date
    became: date | None
    at: datetime
    lines: int = 1

    @property
    def days(self) -> int | None:
        """How far, in days; less than 0 for good news, None for a date that was lost."""
        return (self.became - self.named).days if self.became else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one origin: the day on which its median unit shipped, and how many there were."""

    origin: date
    shipped: date
    units: int

    @property
    def late(self) -> int:
        """Days after the origin; less than 0 when it shipped early."""
        return (self.shipped - self.origin).days


@dataclass(frozen=True, slots=True)
class Outlook:
    """What to expect of the next date: of the last `dates`, which are worth `observations`, `late` were missed; half
    shipped at most `likely` days after, four in five at most `safe`. `since` is the first origin that counts."""

    observations: int
    dates: int
    late: int
    likely: int
    safe: int
    since: date

    @property
    def contradicts(self) -> bool:
        """Whether more than half of such dates were missed."""
        return self.likely > 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A range that the history of the SKU makes likelier than the date entered, with its evidence."""

    eta: Eta
    outlook: Outlook
    origin: date
    """The date that it is reckoned from: the one entered, or the one that it was moved from."""


def origins(moves: Iterable[Moved]) -> dict[date, date]:
    """By date that another one was moved to, the date that was named first."""
    found: dict[date, date] = {}
    for move in sorted(moves, key=lambda move: (move.at, move.named)):
        root = found.get(move.named, move.named)
        if move.became is not None and move.became != root:
            found.setdefault(move.became, root)
    return found


def outcomes(shipped: Iterable[Shipped], moves: Iterable[Moved]) -> tuple[Outcome, ...]:
    """One for each origin of which anything shipped, the earliest origin first."""
    first = origins(moves)
    days: defaultdict[date, dict[date, int]] = defaultdict(dict)
    for it in shipped:
        of_origin = days[first.get(it.named, it.named)]
        of_origin[it.on] = of_origin.get(it.on, 0) + it.units
    return tuple(
        Outcome(origin, _median(units), sum(units.values())) for origin, units in sorted(days.items())
    )


def _median(units: Mapping[date, int]) -> date:
    """The day on which the middle unit shipped; of two middle ones the earlier."""
    half, seen = sum(units.values()) / 2, 0
    for day in sorted(units):
        seen += units[day]
        if seen >= half:
            return day
    raise ValueError("there is no median of nothing")


def outlook(past: Sequence[Outcome]) -> Outlook | None:
    """What these outcomes, sorted by origin, say of the next date; None from too few of them."""
    last = past[-REMEMBERED:]
    observations = min(len(last), len({it.shipped for it in last}))
    if observations < MIN_OBSERVATIONS:
        return None
    lateness = sorted(it.late for it in last)
    return Outlook(
        observations=observations,
        dates=len(last),
        late=sum(days > 0 for days in lateness),
        likely=quantile(lateness, LIKELY),
        safe=quantile(lateness, SAFE),
        since=last[0].origin,
    )


def quantile(lateness: Sequence[int], p: float) -> int:
    """The least of these sorted values that the next one exceeds with a probability of at most 1 - p.

    Raises ValueError where there are too few to say so.
    """
    rank = math.ceil(p * (len(lateness) + 1) - 1e-9)
    if not 1 <= rank <= len(lateness):
        raise ValueError(f"{len(lateness)} observations can't tell a quantile of {p}")
    return lateness[rank - 1]


def suggest(entered: Eta, known: Outlook | None, origin: date | None, today: date) -> Suggestion | None:
    """A range to say instead of the date entered, if history contradicts that; never one that begins before today.

    `origin` is the date that the entered one was moved from, None when it stands for itself: what was added to it since
    is not asked for twice. Advice only: whoever entered the date may know better.
    """
    if known is None or not known.contradicts or entered.latest is None:
        return None
    start = min(origin or entered.latest, entered.latest)
    likely = max(start + timedelta(days=known.likely), today)
    if entered.latest >= likely:
        return None
    safe = max(start + timedelta(days=known.safe), likely)
    return Suggestion(Eta(safe, likely), known, start)
