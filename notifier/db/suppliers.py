"""Suppliers: how the dates of their shipments moved, when those arrived, and what that says of the next one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlalchemy import ColumnElement, case, func
from sqlmodel import Session, col, select

from notifier.db import bulk
from notifier.db.hindsight import LOOKED_BACK, as_outlook, tell
from notifier.db.ids import new_id
from notifier.db.inbound_tables import InboundLine, InboundMove, InboundShipment, SupplierOutlook
from notifier.domain.hindsight import REMEMBERED, Outcome, Outlook, outlook
from notifier.domain.policy import local_day

# --- noted, in the transaction of the change -------------------------------------------------------------


def note_move(
    session: Session, row: InboundShipment, before: date | None, at: datetime, settle: timedelta
) -> None:
    """Note that a shipment whose date was `before` has another one now; the caller holds its row.

    What is taken back within the settling time never moved.
    """
    query = (
        select(InboundMove)
        .where(InboundMove.shipment_id == row.id)
        .order_by(col(InboundMove.id).desc())
        .limit(1)
    )
    last = session.exec(query).one_or_none()
    if last and (last.became, last.named) == (before, row.eta) and at - last.at <= settle:
        session.delete(last)
    elif before is not None:
        session.add(
            InboundMove(
                id=new_id("inbmove"),
                store_id=row.store_id,
                shipment_id=row.id,
                named=before,
                became=row.eta,
                days=(row.eta - before).days if row.eta else None,
                at=at,
            )
        )


def note_arrival(session: Session, row: InboundShipment, zone: ZoneInfo, now: datetime) -> None:
    """Say anew what to expect of the supplier of this shipment, now that it is here; nothing where none is named.

    The supplier's record is locked until the transaction ends, so it is to be the last that is asked for.
    """
    if row.supplier is None:
        return
    keys = {"store_id": row.store_id, "supplier": row.supplier}
    bulk.insert_new(session, "supplier_outlook", [keys], answer="supplier")
    known = session.get_one(
        SupplierOutlook, tuple(keys.values()), with_for_update=True, populate_existing=True
    )
    tell(known, outlook(arrivals(session, row.store_id, row.supplier, zone, now)))
    session.add(known)


# --- read ------------------------------------------------------------------------------------------------


def arrivals(session: Session, store_id: str, supplier: str, zone: ZoneInfo, now: datetime) -> list[Outcome]:
    """What became of the first date of each of the supplier's last shipments, the earliest first.

    `zone` is the store's. What was here when it was handed in had no date, so it tells nothing.
    """
    ship, line = InboundShipment, InboundLine
    query = (
        sqlalchemy.select(col(ship.first_eta), col(ship.arrived_at), func.sum(line.quantity))
        .join(line, col(line.shipment_id) == col(ship.id))
        .where(
            col(ship.store_id) == store_id,
            col(ship.supplier) == supplier,
            col(ship.first_eta).is_not(None),
            col(ship.arrived_at) > now - LOOKED_BACK,
        )
        .group_by(col(ship.id))
        .order_by(col(ship.first_eta).desc(), col(ship.id).desc())
        .limit(REMEMBERED)
    )
    return [
        Outcome(named, local_day(at, zone), units)
        for named, at, units in reversed(session.execute(query).all())
        if named and at
    ]


def missing(session: Session, store_id: str) -> dict[str, Outlook]:
    """Those suppliers whose dates are missed more often than not, with what is to be expected of them."""
    query = select(SupplierOutlook).where(
        SupplierOutlook.store_id == store_id, col(SupplierOutlook.likely) > 0
    )
    return {row.supplier: found for row in session.exec(query) if (found := as_outlook(row))}


def of_skus(session: Session, store_id: str, skus: Collection[str]) -> dict[str, str]:
    """By SKU, the supplier of the shipment that was handed in last and brings it, or brought it; if one was named."""
    ship, line = InboundShipment, InboundLine
    last = (
        select(line.sku, func.max(ship.id).label("id"))
        .join(ship, col(ship.id) == line.shipment_id)
        .where(
            line.store_id == store_id,
            bulk.among(session, col(line.sku), skus),
            col(ship.supplier).is_not(None),
        )
        .group_by(line.sku)
        .subquery()
    )
    query = select(last.c.sku, ship.supplier).join(ship, col(ship.id) == last.c.id)
    return {sku: supplier for sku, supplier in session.exec(query) if supplier}


@dataclass(frozen=True, slots=True)
class SupplierSlips:
    """How the dates of a supplier's shipments moved in a period: how often `later`, by how many days in all, at most;
    how often `earlier`, how often they were `lost`, and of how many shipments. `missed` of its last `dates` came late,
    None while too little is known."""

    supplier: str
    later: int
    days: int
    most: int
    earlier: int
    lost: int
    shipments: int
    missed: int | None
    dates: int | None


def slips(
    session: Session, store_id: str, period: tuple[datetime, datetime], limit: int
) -> list[SupplierSlips]:
    """The suppliers whose dates moved in the period, from its first instant until just before its second; those that
    slipped most often first."""
    move, ship, known = InboundMove, InboundShipment, SupplierOutlook
    later, lost = _count(col(move.days) > 0), _count(col(move.days).is_(None))
    slipped = case((col(move.days) > 0, col(move.days)), else_=0)
    missed, dates = func.max(known.late), func.max(known.dates)
    query = (
        sqlalchemy.select(
            col(ship.supplier),
            later,
            func.sum(slipped),
            func.max(slipped),
            _count(col(move.days) < 0),
            lost,
            func.count(func.distinct(move.shipment_id)),
            missed,
            dates,
        )
        .join(ship, col(ship.id) == move.shipment_id)
        .join(
            known,
            (col(known.store_id) == move.store_id) & (col(known.supplier) == col(ship.supplier)),
            isouter=True,
        )
        .where(
            col(move.store_id) == store_id,
            col(ship.supplier).is_not(None),
            col(move.at) >= period[0],
            col(move.at) < period[1],
        )
        .group_by(col(ship.supplier))
        .order_by((later + lost).desc(), col(ship.supplier))
        .limit(limit)
    )
    return [SupplierSlips(*row) for row in session.execute(query)]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
