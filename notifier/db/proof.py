"""What was kept of emails and of what became of them, for evidence: their exact bytes, and the services' reports."""

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from notifier.db.packed import unpack
from notifier.db.tables import MessageContent, ProviderEvent


def bodies(session: Session, message_ids: Collection[str]) -> dict[str, str]:
    """By SHA-256, the frozen emails of these messages that are still there, byte for byte (they are UTF-8)."""
    query = select(MessageContent).where(col(MessageContent.message_id).in_(message_ids))
    return {row.digest: unpack(row.envelope).decode() for row in session.exec(query)}


def reports(session: Session, store_id: str, message_ids: Collection[str]) -> Sequence[ProviderEvent]:
    """What mail services reported of these messages to their store, in the order in which we heard it."""
    query = select(ProviderEvent).where(
        ProviderEvent.store_id == store_id, col(ProviderEvent.message_id).in_(message_ids)
    )
    return session.exec(query.order_by(col(ProviderEvent.received_at), col(ProviderEvent.id))).all()
