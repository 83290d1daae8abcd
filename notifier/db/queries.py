"""Reading and listing: every statement that answers a question of the API, the console or the metrics."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from notifier.db import duties, notices
from notifier.db.account_tables import ProviderAccount
from notifier.db.accounts import provider_of
from notifier.db.claims import OF_ANYBODY
from notifier.db.restock_tables import Restock
from notifier.db.tables import Backorder, BackorderLine, Fact, MessageHistory, MessageRow, SkuChange
from notifier.domain.law.duties import Task
from notifier.domain.message import Status
from notifier.domain.order import OrderStatus

OPEN = (OrderStatus.OPEN.value, OrderStatus.PARTLY_SHIPPED.value)

# --- backorders ------------------------------------------------------------------------------------------


def backorder_ids(
    session: Session,
    store_id: str,
    *,
    order_id: str | None = None,
    sku: str | None = None,
    status: str | None = None,
    email: str | None = None,
    law_state: str | None = None,
    after: str | None = None,
    limit: int,
) -> list[str]:
    """Ids of a store's backorders, newest first, from just past `after`.

    An `email` matches in any case of its letters; `sku` and `law_state` match any line, and where both are given, one
    line must match both.
    """
    query = select(Backorder.id).where(Backorder.store_id == store_id)
    for column, value in (
        (Backorder.order_id, order_id),
        (Backorder.status, status),
    ):
        if value is not None:
            query = query.where(column == value)
    if email is not None:
        query = query.where(func.lower(Backorder.email) == func.lower(email))
    if sku is not None or law_state is not None:
        line = select(BackorderLine.id).where(BackorderLine.backorder_id == Backorder.id)
        if sku is not None:
            line = line.where(BackorderLine.sku == sku)
        if law_state is not None:
            line = line.where(BackorderLine.law_state == law_state)
        query = query.where(line.exists())
    if after is not None:
        query = query.where(Backorder.id < after)
    return list(session.exec(query.order_by(col(Backorder.id).desc()).limit(limit)))


def open_orders(session: Session, store_id: str, email: str, most: int) -> list[str]:
    """The ids of up to `most` orders of that address, in any case of its letters, that are not over; newest first."""
    query = select(Backorder.id).where(
        Backorder.store_id == store_id,
        func.lower(Backorder.email) == func.lower(email),
        col(Backorder.status).in_(OPEN),
    )
    return list(session.exec(query.order_by(col(Backorder.id).desc()).limit(most)))


def store_of(session: Session, backorder_id: str) -> str | None:
    """Whose order that is; None when there is none of that id."""
    return session.exec(select(Backorder.store_id).where(Backorder.id == backorder_id)).one_or_none()


def facts_about(session: Session, backorder_id: str) -> list[Fact]:
    """Everything that happened to one order, oldest first."""
    return list(
        session.exec(
            select(Fact).where(Fact.backorder_id == backorder_id).order_by(col(Fact.at), col(Fact.id))
        )
    )


def sku_change(session: Session, store_id: str, change_id: str) -> SkuChange | None:
    query = select(SkuChange).where(SkuChange.id == change_id, SkuChange.store_id == store_id)
    return session.exec(query).one_or_none()


# --- messages --------------------------------------------------------------------------------------------


def messages(
    session: Session,
    store_id: str,
    *,
    status: str | None = None,
    kind: str | None = None,
    backorder_id: str | None = None,
    due_before: datetime | None = None,
    after: str | None = None,
    limit: int,
) -> list[MessageRow]:
    """A store's messages, the newest made first, from just past `after`."""
    query = select(MessageRow).where(MessageRow.store_id == store_id)
    for column, value in (
        (MessageRow.status, status),
        (MessageRow.kind, kind),
        (MessageRow.backorder_id, backorder_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if due_before is not None:
        query = query.where(MessageRow.due_at < due_before)
    if after is not None:
        query = query.where(MessageRow.id < after)
    return list(session.exec(query.order_by(col(MessageRow.id).desc()).limit(limit)))


def message(session: Session, store_id: str, message_id: str) -> MessageRow | None:
    query = select(MessageRow).where(MessageRow.id == message_id, MessageRow.store_id == store_id)
    return session.exec(query).one_or_none()


def messages_of(session: Session, backorder_ids: Collection[str]) -> defaultdict[str, list[MessageRow]]:
    """By backorder, its messages in the order in which they are, or were, due."""
    query = (
        select(MessageRow)
        .where(col(MessageRow.backorder_id).in_(backorder_ids))
        .order_by(col(MessageRow.due_at), col(MessageRow.id))
    )
    found: defaultdict[str, list[MessageRow]] = defaultdict(list)
    for row in session.exec(query):
        found[row.backorder_id].append(row)
    return found


def addresses(session: Session, backorder_ids: Collection[str]) -> dict[str, str]:
    """By backorder, its customer's address."""
    query = select(Backorder.id, Backorder.email).where(col(Backorder.id).in_(backorder_ids))
    return dict(session.exec(query).all())


def skus(session: Session, backorder_ids: Collection[str]) -> dict[str, str]:
    """By line id, the SKU of every line of these orders."""
    query = select(BackorderLine.id, BackorderLine.sku).where(
        col(BackorderLine.backorder_id).in_(backorder_ids)
    )
    return dict(session.exec(query).all())


def history(session: Session, backorder_id: str) -> list[MessageHistory]:
    """Every change of every message of one order, oldest first, beginning with that it was planned."""
    changes = session.exec(select(MessageHistory).where(MessageHistory.backorder_id == backorder_id))
    return sorted(
        [*_beginnings(messages_of(session, [backorder_id])[backorder_id]), *changes],
        key=lambda change: (change.at, change.before is not None, change.id),
    )


def _beginnings(messages: Iterable[MessageRow]) -> Iterator[MessageHistory]:
    """That they were planned, which their own rows say."""
    for row in messages:
        if row.planned_at:
            yield MessageHistory(
                id=row.id,
                store_id=row.store_id,
                backorder_id=row.backorder_id,
                message_id=row.id,
                at=row.planned_at,
                after=Status.PLANNED.value,
                reason="planned",
            )


# --- figures for metrics ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """How the outbox stands: what should have left, by kind; what is in doubt, by provider."""

    due: dict[str, int]
    doubtful: dict[str, int]
    oldest_due: datetime | None
    """Since when the longest waiting message that should have left is due; None when none waits."""
    accounts: dict[str, tuple[datetime | None, int]]
    """By account: until when it is paused, and how often in a row there was trouble."""
    unfinished_sku_changes: int
    unfinished_restocks: int
    lost_notices: int
    overdue_duties: dict[Task, int]
    """By duty, how many had their last day, everywhere on earth."""


def figures(session: Session, now: datetime) -> Figures:
    """Every part by an index: none looks at what is done, nor at what is planned for later."""
    due = session.exec(
        select(MessageRow.kind, func.count(), func.min(MessageRow.attempt_at))
        .where(OF_ANYBODY, MessageRow.attempt_at <= now)
        .group_by(MessageRow.kind)
    ).all()
    doubtful = select(func.coalesce(MessageRow.provider, ""), func.count()).where(
        MessageRow.status == Status.UNKNOWN.value
    )
    # Of the many that stores may have of their own, those in trouble are enough.
    of_stores = col(ProviderAccount.account).contains("-", autoescape=True)
    known = select(ProviderAccount).where(or_(col(ProviderAccount.failures) > 0, ~of_stores))
    changes = select(func.count()).select_from(SkuChange).where(col(SkuChange.finished_at).is_(None))
    restocks = select(func.count()).select_from(Restock).where(col(Restock.finished_at).is_(None))
    in_doubt: Counter[str] = Counter()
    for account, count in session.exec(doubtful.group_by(col(MessageRow.provider))):
        in_doubt[provider_of(account)] += count
    return Figures(
        due={kind: count for kind, count, _ in due},
        doubtful=in_doubt,
        oldest_due=min((oldest for _, _, oldest in due), default=None),
        accounts={row.account: (row.paused_until, row.failures) for row in session.exec(known)},
        unfinished_sku_changes=session.exec(changes).one(),
        unfinished_restocks=session.exec(restocks).one(),
        lost_notices=notices.count_lost(session),
        overdue_duties=duties.count_overdue(session, (now - timedelta(hours=12)).date()),
    )
