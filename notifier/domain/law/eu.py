"""Late delivery in the EU, the EEA and the UK, for one line of an order.

Directive 2011/83/EU, Art. 18; in the UK Consumer Rights Act 2015, s. 28. When the day has passed, the
consumer may grant an additional period; when that has passed too, end the contract. Silence never agrees and
never cancels, and no notice is demanded. The laws speak of delivery; shipment is what we know of, so their
days are read as the last ones to ship. A trader who refuses has cancelled. An engineering reading, not legal advice.
"""

from datetime import date, datetime, timedelta

from notifier.domain.law.course import Vesting, after_cancelling, answers, course, day_ends, due_day, given
from notifier.domain.law.money import unpaid_since
from notifier.domain.law.standing import Standing
from notifier.domain.order import Choice, Facts, Line

REFUND_DAYS = timedelta(days=14)
"""Art. 13(1), withdrawal. Art. 18(3) says "without undue delay", for which this is the outer limit."""


def standing(facts: Facts, line: Line, now: datetime) -> Standing:
    """Where the line stands at `now` (aware): a cancel of the customer's ends it in any state."""
    units = course(facts, line, now)
    owed_since = unpaid_since(facts, line, units.vested, lambda other: rights(facts, other, now), now)
    refund_by = owed_since + REFUND_DAYS if owed_since else None
    if units.shipped:
        return Standing("shipped", refund_by=refund_by)
    if units.closed_at is None:
        state, ship_by = _state(facts, line, now)
        changes_at = day_ends(facts, ship_by) if ship_by else None
        return Standing(state, ship_by=ship_by, refund_by=refund_by, changes_at=changes_at)
    missed_twice = _state(facts, line, units.closed_at)[0] == "terminable"
    ended = "terminated" if missed_twice and units.closed_by == "customer" else "cancelled"
    return after_cancelling(facts, refund_by, now, ended)


def rights(facts: Facts, line: Line, now: datetime) -> tuple[Vesting, ...]:
    """Every right to a refund that arose by then: only what somebody cancelled, for silence never cancels here."""
    return course(facts, line, now).vested


def _state(facts: Facts, line: Line, at: datetime) -> tuple[str, date | None]:
    """The state of what has not shipped, and the day that its clock runs to, if any."""
    due = due_day(facts, line)
    if at < day_ends(facts, due):
        return "on_time", due
    extra = _additional_period(facts, line, day_ends(facts, due), at)
    if extra is None:
        # Art. 18(2), second subparagraph: where the day was essential, no additional period needs to be granted.
        return "terminable" if line.essential_date else "late", None
    return ("late", extra) if at < day_ends(facts, extra) else ("terminable", None)


def _additional_period(facts: Facts, line: Line, late_from: datetime, until: datetime) -> date | None:
    """The last day of the period that the customer last granted: the day that they named, else the date they knew.

    A "keep waiting" said before the line was late, or with no day ahead, grants none (Art. 18(2): the consumer
    calls upon the trader who has failed to deliver in time).
    """
    for answer in sorted(answers(facts, line, Choice.KEEP), key=lambda it: it.at, reverse=True):
        at = answer.at
        day = answer.extra_until or _told_day(facts, line, at)
        if late_from <= at <= until and day is not None and at < day_ends(facts, day):
            return day
    return None


def _told_day(facts: Facts, line: Line, at: datetime) -> date | None:
    """The ship date in the last email about this line that had reached the customer by then."""
    told = [said.eta.latest for sent_at, said in given(facts, line) if sent_at <= at]
    return told[-1] if told else None
