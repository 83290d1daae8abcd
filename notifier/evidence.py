"""The evidence of one order: all that was promised, told, answered and owed, in a file that shows when it was changed.

It is made from rows that are only ever added: facts, the history of messages, reports of mail services. Addresses and
emails stand beside the chain, which has digests and pseudonyms of them: so it still holds when they had to go.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlmodel import Session

import notifier
from notifier.db import facts as store
from notifier.db import proof, queries
from notifier.db.facts import Order
from notifier.db.tables import Fact, MessageHistory, MessageRow, ProviderEvent
from notifier.domain import evidence
from notifier.domain.law import standing
from notifier.domain.law.standing import Standing
from notifier.domain.message import Status
from notifier.domain.order import Choice, Line
from notifier.errors import NotFound
from notifier.signed import ERASED, Signer, pseudonym

MOST_CHANGES = 200
"""How many turns of a legal clock are looked for at most; one order has a handful."""

NOTES = (
    "Instants are RFC 3339 in UTC, to the microsecond, by the clocks of the machines that wrote them; an order is"
    " registered by the whole second. `at` is when something happened, `recorded_at` when it was heard of here.",
    "Days (promised, eta, earliest, ship_by, answer_by, refund_by) are calendar days without a zone. A legal day ends"
    " where it ends first: in the customer's zone or in the store's, both of which stand in the order.",
    "`sent` means that the mail service took the email; `delivered` that it reported the email delivered to the"
    " mailbox; nothing here says that somebody read it.",
    "Each body is the whole email as it was frozen before it was handed over: sender, recipient, subject, HTML and"
    " text. Its SHA-256 stands in the record of the hand-over.",
    "Clocks are what this version of the engine makes of the records above: an engineering reading, not legal advice.",
)


@dataclass(frozen=True, slots=True)
class Handed:
    """An email that left: when, with which digest, and the pseudonym of whom it went to, where those were kept."""

    at: datetime
    how: str
    sha256: str | None
    to: str | None


def document(
    session: Session, store_id: str, backorder_id: str, secret_key: str, now: datetime
) -> dict[str, Any]:
    """The evidence of one order as it is at `now`, chained and signed. Raises NotFound."""
    order = store.load(session, [backorder_id]).get(backorder_id)
    if order is None or order.row.store_id != store_id:
        raise NotFound(f"there is no backorder {backorder_id!r} in this store")
    happened = queries.facts_about(session, backorder_id)
    history = queries.history(session, backorder_id)
    messages = queries.messages_of(session, [backorder_id])[backorder_id]
    ids = [message.id for message in messages]
    bodies, reports = proof.bodies(session, ids), proof.reports(session, store_id, ids)
    signer = Signer(secret_key)
    parts = {
        "order": _order(order, secret_key),
        "records": evidence.chained(records(happened, history, reports), redacted(happened)),
        "messages": [
            _message(
                row, order, [change for change in history if change.message_id == row.id], reports, bodies
            )
            for row in messages
        ],
        "answers": list(_answers(happened, messages, order)),
        "clocks": [_clock(order, line, now) for line in order.facts.lines],
        "bodies": [{"sha256": sha256, "text": text} for sha256, text in sorted(bodies.items())],
        "notes": list(NOTES),
    }
    about = {
        "store_id": store_id,
        "backorder_id": backorder_id,
        "order_id": order.row.order_id,
        "made_at": instant(now),
        "engine": f"notifier {notifier.__version__}",
    }
    return evidence.signed(parts, about, signer.public_key, signer.sign)


def filename(order_id: str) -> str:
    """What the file is called when it is saved: of the order's own name, what every system takes."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in order_id)
    return f"evidence-{plain[:80]}.json"


# --- records ----------------------------------------------------------------------------------------------


def records(
    happened: Iterable[Fact], history: Iterable[MessageHistory], reports: Iterable[ProviderEvent]
) -> list[dict[str, Any]]:
    """Every row that is only ever added, as it is, in the order in which we heard of it."""
    found = [*map(of_fact, happened), *map(of_change, history), *map(of_report, reports)]
    # Of one instant, in the order in which the rows were made, which their ids tell.
    return sorted(found, key=lambda record: (record["recorded_at"], record["id"].rpartition("_")[2]))


def redacted(happened: Sequence[Fact]) -> dict[str, str]:
    """By record id, the digest of what stood there before any words were taken out."""
    found: dict[str, str] = {}
    for fact in happened:
        if fact.kind in {"erased", "redacted"}:
            found = {**fact.data["redacted"], **found}
    return found


def of_fact(row: Fact) -> dict[str, Any]:
    return _record(row.id, f"order.{row.kind}", row.at, row.recorded_at, row.data)


def of_change(row: MessageHistory) -> dict[str, Any]:
    said = {"message_id": row.message_id, "before": row.before, "after": row.after}
    return _record(
        row.id, f"message.{row.after}", row.at, row.at, said | {"reason": row.reason, "detail": row.detail}
    )


def of_report(row: ProviderEvent) -> dict[str, Any]:
    said = {"message_id": row.message_id, "provider": row.provider, "event_id": row.event_id}
    return _record(
        row.id,
        f"report.{row.kind}",
        row.at,
        row.received_at,
        said | {"detail": row.detail, "suppresses": row.suppresses},
    )


def _record(
    id_: str, kind: str, at: datetime, recorded_at: datetime, data: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "id": id_,
        "kind": kind,
        "at": instant(at),
        "recorded_at": instant(recorded_at),
        "data": dict(data),
    }


# --- parts ------------------------------------------------------------------------------------------------


def _order(order: Order, secret_key: str) -> dict[str, Any]:
    row, facts = order.row, order.facts
    erased = row.email.endswith(ERASED)
    return {
        "backorder_id": row.id,
        "order_id": row.order_id,
        "store": {"id": order.store.id, "name": order.store.name, "timezone": order.store.timezone},
        "customer": {
            "email": None if erased else row.email,
            "name": None if erased else row.name,
            "pseudonym": pseudonym(secret_key, row.store_id, row.email),
            "erased": erased,
            "locale": row.locale,
            "timezone": row.timezone,
            "country": row.country,
        },
        "placed_at": instant(row.placed_at),
        "registered_at": instant(row.registered_at),
        "status": facts.status.value,
        "currency": row.currency,
        "lines": [
            {
                "line_id": line.id,
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": f"{line.unit_price:f}" if line.unit_price is not None else None,
                "promised": day(line.promised),
                "eta": day(line.eta.latest),
                "earliest": day(line.eta.earliest),
                "shipped": line.shipped,
                "cancelled": line.cancelled,
                "waiting": line.waiting,
            }
            for line in facts.lines
        ],
    }


def _message(
    row: MessageRow,
    order: Order,
    history: Sequence[MessageHistory],
    reports: Sequence[ProviderEvent],
    bodies: Mapping[str, str],
) -> dict[str, Any]:
    erased = row.to_email is not None and row.to_email.endswith(ERASED)
    handed = handed_over(history)
    return {
        "message_id": row.id,
        "kind": row.kind,
        "status": row.status,
        "reason": row.reason,
        "due_at": instant(row.due_at),
        "to": None if erased else row.to_email,
        "subject": row.subject,
        "template_version": row.template_version,
        "provider": row.provider,
        "provider_ref": row.provider_ref,
        "says": [
            {"sku": order.facts.line(line_id).sku, **said} for line_id, said in sorted(row.says.items())
        ],
        "handed_over": [
            {
                "at": instant(each.at),
                "how": each.how,
                "sha256": each.sha256,
                "to_pseudonym": each.to,
                "body": "held" if each.sha256 in bodies else "gone",
            }
            for each in handed
        ],
        "accepted_at": next(
            (instant(change.at) for change in reversed(history) if change.after == Status.SENT), None
        ),
        "reports": [
            {
                "kind": report.kind,
                "at": instant(report.at),
                "received_at": instant(report.received_at),
                "provider": report.provider,
                "event_id": report.event_id,
                "detail": report.detail,
            }
            for report in reports
            if report.message_id == row.id
        ],
    }


def handed_over(history: Iterable[MessageHistory]) -> list[Handed]:
    """Each time that a message left the house, of its changes in order."""
    found = []
    for change in history:
        if change.after == Status.SENDING and change.before == Status.PLANNED:
            kept = dict(part.split(":", 1) for part in (change.detail or "").split() if ":" in part)
            found.append(Handed(change.at, change.reason, kept.get("sha256"), kept.get("to")))
    return found


def _answers(
    happened: Sequence[Fact], messages: Sequence[MessageRow], order: Order
) -> Iterator[dict[str, Any]]:
    """What the customer chose, how they said so, and which notice had asked them last."""
    on_the_page = {
        fact.at for fact in happened if fact.kind == "answered" and fact.data["choice"] == Choice.CANCEL
    }
    skus = {line.id: line.sku for line in order.facts.lines}
    for fact in happened:
        if fact.kind == "answered":
            chose, means = fact.data["choice"], fact.data.get("means", "page")
            lines = list(fact.data.get("lines", ())) or list(skus)
        elif fact.kind == "cancelled" and fact.data["by"] == "customer" and fact.at not in on_the_page:
            chose, lines = "cancel", list(fact.data["units"])
            means = fact.data.get("means", "reported by the store")
        else:
            continue
        yield {
            "record_id": fact.id,
            "at": instant(fact.at),
            "choice": chose,
            "means": means,
            "further": bool(fact.data.get("further")),
            "extra_until": fact.data.get("extra_until"),
            "skus": [skus[line_id] for line_id in lines],
            "asked": _asked(messages, lines, fact.at, skus),
        }


def _asked(
    messages: Sequence[MessageRow], lines: Sequence[str], at: datetime, skus: Mapping[str, str]
) -> dict[str, Any] | None:
    """The last email before that instant that gave a legal notice of any of these lines."""
    asking = [
        row
        for row in messages
        if row.sent_at and row.sent_at <= at and any(row.says.get(id_, {}).get("notice") for id_ in lines)
    ]
    if not asking:
        return None
    last = max(asking, key=lambda row: (row.sent_at or row.due_at, row.id))
    of = [{"sku": skus[line_id], **said} for line_id, said in sorted(last.says.items()) if said.get("notice")]
    return {
        "message_id": last.id,
        "kind": last.kind,
        "sent_at": instant(last.sent_at or last.due_at),
        "says": of,
    }


def _clock(order: Order, line: Line, now: datetime) -> dict[str, Any]:
    """Where the line stands in law, and each time before at which that changed."""
    stands = standing(order.facts, line, order.policy, now)
    notice = stands.notice or stands.lapse
    return {
        "sku": line.sku,
        "jurisdiction": order.law,
        **_where(stands),
        "notice_owed": {"kind": notice.kind, "give_by": day(notice.give_by)} if notice else None,
        "course": [{"from": instant(at), **where} for at, where in _course(order, line, now)],
    }


def _course(order: Order, line: Line, now: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
    facts = order.facts
    happened = {facts.placed_at, facts.registered_at, now}
    happened |= {message.sent_at for message in facts.messages if message.sent_at}
    for each in (facts.answers, facts.shipments, facts.cancellations, facts.refunds):
        happened |= {it.at for it in each}
    ahead = sorted((at for at in happened if facts.placed_at <= at <= now), reverse=True)
    before: dict[str, Any] | None = None
    for _ in range(MOST_CHANGES):
        if not ahead:
            return
        at = ahead.pop()
        stands = standing(facts, line, order.policy, at)
        if (where := _where(stands)) != before:
            yield at, where
            before = where
        if stands.changes_at and stands.changes_at < (ahead[-1] if ahead else now):
            ahead.append(stands.changes_at)


def _where(stands: Standing) -> dict[str, Any]:
    return {
        "state": stands.state,
        "ship_by": day(stands.ship_by),
        "answer_by": day(stands.answer_by),
        "refund_by": day(stands.refund_by),
    }


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, always to the microsecond, so that the same instant is always the same text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day(value: date | None) -> str | None:
    return value.isoformat() if value else None
