"""Large changes of a SKU's estimate, and how far they have been worked off."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from notifier.db.bulk import among
from notifier.db.tables import BackorderLine, SkuChange
from notifier.domain.eta import Eta


def supersede(session: Session, new: SkuChange, now: datetime) -> None:
    """A newer estimate takes the place of those that are still being worked off.

    One for a whole SKU takes that of them all, one for a coming shipment that of the same shipment's.
    """
    older = select(SkuChange).where(
        SkuChange.store_id == new.store_id, SkuChange.sku == new.sku, col(SkuChange.finished_at).is_(None)
    )
    if new.shipment_id is not None:
        older = older.where(SkuChange.shipment_id == new.shipment_id)
    for job in session.exec(older.order_by(SkuChange.id).with_for_update()):
        job.finished_at = now
        session.add(job)


def next_unfinished(session: Session) -> SkuChange | None:
    """The oldest change that is not worked off and that nobody is at; others pass it over until we are done."""
    query = select(SkuChange).where(col(SkuChange.finished_at).is_(None)).order_by(SkuChange.id).limit(1)
    return session.exec(query.with_for_update(skip_locked=True)).one_or_none()


def count_moved(session: Session, ids: Collection[str], sku: str, eta: Eta, at: datetime) -> int:
    """How many of these orders have this estimate of the SKU since then."""
    line = BackorderLine
    query = select(func.count()).where(
        among(session, col(line.backorder_id), ids),
        line.sku == sku,
        line.eta_changed_at == at,
        col(line.eta).is_not_distinct_from(eta.latest),
    )
    return session.exec(query).one()


def unfinished(session: Session, store_id: str, shipment_ids: Collection[str]) -> Sequence[SkuChange]:
    """The changes of these coming shipments that are still being worked off."""
    query = select(SkuChange).where(
        SkuChange.store_id == store_id,
        col(SkuChange.shipment_id).in_(shipment_ids),
        col(SkuChange.finished_at).is_(None),
    )
    return session.exec(query.order_by(SkuChange.id)).all()
