"""The daily lists of duties that stores get: one row a store and day, so that no list goes twice."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Field, Session, SQLModel, col, delete, select, update

from notifier.db import bulk
from notifier.db.columns import time_column
from notifier.db.tables import Store

AGAIN = timedelta(minutes=15)
"""How long after a mail service took nothing the list is tried again."""

KEPT = timedelta(days=30)


class DutyDigest(SQLModel, table=True):
    """The list of one local day of a store. `status`: `sending` from before it is handed over, so that whoever dies
    then leaves it so and nobody sends it again; `waiting` when certainly nothing was sent; else what came of it:
    `sent`, `failed`, `unknown`, or `empty` where nothing was due."""

    __tablename__ = "duty_digest"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    day: date = Field(primary_key=True)
    status: str
    at: datetime = time_column()
    detail: str | None = None


def stores(session: Session) -> Sequence[Store]:
    """Those that want the list."""
    return session.exec(select(Store).where(col(Store.digest_to).is_not(None)).order_by(Store.id)).all()


def claim(session: Session, store_id: str, day: date, now: datetime) -> bool:
    """Whether the list of that day is ours to send: its row is made, or one that waits is taken. One of many wins."""
    row = {"store_id": store_id, "day": day, "status": "sending", "at": now, "detail": None}
    if bulk.insert_new(session, "duty_digest", [row], "store_id"):
        return True
    waits = (
        update(DutyDigest)
        .where(
            col(DutyDigest.store_id) == store_id,
            col(DutyDigest.day) == day,
            col(DutyDigest.status) == "waiting",
            col(DutyDigest.at) <= now - AGAIN,
        )
        .values(status="sending", at=now)
        .returning(col(DutyDigest.store_id))
        .execution_options(synchronize_session=False)
    )
    return session.execute(waits).first() is not None


def settle(
    session: Session, store_id: str, day: date, status: str, detail: str | None, now: datetime
) -> None:
    """What came of the list."""
    session.execute(
        update(DutyDigest)
        .where(col(DutyDigest.store_id) == store_id, col(DutyDigest.day) == day)
        .values(status=status, at=now, detail=detail)
        .execution_options(synchronize_session=False)
    )


def forget(session: Session, now: datetime) -> None:
    """Drop the rows of days long past."""
    session.execute(delete(DutyDigest).where(col(DutyDigest.day) < (now - KEPT).date()))
