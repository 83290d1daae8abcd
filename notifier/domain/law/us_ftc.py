"""The FTC's Mail, Internet, or Telephone Order Merchandise Rule, 16 CFR part 435, for one line of an order.

In the rule's words: `T` is the time promised at checkout, else thirty days after the order, fifty where the buyer
applied to the seller for credit (435.2(a)(1)); `X` is T + 30 days, beyond which silence is never consent
(435.2(b)(1)); `R` is the definite revised date of a notice; `E` is the store's present estimate. Days are calendar
days, the last one included, and end where they end first, with the customer or with the store: the rule names no
zone.

An engineering reading, not legal advice.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from notifier.domain.law.course import (
    DAYS_WITHOUT_PROMISE,
    Vesting,
    after_cancelling,
    answers,
    course,
    day_ends,
    due_day,
    given,
)
from notifier.domain.law.money import unpaid_since
from notifier.domain.law.standing import Notice, Standing
from notifier.domain.message import Said, Status
from notifier.domain.order import Answer, Choice, Facts, Line

DAYS_WITH_CREDIT = timedelta(days=50)
"""Where checkout named no date and the buyer applied to the seller for credit: 435.2(a)(1)."""

SILENCE_LIMIT = timedelta(days=30)
"""How far past T a first delay may reach before silence stops being consent (435.2(b)(1)(ii), (iii))."""

PARCEL_LEAVES = timedelta(days=7)
"""Within how long after its last day a line ships whose goods are all at hand, if it has not."""

REFUND_WORKING_DAYS = 7
"""435.1(b), "prompt refund"."""

BILLING_CYCLE = timedelta(days=28)
"""435.1(b): one billing cycle, where the seller is the creditor. How long one is nobody says; no month is shorter."""

ASKED = frozenset({"need_consent", "renewed"})
"""Where only an express yes, or shipment, keeps the order alive."""

IN_FLIGHT = frozenset({Status.SENDING, Status.UNKNOWN})
"""Not given yet, as far as is known; to demand it again would give it twice."""

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6


@dataclass(frozen=True, slots=True)
class Clock:
    """Where an unshipped line stands between two events.

    At the end of day `by` the order is cancelled, unless something happens before; None: no clock runs.
    `knows` is the date that the customer last had from checkout or a notice, None for "cannot say": an
    estimate past it calls for a notice. `further`: the last notice also asked for consent to further delay.
    """

    state: str
    by: date | None
    knows: date | None
    further: bool = False


def standing(facts: Facts, line: Line, now: datetime) -> Standing:
    """Where the line stands in this rule at `now` (aware), by replaying what happened to it until then.

    `cancelled` is a duty, not a deed: quantities stay as they are until the store acts, and until then `cancel_by`
    says since when. A line that shipped although its order had been cancelled by law keeps its `refund_by`, as does
    one of which some units were cancelled, until a refund is sent.
    """
    units = course(facts, line, now)
    until = units.closed_at or now
    clock = _replay(facts, line, until)
    lapsed = _lapsed(facts, line, clock, until)
    vested = _vested(units.vested, lapsed)
    owed_since = unpaid_since(facts, line, vested, lambda other: rights(facts, other, now), now)
    refund_by = _refund_by(facts, owed_since) if owed_since else None
    if units.shipped:
        return Standing("shipped", refund_by=refund_by)
    if lapsed or units.closed_at:
        cancel_by = _to_cancel(facts, line, lapsed, now) if lapsed and not units.closed_at else None
        return after_cancelling(facts, refund_by, now, "cancelled", cancel_by)
    limit = _due(facts, line) + SILENCE_LIMIT
    # Of goods that are set aside nobody has to say that they can't be had.
    unknown = line.set_aside and not line.eta.known
    notice = None if unknown else _demanded(clock, line.eta.latest, limit)
    return Standing(
        clock.state,
        ship_by=clock.by,
        notice=None if notice and _in_flight(facts, line, notice) else notice,
        lapse=None if clock.state in ASKED else notice or _demanded(clock, _at_worst(line, clock), limit),
        answer_by=clock.by if clock.state in ASKED else None,
        refund_by=refund_by,
        changes_at=day_ends(facts, clock.by) if clock.by else None,
        further=clock.further,
    )


def rights(facts: Facts, line: Line, now: datetime) -> tuple[Vesting, ...]:
    """Every right to a refund that arose by then: what somebody cancelled, and what the law did."""
    units = course(facts, line, now)
    until = units.closed_at or now
    return _vested(units.vested, _lapsed(facts, line, _replay(facts, line, until), until))


def _to_cancel(facts: Facts, line: Line, lapsed: Vesting, now: datetime) -> date | None:
    """Since when the store has to take the line off the order; None once a person has called that done."""
    done = (it.duty == "cancel" and it.line_id == line.id and lapsed.at <= it.at <= now for it in facts.done)
    return None if any(done) else lapsed.day


def _vested(cancelled: tuple[Vesting, ...], lapsed: Vesting | None) -> tuple[Vesting, ...]:
    return (*(right for right in cancelled if right.at < lapsed.at), lapsed) if lapsed else cancelled


def _due(facts: Facts, line: Line) -> date:
    """T."""
    return due_day(facts, line, DAYS_WITH_CREDIT if facts.seller_credit else DAYS_WITHOUT_PROMISE)


def _refund_by(facts: Facts, since: date) -> date:
    return since + BILLING_CYCLE if facts.seller_credit else working_days_after(since, REFUND_WORKING_DAYS)


def _replay(facts: Facts, line: Line, until: datetime) -> Clock:
    """The clock after every notice and consent, as long as it had not run out."""
    due = _due(facts, line)
    clock = Clock("on_time", by=due, knows=due)
    for at, turn in _turns(facts, line):
        if at > until or (clock.by is not None and day_ends(facts, clock.by) <= at):
            break
        limit = due + SILENCE_LIMIT
        clock = _noticed(clock, turn, limit) if isinstance(turn, Said) else _agreed(clock, turn)
    return clock


def _turns(facts: Facts, line: Line) -> list[tuple[datetime, Said | Answer]]:
    """Notices given, and consents, in time order; at one instant the notice comes first."""
    notices = [(at, said) for at, said in given(facts, line) if said.notice]
    consents = sorted(answers(facts, line, Choice.KEEP), key=lambda answer: (answer.at, answer.further))
    return sorted([*notices, *((answer.at, answer) for answer in consents)], key=lambda turn: turn[0])


def _lapsed(facts: Facts, line: Line, clock: Clock, until: datetime) -> Vesting | None:
    """Cancelled because the clock ran out by then: no valid notice by T (435.2(c)(5)), no consent and no
    shipment by X ((c)(2)), or by the revised date ((c)(3)). The refund is due from the next day."""
    if clock.by is None:
        return None
    ends = day_ends(facts, clock.by)
    if ends > until:
        return None
    return Vesting(ends, clock.by + timedelta(days=1), course(facts, line, ends).left)


def _noticed(clock: Clock, notice: Said, limit: date) -> Clock:
    """A notice was given while the clock ran; one that tells no worse date changes nothing."""
    revised = notice.eta.latest
    if not _is_past(revised, clock.knows):
        return clock
    if clock.state != "on_time":
        # 435.2(b)(2): from the second notice on, silence is rejection, and the old date stays the limit.
        return Clock("renewed", by=clock.by, knows=revised)
    if notice.notice == "n1_short" and revised is not None and revised <= limit:
        # 435.2(b)(1)(ii): silence agrees to a definite delay of at most thirty days.
        return Clock("silence_ok", by=revised, knows=revised, further=notice.further)
    # 435.2(b)(1)(iii): a longer or indefinite delay needs a yes by X, or by the day that the notice named.
    by = min(limit, notice.answer_by or limit)
    return Clock("need_consent", by=by, knows=revised, further=notice.further)


def _agreed(clock: Clock, answer: Answer) -> Clock:
    """The customer chose to keep waiting; it is consent only to what was asked."""
    if clock.further and answer.further:
        # 435.2(b)(1)(iv): consent, asked in the first notice, to any further delay, to be taken back at any time.
        return Clock("indefinite", by=None, knows=None)
    if clock.state not in ASKED:
        return clock
    state = "consented" if clock.knows else "indefinite"
    return Clock(state, by=clock.knows, knows=clock.knows, further=clock.further)


def _demanded(clock: Clock, estimate: date | None, limit: date) -> Notice | None:
    """The notice that an estimate (None: nobody can say) past what the customer knows calls for."""
    by = clock.by
    if by is None or not _is_past(estimate, clock.knows):
        return None
    if clock.state != "on_time":
        return Notice("n2_renewed", estimate, answer_by=by, give_by=by)
    if estimate is None:
        return Notice("n1_indef", None, answer_by=limit, give_by=by)
    if estimate > limit:
        return Notice("n1_long", estimate, answer_by=limit, give_by=by)
    return Notice("n1_short", estimate, answer_by=None, give_by=by)


def _at_worst(line: Line, clock: Clock) -> date | None:
    """What can be said of a line that has not shipped on the last day: nothing, unless its goods are at hand.

    For those a definite date may be named, as there is a reasonable basis for it (435.2(a)(1), (b)(1)(i)).
    """
    return clock.by + PARCEL_LEAVES if line.set_aside and clock.by else None


def _is_past(estimate: date | None, known: date | None) -> bool:
    """Whether an estimate is worse news than what is known; None, "cannot say", is the worst."""
    return known is not None and (estimate is None or estimate > known)


def _in_flight(facts: Facts, line: Line, notice: Notice) -> bool:
    return any(
        message.status in IN_FLIGHT
        and (said := message.says.get(line.id)) is not None
        and (said.notice, said.eta.latest) == (notice.kind, notice.revised)
        for message in facts.messages
    )


def working_days_after(day: date, count: int) -> date:
    """The last of `count` working days, Monday to Friday less federal holidays, counted from the next day."""
    while count:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY and day not in federal_holidays(day.year):
            count -= 1
    return day


@lru_cache
def federal_holidays(year: int) -> frozenset[date]:
    """The days in that year on which federal offices close (5 U.S.C. 6103), holidays as observed.

    A holiday on a Saturday is observed on the Friday before, one on a Sunday on the Monday after; so New
    Year's Day may be observed on 31 December.
    """
    fixed = [date(year, 6, 19), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)]
    new_years = [date(year, 1, 1), date(year + 1, 1, 1)]
    floating = [
        _nth_weekday(year, 1, MONDAY, 3),  # Martin Luther King Jr.
        _nth_weekday(year, 2, MONDAY, 3),  # Washington
        _nth_weekday(year, 6, MONDAY, 1) - timedelta(days=7),  # Memorial Day: the last Monday of May
        _nth_weekday(year, 9, MONDAY, 1),  # Labor Day
        _nth_weekday(year, 10, MONDAY, 2),  # Columbus
        _nth_weekday(year, 11, THURSDAY, 4),  # Thanksgiving
    ]
    observed = (_observed(day) for day in (*fixed, *new_years, *floating))
    return frozenset(day for day in observed if day.year == year)


def _observed(day: date) -> date:
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
