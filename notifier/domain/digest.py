"""When a store's daily list of duties is due."""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def due_day(now: datetime, timezone: str, hour: int) -> date | None:
    """The store's local day whose list should have left by `now`; None before that hour of the day.

    An hour that the spring change skips is the next one; one that the autumn change repeats counts from its first.
    """
    local = now.astimezone(ZoneInfo(timezone))
    return local.date() if local.hour >= hour else None
