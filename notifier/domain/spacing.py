"""How far apart one customer's emails of the waiting series go, over all their orders at a store."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from notifier.domain.policy import Policy

WEEK = timedelta(days=7)


def free_at(own: Iterable[datetime], others: Iterable[datetime], policy: Policy) -> datetime | None:
    """From when on another email of the waiting series may go to whom these went to; None: at any time.

    `own` are of the same order, which its milestones keep within bounds: the cap of a week is for who has several.
    """
    others = list(others)
    past = sorted([*own, *others])
    if not past:
        return None
    after_gap, most = past[-1] + timedelta(hours=policy.min_gap_hours), policy.max_per_week
    full = len(past) >= most and any(at >= past[-most] for at in others)
    return max(after_gap, past[-most] + WEEK) if full else after_gap


def horizon(policies: Iterable[Policy]) -> timedelta:
    """How far back an email still has a bearing on the next."""
    return max([WEEK, *(timedelta(hours=policy.min_gap_hours) for policy in policies)])
