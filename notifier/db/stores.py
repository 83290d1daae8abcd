"""Stores and their keys."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy
from sqlalchemy import Select
from sqlmodel import Session, col, select

from notifier.db import bulk
from notifier.db.ids import new_id
from notifier.db.policies import held
from notifier.db.policy_tables import PolicyVersion
from notifier.db.tables import ApiKey, Store

KEY_PREFIX = "nk_"
WIDGET_PREFIX = "pk_"


@dataclass(frozen=True, slots=True)
class NewStore:
    """A store just made, with its key in the clear: this is the only time that anybody sees it."""

    store: Store
    api_key: str


def create_store(
    session: Session,
    now: datetime,
    *,
    name: str,
    timezone: str = "UTC",
    locale: str = "en",
    country: str | None = None,
    policy: dict[str, Any] | None = None,
    store_id: str | None = None,
    api_key: str | None = None,
) -> NewStore:
    """Make a store, the first version of its policy, and its first API key, which only a demo chooses itself."""
    store = Store(
        id=store_id or new_id("store"),
        name=name,
        timezone=timezone,
        locale=locale,
        country=country,
        policy=policy or {},
        created_at=now,
    )
    session.add(store)
    session.flush()
    session.add(PolicyVersion(store_id=store.id, version=1, policy=store.policy, at=now, by="the start"))
    return NewStore(store, add_key(session, store.id, now, api_key))


def add_key(session: Session, store_id: str, now: datetime, api_key: str | None = None) -> str:
    """A further key of a store, in the clear, to be shown once."""
    key = api_key or KEY_PREFIX + secrets.token_urlsafe(32)
    session.add(
        ApiKey(id=new_id("key"), store_id=store_id, digest=key_digest(key), hint=key[-4:], created_at=now)
    )
    return key


def new_widget_key() -> str:
    """A key for a store's own pages, which shows them to everybody: it only must not be guessed by trying."""
    return WIDGET_PREFIX + secrets.token_urlsafe(16)


def key_digest(api_key: str) -> str:
    """What is kept of a key and looked up: its 256 random bits make one round of SHA-256 enough."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def store_of_key(session: Session, api_key: str) -> Store | None:
    """The store that this key opens; None for a key that is wrong or revoked."""
    digest = key_digest(api_key)
    return stores_of_keys(session, [digest]).get(digest)


def stores_of_keys(session: Session, digests: Collection[str], *, hold: bool = False) -> dict[str, Store]:
    """By its key's digest, the store that it opens; a key that is wrong or revoked opens none.

    With `hold` they are held as by `policies.steady`.
    """
    query = _of_keys(postgresql=session.get_bind().dialect.name == "postgresql", hold=hold)
    found: dict[str, Store] = dict(session.execute(query, bulk.listed(session, digests)).all())
    if hold:
        held(session).update(store.id for store in found.values())
    return found


@cache
def _of_keys(*, postgresql: bool, hold: bool) -> Select[str, Store]:
    query = (
        sqlalchemy.select(col(ApiKey.digest), Store)
        .join(Store, col(ApiKey.store_id) == col(Store.id))
        .where(bulk.among_listed(ApiKey.digest, postgresql=postgresql), col(ApiKey.revoked_at).is_(None))
    )
    if not hold:
        return query
    held_so = query.with_for_update(read=True, key_share=True, of=Store)
    return held_so.execution_options(populate_existing=True)


def every(session: Session) -> Sequence[Store]:
    """All stores, the oldest first."""
    return session.exec(select(Store).order_by(col(Store.created_at), col(Store.id))).all()


def keys(session: Session, store_id: str) -> Sequence[ApiKey]:
    """The keys that a store has or had, the oldest first."""
    return session.exec(select(ApiKey).where(ApiKey.store_id == store_id).order_by(col(ApiKey.id))).all()


def revoke_key(session: Session, store_id: str, key_id: str, now: datetime) -> bool:
    """End a key; False where the store has none of this id that still opens it."""
    key = session.get(ApiKey, key_id, with_for_update=True)
    if key is None or key.store_id != store_id or key.revoked_at is not None:
        return False
    key.revoked_at = now
    session.add(key)
    return True


def hint(session: Session, digest: str) -> str:
    """The last characters of the key with this digest."""
    return session.exec(select(ApiKey.hint).where(ApiKey.digest == digest)).one()
