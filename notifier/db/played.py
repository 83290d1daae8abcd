"""What a story that is played looks at: the emails that left, and where lines stand in law."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from notifier.db.codec import says_from_json
from notifier.db.tables import Backorder, BackorderLine, MessageRow
from notifier.domain.message import Kind, Status


@dataclass(frozen=True, slots=True)
class Left:
    """An email that left; `skus` are those of the lines that it tells of, in the order's own sequence."""

    row: MessageRow
    order_id: str
    skus: tuple[str, ...]


def sent_at(session: Session, store_id: str, at: datetime) -> list[Left]:
    """The emails of a store that left at that very instant, the most urgent first."""
    query = (
        select(MessageRow, Backorder.order_id)
        .join(Backorder, col(Backorder.id) == col(MessageRow.backorder_id))
        .where(MessageRow.store_id == store_id, MessageRow.sent_at == at)
        .where(MessageRow.status == Status.SENT.value)
        .order_by(col(MessageRow.urgency), col(MessageRow.id))
    )
    return [Left(row, order_id, _skus(session, row)) for row, order_id in session.exec(query).all()]


def _skus(session: Session, row: MessageRow) -> tuple[str, ...]:
    query = (
        select(BackorderLine.sku)
        .where(col(BackorderLine.id).in_(list(row.says)))
        .order_by(col(BackorderLine.position))
    )
    return tuple(session.exec(query))


def law_states(session: Session, store_id: str) -> Sequence[tuple[str, str, str]]:
    """(line id, backorder id, state) of every line of a store."""
    query = (
        select(BackorderLine.id, BackorderLine.backorder_id, BackorderLine.law_state)
        .where(BackorderLine.store_id == store_id)
        .order_by(BackorderLine.backorder_id, col(BackorderLine.position))
    )
    return session.exec(query).all()


def last_sent(session: Session, backorder_id: str, kind: Kind) -> MessageRow | None:
    """The last email of this kind that left and, as far as is known, arrived."""
    query = (
        select(MessageRow)
        .where(MessageRow.backorder_id == backorder_id, MessageRow.kind == kind.value)
        .where(col(MessageRow.status).in_([Status.SENT.value, Status.DELIVERED.value]))
        .order_by(col(MessageRow.sent_at).desc())
    )
    return session.exec(query).first()


def asked_about(session: Session, backorder_id: str) -> set[str]:
    """The SKUs of an order of which an email that left asks whether its customer waits on."""
    return {sku for row in _asking(session, backorder_id) for sku in _skus(session, row)}


def asked_further(session: Session, backorder_id: str) -> bool:
    """Whether an email that left also asks to agree to any further delay."""
    asking = _asking(session, backorder_id)
    return any(said.further for row in asking for said in says_from_json(row.says).values())


def _asking(session: Session, backorder_id: str) -> Sequence[MessageRow]:
    query = select(MessageRow).where(
        MessageRow.backorder_id == backorder_id,
        col(MessageRow.kind).in_([Kind.DELAY.value, Kind.CONSENT.value]),
        col(MessageRow.sent_at).is_not(None),
    )
    return session.exec(query).all()


def orders(session: Session, store_id: str) -> list[str]:
    """The ids of all orders of a store, the first registered first."""
    return list(
        session.exec(select(Backorder.id).where(Backorder.store_id == store_id).order_by(Backorder.id))
    )
