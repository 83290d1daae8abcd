"""Deliveries of webhooks: who posts what next, and what came of it. As with emails, a claim is a lease with a token.

A worker that dies between posting and settling leaves a lease that ends: the same event then goes again, under the same
id. Each endpoint gets few places at a time, and one in trouble a single one after a rest, so that none keeps the others
from being told.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, func, or_, text, union_all, update
from sqlmodel import Session, col, select

from notifier.db import endpoints
from notifier.db.webhook_tables import WebhookDelivery, WebhookEndpoint

ROW, ENDPOINT = WebhookDelivery, WebhookEndpoint
# Partial indexes serve only a query that names their condition in full, not as a parameter.
PENDING = text("webhook_delivery.status = 'pending'")
TRIES_KEPT = 10


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this worker alone may post until its lease ends."""

    id: str
    endpoint_id: str
    event_id: str
    type: str
    body: str
    token: str
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Try:
    """What one POST came to. `status` is the answer's, None where there was none; `error` None when it was taken."""

    status: int | None
    error: str | None
    seconds: float


# --- claiming ---------------------------------------------------------------------------------------------


def any_due(session: Session, now: datetime) -> bool:
    query = select(ROW.id).where(PENDING, col(ROW.attempt_at) <= now, _free(now)).limit(1)
    return session.exec(query).first() is not None


def claim(
    session: Session, now: datetime, limit: int, lease: timedelta, busy: Mapping[str, int], most: int
) -> list[Claim]:
    """Claim up to `limit` due deliveries, of each endpoint its share.

    `busy` says how many posts to each endpoint this worker has on their way: no more than `most` to one, a single
    one to one that fails. Other workers' rows are passed over.
    """
    due = _due(col(ENDPOINT.id), now).correlate(ENDPOINT).exists()
    rested = or_(col(ENDPOINT.rest_until).is_(None), col(ENDPOINT.rest_until) <= now)
    query = select(ENDPOINT.id, ENDPOINT.failures).where(due, rested)
    full = [endpoint_id for endpoint_id, count in busy.items() if count >= most]
    if full:
        query = query.where(col(ENDPOINT.id).not_in(full))
    found = session.exec(query.order_by(func.random()).limit(limit)).all()
    shares, left = [], limit
    for number, (endpoint_id, failures) in enumerate(found):
        room = (1 if failures else most) - busy.get(endpoint_id, 0)
        share = min(room, max(1, left // (len(found) - number)))
        if share > 0:
            left -= share
            first = _due(endpoint_id, now).order_by(col(ROW.attempt_at)).limit(share)
            shares.append(select(first.with_for_update(skip_locked=True).cte(f"share_{number}").c.id))
    if not shares:
        return []
    token = secrets.token_hex(12)
    leased = session.execute(
        update(ROW)
        .where(col(ROW.id).in_(union_all(*shares)))
        .values(lease_token=token, lease_until=now + lease, attempts=ROW.attempts + 1)
        .returning(
            col(ROW.id), col(ROW.endpoint_id), col(ROW.event_id), col(ROW.type), col(ROW.body), col(ROW.attempts),
            col(ROW.created_at),
        )
        .execution_options(synchronize_session=False)
    ).all()  # fmt: skip
    return [Claim(token=token, **row._mapping) for row in sorted(leased, key=lambda row: row.id)]


def _due(endpoint_id: Any, now: datetime) -> Any:
    return select(ROW.id).where(
        PENDING, col(ROW.endpoint_id) == endpoint_id, col(ROW.attempt_at) <= now, _free(now)
    )


def _free(now: datetime) -> Any:
    return or_(col(ROW.lease_until).is_(None), col(ROW.lease_until) <= now)


# --- settling ---------------------------------------------------------------------------------------------


def delivered(session: Session, claim: Claim, tried: Try, now: datetime) -> bool:
    """The endpoint took it, and so is well. False when the lease was lost meanwhile."""
    well = {"failing_since": None, "failures": 0, "rest_until": None, "last_error": None}
    session.execute(  # first, as everybody locks the endpoint before its deliveries
        update(ENDPOINT)
        .where(col(ENDPOINT.id) == claim.endpoint_id, col(ENDPOINT.failing_since).is_not(None))
        .values(**well)
        .execution_options(synchronize_session=False)
    )
    return _settle(session, claim, tried, now, {"status": "delivered", "settled_at": now})


def again(session: Session, claim: Claim, tried: Try, now: datetime, at: datetime, *, held: bool) -> bool:
    """It was not taken, and goes once more: at that time, or, `held`, when its endpoint is resumed."""
    values = {"status": "held" if held else "pending", "attempt_at": at}
    return _settle(session, claim, tried, now, values)


def failed(session: Session, claim: Claim, tried: Try, now: datetime) -> bool:
    """It was not taken, and is tried no more unless a person wishes it."""
    return _settle(session, claim, tried, now, {"status": "failed", "settled_at": now})


def endpoint_of(session: Session, claim: Claim) -> WebhookEndpoint | None:
    """The endpoint, which nobody else changes until the transaction ends; None when it was deleted."""
    return session.get(ENDPOINT, claim.endpoint_id, with_for_update=True, populate_existing=True)


def _settle(session: Session, claim: Claim, tried: Try, now: datetime, values: dict[str, Any]) -> bool:
    mine = (col(ROW.id) == claim.id) & (col(ROW.lease_token) == claim.token)
    tries = session.exec(select(ROW.tries).where(mine).with_for_update()).first()
    if tries is None:
        return False
    entry = {
        "at": now.isoformat(),
        "status": tried.status,
        "error": tried.error,
        "seconds": round(tried.seconds, 3),
    }
    values |= {
        "lease_token": None,
        "lease_until": None,
        "response_status": tried.status,
        "error": tried.error,
        "tries": [*tries, entry][-TRIES_KEPT:],
    }
    session.execute(update(ROW).where(mine).values(**values).execution_options(synchronize_session=False))
    return True


# --- reading, and what people do --------------------------------------------------------------------------


def find(
    session: Session,
    endpoint: WebhookEndpoint,
    *,
    id: str | None = None,  # noqa: A002  the column's name
    status: str | None = None,
    after: str | None = None,
    limit: int,
) -> Sequence[WebhookDelivery]:
    """An endpoint's deliveries, the newest first, from just past `after`."""
    query = select(ROW).where(ROW.endpoint_id == endpoint.id)
    if id is not None:
        query = query.where(ROW.id == id)
    if status is not None:
        query = query.where(ROW.status == status)
    if after is not None:
        query = query.where(ROW.id < after)
    return session.exec(query.order_by(col(ROW.id).desc()).limit(limit)).all()


def redeliver(session: Session, row: WebhookDelivery, now: datetime) -> None:
    """Post it again, under the same id, with all tries anew; not while a worker is at it."""
    session.execute(
        update(ROW)
        .where(col(ROW.id) == row.id, col(ROW.lease_token).is_(None))
        .values(status="pending", attempt_at=now, attempts=0, settled_at=None)
        .execution_options(synchronize_session=False)
    )
    session.refresh(row)


def forget_before(session: Session, before: datetime, limit: int) -> int:
    """Delete the oldest deliveries made before then, whatever became of them, and those whose endpoint is gone."""
    orphaned = ~select(ENDPOINT.id).where(col(ENDPOINT.id) == col(ROW.endpoint_id)).exists()
    old = select(ROW.id).where(col(ROW.created_at) < before).limit(limit)
    gone = select(ROW.id).where(PENDING, orphaned).limit(limit)
    deleted = 0
    for ids in (old, gone):
        result = session.execute(
            delete(ROW).where(col(ROW.id).in_(ids)).execution_options(synchronize_session=False)
        )
        deleted += result.rowcount if isinstance(result, CursorResult) else 0
    return deleted


@dataclass(frozen=True, slots=True)
class Figures:
    """How deliveries stand: since when the oldest due one waits, and how many endpoints fail or are paused."""

    oldest_due: datetime | None
    failing: int
    paused: int


def figures(session: Session, now: datetime) -> Figures:
    oldest = select(func.min(ROW.attempt_at)).where(PENDING, col(ROW.attempt_at) <= now)
    failing = select(func.count()).select_from(ENDPOINT)
    return Figures(
        oldest_due=session.exec(oldest).one(),
        failing=session.exec(
            failing.where(col(ENDPOINT.failing_since).is_not(None), col(ENDPOINT.status) == endpoints.ACTIVE)
        ).one(),
        paused=session.exec(failing.where(col(ENDPOINT.status) == endpoints.PAUSED)).one(),
    )
