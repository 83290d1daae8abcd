"""What to change so that the emails of an order are those that its plan wants."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from notifier.domain.eta import Slip
from notifier.domain.law import standing
from notifier.domain.message import CHANGE_OF_DATE, WAITING_SERIES, Draft, Kind, Message, Status
from notifier.domain.order import Facts, OrderStatus
from notifier.domain.payment import payment_key
from notifier.domain.plan import ENDED_IN_LAW, LAPSE, awaits_answer, slip_to_tell
from notifier.domain.policy import Policy

MOVED_WITH_DATE = "moved_with_date"
"""Why a reminder moves that told another date of a line than it has now, as countdowns do."""


@dataclass(frozen=True, slots=True)
class Move:
    """A message that stays wanted, but at another time or with other news. `restored` when it was cancelled.

    The draft's key is another one where a countdown goes to its new day.
    """

    message: Message
    draft: Draft
    reason: str
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """A message that is no longer wanted: `status` is cancelled, or expired when it is merely too late."""

    message: Message
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class Changes:
    add: tuple[Draft, ...] = ()
    move: tuple[Move, ...] = ()
    stop: tuple[Stop, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.move or self.stop)


def reconcile(wanted: tuple[Draft, ...], facts: Facts, policy: Policy, now: datetime) -> Changes:
    """What to change so that the planned messages of the order are exactly those wanted.

    Only planned messages move. A cancelled one never left, so it may come back; a held one waits for whoever
    held it, and stops when it is no longer wanted; all else is history. A countdown whose date moved goes
    along with it, rather than being cancelled and made anew.
    """
    existing = {message.key: message for message in facts.messages}
    add, move = [], []
    for draft in wanted:
        message = existing.get(draft.key)
        if message is None:
            add.append(draft)
        elif message.status is Status.CANCELLED:
            move.append(Move(message, draft, "wanted_again", restored=True))
        elif message.status is Status.PLANNED and not message.same_plan(draft):
            move.append(Move(message, draft, _why_moved(message, draft, facts)))
    keys = {draft.key for draft in wanted}
    stop = [
        Stop(message, Status.EXPIRED, "too_late")
        if message.expires_at <= now
        else Stop(message, Status.CANCELLED, why_unwanted(message, facts, policy, now))
        for message in facts.messages
        if message.status in {Status.PLANNED, Status.HELD} and message.key not in keys
    ]
    along = tuple(_with_the_date(add, stop))
    added, stopped = {it.draft.key for it in along}, {it.message.id for it in along}
    return Changes(
        tuple(draft for draft in add if draft.key not in added),
        (*move, *along),
        tuple(it for it in stop if it.message.id not in stopped),
    )


def _why_moved(message: Message, draft: Draft, facts: Facts) -> str:
    if message.kind in WAITING_SERIES and any(
        said.eta.known and said.eta != facts.line(line_id).eta for line_id, said in message.says.items()
    ):
        return MOVED_WITH_DATE
    return "rescheduled" if message.due_at != draft.due_at else "facts_changed"


def _with_the_date(add: list[Draft], stop: list[Stop]) -> Iterator[Move]:
    """Planned countdowns whose date moved, each to a new day of the same lines; the first to the first."""
    free = [it.message for it in stop if _goes_along(it)]
    for draft in add:
        message = next((m for m in free if draft.kind is m.kind and draft.says.keys() == m.says.keys()), None)
        if message is not None:
            free.remove(message)
            yield Move(message, draft, MOVED_WITH_DATE)


def _goes_along(it: Stop) -> bool:
    countdown = it.message.kind is Kind.COUNTDOWN and it.message.status is Status.PLANNED
    return countdown and (it.status, it.reason) == (Status.CANCELLED, "date_moved")


def why_unwanted(message: Message, facts: Facts, policy: Policy, now: datetime) -> str:
    """The fact that overtook a planned email, in one word for the timeline."""
    if facts.erased:
        return "erased"
    if facts.status is OrderStatus.SHIPPED:
        return "order_shipped"
    if facts.status is OrderStatus.CANCELLED:
        return "order_cancelled"
    lines = [facts.line(line_id) for line_id in message.says]
    if all(line.waiting == 0 for line in lines):
        return "lines_shipped" if any(line.shipped for line in lines) else "lines_cancelled"
    if message.kind in WAITING_SERIES and facts.unsubscribed:
        return "unsubscribed"
    lines = [line for line in lines if line.waiting]
    wheres = [standing(facts, line, policy, now) for line in lines]
    if all(where.state in ENDED_IN_LAW for where in wheres):
        return "ended_by_law"
    if message.kind is Kind.EXPECTATION:
        return "told_with_the_rest"
    if message.key.startswith(LAPSE):
        return "notice_not_needed" if policy.auto_notice else "policy_changed"
    dated = message.kind in {Kind.COUNTDOWN, Kind.EARLIER}
    if all(line.set_aside and (dated or not line.eta.known) for line in lines):
        return "set_aside"
    if message.kind in CHANGE_OF_DATE:
        back = all(slip_to_tell(facts, line, policy) is Slip.NONE for line in lines)
        return "date_moved_back" if back else "date_moved_again"
    if message.kind in {Kind.PAYMENT, Kind.WAITING}:
        return _no_longer_said(message, facts, policy)
    if any(line.eta != message.says[line.id].eta for line in lines):
        return "date_moved"
    if any(awaits_answer(line, where) for line, where in zip(lines, wheres, strict=True)):
        return "answer_awaited"
    day = date.fromisoformat(message.key.rpartition(":")[2])
    on_time = any(
        line.eta.latest and (line.eta.latest - day).days in policy.of(line.sku).countdown_days
        for line in lines
    )
    return "too_close" if on_time else "policy_changed"


def _no_longer_said(message: Message, facts: Facts, policy: Policy) -> str:
    """Why a card is asked after no more, or a long wait not spoken of."""
    if message.kind is Kind.PAYMENT:
        return "date_moved" if message.key == payment_key(facts) else "card_changed"
    if any(facts.line(line_id).eta != said.eta for line_id, said in message.says.items()):
        return "date_moved"
    return "too_close" if policy.waiting_every_days else "policy_changed"
