"""What mail services reported: kept as it comes, each event once for each store, and taken up from here."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from notifier.db import facts
from notifier.db.tables import MessageRow, ProviderEvent


def keep(session: Session, events: Sequence[ProviderEvent]) -> set[str]:
    """Keep those that were not known; the ids of these rows."""
    if not events:
        return set()
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    query = dialect.insert(ProviderEvent).on_conflict_do_nothing().returning(col(ProviderEvent.id))
    return set(session.scalars(query, [event.model_dump() for event in events]))


def to_apply(session: Session, limit: int) -> Sequence[ProviderEvent]:
    """The first events that nobody has applied yet, for this transaction alone; other workers' are passed over."""
    query = (
        select(ProviderEvent)
        .where(col(ProviderEvent.applied_at).is_(None))
        .order_by(ProviderEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.exec(query).all()


def applied(session: Session, events: Sequence[ProviderEvent], now: datetime) -> None:
    """Say that these were taken up, in the transaction that did so."""
    session.execute(
        update(ProviderEvent)
        .where(col(ProviderEvent.id).in_([event.id for event in events]))
        .values(applied_at=now)
        .execution_options(synchronize_session=False)
    )


def messages_locked(session: Session, message_ids: Collection[str]) -> dict[str, MessageRow]:
    """The messages as they are, their orders locked first. A report may be faster than the worker that it is about."""
    these = col(MessageRow.id).in_(message_ids)
    facts.versions(session, set(session.exec(select(MessageRow.backorder_id).where(these))))
    query = select(MessageRow).where(these).order_by(MessageRow.id).with_for_update()
    return {row.id: row for row in session.exec(query.execution_options(populate_existing=True))}
