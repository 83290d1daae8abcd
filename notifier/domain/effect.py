"""What another policy would do to the emails of one order: a difference of two plans, and which field makes it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from notifier.domain.message import Draft, Kind, Status
from notifier.domain.order import Facts
from notifier.domain.plan import plan
from notifier.domain.policy import Policy

MOVABLE = frozenset({Status.PLANNED, Status.CANCELLED})
"""Planning again changes messages in these states only; one that a person or a suppression holds stays."""


class How(StrEnum):
    """What becomes of a planned email."""

    ADDED = "added"
    CANCELLED = "cancelled"
    MOVED = "moved"
    REWORDED = "reworded"
    """It goes when it would have, but speaks of other lines or of another legal notice."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One email that changes. `before` and `after` are when it is due (UTC), None where it is not planned."""

    how: How
    key: str
    kind: Kind
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True, slots=True)
class Effect:
    """The planned emails of one order under the one policy and the other, by kind, and those that differ."""

    before: tuple[Kind, ...]
    after: tuple[Kind, ...]
    shifts: tuple[Shift, ...]


def effect(facts: Facts, old: Policy, new: Policy, now: datetime) -> Effect:
    """What planning again with `new` in the place of `old` makes of the emails that are still to come."""
    before, after = _planned(facts, old, now), _planned(facts, new, now)
    shifts = sorted(_shifts(before, after), key=lambda it: (it.before or it.after or now, it.key))
    return Effect(
        tuple(draft.kind for draft in before.values()),
        tuple(draft.kind for draft in after.values()),
        tuple(shifts),
    )


def reasons(facts: Facts, old: Policy, new: Policy, shift: Shift, now: datetime) -> tuple[str, ...]:
    """The fields of the policy that bring this shift about: each that does so alone, else all that differ, together."""
    changed = differing(old, new)
    alone = tuple(
        name
        for name in changed
        if any(
            (it.how, it.key) == (shift.how, shift.key)
            for it in effect(facts, old, replace(old, **{name: getattr(new, name)}), now).shifts
        )
    )
    return alone or changed


def differing(old: Policy, new: Policy) -> tuple[str, ...]:
    """The names of the fields in which two policies differ."""
    return tuple(it.name for it in fields(Policy) if getattr(old, it.name) != getattr(new, it.name))


def _planned(facts: Facts, policy: Policy, now: datetime) -> dict[str, Draft]:
    fixed = {message.key for message in facts.messages if message.status not in MOVABLE}
    return {draft.key: draft for draft in plan(facts, policy, now) if draft.key not in fixed}


def _shifts(before: dict[str, Draft], after: dict[str, Draft]) -> Iterator[Shift]:
    for key, draft in before.items():
        new = after.get(key)
        if new is None:
            yield Shift(How.CANCELLED, key, draft.kind, draft.due_at, None)
        elif new.due_at != draft.due_at:
            yield Shift(How.MOVED, key, draft.kind, draft.due_at, new.due_at)
        elif new.says != draft.says:
            yield Shift(How.REWORDED, key, draft.kind, draft.due_at, new.due_at)
    for key, draft in after.items():
        if key not in before:
            yield Shift(How.ADDED, key, draft.kind, None, draft.due_at)
