"""Where stores are told what happened, and who listens to what: news becomes deliveries here.

Written in the transaction of what happened, so that news is kept exactly if its cause is. Most stores have no endpoint:
for them a transaction asks once, and the news is not even put together.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from notifier.db.ids import new_id
from notifier.db.webhook_tables import WebhookEndpoint
from notifier.domain.news import News, Type

ROW = WebhookEndpoint
DELIVERIES = SQLModel.metadata.tables["webhook_delivery"]
ACTIVE, PAUSED = "active", "paused"
_ASKED = "who listens"
"""Under which name a session keeps the answer, which is good for its transaction."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An endpoint as far as news goes: which types it wants (empty: all), and whether they wait for a person."""

    id: str
    events: Collection[str]
    paused: bool


# --- telling ----------------------------------------------------------------------------------------------


def listeners(session: Session, store_ids: Collection[str]) -> Mapping[str, Sequence[Listener]]:
    """By store, who wants to be told; stores without an endpoint are left out."""
    asked: dict[str, list[Listener]] = session.info.setdefault(_ASKED, {})
    unknown = set(store_ids) - asked.keys()
    if unknown:
        asked |= {store_id: [] for store_id in unknown}
        query = select(ROW.id, ROW.store_id, ROW.events, ROW.status).where(col(ROW.store_id).in_(unknown))
        for endpoint_id, store_id, events, status in session.exec(query):
            asked[store_id].append(Listener(endpoint_id, frozenset(events), status == PAUSED))
    return {store_id: asked[store_id] for store_id in store_ids if asked[store_id]}


def tell(session: Session, news: Iterable[News], now: datetime) -> None:
    """Keep news for every endpoint that wants it; what is told once and was told already is left out."""
    rows: list[dict[str, Any]] = []
    for item in news:
        event_id = item.id() or new_id("event")
        rows += [
            delivery(listener.id, event_id, item, now, held=listener.paused)
            for listener in listeners(session, [item.store_id]).get(item.store_id, ())
            if not listener.events or item.type in listener.events
        ]
    keep(session, rows)


def delivery(
    endpoint_id: str, event_id: str, item: News, now: datetime, *, held: bool = False
) -> dict[str, Any]:
    """A row: this news for that endpoint."""
    return {
        "id": new_id("del"),
        "store_id": item.store_id,
        "endpoint_id": endpoint_id,
        "event_id": event_id,
        "type": item.type.value,
        "body": item.body(),
        "status": "held" if held else "pending",
        "created_at": now,
        "attempt_at": now,
        "attempts": 0,
        "tries": [],
    }


def keep(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write deliveries; one that its endpoint has already stays as it is."""
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(DELIVERIES).on_conflict_do_nothing(), list(rows))


# --- endpoints --------------------------------------------------------------------------------------------


def find(
    session: Session,
    store_id: str,
    *,
    id: str | None = None,  # noqa: A002  the column's name
    after: str | None = None,
    limit: int = 1,
    lock: bool = False,
) -> Sequence[WebhookEndpoint]:
    """A store's endpoints, the newest first, from just past `after`."""
    query = select(ROW).where(ROW.store_id == store_id)
    if id is not None:
        query = query.where(ROW.id == id)
    if after is not None:
        query = query.where(ROW.id < after)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.exec(query.order_by(col(ROW.id).desc()).limit(limit)).all()


def count(session: Session, store_id: str) -> int:
    return session.exec(select(func.count()).where(ROW.store_id == store_id)).one()


def paused(session: Session, store_id: str, limit: int) -> Sequence[WebhookEndpoint]:
    """Those that are told nothing until a person resumes them."""
    query = select(ROW).where(ROW.store_id == store_id, ROW.status == PAUSED)
    return session.exec(query.order_by(col(ROW.id).desc()).limit(limit)).all()


def remove(session: Session, endpoint: WebhookEndpoint) -> None:
    """With all its deliveries."""
    session.execute(delete(DELIVERIES).where(DELIVERIES.c.endpoint_id == endpoint.id))
    session.delete(endpoint)


def pause(session: Session, endpoint: WebhookEndpoint) -> None:
    """Try no more: what waits is held until a person resumes it. What is on its way ends as it ends."""
    endpoint.status = PAUSED
    session.add(endpoint)
    session.execute(
        update(DELIVERIES)
        .where(
            DELIVERIES.c.endpoint_id == endpoint.id,
            DELIVERIES.c.status == "pending",
            DELIVERIES.c.lease_token.is_(None),
        )
        .values(status="held")
    )


def resume(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    """Go on at once, with all tries anew, beginning with what was held, waits, or was given up since it failed."""
    given_up = and_(
        DELIVERIES.c.status == "failed",
        DELIVERIES.c.settled_at >= (endpoint.failing_since or now),
        DELIVERIES.c.type != Type.TEST.value,
    )
    session.execute(
        update(DELIVERIES)
        .where(
            DELIVERIES.c.endpoint_id == endpoint.id,
            DELIVERIES.c.lease_token.is_(None),
            or_(DELIVERIES.c.status.in_(["held", "pending"]), given_up),
        )
        .values(status="pending", attempt_at=now, attempts=0, settled_at=None)
    )
    endpoint.status, endpoint.failures = ACTIVE, 0
    endpoint.failing_since = endpoint.rest_until = endpoint.last_error = None
    session.add(endpoint)
