"""When each customer was last written to: for the gap between emails of the series that is spaced."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import func, inspect, text
from sqlmodel import Session, select

from notifier.db.tables import MessageRow
from notifier.domain.message import Kind

MESSAGES = inspect(MessageRow).local_table.c

Address = tuple[str, str]
"""A store, and whom it writes to."""


def last_to(
    session: Session, addresses: Collection[Address], kinds: Collection[Kind]
) -> dict[Address, datetime]:
    """When one of these kinds last went to each address, as far as is known."""
    emails: defaultdict[str, set[str]] = defaultdict(set)
    for store_id, email in addresses:
        emails[store_id].add(email)
    found: dict[Address, datetime] = {}
    for store_id, those in emails.items():
        query = (
            select(MESSAGES.to_email, func.max(MESSAGES.sent_at))
            .where(
                MESSAGES.store_id == store_id,
                MESSAGES.to_email.in_(those),
                MESSAGES.kind.in_([kind.value for kind in kinds]),
                MESSAGES.sent_at.is_not(None),
            )
            .group_by(MESSAGES.to_email)
        )
        found |= {(store_id, email): last for email, last in session.execute(query).all()}
    return found


def hold(session: Session, addresses: Collection[Address]) -> None:
    """Nobody else freezes mail to these addresses until the transaction ends: on SQLite nobody else writes anyway.

    All take their locks in one order, so that two workers can't wait for each other.
    """
    if addresses and session.get_bind().dialect.name == "postgresql":
        query = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")
        session.execute(query, {"keys": sorted({_key(address) for address in addresses})})


def _key(address: Address) -> int:
    digest = blake2b(" ".join(address).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
