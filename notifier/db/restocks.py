"""Goods that arrived: the queue of orders that wait for them, and how far very many units are handed out."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import Select, and_, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from notifier.db import bulk
from notifier.db.alike import keep_facts
from notifier.db.restock_tables import Restock, RestockShare
from notifier.db.tables import Backorder, BackorderLine
from notifier.domain.supply import Share, Waiting

READ = 1000
"""How many of a queue are fetched at a time."""

Place = tuple[datetime, str]
"""Where an order stands in a queue: when it was placed, and its id."""


# --- the queue ---------------------------------------------------------------------------------------------


class Queued(NamedTuple):
    """A line that lacks units of a SKU; a unit's price is text, None where nobody said."""

    line: Waiting
    sku: str
    unit_price: str | None
    currency: str | None


def queue(
    session: Session,
    store_id: str,
    skus: Collection[str],
    *,
    past: Place | None = None,
    known_by: datetime | None = None,
    limit: int | None = None,
) -> Iterator[Queued]:
    """The lines that lack units of these SKUs, the oldest order first, from just past a place; never all at once.

    With `known_by` only those of orders that were registered by then.
    """
    line, order = BackorderLine, Backorder
    columns = (
        col(order.id), col(line.id), _LACKS, col(order.placed_at), col(line.sku), col(line.unit_price),
        col(order.currency),
    )  # fmt: skip
    query = _lacking(session, columns, store_id, skus, known_by)
    if past is not None:
        at, id_ = past
        query = query.where(
            or_(col(order.placed_at) > at, and_(col(order.placed_at) == at, col(order.id) > id_))
        )
    query = query.order_by(col(order.placed_at), col(order.id), col(line.id)).limit(limit)
    with session.execute(query, execution_options={"yield_per": READ}) as rows:
        for row in rows:
            yield Queued(Waiting(*row[:4]), *row[4:])


def needs(session: Session, store_id: str, sku: str, known_by: datetime | None = None) -> dict[int, int]:
    """How many orders lack how many units of a SKU."""
    query = _lacking(session, (_LACKS, func.count()), store_id, [sku], known_by)
    return {row[0]: row[1] for row in session.execute(query.group_by(_LACKS))}


_LACKS: Any = col(BackorderLine.waiting) - col(BackorderLine.allocated)


def _lacking(
    session: Session, columns: Sequence[Any], store_id: str, skus: Collection[str], known_by: datetime | None
) -> Select[Any]:
    line, order = BackorderLine, Backorder
    query = (
        sqlalchemy.select(*columns)
        .join_from(line, order, col(order.id) == line.backorder_id)
        .where(
            col(line.store_id) == store_id,
            bulk.among(session, col(line.sku), skus),
            col(line.waiting) > 0,
            _LACKS > 0,
        )
    )
    return query if known_by is None else query.where(col(order.registered_at) <= known_by)


# --- what is worked off ------------------------------------------------------------------------------------


def under_way(session: Session, store_id: str, skus: Collection[str]) -> set[str]:
    """Those of these SKUs of which units are still being handed out. Under their locks that stays so."""
    query = select(Restock.sku).where(
        Restock.store_id == store_id,
        bulk.among(session, col(Restock.sku), skus),
        col(Restock.finished_at).is_(None),
    )
    return set(session.exec(query))


def next_unfinished(session: Session) -> Restock | None:
    """The oldest that is not worked off and that nobody is at; others pass it over until we are done.

    Those of one SKU are worked off one after the other, as if each had waited for the one before.
    """
    older = aliased(Restock)
    before = select(older.id).where(
        older.store_id == Restock.store_id,
        older.sku == Restock.sku,
        col(older.finished_at).is_(None),
        older.id < Restock.id,
    )
    query = (
        select(Restock)
        .where(col(Restock.finished_at).is_(None), ~before.exists())
        .order_by(Restock.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Restock)
    )
    return session.exec(query.execution_options(populate_existing=True)).one_or_none()


def set_aside(
    session: Session, store_id: str, sku: str, given: Sequence[tuple[int, Share]], now: datetime
) -> None:
    """Write what lines of a store's orders, which are locked, have besides what they had; each with its fact."""
    lines = [(before + it.quantity, it.line_id) for before, it in given]
    bulk.update_many(session, "backorder_line", ("allocated", "id"), lines)
    told = [
        (it.backorder_id, json.dumps({"line": it.line_id, "sku": sku, "quantity": it.quantity}))
        for _, it in given
    ]
    keep_facts(session, store_id, "allocated", now, now, told)


def keep(session: Session, job: Restock, shares: Sequence[Share]) -> None:
    """Note who got what of it next."""
    columns = ("restock_id", "place", "store_id", "backorder_id", "units", "still_waiting")
    rows = [
        (job.id, place, job.store_id, it.backorder_id, it.quantity, it.still_waiting)
        for place, it in enumerate(shares, job.done + 1)
    ]
    bulk.insert_stored(session, "restock_share", columns, rows)
    job.done += len(rows)


# --- what one sees -----------------------------------------------------------------------------------------


def one(session: Session, store_id: str, restock_id: str) -> Restock | None:
    query = select(Restock).where(Restock.id == restock_id, Restock.store_id == store_id)
    return session.exec(query).one_or_none()


def of_shipments(session: Session, store_id: str, shipment_ids: Collection[str]) -> Sequence[Restock]:
    """Those that these shipments brought."""
    query = select(Restock).where(Restock.store_id == store_id, col(Restock.shipment_id).in_(shipment_ids))
    return session.exec(query.order_by(Restock.id)).all()


def of_sku(session: Session, store_id: str, sku: str, limit: int) -> Sequence[Restock]:
    """The last ones of a SKU, the newest first."""
    query = select(Restock).where(Restock.store_id == store_id, Restock.sku == sku)
    return session.exec(query.order_by(col(Restock.id).desc()).limit(limit)).all()


def given(session: Session, store_id: str, sku: str) -> str:
    """How far units of a SKU are given out, as a word that is another one after each restock of it."""
    line = BackorderLine
    units = session.exec(
        select(func.coalesce(func.sum(line.allocated), 0)).where(
            line.store_id == store_id, line.sku == sku, line.waiting > 0
        )
    ).one()
    last = of_sku(session, store_id, sku, limit=1)
    return f"{units} {last[0].id if last else ''}"


def shares(session: Session, restock_id: str, after: int, limit: int) -> Sequence[RestockShare]:
    """Who got what of it, from just past a place."""
    query = select(RestockShare).where(RestockShare.restock_id == restock_id, RestockShare.place > after)
    return session.exec(query.order_by(col(RestockShare.place)).limit(limit)).all()
