"""The emails that one order should get, planned from its facts. Nothing is kept: whatever moved, plan again."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count, pairwise
from zoneinfo import ZoneInfo

from notifier.domain.eta import Eta, Slip, slip
from notifier.domain.happened import NEWS_LASTS, OF_WHAT_HAPPENED, added, happened, registered
from notifier.domain.law import standing
from notifier.domain.law.course import day_ends
from notifier.domain.law.standing import DEFINITE, Standing
from notifier.domain.message import (
    CHANGE_OF_DATE,
    IN_WINDOW,
    LOST,
    WAITING_SERIES,
    Draft,
    Kind,
    Message,
    Said,
)
from notifier.domain.order import Facts, Line, baseline, left_at, told
from notifier.domain.payment import payment
from notifier.domain.policy import Policy, at_local, in_window, into_window, local_day
from notifier.domain.waiting import making_room, waiting, with_word, without_word

FIRST_NOTICE_AFTER = timedelta(days=1)
"""When the law wants a notice of a date that the order was registered with: not on the heels of the email that has just
told it, but well within "a reasonable time after first becoming aware" (16 CFR 435.2(b)(1)), and the store may name a
better date meanwhile."""

LAPSE_BEFORE_CLOSE = timedelta(hours=1)
"""How long before the window closes the can't-say notice goes, to leave the day to the carrier's pick-up."""

LAPSE = "lapse"
"""What the keys of notices that go only if nothing ships by a legal deadline start with."""

REMINDS = WAITING_SERIES | {Kind.PAYMENT}
"""What goes because a date comes near or is far off, and tells nothing new of it."""

ENDED_IN_LAW = frozenset({"cancelled", "refunded", "refund_overdue", "terminated"})


@dataclass(frozen=True, slots=True)
class _News:
    """A line whose customer must be told of a moved date, and what to say of it."""

    line: Line
    slip: Slip
    said: Said
    limit: date | None
    """The last day on which saying it still counts in law; None where the law asks for nothing."""


def plan(
    facts: Facts, policy: Policy, now: datetime, known: Mapping[str, Standing] | None = None
) -> tuple[Draft, ...]:
    """Every email that this order should still get, in the order in which they fall due.

    `now` decides only what is too late, and where the law's clocks stand. Emails that may have left the
    house are never wanted again. What a worker sends is checked against this same function just before.
    `known` spares working out where the lines stand now, by line id, a second time.
    """
    if facts.erased:
        return ()
    standings = known or standings_of(facts, policy, now)
    lines = _alive(facts, standings)
    done = _used_up(facts, now)

    def still(drafts: Iterable[Draft]) -> tuple[Draft, ...]:
        return _still(drafts, done, now)

    def spoken(drafts: Iterable[Draft]) -> Iterator[Draft]:
        return (with_word(draft, facts, policy) for draft in drafts)

    welcome = _welcome(facts, policy, lines, done, now)
    welcomed = {line_id for draft in welcome for line_id in draft.says}
    change = still(spoken(_change(facts, policy, lines, standings, done, welcomed)))
    by_calendar = still(
        [
            *spoken(_lapses(facts, policy, lines, standings, change)),
            *_countdowns(facts, policy, lines, standings, change),
        ]
    )
    sure = [line for line in lines if not awaits_answer(line, standings[line.id])]
    reminder = still(waiting(facts, policy, lines, standings, [*welcome, *change, *by_calendar], done, now))
    drafts = still(
        [
            *making_room(by_calendar, reminder, policy),
            *reminder,
            *payment(facts, policy, sure),
            *happened(facts, lines),
        ]
    )
    return tuple(sorted([*welcome, *change, *drafts], key=lambda draft: (draft.due_at, draft.key)))


def _used_up(facts: Facts, now: datetime) -> set[str]:
    """The keys under which nothing can go any more."""
    return {message.key for message in facts.messages if message.is_over(now)}


def _still(drafts: Iterable[Draft], done: Set[str], now: datetime) -> tuple[Draft, ...]:
    """Those that are neither used up nor too late."""
    return tuple(draft for draft in drafts if draft.key not in done and draft.expires_at > now)


def _welcome(
    facts: Facts, policy: Policy, lines: tuple[Line, ...], done: Set[str], now: datetime
) -> tuple[Draft, ...]:
    """The first word on all lines; once that has left, or is too late, on each that was added since."""
    first = _still(registered(facts, policy, lines), done, now)
    return first or _still(added(facts, policy, lines), done, now)


def planned(facts: Facts, policy: Policy, now: datetime, key: str) -> Draft | None:
    """What `plan` wants under that key, if anything: word of what has happened without planning all the rest."""
    if key.partition(":")[0] not in OF_WHAT_HAPPENED:
        return next((draft for draft in plan(facts, policy, now) if draft.key == key), None)
    done = _used_up(facts, now)
    if facts.erased or key in done:
        return None
    lines = _alive(facts, standings_of(facts, policy, now))
    drafts = (*_welcome(facts, policy, lines, done, now), *_still(happened(facts, lines), done, now))
    return next((draft for draft in drafts if draft.key == key), None)


def standings_of(facts: Facts, policy: Policy, now: datetime) -> dict[str, Standing]:
    """Where in law each line stands that waits."""
    return {line.id: standing(facts, line, policy, now) for line in facts.waiting_lines}


def _alive(facts: Facts, standings: Mapping[str, Standing]) -> tuple[Line, ...]:
    return tuple(line for line in facts.waiting_lines if standings[line.id].state not in ENDED_IN_LAW)


def window_for(draft: Draft, facts: Facts, policy: Policy, now: datetime) -> datetime:
    """When an email that is due may leave: now, or when the window opens again if it has closed meanwhile.

    What would be too late by then, like a legal notice, does not wait for it.
    """
    zone, window = facts.customer.zone, policy.send_window
    if draft.kind not in IN_WINDOW or not in_window(draft.due_at, window, zone):
        return now
    opens = into_window(now, window, zone)
    return opens if opens < draft.expires_at else now


# --- a moved date ---------------------------------------------------------------------------------------


def _change(
    facts: Facts,
    policy: Policy,
    lines: tuple[Line, ...],
    standings: Mapping[str, Standing],
    done: Set[str],
    welcomed: Set[str],
) -> Iterator[Draft]:
    """At most one email, for all the lines whose date moved since the customer was last told.

    `done` are the keys that are used up. Of the lines `welcomed` an expectation email is about to tell the date, so
    that only what the law asks for is left.
    """
    news = [
        item
        for line in lines
        for item in [_news(facts, line, standings[line.id], policy, welcomed=line.id in welcomed)]
        if item.slip is not Slip.NONE or _owed(facts, item, standings[line.id])
    ]
    if not news:
        return
    kind = _kind_of_change(news)
    number = next(n for n in count(1) if not {f"{other}:{n}" for other in CHANGE_OF_DATE} & done)
    due = _change_due(facts, policy, news)
    yield Draft(
        key=f"{kind}:{number}",
        kind=kind,
        due_at=due,
        expires_at=_change_expires(facts, due, news),
        says={item.line.id: item.said for item in news},
    )


def _news(facts: Facts, line: Line, where: Standing, policy: Policy, *, welcomed: bool) -> _News:
    moved = Slip.NONE if welcomed else slip_to_tell(facts, line, policy)
    if where.notice:
        further = policy.ask_further and where.notice.kind in DEFINITE
        said = Said(line.eta, where.notice.kind, where.notice.answer_by, further)
        return _News(line, moved, said, where.notice.give_by)
    if where.answer_by and (line.eta.latest is None or line.eta.latest > where.answer_by):
        # Whatever the date is now, without a yes the order ends before it: ask again, with the new date.
        notice = "n2_renewed" if where.state == "renewed" else "n1_long" if line.eta.known else "n1_indef"
        further = where.further and notice in DEFINITE  # the question of the first notice still stands
        return _News(line, moved, Said(line.eta, notice, where.answer_by, further), where.answer_by)
    return _News(line, moved, Said(line.eta), None)


def slip_to_tell(facts: Facts, line: Line, policy: Policy) -> Slip:
    """How the date moved since the customer was told, if that is worth an email."""
    moved = slip(baseline(facts, line), line.eta, policy.of(line.sku).delay_threshold_days)
    if line.set_aside and moved is not Slip.LATER:
        return Slip.NONE  # its goods are here, whenever they were expected; the next word is of its parcel
    if moved is Slip.NONE or line.eta.latest is None:
        return moved
    zone = facts.customer.zone
    settled = line.eta_changed_at + timedelta(minutes=policy.settle_minutes)
    reaches = local_day(into_window(settled, policy.send_window, zone), zone)
    last = told(facts, line)
    if moved is Slip.FOUND and last is not None:
        # The date that stood when we said that nobody can say, and had come by then, is the old one.
        reaches = max(reaches, local_day(left_at(last), zone) + timedelta(days=1))
    # A day that is over before the email could arrive is no news.
    return moved if line.eta.latest >= reaches else Slip.NONE


def _owed(facts: Facts, item: _News, where: Standing) -> bool:
    """Whether the law asks for a notice that has not been tried yet with this very date; where it did not arrive,
    through every mail service that there is."""
    if where.notice is None:
        return False
    left = (m for m in facts.left if not _astray(m, facts))
    tried = [m.status for m in left if without_word(m.says.get(item.line.id)) == item.said]
    return len(tried) < facts.channels and LOST.issuperset(tried)


def _astray(message: Message, facts: Facts) -> bool:
    """Whether it failed at an address that is not the customer's any more."""
    return message.status in LOST and message.to not in {None, facts.customer.email}


def _kind_of_change(news: list[_News]) -> Kind:
    if any(item.said.answer_by for item in news):
        return Kind.CONSENT
    if any(item.slip in {Slip.LATER, Slip.LOST} or item.said.notice for item in news):
        return Kind.DELAY
    return Kind.EARLIER


def _change_due(facts: Facts, policy: Policy, news: list[_News]) -> datetime:
    """Settled and in the window; but a legal notice goes as well as it can before its last day is over."""
    changed, limit = max(item.line.eta_changed_at for item in news), _limit(facts, news)
    settled = changed + timedelta(minutes=policy.settle_minutes)
    if all(item.slip is Slip.NONE and _as_registered(facts, item.line) for item in news):
        settled = max(settled, changed + FIRST_NOTICE_AFTER)
    zone, window = facts.customer.zone, policy.send_window
    wishes = (into_window(settled, window, zone), settled, into_window(changed, window, zone))
    return next((at for at in wishes if limit is None or at < limit), changed)


def _as_registered(facts: Facts, line: Line) -> bool:
    """Whether its date is the one that the order came with, and that its customer knows or is about to be told."""
    last = told(facts, line)
    registered_at = max(facts.registered_at, line.added_at or facts.registered_at)
    return line.eta_changed_at <= registered_at and (last is None or last.says[line.id].eta == line.eta)


def _change_expires(facts: Facts, due: datetime, news: list[_News]) -> datetime:
    """A date is news until its day is over, a legal notice as long as it counts."""
    ends = [
        _day_ends(item.line.eta.latest, facts.customer.zone) if item.line.eta.latest else due + NEWS_LASTS
        for item in news
    ]
    limit = _limit(facts, news)
    return max(ends) if limit is None else min(max(ends), limit)


def _limit(facts: Facts, news: list[_News]) -> datetime | None:
    return min((day_ends(facts, item.limit) for item in news if item.limit), default=None)


# --- by the calendar ------------------------------------------------------------------------------------


def _lapses(
    facts: Facts,
    policy: Policy,
    lines: tuple[Line, ...],
    standings: Mapping[str, Standing],
    change: tuple[Draft, ...],
) -> Iterator[Draft]:
    """The notice on the day that a legal deadline runs out, should nothing have shipped by then."""
    if not policy.auto_notice:
        return
    noticed = {line_id for draft in change for line_id, said in draft.says.items() if said.notice}
    by_day: dict[date, dict[str, Said]] = {}
    for line in lines:
        lapse = standings[line.id].lapse
        if lapse is not None and line.id not in noticed:
            eta = line.eta if lapse.revised == line.eta.latest else Eta(lapse.revised)
            said = Said(eta, lapse.kind, lapse.answer_by)
            by_day.setdefault(lapse.give_by, {})[line.id] = said
    for day, says in by_day.items():
        kind = Kind.CONSENT if any(said.answer_by for said in says.values()) else Kind.DELAY
        end = day_ends(facts, day)
        yield Draft(f"{LAPSE}:{kind}:{day.isoformat()}", kind, _lapse_due(facts, policy, day, end), end, says)


def _lapse_due(facts: Facts, policy: Policy, day: date, end: datetime) -> datetime:
    """Late on the day, but in the window; where the day ends before the window opens, on the day before."""
    window, zone = policy.send_window, facts.customer.zone
    for candidate in (day, day - timedelta(days=1)):
        opens = at_local(candidate, window.start, zone)
        closes = min(at_local(candidate, window.end, zone), end)
        if opens < closes:
            return max(opens, closes - LAPSE_BEFORE_CLOSE)
    return end - LAPSE_BEFORE_CLOSE


def _countdowns(
    facts: Facts,
    policy: Policy,
    lines: tuple[Line, ...],
    standings: Mapping[str, Standing],
    change: tuple[Draft, ...],
) -> Iterator[Draft]:
    """One email a day at most, for all the lines that reach a milestone on it, spaced by the policy's gap."""
    if facts.unsubscribed:
        return
    days: dict[date, dict[str, Said]] = {}
    for line in lines:
        # The date of a line that is set aside was that of its goods, which are here.
        if line.eta.latest is None or line.set_aside or awaits_answer(line, standings[line.id]):
            continue
        quiet = _told_of_date_on(facts, line, change)
        for left in policy.of(line.sku).countdown_days:
            day = line.eta.latest - timedelta(days=left)
            if day > quiet:
                days.setdefault(day, {})[line.id] = Said(line.eta)
    zone, gap = facts.customer.zone, timedelta(hours=policy.min_gap_hours)
    # That the order is on schedule must not arrive beside word that a part of it is not.
    moves = [left_at(m) for m in facts.left if m.kind in CHANGE_OF_DATE]
    news = {local_day(at, zone) for at in (*moves, *(draft.due_at for draft in change))}
    gone = [m for m in facts.left if m.kind in WAITING_SERIES]
    last = max((left_at(message) for message in gone), default=None)
    keys = {message.key for message in gone}
    for day, following in pairwise([*sorted(days), date.max]):
        if day in news:
            continue
        due = at_local(day, policy.send_window.start, zone)
        closes = at_local(day, policy.send_window.end, zone)
        if last is not None:
            due = max(due, last + gap)
        key = f"{Kind.COUNTDOWN}:{day.isoformat()}"
        # A day that the zone skips has no hours: its window would fall on the next.
        if key not in keys and due < closes and local_day(due, zone) == day:
            last = due
            slot = _last_day(day, following, days[day], policy)
            yield Draft(key, Kind.COUNTDOWN, due, at_local(slot, policy.send_window.end, zone), days[day])


def _last_day(day: date, following: date, says: Mapping[str, Said], policy: Policy) -> date:
    """Until when a countdown may go that another order of its customer kept from its day: it counts the days anew.

    There is room for two more orders, but not into the `following` milestone, nor past the day that it tells.
    """
    last = day + 2 * timedelta(days=1 + policy.min_gap_hours // 24)
    told = min(said.eta.latest for said in says.values() if said.eta.latest)
    return min(last, following - timedelta(days=1), told)


def awaits_answer(line: Line, where: Standing) -> bool:
    """Whether the order ends before its date unless the customer says yes: no time to count down to it."""
    answer_by = where.answer_by or (where.notice.answer_by if where.notice else None)
    return answer_by is not None and line.eta.latest is not None and line.eta.latest > answer_by


def _told_of_date_on(facts: Facts, line: Line, change: tuple[Draft, ...]) -> date:
    """The local day on which the customer learns of the line's present date: a countdown that day says nothing new."""
    zone = facts.customer.zone
    for draft in change:
        if line.id in draft.says:
            return local_day(draft.due_at, zone)
    spoken = (m for m in facts.left if m.kind not in REMINDS and line.id in m.says)
    last = max((left_at(message) for message in spoken), default=None)
    return local_day(last or max(facts.registered_at, line.eta_changed_at), zone)


def _day_ends(day: date, zone: ZoneInfo) -> datetime:
    return at_local(day + timedelta(days=1), time(0), zone)
