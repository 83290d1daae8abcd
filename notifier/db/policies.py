"""Versions of stores' policies, and planning all of a store's open orders again after one changed."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from notifier.db.ids import new_id
from notifier.db.policy_tables import PolicyVersion, Replanning
from notifier.db.tables import Backorder, Store
from notifier.domain.order import OrderStatus

OPEN = (OrderStatus.OPEN.value, OrderStatus.PARTLY_SHIPPED.value)

# --- versions --------------------------------------------------------------------------------------------


def versions(
    session: Session, store_id: str, *, before: int | None = None, limit: int
) -> Sequence[PolicyVersion]:
    """The versions of a store's policy, the newest first, from just before `before`."""
    query = select(PolicyVersion).where(PolicyVersion.store_id == store_id)
    if before is not None:
        query = query.where(PolicyVersion.version < before)
    return session.exec(query.order_by(col(PolicyVersion.version).desc()).limit(limit)).all()


def version(session: Session, store_id: str, number: int) -> PolicyVersion | None:
    return session.get(PolicyVersion, (store_id, number))


def replannings(session: Session, store_id: str, numbers: Collection[int]) -> dict[int, Replanning]:
    """By version, how far the orders have followed it."""
    query = select(Replanning).where(Replanning.store_id == store_id, col(Replanning.version).in_(numbers))
    return {row.version: row for row in session.exec(query) if row.version is not None}


# --- planning all again ----------------------------------------------------------------------------------


def hold(session: Session, store_id: str) -> Store:
    """The store as it is now, locked against everybody who plans with its policy, until the transaction ends.

    Whoever plans holds its row in share mode (`steady`), so when this returns, all that was planned with the policy as
    it was is there to be seen. The caller must neither hold nor ask for any order's lock: planners hold those first.
    """
    return session.get_one(Store, store_id, with_for_update=True, populate_existing=True)


def steady(session: Session, store_id: str) -> Store:
    """The store as it is now: its policy and zone stay so until this transaction has ended.

    A lock in share mode, which a foreign key takes as well; on SQLite, whose writers queue, none is needed, nor where
    this transaction has it.
    """
    if session.get_bind().dialect.name == "sqlite" or store_id in held(session):
        return session.get_one(Store, store_id)
    held(session).add(store_id)
    return session.get_one(
        Store, store_id, with_for_update={"read": True, "key_share": True}, populate_existing=True
    )


def held(session: Session) -> set[str]:
    """The stores that this transaction holds steady."""
    stores: set[str] = session.info.setdefault("steady", set())
    return stores


def count_open(session: Session, store_id: str) -> int:
    query = select(func.count()).where(Backorder.store_id == store_id, col(Backorder.status).in_(OPEN))
    return session.exec(query).one()


def spread(session: Session, store_id: str, every: int) -> Sequence[str]:
    """Of a store's open orders each n-th by age, the oldest first."""
    numbered = (
        select(Backorder.id, func.row_number().over(order_by=Backorder.id).label("number"))
        .where(Backorder.store_id == store_id, col(Backorder.status).in_(OPEN))
        .subquery()
    )
    query = select(numbered.c.id).where((numbered.c.number - 1) % every == 0).order_by(numbered.c.id)
    return session.exec(query).all()


def plan_all_again(session: Session, store_id: str, now: datetime, version: int | None = None) -> None:
    """Have every open order of a store planned again, chunk by chunk, by whoever watches."""
    total = count_open(session, store_id)
    session.add(Replanning(id=new_id("replan"), store_id=store_id, version=version, at=now, total=total))


def next_unfinished(session: Session, now: datetime) -> Replanning | None:
    """The oldest that is not worked off and that nobody is at; one that a later one does anyway is ended here."""
    query = select(Replanning).where(col(Replanning.finished_at).is_(None)).order_by(Replanning.id).limit(1)
    job = session.exec(query.with_for_update(skip_locked=True)).one_or_none()
    if job is None:
        return None
    later = select(Replanning.id).where(
        Replanning.store_id == job.store_id, col(Replanning.finished_at).is_(None), Replanning.id > job.id
    )
    if session.exec(later.limit(1)).one_or_none() is not None:
        job.overtaken, job.finished_at = True, now
    return job


def next_open(session: Session, job: Replanning, limit: int) -> Sequence[str]:
    """Ids of the open orders that it comes to next."""
    query = (
        select(Backorder.id)
        .where(
            Backorder.store_id == job.store_id,
            col(Backorder.status).in_(OPEN),
            Backorder.id > job.cursor,
        )
        .order_by(Backorder.id)
        .limit(limit)
    )
    return session.exec(query).all()
