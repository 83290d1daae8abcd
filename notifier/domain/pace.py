"""How fast an account of a mail service may be used: the arithmetic of a token bucket."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SKEW = timedelta(minutes=2)
"""By how much the clocks of two workers may differ; a bucket further in the future was filled by a wrong clock."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_second` messages in the long run, and after a rest up to `burst` at once."""

    per_second: float
    burst: int

    def refilled(self, tokens: float | None, since: datetime | None, now: datetime) -> tuple[float, datetime]:
        """What `tokens`, counted at `since`, have grown to by `now`, and the time to count from next.

        A bucket never counted is full. The time never runs backwards, or workers whose clocks differ would fill the
        bucket twice over.
        """
        if tokens is None or since is None:
            return float(self.burst), now
        if now < since - SKEW:
            return tokens, now
        grown = max(0.0, (now - since).total_seconds()) * self.per_second
        return min(float(self.burst), tokens + grown), max(since, now)
