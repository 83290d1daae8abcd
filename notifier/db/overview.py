"""What a person looks at: counts, lists and searches of one store, for its console."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, TextClause, func, or_, text, union
from sqlmodel import Session, col, select

from notifier.db import notices
from notifier.db.tables import (
    IN_TROUBLE,
    Backorder,
    BackorderLine,
    MessageRow,
    SkuChange,
)
from notifier.domain.message import URGENCY

# Partial indexes serve only a query that names their condition in full, not as a parameter.
TROUBLED = text(f"message.{IN_TROUBLE}")
PLANNED = text("message.status = 'planned'")

URGENCIES = frozenset(URGENCY.values())

Mail = tuple[MessageRow, Backorder]


def count_orders(session: Session, store_id: str) -> dict[str, int]:
    """How many backorders are in each status."""
    query = (
        select(Backorder.status, func.count())
        .where(Backorder.store_id == store_id)
        .group_by(Backorder.status)
    )
    return dict(session.exec(query).all())


def count_due(session: Session, store_id: str, until: datetime) -> int:
    """How many messages leave before then, if nothing changes."""
    return sum(
        session.exec(
            select(func.count()).where(
                MessageRow.store_id == store_id, *_waits(urgency), col(MessageRow.attempt_at) < until
            )
        ).one()
        for urgency in URGENCIES
    )


def count_sent(session: Session, store_id: str, since: datetime) -> int:
    """How many messages were handed to the mail service since then."""
    query = select(func.count()).where(MessageRow.store_id == store_id, col(MessageRow.sent_at) >= since)
    return session.exec(query).one()


def count_trouble(session: Session, store_id: str) -> int:
    """How many messages did not arrive, or may not have."""
    return session.exec(select(func.count()).where(MessageRow.store_id == store_id, TROUBLED)).one()


def count_answers_needed(session: Session, store_id: str) -> int:
    """How many orders the law ends unless they ship, or their customer answers, by a day."""
    query = select(func.count(func.distinct(BackorderLine.backorder_id))).where(
        BackorderLine.store_id == store_id,
        BackorderLine.waiting > 0,
        col(BackorderLine.answer_by).is_not(None),
    )
    return session.exec(query).one()


def count_passed(session: Session, store_id: str, today: date) -> int:
    """How many orders wait for something that was expected before today."""
    query = select(func.count(func.distinct(BackorderLine.backorder_id))).where(
        BackorderLine.store_id == store_id, BackorderLine.waiting > 0, col(BackorderLine.eta) < today
    )
    return session.exec(query).one()


def next_due(session: Session, store_id: str, limit: int) -> list[Mail]:
    """The planned messages that leave next."""
    found = [
        mail
        for urgency in URGENCIES
        for mail in _mail(session, store_id, _waits(urgency), [col(MessageRow.attempt_at)], limit)
    ]
    return sorted(found, key=lambda mail: (mail[0].attempt_at, mail[0].id))[:limit]


def last_sent(session: Session, store_id: str, limit: int, since: datetime | None = None) -> Sequence[Mail]:
    """The messages handed to the mail service last. With `since` none older, which is much less to read."""
    sent_at = col(MessageRow.sent_at)
    return _mail(
        session, store_id, [sent_at >= since if since else sent_at.is_not(None)], [sent_at.desc()], limit
    )


def in_trouble(session: Session, store_id: str, limit: int) -> Sequence[Mail]:
    """The latest messages that did not arrive, or may not have."""
    return _mail(session, store_id, [TROUBLED], [col(MessageRow.id).desc()], limit)


def lost_notices(session: Session, store_id: str, limit: int) -> Sequence[Mail]:
    """The latest legal notices that did not reach their customers, who still wait."""
    return _mail(session, store_id, notices.LOST, [col(MessageRow.id).desc()], limit)


def _waits(urgency: int) -> list[ColumnElement[bool] | TextClause]:
    """One urgency at a time, as the index of what is due is sorted."""
    return [PLANNED, col(MessageRow.urgency) == urgency]


def messages(
    session: Session,
    store_id: str,
    statuses: Collection[str],
    kinds: Collection[str],
    before: str,
    limit: int,
) -> Sequence[Mail]:
    """Messages in any of these states and of any of these kinds (empty: all), newest first, older than `before`."""
    where: list[ColumnElement[bool]] = []
    if statuses:
        where.append(col(MessageRow.status).in_(statuses))
    if kinds:
        where.append(col(MessageRow.kind).in_(kinds))
    if before:
        where.append(col(MessageRow.id) < before)
    return _mail(session, store_id, where, [col(MessageRow.id).desc()], limit)


def _mail(
    session: Session,
    store_id: str,
    where: Sequence[ColumnElement[bool] | TextClause],
    order: Sequence[Any],
    limit: int,
) -> Sequence[Mail]:
    query = (
        select(MessageRow, Backorder)
        .join(Backorder, col(Backorder.id) == col(MessageRow.backorder_id))
        .where(MessageRow.store_id == store_id, *where)
        .order_by(*order, col(MessageRow.id))
        .limit(limit)
    )
    return session.exec(query).all()


def message(session: Session, store_id: str, message_id: str) -> Mail | None:
    """One message of this store, with its order."""
    found = _mail(session, store_id, [col(MessageRow.id) == message_id], [], 1)
    return found[0] if found else None


def search(session: Session, store_id: str, words: str, before: str, limit: int) -> Sequence[Backorder]:
    """Backorders of that order id, email or id, or that wait for that SKU; newest first.

    Where there are none, those whose order id or email begins so; without words, all.
    """
    query = select(Backorder).where(Backorder.store_id == store_id)
    if words:
        exact = union(
            select(Backorder.id).where(Backorder.store_id == store_id, Backorder.order_id == words),
            select(Backorder.id).where(
                Backorder.store_id == store_id, col(Backorder.email).in_({words, words.lower()})
            ),
            select(Backorder.id).where(Backorder.store_id == store_id, Backorder.id == words),
            select(BackorderLine.backorder_id).where(
                BackorderLine.store_id == store_id, BackorderLine.sku == words, BackorderLine.waiting > 0
            ),
        )
        if session.execute(exact.limit(1)).first():
            query = query.where(col(Backorder.id).in_(exact))
        else:
            query = query.where(
                or_(
                    col(Backorder.order_id).istartswith(words, autoescape=True),
                    col(Backorder.email).istartswith(words, autoescape=True),
                )
            )
    if before:
        query = query.where(col(Backorder.id) < before)
    return session.exec(query.order_by(col(Backorder.id).desc()).limit(limit)).all()


def lines_of(session: Session, backorder_ids: Collection[str]) -> dict[str, list[BackorderLine]]:
    """The lines of those orders, by order, in the order's own sequence."""
    query = (
        select(BackorderLine)
        .where(col(BackorderLine.backorder_id).in_(backorder_ids))
        .order_by(col(BackorderLine.backorder_id), col(BackorderLine.position))
    )
    found: dict[str, list[BackorderLine]] = {backorder_id: [] for backorder_id in backorder_ids}
    for line in session.exec(query):
        found[line.backorder_id].append(line)
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """One SKU that orders wait for. Of its `units` some are `allocated`: set aside, not shipped yet. `next_eta` is
    the nearest date, None when none is known; `undated` the orders that have none."""

    sku: str
    name: str
    orders: int
    units: int
    allocated: int
    next_eta: date | None
    last_eta: date | None
    undated: int


def waiting_skus(session: Session, store_id: str, limit: int, sku: str | None = None) -> list[Waiting]:
    """The SKUs that most orders wait for; or that one alone."""
    line = BackorderLine
    query = (
        sqlalchemy.select(
            col(line.sku),
            func.max(line.name),
            func.count(),
            func.sum(line.waiting),
            func.sum(line.allocated),
            func.min(line.eta),
            func.max(line.eta),
            func.count() - func.count(col(line.eta)),
        )
        .where(col(line.store_id) == store_id, col(line.waiting) > 0)
        .group_by(col(line.sku))
        .order_by(func.count().desc(), col(line.sku))
        .limit(limit)
    )
    if sku is not None:
        query = query.where(col(line.sku) == sku)
    return [Waiting(*row) for row in session.execute(query)]


def sku_changes(session: Session, store_id: str, sku: str, limit: int) -> Sequence[SkuChange]:
    """The last changes of this SKU's estimate, the newest first."""
    query = select(SkuChange).where(SkuChange.store_id == store_id, SkuChange.sku == sku)
    return session.exec(query.order_by(col(SkuChange.id).desc()).limit(limit)).all()
