"""Legal notices that did not reach their customer: the law's clock runs on, so a store must know at once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, String, TextClause, Update, cast, func, text, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from notifier.db.outbox import changed, entry, remember
from notifier.db.tables import NOT_TOLD, TO_CONFIRM, Backorder, MessageRow
from notifier.domain.message import CHANGE_OF_DATE, Status
from notifier.domain.order import OrderStatus

_LATER = aliased(MessageRow)
_MADE_GOOD = (
    select(_LATER.id)
    .where(
        col(_LATER.backorder_id) == col(MessageRow.backorder_id),
        # Not the bare id, by whose index a planner may read every message that was made since.
        func.coalesce(_LATER.id, "") > col(MessageRow.id),
        col(_LATER.kind).in_(CHANGE_OF_DATE),
        col(_LATER.status).not_in([Status.PLANNED, Status.CANCELLED]),
    )
    .exists()
)
"""Later word of the date was tried: only what became of the last counts."""

LOST: tuple[ColumnElement[bool] | TextClause, ...] = (
    # A partial index serves only a query that names its condition in full, not as a parameter.
    text(NOT_TOLD),
    cast(col(MessageRow.says), String).contains('"notice"'),
    col(Backorder.status).in_([OrderStatus.OPEN, OrderStatus.PARTLY_SHIPPED]),
    ~_MADE_GOOD,
)
"""Of messages joined with their orders, those notices."""


def count_lost(session: Session) -> int:
    """How many there are, of all stores together."""
    query = (
        select(func.count())
        .select_from(MessageRow)
        .join(Backorder, col(Backorder.id) == col(MessageRow.backorder_id))
    )
    return session.exec(query.where(*LOST)).one()


def take_to_confirm(session: Session, now: datetime, limit: int, again_at: datetime) -> Sequence[MessageRow]:
    """Notices of which it is time to ask; other workers' are passed over, and these come up again then."""
    query = (
        select(MessageRow)
        .where(text(TO_CONFIRM), col(MessageRow.confirm_at) <= now)
        .order_by(col(MessageRow.confirm_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = session.exec(query).all()
    for message in found:
        message.confirm_at = again_at
    session.flush()
    return found


def ask_again(session: Session, message_id: str, at: datetime | None) -> None:
    """When to ask of this notice next; None for never."""
    session.execute(_still_sent(message_id).values(confirm_at=at))


def doubt(session: Session, message: MessageRow, reason: str, now: datetime) -> bool:
    """Warn the store, once, that nobody confirms this notice; False where it is warned already, or confirmed."""
    query = _still_sent(message.id).where(col(MessageRow.unconfirmed_at).is_(None))
    if not changed(session, query, {"unconfirmed_at": now, "reason": reason}):
        return False
    where = {"id": message.id, "store_id": message.store_id, "backorder_id": message.backorder_id}
    remember(session, [entry(where, now, Status.SENT, Status.SENT, reason)])
    return True


def _still_sent(message_id: str) -> Update:
    return (
        update(MessageRow)
        .where(col(MessageRow.id) == message_id, col(MessageRow.status) == Status.SENT.value)
        .execution_options(synchronize_session=False)
    )
