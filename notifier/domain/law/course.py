"""What every jurisdiction reads first: the days of an order, the fate of a line's units, and when the duty is over."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.domain.law.standing import Standing
from notifier.domain.message import Said, Status
from notifier.domain.order import Answer, Choice, Facts, Line
from notifier.domain.policy import at_local, local_day

DAYS_WITHOUT_PROMISE = timedelta(days=30)
"""Where checkout named no date: 16 CFR 435.2(a)(1)(ii); Directive 2011/83/EU, Art. 18(1)."""

GIVEN = frozenset({Status.SENT, Status.DELIVERED, Status.COMPLAINED})
"""What counts as told: an email that the mail service did not take, or that came back, told nobody.

A complaint about an email is proof that it arrived.
"""


@dataclass(frozen=True, slots=True)
class Vesting:
    """The right to a refund of so many units arises at the instant `at`; the days to pay it count from `day`."""

    at: datetime
    day: date
    units: int


@dataclass(frozen=True, slots=True)
class Course:
    """What the carrier, the store and the customer did with the units of one line, up to an instant.

    `shipped` when a shipment left nothing waiting. `closed_at` is when nothing was left for the law's clock
    to run on, and `closed_by` says through whom: `carrier`, `customer`, `store` or `law`; None and empty while
    units wait. `vested` are the cancellations up to then; `left` the units that still wait. Goods that ship after a
    cancellation are shipped, though the line had closed before: the money is still owed.
    """

    left: int
    shipped: bool = False
    closed_at: datetime | None = None
    closed_by: str = ""
    vested: tuple[Vesting, ...] = ()


def course(facts: Facts, line: Line, now: datetime) -> Course:
    """Replay the line's shipments and cancellations; a cancel among the answers takes all that waits.

    The facts count, not the line's counters, and those after `now` have not happened. What falls on one
    instant counts in favour of the customer: a cancellation comes before a shipment.
    """
    waiting, closed_at, closed_by = line.quantity, None, ""
    vested: list[Vesting] = []
    for at, by, units in _moves(facts, line, now):
        if by != "carrier" and closed_at is None:
            gone = waiting if units is None else min(units, waiting)
            vested.append(Vesting(at, day_of(facts, at), gone))
        waiting -= units or 0
        if closed_at is None and (units is None or waiting <= 0):
            closed_at, closed_by = at, by
        if waiting <= 0 and by == "carrier":
            return Course(0, True, closed_at, closed_by, tuple(vested))
    return Course(0 if closed_at else waiting, False, closed_at, closed_by, tuple(vested))


def _moves(facts: Facts, line: Line, now: datetime) -> list[tuple[datetime, str, int | None]]:
    """(when, by whom, units), in order; units None is a cancel of all that waits."""

    def moves() -> Iterator[tuple[datetime, str, int | None]]:
        for answer in answers(facts, line, Choice.CANCEL):
            yield answer.at, "customer", None
        for cancellation in facts.cancellations:
            yield cancellation.at, cancellation.by, cancellation.units.get(line.id, 0)
        for shipment in facts.shipments:
            yield shipment.at, "carrier", shipment.units.get(line.id, 0)

    past = [move for move in moves() if move[0] <= now and move[2] != 0]
    return sorted(past, key=lambda move: (move[0], move[1] == "carrier", move[1]))


def answers(facts: Facts, line: Line, choice: Choice) -> list[Answer]:
    """Where the customer chose so for this line, or for the whole order."""
    return [a for a in facts.answers if a.choice is choice and (not a.line_ids or line.id in a.line_ids)]


def given(facts: Facts, line: Line) -> list[tuple[datetime, Said]]:
    """What each email that reached the customer said of this line, and when it left, in time order."""
    told = [
        (message.sent_at, message.key, message.says[line.id])
        for message in facts.messages
        if message.status in GIVEN and message.sent_at and line.id in message.says
    ]
    return [(at, said) for at, _, said in sorted(told, key=lambda mail: mail[:2])]


def due_day(facts: Facts, line: Line, without_promise: timedelta = DAYS_WITHOUT_PROMISE) -> date:
    """The day promised at checkout, else so many days after the order was placed, or the line added to it."""
    return line.promised or day_of(facts, facts.ordered_at(line)) + without_promise


def day_of(facts: Facts, at: datetime) -> date:
    """The local day of an instant, the customer's or the store's: no law says which, so the earlier one."""
    return min(local_day(at, zone) for zone in _zones(facts))


def day_ends(facts: Facts, day: date) -> datetime:
    """The first instant after that day where it ends first, with the customer or with the store. In UTC."""
    return min(at_local(day + timedelta(days=1), time(0), zone) for zone in _zones(facts))


def _zones(facts: Facts) -> tuple[ZoneInfo, ZoneInfo]:
    return facts.customer.zone, ZoneInfo(facts.store_timezone)


def after_cancelling(
    facts: Facts, refund_by: date | None, now: datetime, state: str, cancel_by: date | None = None
) -> Standing:
    """The standing of units that will not ship: `state` until the refund is sent, or is overdue.

    Where nothing was charged there is nothing to send, and `state` stays.
    """
    if refund_by is None:
        return Standing(state if facts.paid == 0 else "refunded", cancel_by=cancel_by)
    overdue_at = day_ends(facts, refund_by)
    if now >= overdue_at:
        return Standing("refund_overdue", refund_by=refund_by, cancel_by=cancel_by)
    return Standing(state, refund_by=refund_by, cancel_by=cancel_by, changes_at=overdue_at)
