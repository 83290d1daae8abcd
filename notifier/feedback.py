"""The mail service reports what became of an email, late, twice and out of order; states only go on.

Reports are kept at once and applied later, from the database, so that none is lost with the process that took it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import events, outbox, suppressions
from notifier.db.engine import transaction
from notifier.db.ids import new_id
from notifier.db.tables import MessageRow, ProviderEvent
from notifier.domain.message import Scope, Status, outweighs
from notifier.domain.news import without_addresses
from notifier.providers.reports import Report

CHUNK = 200
"""How many reports one transaction applies."""
UNSUBSCRIBED = "unsubscribed"
"""The kind of an event that says nothing of the email."""


def keep(session: Session, store_id: str, provider: str, reports: Iterable[Report], now: datetime) -> int:
    """Keep what a provider reported to this store; how many reports were new."""
    # Sorted, so that two requests with the same reports can't wait for each other.
    told = sorted(reports, key=lambda report: report.event_id)
    return len(events.keep(session, [_event(store_id, provider, report, now) for report in told]))


def apply(engine: Engine, now: datetime) -> bool:
    """Apply a chunk of the reports that were kept; True when the chunk was full, so that more may be left."""
    with transaction(engine) as session:
        waiting = events.to_apply(session, CHUNK)
        _apply(session, waiting, now)
    return len(waiting) == CHUNK


def report(
    session: Session,
    provider: str,
    event_id: str,
    message_id: str,
    status: Status,
    at: datetime,
    now: datetime,
    detail: str = "",
    suppresses: Scope | None = None,
) -> bool:
    """Keep a provider's report of an email and apply it at once; False when that changed nothing.

    `event_id` is the provider's own: told twice, it counts once. `at` is when it happened there. `suppresses` says
    within which scope the address must get no more mail.
    """
    message = session.get(MessageRow, message_id)
    told = Report(event_id, message_id, status, at, detail, suppresses)
    event = _event(message.store_id if message else "", provider, told, now)
    return bool(events.keep(session, [event])) and _apply(session, [event], now) > 0


def _event(store_id: str, provider: str, report: Report, now: datetime) -> ProviderEvent:
    return ProviderEvent(
        id=new_id("evt"),
        store_id=store_id,
        provider=provider,
        event_id=report.event_id,
        message_id=report.message_id,
        kind=report.status.value if report.status else UNSUBSCRIBED,
        at=report.at,
        received_at=now,
        suppresses=report.suppresses.value if report.suppresses else None,
        detail=without_addresses(report.detail) or None,
    )


def _apply(session: Session, reports: Sequence[ProviderEvent], now: datetime) -> int:
    """How many moved a message. One about no message of its store is kept and moves nothing: it is another system's."""
    messages = events.messages_locked(session, {event.message_id for event in reports})
    moved = 0
    suppressed: dict[tuple[str, str, Scope], tuple[str, str]] = {}
    for event in reports:
        message = messages.get(event.message_id)
        if message is None or message.store_id != event.store_id:
            continue
        why = f"{event.kind} as {event.provider} reports" + (f": {event.detail}" if event.detail else "")
        if event.kind != UNSUBSCRIBED and outweighs(Status(event.kind), Status(message.status)):
            moved += outbox.move(session, message, Status(event.kind), why, now)
            session.refresh(message)
        if event.suppresses and message.to_email:
            suppressed[event.store_id, message.to_email, Scope(event.suppresses)] = (why, event.provider)
    for (store_id, address, scope), (why, provider) in sorted(suppressed.items()):
        suppressions.add(session, store_id, address, scope, why, provider, now)
    events.applied(session, reports, now)
    return moved
