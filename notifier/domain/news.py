"""What a store's own programs are told: each kind of news, and what it says.

Thin on purpose: ids, SKUs, dates and reasons, with which a receiver asks for more; no address and no name.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from notifier.domain.law.course import day_ends
from notifier.domain.law.duties import Task, dues
from notifier.domain.law.standing import Standing
from notifier.domain.message import Status
from notifier.domain.order import Choice, Facts, Line

NEAR = timedelta(hours=48)
"""How long before a duty of the law falls due a store is told."""

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


class Type(StrEnum):
    """Kinds of news; the values are part of the public surface."""

    REGISTERED = "backorder.registered"
    LINES_ADDED = "backorder.lines_added"
    DELAYED = "backorder.delayed"
    EARLIER = "backorder.earlier"
    SHIPPED = "backorder.shipped"
    CANCELLED = "backorder.cancelled"
    CONSENT_GIVEN = "consent.given"
    CONSENT_REFUSED = "consent.refused"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_BOUNCED = "message.bounced"
    MESSAGE_COMPLAINED = "message.complained"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_HELD = "message.held"
    MESSAGE_UNKNOWN = "message.unknown"
    NOTICE_LOST = "notice.lost"
    DEADLINE_NEAR = "deadline.near"
    LAW_CHANGED = "law.changed"
    REFUND_DUE = "refund.due"
    CANCEL_DUE = "cancel.due"
    DUTY_OVERDUE = "duty.overdue"
    PRIVACY_REQUESTED = "privacy.requested"
    TEST = "endpoint.test"


OF_MESSAGES: Mapping[Status, Type] = {
    Status.SENT: Type.MESSAGE_SENT,
    Status.DELIVERED: Type.MESSAGE_DELIVERED,
    Status.BOUNCED: Type.MESSAGE_BOUNCED,
    Status.COMPLAINED: Type.MESSAGE_COMPLAINED,
    Status.FAILED: Type.MESSAGE_FAILED,
    Status.HELD: Type.MESSAGE_HELD,
    Status.UNKNOWN: Type.MESSAGE_UNKNOWN,
}
"""What a message's new state is told as; the other states are the outbox's own affair."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a store at `at`. `once` names what must be told once however often it is seen."""

    type: Type
    store_id: str
    at: datetime
    data: Mapping[str, Any]
    once: str = ""

    def id(self) -> str | None:
        """The event's id where it is told once: the same whenever the same is seen again. None for other news."""
        if not self.once:
            return None
        digest = hashlib.sha256(f"{self.store_id} {self.type} {self.once}".encode()).hexdigest()
        return f"event_{digest[:32]}"

    def body(self) -> str:
        """What is posted, as Standard Webhooks lays it out."""
        return json.dumps(
            {"type": self.type, "timestamp": _instant(self.at), "data": self.data},
            ensure_ascii=False,
            separators=(",", ":"),
        )


def without_addresses(words: str | None) -> str | None:
    """Mail services quote addresses in their reasons; nobody needs them there, and who is forgotten must be nowhere."""
    return _ADDRESS.sub("[address]", words) if words and "@" in words else words


def about(facts: Facts) -> dict[str, Any]:
    """How every piece of news of an order begins."""
    return {"backorder_id": facts.backorder_id, "order_id": facts.order_id}


# --- facts ------------------------------------------------------------------------------------------------

Happened = tuple[str, datetime, Mapping[str, Any]]
"""A fact as it is kept: its kind, when it happened, and its data."""


def of_registering(store_id: str, facts: Facts, now: datetime) -> News:
    lines = [
        {
            "sku": line.sku,
            "quantity": line.quantity,
            "eta": _day(line.eta.latest),
            "promised": _day(line.promised),
        }
        for line in facts.lines
    ]
    return News(Type.REGISTERED, store_id, now, about(facts) | {"lines": lines})


def of_facts(store_id: str, facts: Facts, happened: Sequence[Happened]) -> Iterator[News]:
    """The news that these facts are, which `facts` have taken in; dates moved at once are one piece of news."""
    skus = {line.id: line.sku for line in facts.lines}
    moved: dict[Type, list[dict[str, Any]]] = {Type.DELAYED: [], Type.EARLIER: []}
    for kind, at, data in happened:
        match kind:
            case "eta_changed":
                if type_ := _moved(data["before"], data["eta"]):
                    line = {name: data[name] for name in ("sku", "before", "eta", "reason")}
                    moved[type_].append(line | {"eta_earliest": data["earliest"]})
            case "lines_added":
                names = ("sku", "quantity", "eta", "promised")
                lines = [{name: line[name] for name in names} for line in data["lines"]]
                yield News(Type.LINES_ADDED, store_id, at, about(facts) | {"lines": lines})
            case "shipped":
                said = {name: data[name] for name in ("carrier", "tracking_number", "tracking_url")}
                said |= {"status": facts.status, "shipped_at": _instant(at), "lines": _units(data, skus)}
                yield News(Type.SHIPPED, store_id, at, about(facts) | said)
            case "cancelled":
                said = {"by": data["by"], "reason": data["reason"], "status": facts.status}
                yield News(Type.CANCELLED, store_id, at, about(facts) | said | {"lines": _units(data, skus)})
            case "answered":
                type_ = Type.CONSENT_GIVEN if data["choice"] == Choice.KEEP else Type.CONSENT_REFUSED
                which = [skus[line_id] for line_id in data["lines"]] or sorted(skus.values())
                yield News(type_, store_id, at, about(facts) | {"skus": which})
    for type_, lines in moved.items():
        if lines:
            at = max(at for kind, at, _ in happened if kind == "eta_changed")
            yield News(type_, store_id, at, about(facts) | {"lines": lines})


def _moved(before: str | None, after: str | None) -> Type | None:
    """A date that is lost is a delay, one that is found is not; ISO dates compare as dates do."""
    if before == after:
        return None
    if after is None or (before is not None and after > before):
        return Type.DELAYED
    return Type.EARLIER


def _units(data: Mapping[str, Any], skus: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"sku": skus[line_id], "quantity": count} for line_id, count in data["units"].items()]


# --- law --------------------------------------------------------------------------------------------------


def of_law(
    store_id: str, facts: Facts, before: Mapping[str, str], wheres: Mapping[str, Standing], now: datetime
) -> Iterator[News]:
    """Where the order's lines stand now (by line id) that stood so `before`, and which duties come of it."""
    changed = [
        {
            "sku": line.sku,
            "before": before[line.id],
            "state": where.state,
            "ship_by": _day(where.ship_by),
            "answer_by": _day(where.answer_by),
            "refund_by": _day(where.refund_by),
        }
        for line in facts.lines
        if (where := wheres[line.id]).state != before[line.id]
    ]
    if changed:
        yield News(Type.LAW_CHANGED, store_id, now, about(facts) | {"lines": changed})
    for (duty, due), lines in _due(facts, wheres).items():
        ends = day_ends(facts, due)
        said = about(facts) | {"skus": [line.sku for line in lines], "due": due.isoformat()}
        once = " ".join([facts.backorder_id, duty, due.isoformat(), *(line.id for line in lines)])
        if duty in _TOLD_AT_ONCE:
            yield News(_TOLD_AT_ONCE[duty], store_id, now, said, once)
        said |= {"duty": duty, "ends_at": _instant(ends), "hours_left": hours_left(ends, now)}
        if ends <= now:
            if duty in _TOLD_AT_ONCE:  # the clock of the others has run out, and made another duty
                yield News(Type.DUTY_OVERDUE, store_id, now, said, once)
        elif ends - NEAR <= now:
            yield News(Type.DEADLINE_NEAR, store_id, now, said, once)


_TOLD_AT_ONCE: Mapping[str, Type] = {Task.REFUND: Type.REFUND_DUE, Task.CANCEL: Type.CANCEL_DUE}
"""Duties that stay until somebody has done them."""

SHIP = "ship"
"""In the EU nothing but the goods is due on the promised day, or by the end of the period that the consumer granted."""


def _due(facts: Facts, wheres: Mapping[str, Standing]) -> dict[tuple[str, date], list[Line]]:
    """What the law asks of these lines, however far off, by duty and its last day."""
    found: dict[tuple[str, date], list[Line]] = {}
    for line in facts.lines:
        where = wheres[line.id]
        asked = dues(where)
        days: dict[str, date | None] = {
            Task.REFUND: asked.refund_by,
            Task.CANCEL: asked.cancel_by,
            Task.ANSWER: asked.answer_by,
            Task.NOTICE: asked.notice_by or asked.lapse_by,
            SHIP: where.ship_by if where.changes_at and not where.lapse and not where.answer_by else None,
        }
        for duty, due in days.items():
            if due is not None:
                found.setdefault((duty, due), []).append(line)
    return found


def next_near(facts: Facts, wheres: Mapping[str, Standing], now: datetime) -> datetime | None:
    """When, after `now`, the next duty comes near, or is overdue; None when none will by itself."""
    ends = [day_ends(facts, due) for _, due in _due(facts, wheres)]
    return min((at for at in (*ends, *(end - NEAR for end in ends)) if at > now), default=None)


def of_lost_notice(
    store_id: str, facts: Facts, message_id: str, said: Mapping[str, Any], wheres: Mapping[str, Standing],
    now: datetime,
) -> News | None:  # fmt: skip
    """A legal notice did not reach its customer; None when no clock of the law's runs for its lines any more."""
    (message,) = (message for message in facts.messages if message.id == message_id)
    noticed = [
        line for line in facts.waiting_lines if line.id in message.says and message.says[line.id].notice
    ]
    days = {line.sku: day for line in noticed if (day := wheres[line.id].ship_by)}
    if not days:
        return None
    due = min(days.values())
    ends = day_ends(facts, due)
    data = {**said, "skus": sorted(days), "due": due.isoformat(), "ends_at": _instant(ends)}
    return News(
        Type.NOTICE_LOST, store_id, now, data | {"hours_left": hours_left(ends, now)}, once=message_id
    )


def hours_left(ends: datetime, now: datetime) -> float:
    """Hours until then, to a tenth; 0 when it is over."""
    return max(0.0, round((ends - now).total_seconds() / 3600, 1))


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _instant(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")
