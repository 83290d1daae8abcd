"""Gives every message that its worker left behind, or that nobody can send any more, a way on."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, update
from sqlmodel import Session, col, select

from notifier.db.claims import OF_ANYBODY
from notifier.db.outbox import entry, remember, without_lease
from notifier.db.tables import Backorder, MessageRow
from notifier.domain.message import Status

ROW = MessageRow
AT_ONCE = 1000


def sweep(session: Session, now: datetime) -> dict[str, int]:
    """Move what was left behind; counts by what it became.

    `sending` past its lease becomes `unknown`; planned or held past its expiry becomes `expired`, and its order is
    planned again, because its news may still have to be told. Planned messages with an ended lease need nothing:
    they are due again.
    """
    vanished = "the worker vanished while sending; the provider may have it"
    doubtful = _sweep(session, now, Status.SENDING, col(ROW.lease_until) <= now, Status.UNKNOWN, vanished)
    over = col(ROW.expires_at) <= now
    # No email is tried again after its time, so what is too late is due as well, and an index holds both times.
    due_and_over = and_(OF_ANYBODY, col(ROW.attempt_at) <= now, over)
    late = sum(
        _sweep(session, now, before, overdue, Status.EXPIRED, "too_late")
        for before, overdue in ((Status.PLANNED, due_and_over), (Status.HELD, over))
    )
    return {"unknown": doubtful, "expired": late}


def _sweep(session: Session, now: datetime, before: Status, overdue: Any, after: Status, reason: str) -> int:
    """Orders whose rows somebody else holds are left for the next sweep."""
    found = session.execute(
        select(ROW.id, ROW.backorder_id).where(col(ROW.status) == before.value, overdue).limit(AT_ONCE)
    ).all()
    if not found:
        return 0
    orders = session.scalars(
        select(Backorder.id)
        .where(col(Backorder.id).in_({row.backorder_id for row in found}))
        .order_by(Backorder.id)
        .with_for_update(skip_locked=True)
    ).all()
    moved = session.execute(
        update(ROW)
        .where(
            col(ROW.id).in_([row.id for row in found]),
            col(ROW.backorder_id).in_(orders),
            col(ROW.status) == before.value,
            overdue,
        )
        .values(
            **without_lease(after, reason),
            attempt_at=now,
            in_doubt=ROW.provider if after is Status.UNKNOWN else ROW.in_doubt,
        )
        .returning(col(ROW.id), col(ROW.store_id), col(ROW.backorder_id))
        .execution_options(synchronize_session=False)
    ).all()
    remember(session, [entry(row._asdict(), now, before, after, reason) for row in moved])
    if moved and after is Status.EXPIRED:
        session.execute(
            update(Backorder)
            .where(col(Backorder.id).in_({row.backorder_id for row in moved}))
            .values(replan_at=now)
            .execution_options(synchronize_session=False)
        )
    return len(moved)
