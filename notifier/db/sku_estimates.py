"""What a store says of a SKU that a new order would wait for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from notifier.db import bulk, widget
from notifier.db.shop_tables import SkuEstimate
from notifier.db.tables import BackorderLine
from notifier.domain.believed import ASKED, newest
from notifier.domain.eta import Eta


@dataclass(frozen=True, slots=True)
class Stated:
    """The estimate of a new order's line, and the reason that the store gave with it."""

    eta: Eta
    reason: str | None = None


def keep(session: Session, store_id: str, sku: str, eta: Eta, reason: str | None, now: datetime) -> None:
    """Remember what a store says of a whole SKU, for orders that come later."""
    values = {"eta": eta.latest, "eta_earliest": eta.earliest, "reason": reason, "at": now}
    row = {"store_id": store_id, "sku": sku, **values}
    if not bulk.insert_new(session, "sku_estimate", [row], answer="sku"):
        session.execute(
            update(SkuEstimate)
            .where(col(SkuEstimate.store_id) == store_id, col(SkuEstimate.sku) == sku)
            .values(values)
            .execution_options(synchronize_session=False)
        )


def forget(session: Session, store_id: str, skus: Collection[str]) -> None:
    """There are units of these that nobody waits for: who orders them next need not wait."""
    if skus:
        session.execute(
            delete(SkuEstimate).where(
                col(SkuEstimate.store_id) == store_id, bulk.among(session, col(SkuEstimate.sku), skus)
            )
        )


def stated(session: Session, store_id: str, skus: Collection[str], today: date) -> Mapping[str, Stated]:
    """By SKU, when a new order of it would ship; without those that it need not wait for, as far as is known.

    In turn: what a change under way brings, the next shipment with units to spare, what the orders say that wait, and
    what was last said of the SKU. A date that has passed is no date; where nobody waits, such a one says nothing.
    """
    kept = {
        row.sku: row
        for row in session.exec(
            select(SkuEstimate).where(
                SkuEstimate.store_id == store_id, bulk.among(session, col(SkuEstimate.sku), skus)
            )
        )
    }
    found = {}
    for sku in sorted(set(skus)):
        eta, reason = _of(session, store_id, sku), None
        row = kept.get(sku)
        if row and (eta is None or eta == Eta(row.eta, row.eta_earliest)):
            if eta is None and row.eta is not None and row.eta < today:
                continue
            eta, reason = Eta(row.eta, row.eta_earliest), row.reason
        if eta is not None:
            found[sku] = Stated(_to_come(eta, today), reason)
    return found


def _of(session: Session, store_id: str, sku: str) -> Eta | None:
    waiting = _wanting(session, store_id, sku)
    under_way = widget.moving_to(session, store_id, sku) if waiting else None
    return under_way or widget.to_spare(session, store_id, sku) or newest(waiting)


def _wanting(session: Session, store_id: str, sku: str) -> list[Eta]:
    """The estimates of the newest orders that wait for units which are not here."""
    line = BackorderLine
    query = (
        select(line)
        .where(
            line.store_id == store_id,
            line.sku == sku,
            line.waiting > 0,
            col(line.waiting) > col(line.allocated),
        )
        .order_by(col(line.backorder_id).desc())
        .limit(ASKED)
    )
    return [Eta(row.eta, row.eta_earliest) for row in session.exec(query)]


def _to_come(eta: Eta, today: date) -> Eta:
    if eta.latest is None or eta.latest < today:
        return Eta()
    return Eta(eta.latest) if eta.earliest is not None and eta.earliest <= today else eta
