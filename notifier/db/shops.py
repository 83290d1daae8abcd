"""What shop platforms told: each delivery once, and each of their orders with what was taken up of it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, tuple_
from sqlmodel import Session, col, select

from notifier.db import bulk
from notifier.db.ids import new_id
from notifier.db.shop_tables import ShopEvent, ShopOrderRow

KEPT = timedelta(days=30)
"""How long deliveries, and orders of which nothing is a backorder, are remembered."""
AT_ONCE = 500


def delivery(
    session: Session, store_id: str, platform: str, delivery_id: str, topic: str, outcome: str, now: datetime
) -> tuple[ShopEvent, bool]:
    """The row of a delivery, for this transaction alone, and whether it is new. Who brings the same waits here."""
    row = ShopEvent(
        id=new_id("shop"), store_id=store_id, platform=platform, delivery_id=delivery_id, topic=topic,
        outcome=outcome, detail="", received_at=now,
    )  # fmt: skip
    created = bulk.insert_new(session, "shop_event", [row.model_dump()])
    query = select(ShopEvent).where(
        ShopEvent.store_id == store_id, ShopEvent.platform == platform, ShopEvent.delivery_id == delivery_id
    )
    return session.exec(query.with_for_update()).one(), bool(created)


def next_to_fetch(session: Session, now: datetime, lease: timedelta) -> ShopEvent | None:
    """A delivery whose order is to be fetched now, left to whoever asks until that time is over; None when none is."""
    query = (
        select(ShopEvent)
        .where(col(ShopEvent.attempt_at) <= now)
        .order_by(col(ShopEvent.attempt_at), ShopEvent.id)
    )
    event = session.exec(query.limit(1).with_for_update(skip_locked=True)).first()
    if event is not None:
        event.attempt_at = now + lease
        session.add(event)
        session.flush()
    return event


def waiting(session: Session, event_id: str) -> ShopEvent | None:
    """A delivery whose order is still to be fetched, for this transaction alone; None where that was done meanwhile."""
    query = select(ShopEvent).where(ShopEvent.id == event_id, col(ShopEvent.attempt_at).is_not(None))
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).first()


def order(session: Session, store_id: str, platform: str, ref: str, now: datetime) -> ShopOrderRow:
    """The row of a platform's order, made where there is none, for this transaction alone."""
    row: dict[str, Any] = ShopOrderRow(
        store_id=store_id, platform=platform, ref=ref, told_at=now
    ).model_dump()
    bulk.insert_new(session, "shop_order", [row], answer="ref")
    query = select(ShopOrderRow).where(
        ShopOrderRow.store_id == store_id, ShopOrderRow.platform == platform, ShopOrderRow.ref == ref
    )
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).one()


def of_backorder(session: Session, store_id: str, backorder_id: str) -> ShopOrderRow | None:
    """The order of a platform that this backorder is of."""
    query = select(ShopOrderRow).where(
        ShopOrderRow.store_id == store_id, ShopOrderRow.backorder_id == backorder_id
    )
    return session.exec(query.limit(1)).first()


def backorders_of(
    session: Session, store_id: str, orders: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """The backorders of these orders, each named by its platform and that one's id of it; a few may have none."""
    query = select(ShopOrderRow.platform, ShopOrderRow.ref, ShopOrderRow.backorder_id).where(
        ShopOrderRow.store_id == store_id,
        tuple_(col(ShopOrderRow.platform), col(ShopOrderRow.ref)).in_(orders),
        col(ShopOrderRow.backorder_id).is_not(None),
    )
    return {(platform, ref): backorder_id or "" for platform, ref, backorder_id in session.exec(query)}


def find(
    session: Session,
    store_id: str,
    *,
    platform: str | None = None,
    outcome: str | None = None,
    order_id: str | None = None,
    after: str | None = None,
    limit: int,
) -> Sequence[ShopEvent]:
    """A store's deliveries, the newest first, from just past `after`."""
    query = select(ShopEvent).where(ShopEvent.store_id == store_id)
    for column, value in (
        (ShopEvent.platform, platform),
        (ShopEvent.outcome, outcome),
        (ShopEvent.order_id, order_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(ShopEvent.id < after)
    return session.exec(query.order_by(col(ShopEvent.id).desc()).limit(limit)).all()


def forget_before(session: Session, before: datetime) -> bool:
    """Forget some of what is older, but for orders that are backorders; True where more may be left."""
    old = select(ShopEvent.id).where(ShopEvent.received_at < before).limit(AT_ONCE)
    gone = session.execute(delete(ShopEvent).where(col(ShopEvent.id).in_(session.exec(old).all())))
    rows = session.exec(
        select(ShopOrderRow)
        .where(ShopOrderRow.told_at < before, col(ShopOrderRow.backorder_id).is_(None))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        session.delete(row)
    return AT_ONCE in {len(rows), getattr(gone, "rowcount", 0)}
