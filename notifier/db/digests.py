"""The daily lists of duties that stores get: one row a store and day, so that a list goes once in the usual case."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import case, text
from sqlmodel import Field, Session, SQLModel, col, delete, select, update

from notifier.db import bulk
from notifier.db.columns import time_column
from notifier.db.tables import Store

AGAIN = timedelta(minutes=15)
"""How long after a list was last touched it is taken in hand again, if it is not known to have gone. Whoever still
works on it by then is dead: no mail service is waited for longer than a minute."""

ATTEMPTS = 4
"""How often a list is handed over that perhaps went, or that whoever sent it died of."""

OPEN = ("sending", "waiting", "unknown")
"""What does not stay so: it is tried again, and ends with the day."""

KEPT = timedelta(days=30)


class DutyDigest(SQLModel, table=True):
    """The list of one local day of a store. `status`: `sending` from before it is handed over, `waiting` when certainly
    nothing was sent, `unknown` when it perhaps was: these are tried again. Else what came of it: `sent`, `failed`,
    `empty` where nothing was due, or `missed` where the next day's list overtook it. `attempts` counts how often it was
    taken in hand without an answer that certainly nothing was sent."""

    __tablename__ = "duty_digest"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    day: date = Field(primary_key=True)
    status: str
    at: datetime = time_column()
    attempts: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    detail: str | None = None


def stores(session: Session) -> Sequence[Store]:
    """Those that want the list."""
    return session.exec(select(Store).where(col(Store.digest_to).is_not(None)).order_by(Store.id)).all()


def claim(session: Session, store_id: str, day: date, now: datetime) -> bool:
    """Whether the list of that day is ours to send: its row is made, or one that was left is taken. One wins."""
    row = {"store_id": store_id, "day": day, "status": "sending", "at": now, "attempts": 1, "detail": None}
    if bulk.insert_new(session, "duty_digest", [row], "store_id"):
        return True
    tried = col(DutyDigest.attempts)
    left = (
        update(DutyDigest)
        .where(
            col(DutyDigest.store_id) == store_id,
            col(DutyDigest.day) == day,
            col(DutyDigest.at) <= now - AGAIN,
            (col(DutyDigest.status) == "waiting")
            | (col(DutyDigest.status).in_(("sending", "unknown")) & (tried < ATTEMPTS)),
        )
        # One that waits was certainly not sent, and the mail service may be out of order for long.
        .values(
            status="sending",
            at=now,
            attempts=case((col(DutyDigest.status) == "waiting", tried), else_=tried + 1),
        )
        .returning(col(DutyDigest.store_id))
        .execution_options(synchronize_session=False)
    )
    return session.execute(left).first() is not None


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


def last(session: Session, store_id: str) -> DutyDigest | None:
    """What became of the store's newest list."""
    query = select(DutyDigest).where(col(DutyDigest.store_id) == store_id)
    return session.exec(query.order_by(col(DutyDigest.day).desc()).limit(1)).first()


def end(session: Session, now: datetime) -> int:
    """Call `missed` what was left for so long that its day is over wherever the store is; how many.

    The list of the next day has everything that such a one would have had.
    """
    missed = (
        update(DutyDigest)
        .where(col(DutyDigest.status).in_(OPEN), col(DutyDigest.at) <= now - timedelta(days=1))
        .values(status="missed", at=now)
        .returning(col(DutyDigest.store_id))
        .execution_options(synchronize_session=False)
    )
    return len(session.execute(missed).all())


def forget(session: Session, now: datetime) -> None:
    """Drop the rows of days long past."""
    session.execute(delete(DutyDigest).where(col(DutyDigest.day) < (now - KEPT).date()))
