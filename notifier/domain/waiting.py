"""The email that says that an order is not forgotten: the next one only, as each that leaves moves the one after it.

Also the word that was given: whoever was told that nobody knows a date was told by when they hear again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import count

from notifier.domain.eta import UNKNOWN
from notifier.domain.law.standing import Standing
from notifier.domain.message import TELLS_DATES, Draft, Kind, Said
from notifier.domain.order import Facts, Line, left_at
from notifier.domain.policy import Policy, at_local, into_window, local_day

DAY = timedelta(days=1)

SPEAKS_OF_DATES = TELLS_DATES | {Kind.WAITING}

AHEAD = DAY
"""How long before the last day of a word it is kept, so that spacing can't make it late."""

WORD_LASTS = timedelta(days=14)
"""How long word that comes late is still better than none."""


def with_word(draft: Draft, facts: Facts, policy: Policy) -> Draft:
    """The same, and of each date that nobody knows by when the customer hears again.

    Nothing is promised to who wants no reminders, for that is what would keep it.
    """
    if facts.unsubscribed or all(said.eta.known for said in draft.says.values()):
        return draft
    by = local_day(draft.due_at, facts.customer.zone) + timedelta(days=policy.next_word_days)
    says = {id_: said if said.eta.known else replace(said, next_word=by) for id_, said in draft.says.items()}
    return replace(draft, says=says)


def without_word(said: Said | None) -> Said | None:
    """What it says of the line itself."""
    return replace(said, next_word=None, stage=None) if said else None


@dataclass(frozen=True, slots=True)
class _Wait:
    """A line that waits, what was last told of it, and by when an answer must come that may end it first."""

    line: Line
    told: Said | None
    answer_by: date | None

    def unknown_on(self, day: date) -> bool:
        """Whether on that day nobody can say when it ships."""
        if self.line.eta.latest is None:
            return True
        return self.line.eta.latest <= day and self.told is not None and not self.told.eta.known

    def said(self, day: date, next_word: date, *, asked: bool) -> Said | None:
        """What to say of it on that day; None for nothing. `asked`: word was promised, so an open question is told."""
        if self.line.set_aside:
            return None
        if self.unknown_on(day):
            open_question = self.answer_by is not None
            said = Said(UNKNOWN, answer_by=self.answer_by, next_word=next_word)
            return said if asked or not open_question else None
        latest = self.line.eta.latest
        ahead = latest is not None and latest > day and not (self.answer_by and latest > self.answer_by)
        return Said(self.line.eta) if ahead else None


def waiting(
    facts: Facts,
    policy: Policy,
    lines: Iterable[Line],
    standings: Mapping[str, Standing],
    planned: Sequence[Draft],
    done: Set[str],
    now: datetime,
) -> Iterator[Draft]:
    """The next one, if any. `planned` are the order's other emails, `done` the keys that are used up."""
    if facts.unsubscribed:
        return
    waits = [_wait(facts, line, standings[line.id], planned) for line in lines]
    word, regular = _word_day(facts, waits, planned), _regular_day(facts, policy, planned, now)
    key = next(f"{Kind.WAITING}:{n}" for n in count(1) if f"{Kind.WAITING}:{n}" not in done)
    if regular is not None and (word is None or regular < word):
        zone, window = facts.customer.zone, policy.send_window
        says = _says(waits, policy, regular, asked=False)
        if says:
            closes = at_local(regular + timedelta(days=_near(policy)), window.end, zone)
            yield Draft(key, Kind.WAITING, _opens(regular, facts, policy), closes, says)
            return
    if word is not None:
        due = _opens(word, facts, policy)
        says = _says(waits, policy, word, asked=True)
        if says:
            yield Draft(key, Kind.WAITING, due, due + WORD_LASTS, says)


def _opens(day: date, facts: Facts, policy: Policy) -> datetime:
    """When the window opens on that day; on the next where the spring change skips all of it."""
    window, zone = policy.send_window, facts.customer.zone
    return into_window(at_local(day, window.start, zone), window, zone)


def look_after(wanted: Iterable[Draft], clock: datetime | None, now: datetime) -> datetime | None:
    """When to plan the order again though nothing happens: to plan the reminder after this one, once it has left or
    its time is over, unless the law's `clock` runs out before.
    """
    turns = (
        at
        for draft in wanted
        if draft.kind is Kind.WAITING
        for at in (draft.due_at + DAY, draft.expires_at)
        if at > now
    )
    return min((at for at in (clock, *turns) if at), default=None)


def keeps_word(draft: Draft) -> bool:
    """Whether it goes because it was promised, so that other reminders make room for it."""
    return draft.kind is Kind.WAITING and draft.expires_at - draft.due_at == WORD_LASTS


def _wait(facts: Facts, line: Line, where: Standing, planned: Sequence[Draft]) -> _Wait:
    answer_by = where.answer_by or (where.notice.answer_by if where.notice else None)
    spoken = [(at, says[line.id]) for at, says in _spoken(facts, planned) if line.id in says]
    return _Wait(line, max(spoken, key=lambda it: it[0])[1] if spoken else None, answer_by)


def _spoken(facts: Facts, planned: Sequence[Draft]) -> Iterator[tuple[datetime, Mapping[str, Said]]]:
    """What the customer was told of dates, or is about to be, and when."""
    for message in facts.left:
        if message.kind in SPEAKS_OF_DATES:
            yield left_at(message), message.says
    for draft in planned:
        if _is_news(draft):
            yield draft.due_at, draft.says


def _is_news(draft: Draft) -> bool:
    """Whether it goes for certain, and soon: what is registered, or moved. A notice on a deadline may not be needed."""
    return (
        draft.kind in TELLS_DATES and draft.kind is not Kind.COUNTDOWN and not draft.key.startswith("lapse")
    )


def _word_day(facts: Facts, waits: Iterable[_Wait], planned: Sequence[Draft]) -> date | None:
    """The day on which a word that was given is kept: of a line that still has no date."""
    given = [
        it.told.next_word
        for it in waits
        if it.told and it.told.next_word and it.unknown_on(it.told.next_word)
    ]
    if not given:
        return None
    last = max(local_day(at, facts.customer.zone) for at, _ in _spoken(facts, planned))
    return max(min(given) - AHEAD, last + DAY)


def _near(policy: Policy) -> int:
    """Within how many days of another email none is needed; more than the gap between reminders."""
    return max((policy.waiting_every_days or 0) // 2, -(-policy.min_gap_hours // 24))


def _regular_day(facts: Facts, policy: Policy, planned: Sequence[Draft], now: datetime) -> date | None:
    """So many days after the last email, with no other one near."""
    if policy.waiting_every_days is None:
        return None
    zone, every, near = facts.customer.zone, timedelta(days=policy.waiting_every_days), _near(policy) * DAY
    left = [left_at(message) for message in facts.left]
    news = [draft.due_at for draft in planned if _is_news(draft)]
    last = local_day(max([facts.registered_at, *left, *news]), zone)
    missed = (local_day(now, zone) - near - last) // every
    day = last + max(missed, 1) * every
    if at_local(day + near, policy.send_window.end, zone) <= now:
        day += every
    for other in sorted({local_day(draft.due_at, zone) for draft in planned}):
        if last < other <= day + near:
            last, day = other, max(day, other + every)
    return day


def _says(waits: Iterable[_Wait], policy: Policy, day: date, *, asked: bool) -> dict[str, Said]:
    next_word = day + timedelta(days=policy.next_word_days)
    said = {it.line.id: it.said(day, next_word, asked=asked) for it in waits}
    return {line_id: it for line_id, it in said.items() if it is not None}


def making_room(
    by_calendar: tuple[Draft, ...], reminder: tuple[Draft, ...], policy: Policy
) -> Iterator[Draft]:
    """A countdown too close to word that was promised is left out: that tells its date as well."""
    gap = timedelta(hours=policy.min_gap_hours)
    words = [draft.due_at for draft in reminder if keeps_word(draft)]
    for draft in by_calendar:
        if draft.kind is not Kind.COUNTDOWN or all(abs(draft.due_at - at) >= gap for at in words):
            yield draft
