"""Addresses that must not get a store's mail, and the messages that are held for it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import delete, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from notifier.addresses import fold
from notifier.db import bulk
from notifier.db.ids import new_id
from notifier.db.outbox import entry, remember, without_lease
from notifier.db.spacing import Address
from notifier.db.tables import IN_TROUBLE, Backorder, MessageRow, Suppression
from notifier.domain.message import Kind, Scope, Status

ROW = MessageRow
# A partial index serves only a query that names its condition in full, not as a parameter.
HELD = text(f"message.{IN_TROUBLE} AND message.status = 'held'")
HELD_FOR = "suppressed: "
"""How the reason of a message begins that is held because of its address."""


Naming = Callable[[str, str], str]
"""From a store's id and an address to the pseudonym that stands for it once it was erased."""


def add(
    session: Session, store_id: str, address: str, scope: Scope, reason: str, source: str, now: datetime
) -> tuple[Suppression, bool]:
    """Suppress an address; True where it was not. One that was stays as it is, with its first reason."""
    row = Suppression(
        id=new_id("supp"),
        store_id=store_id,
        address=fold(address),
        scope=scope.value,
        reason=reason,
        source=source,
        at=now,
    )
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    query = dialect.insert(Suppression).on_conflict_do_nothing().returning(col(Suppression.id))
    if session.execute(query, [row.model_dump()]).first() is not None:
        return row, True
    return find(session, store_id, address=address, scope=scope, limit=1)[0], False


def find(
    session: Session,
    store_id: str,
    *,
    id: str | None = None,  # noqa: A002  the column's name
    address: str | None = None,
    naming: Naming | None = None,
    scope: Scope | None = None,
    after: str | None = None,
    limit: int,
) -> Sequence[Suppression]:
    """A store's suppressions, the newest first, from just past `after`.

    With `naming`, those of an address are found too that were made before it was erased.
    """
    query = select(Suppression).where(Suppression.store_id == store_id)
    if id is not None:
        query = query.where(Suppression.id == id)
    if address is not None:
        names = {fold(address)} | ({naming(store_id, address)} if naming else set())
        query = query.where(col(Suppression.address).in_(names))
    if scope is not None:
        query = query.where(Suppression.scope == scope.value)
    if after is not None:
        query = query.where(Suppression.id < after)
    return session.exec(query.order_by(col(Suppression.id).desc()).limit(limit)).all()


def remove(session: Session, rows: Sequence[Suppression]) -> None:
    session.execute(
        delete(Suppression)
        .where(col(Suppression.id).in_([row.id for row in rows]))
        .execution_options(synchronize_session=False)
    )


def of(
    session: Session, addresses: Collection[Address], naming: Naming
) -> Mapping[Address, Sequence[Suppression]]:
    """By (store id, address as it was written), what stands against writing to it: also of before it was erased."""
    folded: defaultdict[Address, list[Address]] = defaultdict(list)
    for store_id, address in addresses:
        folded[store_id, fold(address)].append((store_id, address))
        folded[store_id, naming(store_id, address)].append((store_id, address))
    query = _of_addresses(postgresql=session.get_bind().dialect.name == "postgresql")
    asked = {
        **bulk.listed(session, {store_id for store_id, _ in folded}, "stores"),
        **bulk.listed(session, {address for _, address in folded}, "addresses"),
    }
    found: defaultdict[Address, list[Suppression]] = defaultdict(list)
    for row in session.scalars(query, asked):
        for written in folded[row.store_id, row.address]:
            found[written].append(row)
    return found


@cache
def _of_addresses(*, postgresql: bool) -> Any:
    return select(Suppression).where(
        bulk.among_listed(col(Suppression.store_id), "stores", postgresql=postgresql),
        bulk.among_listed(col(Suppression.address), "addresses", postgresql=postgresql),
    )


def against(rows: Sequence[Suppression], kind: Kind) -> str | None:
    """Why a message of this kind is held; None when nothing stands against it."""
    return next((f"{HELD_FOR}{row.reason}" for row in rows if Scope(row.scope).covers(kind)), None)


def orders_held(session: Session, store_id: str, address: str, naming: Naming) -> list[str]:
    """The ids of the orders of this address, or of that with this pseudonym, that have a message held for it."""
    held = select(ROW.backorder_id).where(
        ROW.store_id == store_id, HELD, col(ROW.reason).startswith(HELD_FOR)
    )
    query = select(Backorder.id, Backorder.email).where(col(Backorder.id).in_(held))
    return [
        backorder_id
        for backorder_id, email in session.exec(query)
        if fold(address) in {fold(email), naming(store_id, email)}
    ]


def give_back(session: Session, backorder_ids: Collection[str], why: str, now: datetime) -> None:
    """What is held for its address is planned again: whoever sends looks again, at the address and the facts.

    The orders must be locked by this transaction.
    """
    freed = session.execute(
        update(ROW)
        .where(HELD, col(ROW.backorder_id).in_(backorder_ids), col(ROW.reason).startswith(HELD_FOR))
        .values(**without_lease(Status.PLANNED, None), attempt_at=now)
        .returning(col(ROW.id), col(ROW.store_id), col(ROW.backorder_id))
        .execution_options(synchronize_session=False)
    ).all()
    remember(session, [entry(row._asdict(), now, Status.HELD, Status.PLANNED, why) for row in freed])
