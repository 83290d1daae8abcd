"""What a shop's product pages ask: by the key that the store shows to everybody, of one SKU."""

from sqlmodel import Session, col, select

from notifier.db import supply
from notifier.db.tables import BackorderLine, SkuChange, Store
from notifier.domain.eta import Eta

OFF = "off"
LOOKED_AT = 20
"""Shipments of a SKU, the next, of which one may have units to spare."""


def store_of(session: Session, key: str) -> Store | None:
    """The store with this public key, if it wants its product pages to say when goods ship."""
    return session.exec(select(Store).where(Store.widget_key == key, Store.widget != OFF)).one_or_none()


def estimates(session: Session, store_id: str, sku: str, limit: int) -> list[Eta]:
    """The estimates of the orders that wait for a SKU, the newest order's first."""
    line = BackorderLine
    query = (
        select(line)
        .where(line.store_id == store_id, line.sku == sku, line.waiting > 0)
        .order_by(col(line.backorder_id).desc())
        .limit(limit)
    )
    return [Eta(row.eta, row.eta_earliest) for row in session.exec(query)]


def to_spare(session: Session, store_id: str, sku: str) -> Eta | None:
    """When the next shipment with units that nobody has yet arrives; None where none is known to be on its way."""
    coming = supply.coming(session, store_id, sku, LOOKED_AT)
    return next((Eta(it.row.eta, it.row.eta_earliest) for it in coming if it.spare > 0 and it.row.eta), None)


def moving_to(session: Session, store_id: str, sku: str) -> Eta | None:
    """The estimate that a large change is still bringing to the SKU's orders; None when none is under way."""
    query = (
        select(SkuChange)
        .where(SkuChange.store_id == store_id, SkuChange.sku == sku, col(SkuChange.finished_at).is_(None))
        .order_by(col(SkuChange.id).desc())
        .limit(1)
    )
    job = session.exec(query).first()
    return Eta(job.eta, job.eta_earliest) if job else None
