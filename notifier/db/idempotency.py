"""The answer to a request with an `Idempotency-Key`, kept in the transaction of its effect, to give again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, update
from sqlmodel import Session, SQLModel, col, select

from notifier.db import bulk
from notifier.db.tables import IdempotencyKey

KEPT = timedelta(hours=24)
TABLE = SQLModel.metadata.tables["idempotency_key"]

_NOT_ANSWERED = 0


@dataclass(frozen=True, slots=True)
class Given:
    """What was answered to the first request with this key; `digest` tells what that request was."""

    digest: str
    status: int
    body: str


def claim(session: Session, store_id: str, digests: Mapping[str, str], now: datetime) -> dict[str, Given]:
    """Take these keys for requests of those digests; tells what was answered to those that took one before, by key.

    A second request with the same key waits here until the first has committed or failed. To be followed by
    `keep` or `release` in the same transaction.
    """
    if not digests:
        return {}
    _forget(session, store_id, digests, before=now - KEPT)
    rows = [
        {
            "store_id": store_id,
            "key": key,
            "digest": digests[key],
            "status": _NOT_ANSWERED,
            "body": "",
            "created_at": now,
        }
        for key in sorted(digests)  # so that two transactions can't wait for each other
    ]
    taken = bulk.insert_new(session, TABLE.name, rows, answer="key")
    if len(taken) == len(digests):
        return {}
    query = select(IdempotencyKey).where(
        IdempotencyKey.store_id == store_id, col(IdempotencyKey.key).in_(digests.keys() - taken)
    )
    return {row.key: Given(row.digest, row.status, row.body) for row in session.exec(query)}


def keep(session: Session, store_id: str, answers: Mapping[str, tuple[int, str]]) -> None:
    """Remember the answers, status and body, to the requests that claimed these keys."""
    if answers:
        session.connection().execute(
            update(TABLE).where(TABLE.c.store_id == store_id, TABLE.c.key == bindparam("claimed")),
            [{"claimed": key, "status": status, "body": body} for key, (status, body) in answers.items()],
        )


def release(session: Session, store_id: str, keys: Collection[str]) -> None:
    """Give back keys that were claimed for what was then refused: it may be put right under the same key."""
    if keys:
        _forget(session, store_id, keys)


def forget_before(session: Session, before: datetime) -> None:
    """Forget all answers given before that time."""
    session.execute(delete(TABLE).where(TABLE.c.created_at < before))


def _forget(session: Session, store_id: str, keys: Collection[str], before: datetime | None = None) -> None:
    query = delete(TABLE).where(TABLE.c.store_id == store_id, TABLE.c.key.in_(keys))
    session.execute(query if before is None else query.where(TABLE.c.created_at < before))
