"""Legal notices that did not reach their customer: the law's clock runs on, so a store must know at once."""

from sqlalchemy import ColumnElement, String, TextClause, cast, func, text
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from notifier.db.tables import NOT_TOLD, Backorder, MessageRow
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
