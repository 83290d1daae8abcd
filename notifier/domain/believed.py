"""What a shop's product page may say of goods that are waited for: by when an order placed now would ship."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.hindsight import Outlook, suggest

ASKED = 5
"""Of how many orders, the newest, the estimate is looked at."""


class Supply(StrEnum):
    """What is known of a SKU's supply."""

    BACKORDER = "backorder"
    """It is waited for, and there is a date."""
    UNKNOWN = "unknown"
    """It is waited for, and nobody can say."""
    NONE = "none"
    """Nobody waits for it: whether the shop has it is not known here."""


@dataclass(frozen=True, slots=True)
class Belief:
    """When an order placed now would ship; `eta` is unknown unless `supply` is BACKORDER, and never before today."""

    supply: Supply
    eta: Eta = UNKNOWN


def newest(estimates: Sequence[Eta]) -> Eta | None:
    """What most of these estimates say, the newest order's first; of two as frequent, the newer. None for none.

    Not simply the newest: one order whose date was corrected by hand does not speak for the next.
    """
    counts = Counter(estimates)
    return max(estimates, key=lambda eta: counts[eta], default=None)


def believed(
    stated: Eta | None, today: date, known: Outlook | None = None, origin: date | None = None
) -> Belief:
    """What to say to who orders today, where the store states this estimate, None where nobody waits.

    With `known`, what history says, the range is the likelier one where that contradicts the store (`suggest`).
    A date that has passed is no date: nobody can say.
    """
    if stated is None:
        return Belief(Supply.NONE)
    suggestion = suggest(stated, known, origin, today)
    eta = suggestion.eta if suggestion else stated
    if eta.latest is None or eta.latest < today:
        return Belief(Supply.UNKNOWN)
    if eta.earliest is not None and eta.earliest <= today:
        eta = Eta(eta.latest)
    return Belief(Supply.BACKORDER, eta)
