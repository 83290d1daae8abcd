"""Large changes of a SKU's estimate, and how far they have been worked off."""

from datetime import datetime

from sqlmodel import Session, col, select

from notifier.db.tables import SkuChange


def supersede(session: Session, store_id: str, sku: str, now: datetime) -> None:
    """A newer estimate of a SKU takes the place of one that is still being worked off."""
    older = select(SkuChange).where(
        SkuChange.store_id == store_id, SkuChange.sku == sku, col(SkuChange.finished_at).is_(None)
    )
    for job in session.exec(older.with_for_update()):
        job.finished_at = now
        session.add(job)


def next_unfinished(session: Session) -> SkuChange | None:
    """The oldest change that is not worked off and that nobody is at; others pass it over until we are done."""
    query = select(SkuChange).where(col(SkuChange.finished_at).is_(None)).order_by(SkuChange.id).limit(1)
    return session.exec(query.with_for_update(skip_locked=True)).one_or_none()
