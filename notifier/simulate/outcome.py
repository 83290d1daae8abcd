"""What came of a story, customer by customer: every email with its words and why, and why not the others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import outbox, played
from notifier.db.codec import says_from_json
from notifier.db.facts import Order
from notifier.db.tables import MessageRow
from notifier.dispatch import thaw
from notifier.domain.message import CHANGE_OF_DATE, TELLS_DATES, Kind, Said, Status
from notifier.domain.plan import LAPSE
from notifier.domain.policy import Policy, into_window, local_day
from notifier.timeline import PLANNED, REASONS, Entry, timeline

Happening = Literal["fact", "message", "not_sent", "planned", "law"]
ORDER: Mapping[str, int] = {"fact": 0, "message": 1, "not_sent": 2, "law": 3, "planned": 4}
"""What comes first of all that has one instant: what was done, then what follows from it."""

NOTICES = {
    "n1_short": "the law's first notice: silence agrees to the new date",
    "n1_long": "the law's first notice: so long a delay stands only if the customer says yes",
    "n1_indef": "the law's first notice, without a date: it stands only if the customer says yes",
    "n2_renewed": "the law's renewed notice: without a yes the order ends",
}
STATES = {
    "on_time": "on time",
    "silence_ok": "late, and silence agrees to the new date",
    "need_consent": "late, and an answer is needed",
    "renewed": "late again, and an answer is needed",
    "consented": "the customer agreed to wait",
    "indefinite": "the customer agreed to wait without a date",
    "late": "later than agreed",
    "terminable": "the customer may withdraw",
    "terminated": "the customer withdrew",
    "shipped": "shipped",
    "cancelled": "ended, and a refund is owed",
    "refunded": "refunded",
    "refund_overdue": "the refund is overdue",
    "none": "no rule applies",
}
FATES = {"bounced": "came back", "complained": "was called spam by the customer"}


class Told(BaseModel):
    """One thing in the story of one customer: a fact, an email, an email that was not sent, a change in law.

    `at` is in UTC. `kind` is that of the fact or email, or the line's state in law. `due` is when an email that was not
    sent would have gone.
    """

    at: datetime
    event: Happening
    order_id: str
    kind: str
    why: str
    lines: list[str] = []
    subject: str | None = None
    to: str | None = None
    status: str | None = None
    html: str | None = None
    text: str | None = None
    due: datetime | None = None
    answer_by: date | None = None
    refund_by: date | None = None


class Reader(BaseModel):
    """One person, with all their orders; times are to be read in `timezone`."""

    email: str
    name: str
    locale: str
    timezone: str
    orders: list[str]
    told: list[Told]


class Outcome(BaseModel):
    """`timeline` is what `notifier simulate --json` prints, line by line."""

    timeline: list[dict[str, Any]]
    customers: list[Reader]


def outcome(session: Session, store_id: str, lines: list[dict[str, Any]]) -> Outcome:
    """What came of a story that was played in this database, from its `lines` and all that is kept there."""
    customers: dict[str, Reader] = {}
    for order in store.load(session, played.orders(session, store_id)).values():
        row = order.row
        customer = customers.setdefault(
            row.email,
            Reader(
                email=row.email, name=row.name, locale=row.locale, timezone=row.timezone, orders=[], told=[]
            ),
        )
        customer.orders.append(row.order_id)
        customer.told += _of_order(session, order)
        customer.told += (
            _law(line) for line in lines if line["event"] == "law" and line["order_id"] == row.order_id
        )
    for customer in customers.values():
        customer.told.sort(key=lambda one: (one.at, ORDER[one.event]))
    return Outcome(timeline=lines, customers=list(customers.values()))


def _of_order(session: Session, order: Order) -> Iterator[Told]:
    entries = timeline(session, order.row.id)
    moved = [entry.at for entry in entries if entry.what == "eta_changed"]
    emails = {entry.message.id: entry.message for entry in entries if entry.message}
    past: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.message is not None and not entry.future:
            past.setdefault(entry.message.id, []).append(entry)
        if entry.message is None:
            yield Told(at=entry.at, event="fact", order_id=order.row.order_id, kind=entry.what, why=entry.why)
        elif (fate := entry.what.removeprefix("message_")) in FATES:
            why = f"the {entry.message.kind} email {FATES[fate]}"
            yield Told(at=entry.at, event="fact", order_id=order.row.order_id, kind=fate, why=why)
    sent = sorted((row for row in emails.values() if row.sent_at), key=lambda row: (row.sent_at, row.id))
    for number, row in enumerate(sent):
        yield _sent(session, order, row, sent[:number], moved)
    for row in emails.values():
        if row.sent_at is None:
            yield _not_sent(order, row, past[row.id])


def _law(line: Mapping[str, Any]) -> Told:
    why = STATES.get(line["state"], line["state"])
    for name in ("answer_by", "refund_by"):
        if name in line:
            why += f"; {name.replace('_', ' ')} {_day(date.fromisoformat(line[name]))}"
    return Told(
        at=line["at"], event="law", order_id=line["order_id"], kind=line["state"], why=why, lines=[line["sku"]],
        answer_by=line.get("answer_by"), refund_by=line.get("refund_by"),
    )  # fmt: skip


def _not_sent(order: Order, row: MessageRow, past: Sequence[Entry]) -> Told:
    planned = row.status == Status.PLANNED
    return Told(
        at=row.due_at if planned else past[-1].at,
        event="planned" if planned else "not_sent",
        order_id=order.row.order_id,
        kind=row.kind,
        why="the story ends before it goes" if planned else "; ".join(_why_not(row, past)),
        lines=_skus(order, row),
        status=row.status,
        due=row.due_at,
    )


def _why_not(row: MessageRow, past: Sequence[Entry]) -> Iterator[str]:
    if row.key.startswith(f"{LAPSE}:"):
        yield "it was for the case that nothing had shipped or been told by then"
    held = [entry.why for entry in past if entry.what == f"message_{Status.HELD}"]
    yield from held[-1:]
    if not held or row.status != Status.HELD:
        yield REASONS.get(row.reason or "", row.reason or row.status).removeprefix("not sent: ")


def _sent(
    session: Session, order: Order, row: MessageRow, earlier: Iterable[MessageRow], moved: Iterable[datetime]
) -> Told:
    content = outbox.content(session, row.id)
    envelope = thaw(content) if content else None
    assert row.sent_at is not None  # noqa: S101  only what left is asked about
    return Told(
        at=row.sent_at,
        event="message",
        order_id=order.row.order_id,
        kind=row.kind,
        why="; ".join([*_because(order, row, earlier), *_timing(order, row, moved)]),
        lines=_skus(order, row),
        subject=row.subject,
        to=row.to_email,
        status=row.status,
        html=envelope.html if envelope else None,
        text=envelope.text if envelope else None,
    )


def _because(order: Order, row: MessageRow, earlier: Iterable[MessageRow]) -> Iterator[str]:
    """Why an email went: what it had to tell that its customer did not know yet."""
    says, kind = says_from_json(row.says), Kind(row.kind)
    zone = ZoneInfo(order.row.timezone)
    if row.key.startswith(f"{LAPSE}:"):
        yield "the legal deadline ran out that day with nothing shipped and no notice on its way, so it went by itself"
    elif kind is Kind.COUNTDOWN:
        today = local_day(row.due_at, zone)
        latest = sorted({said.eta.latest for said in says.values() if said.eta.latest})
        yield " and ".join(f"{(day - today).days} days before {_day(day)}" for day in latest).replace(
            "1 days", "1 day"
        )
    elif kind in CHANGE_OF_DATE:
        told = _told_before(order, earlier)
        for line in order.facts.lines:
            if line.id in says:
                known = told.get(line.id)
                before = known.eta.latest if known else line.promised
                yield f"{line.sku} was known for {_day(before)}, now it is {_day(says[line.id].eta.latest)}"
    else:
        yield PLANNED.get(kind, "").removeprefix("planned because ") or f"planned as {kind.value}"
    yield from sorted(
        {f"its goods have come to a new stage: {said.stage}" for said in says.values() if said.stage}
    )
    yield from sorted({NOTICES.get(said.notice, said.notice) for said in says.values() if said.notice})


def _told_before(order: Order, earlier: Iterable[MessageRow]) -> dict[str, Said]:
    """By line, what the last email that told its date said of it."""
    told: dict[str, Said] = {}
    for row in earlier:
        if Kind(row.kind) in TELLS_DATES:
            told |= says_from_json(row.says)
    return told


def _timing(order: Order, row: MessageRow, moved: Iterable[datetime]) -> Iterator[str]:
    """Why it went when it did, where that is not at once."""
    if Kind(row.kind) not in CHANGE_OF_DATE or row.key.startswith(f"{LAPSE}:"):
        return
    last = max((at for at in moved if at <= row.due_at), default=None)
    if last is None:
        return
    policy: Policy = order.policy
    zone, settled = ZoneInfo(order.row.timezone), last + timedelta(minutes=policy.settle_minutes)
    if row.due_at == settled and policy.settle_minutes:
        yield f"sent when {policy.settle_minutes} minutes had passed without a correction"
    elif settled < row.due_at == into_window(settled, policy.send_window, zone):
        yield f"sent when the customer's hours began, at {policy.send_window.start:%H:%M}"


def _skus(order: Order, row: MessageRow) -> list[str]:
    return [line.sku for line in order.facts.lines if line.id in row.says]


def _day(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else "no date"
