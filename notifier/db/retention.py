"""What was kept long enough goes, a few rows at a time: the words of old emails, and whole orders that are long over.

Ids sort by when rows were made, so what may be too old is found at the beginning of the primary key.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import delete, func
from sqlmodel import Session, SQLModel, col, select

from notifier.db.tables import Backorder, BackorderLine, Fact, MessageContent, MessageRow
from notifier.domain.message import Status
from notifier.domain.order import OrderStatus

AT_ONCE = 200
"""How many rows one transaction looks at."""
OVER = (OrderStatus.SHIPPED.value, OrderStatus.CANCELLED.value)
UNDER_WAY = (Status.PLANNED.value, Status.SENDING.value, Status.UNKNOWN.value, Status.HELD.value)


def forget_words(session: Session, before: datetime, after: str = "") -> str | None:
    """Drop the words of emails that left before then and gave no legal notice; their digests stay in the history.

    Looks at some, from just past the id `after`; answers where to go on, None at the end.
    """
    found = session.execute(
        select(MessageContent.message_id, MessageRow.says, MessageRow.sent_at, MessageRow.status)
        .join(MessageRow, col(MessageRow.id) == col(MessageContent.message_id))
        .where(col(MessageContent.message_id) > after, col(MessageContent.message_id) < _made("msg", before))
        .order_by(col(MessageContent.message_id))
        .limit(AT_ONCE)
    ).all()
    old = [
        row.message_id
        for row in found
        if row.sent_at and row.sent_at < before and row.status not in UNDER_WAY
        and not any(said.get("notice") for said in row.says.values())
    ]  # fmt: skip
    session.execute(delete(MessageContent).where(col(MessageContent.message_id).in_(old)))
    return found[-1].message_id if len(found) == AT_ONCE else None


def forget_orders(session: Session, before: datetime, after: str = "") -> tuple[str | None, int]:
    """Delete orders that were over before then, with all that belongs to them.

    Over is: nothing waits, nothing is owed, no email is under way, and the last that happened lies before. Looks at
    some, from just past the id `after`; answers where to go on, None at the end, and how many went.
    """
    candidates = session.scalars(
        select(Backorder.id)
        .where(col(Backorder.id) > after, col(Backorder.id) < _made("bo", before),
               col(Backorder.registered_at) < before, col(Backorder.status).in_(OVER))
        .order_by(col(Backorder.id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()  # fmt: skip
    lately = select(Fact.backorder_id).where(col(Fact.backorder_id).in_(candidates))
    kept = set(
        session.scalars(lately.group_by(col(Fact.backorder_id)).having(func.max(Fact.recorded_at) >= before))
    )
    kept |= set(
        session.scalars(
            select(BackorderLine.backorder_id).where(
                col(BackorderLine.backorder_id).in_(candidates), col(BackorderLine.refund_by).is_not(None)
            )
        )
    )
    under_way = select(MessageRow.backorder_id).where(
        col(MessageRow.backorder_id).in_(candidates), col(MessageRow.status).in_(UNDER_WAY)
    )
    kept |= set(session.scalars(under_way))
    gone = [id_ for id_ in candidates if id_ not in kept]
    _delete(session, gone)
    return (candidates[-1] if len(candidates) == AT_ONCE else None), len(gone)


def _delete(session: Session, backorder_ids: Collection[str]) -> None:
    """From every table that has rows of orders or of messages, found by walking them, those that refer first."""
    if not backorder_ids:
        return
    messages = session.scalars(
        select(MessageRow.id).where(col(MessageRow.backorder_id).in_(backorder_ids))
    ).all()
    for table in reversed(SQLModel.metadata.sorted_tables):
        if "backorder_id" in table.c:
            session.execute(table.delete().where(table.c.backorder_id.in_(backorder_ids)))
        elif "message_id" in table.c:
            session.execute(table.delete().where(table.c.message_id.in_(messages)))
    session.execute(delete(Backorder).where(col(Backorder.id).in_(backorder_ids)))


def _made(prefix: str, before: datetime) -> str:
    """A text that sorts after every id of rows made before then, and before every later one (RFC 9562, UUIDv7)."""
    return f"{prefix}_{int(before.astimezone(UTC).timestamp() * 1000):012x}"
