"""The answer to a request with an `Idempotency-Key`, kept in the transaction of its effect, to give again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from notifier.db.tables import IdempotencyKey

KEPT = timedelta(hours=24)

_NOT_ANSWERED = 0


@dataclass(frozen=True, slots=True)
class Given:
    """What was answered to the first request with this key; `digest` tells what that request was."""

    digest: str
    status: int
    body: str


def claim(session: Session, store_id: str, key: str, digest: str, now: datetime) -> Given | None:
    """Take the key for this request; or tell what was answered to the one that took it before.

    A second request with the same key waits here until the first has committed or failed. To be followed by
    `keep` in the same transaction.
    """
    forget_before(session, now - KEPT, store_id=store_id, key=key)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    taken = session.execute(
        dialect.insert(IdempotencyKey)
        .values(store_id=store_id, key=key, digest=digest, status=_NOT_ANSWERED, body="", created_at=now)
        .on_conflict_do_nothing()
        .returning(col(IdempotencyKey.key))
    ).scalar_one_or_none()
    if taken is not None:
        return None
    row = session.exec(
        select(IdempotencyKey).where(IdempotencyKey.store_id == store_id, IdempotencyKey.key == key)
    ).one()
    return Given(row.digest, row.status, row.body)


def keep(session: Session, store_id: str, key: str, status: int, body: str) -> None:
    """Remember the answer to the request that claimed the key."""
    row = session.get_one(IdempotencyKey, (store_id, key))
    row.status, row.body = status, body
    session.add(row)


def forget_before(
    session: Session, before: datetime, *, store_id: str | None = None, key: str | None = None
) -> None:
    """Forget answers given before that time; all of them, or one key's."""
    query = delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < before)
    if store_id is not None:
        query = query.where(col(IdempotencyKey.store_id) == store_id, col(IdempotencyKey.key) == key)
    session.execute(query.execution_options(synchronize_session=False))
