"""What the law asks of a store, and by when. Nothing of it is stored but the days, so that lists are fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from notifier.domain.law.course import day_ends
from notifier.domain.law.standing import Standing
from notifier.domain.order import Facts, Line
from notifier.domain.policy import CARRY_OUT, Policy

SHOWN_BEFORE = timedelta(days=2)
"""How long before its promised day a line that merely has not shipped yet is on the list: say so, or ship."""


class Task(StrEnum):
    """Kinds of duty; the values are part of the public surface, in the order in which they arise."""

    NOTICE = "notice"
    """Tell the customer of the delay, with the choice that the law wants, or ship."""
    ANSWER = "answer"
    """Have the customer's yes, or ship; else the law cancels."""
    CANCEL = "cancel"
    """The law has cancelled: take the units off the order, and say so."""
    REFUND = "refund"
    """Send the money back."""


@dataclass(frozen=True, slots=True)
class Dues:
    """The last days of a line's duties, None where there is none; `lapse_by` is that of a notice which falls due
    only if nothing ships until then."""

    notice_by: date | None = None
    lapse_by: date | None = None
    answer_by: date | None = None
    cancel_by: date | None = None
    refund_by: date | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """What must be done for one line by the end of day `due`, which is the instant `ends_at`."""

    line: Line
    task: Task
    due: date
    ends_at: datetime

    def is_overdue(self, now: datetime) -> bool:
        return now >= self.ends_at


def dues(where: Standing) -> Dues:
    """Which days the duties of a line that stands so have."""
    return Dues(
        notice_by=where.notice.give_by if where.notice else None,
        lapse_by=where.lapse.give_by if where.lapse and not where.notice else None,
        answer_by=where.answer_by,
        cancel_by=where.cancel_by,
        refund_by=where.refund_by,
    )


def duties(facts: Facts, wheres: Mapping[str, Standing], now: datetime) -> list[Duty]:
    """Every duty of the order's lines, the nearest first. `wheres` are where they stand at `now`, by line id."""
    found = []
    for line in facts.lines:
        asked = dues(wheres[line.id])
        lapse_by = asked.lapse_by if asked.lapse_by and asked.lapse_by <= shown_until(now) else None
        days = {
            Task.NOTICE: asked.notice_by or lapse_by,
            Task.ANSWER: asked.answer_by,
            Task.CANCEL: asked.cancel_by,
            Task.REFUND: asked.refund_by,
        }
        found += [Duty(line, task, due, day_ends(facts, due)) for task, due in days.items() if due]
    return sorted(found, key=lambda it: (it.due, it.line.id, list(Task).index(it.task)))


def carries_out(facts: Facts, policy: Policy, wheres: Mapping[str, Standing]) -> bool:
    """Whether the store wants what the law has cancelled taken off its orders, and something of this one is."""
    ended = (line.waiting and wheres[line.id].cancel_by for line in facts.lines)
    return policy.deemed_cancellation == CARRY_OUT and any(ended)


def next_look(facts: Facts, policy: Policy, wheres: Mapping[str, Standing], now: datetime) -> datetime | None:
    """When the order must be planned again though nothing happens: at once where the law's cancellation is to be
    carried out, else when the next clock runs out; None where none runs."""
    if carries_out(facts, policy, wheres):
        return now
    return min((where.changes_at for where in wheres.values() if where.changes_at), default=None)


def shown_until(now: datetime) -> date:
    """The last promised day that is near enough for its line to be on the list. `now` is aware, in UTC."""
    return now.date() + SHOWN_BEFORE
