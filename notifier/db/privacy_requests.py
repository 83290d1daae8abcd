"""What customers ask for by a shop platform, until it is done; and whom of its customers a shop still has here."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from notifier.db import bulk
from notifier.db.ids import new_id
from notifier.db.privacy_tables import PrivacyRequest
from notifier.db.shop_tables import ShopOrderRow
from notifier.db.tables import Backorder
from notifier.domain.order import OrderStatus

State = Literal["open", "done"]
WAITS = (OrderStatus.OPEN.value, OrderStatus.PARTLY_SHIPPED.value)


def keep(
    session: Session,
    store_id: str,
    platform: str,
    kind: str,
    ref: str,
    emails: Sequence[str],
    now: datetime,
    due_at: datetime,
) -> tuple[PrivacyRequest, bool]:
    """The open request of that kind and `ref`, for this transaction alone, and whether it is new.

    One that was open already is from now on about these addresses as well.
    """
    row = PrivacyRequest(
        id=new_id("privacy"), store_id=store_id, platform=platform, kind=kind, ref=ref, emails=list(emails),
        asked_at=now, due_at=due_at,
    )  # fmt: skip
    created = bulk.insert_new(session, "privacy_request", [row.model_dump()])
    query = select(PrivacyRequest).where(
        PrivacyRequest.store_id == store_id,
        PrivacyRequest.platform == platform,
        PrivacyRequest.kind == kind,
        PrivacyRequest.ref == ref,
        col(PrivacyRequest.done_at).is_(None),
    )
    found = session.exec(query.with_for_update()).one()
    found.emails = sorted({*found.emails, *emails})
    session.add(found)
    return found, bool(created)


def one(session: Session, request_id: str) -> PrivacyRequest | None:
    """The request of that id, to be read; None where there is none."""
    return session.get(PrivacyRequest, request_id)


def locked(session: Session, request_id: str) -> PrivacyRequest:
    """A request that there is, for this transaction alone."""
    query = select(PrivacyRequest).where(PrivacyRequest.id == request_id)
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).one()


def find(
    session: Session, store_id: str, *, state: State | None = None, after: str | None = None, limit: int
) -> Sequence[PrivacyRequest]:
    """A store's requests, the newest first, from just past `after`."""
    query = select(PrivacyRequest).where(PrivacyRequest.store_id == store_id)
    if state is not None:
        over = col(PrivacyRequest.done_at)
        query = query.where(over.is_(None) if state == "open" else over.is_not(None))
    if after is not None:
        query = query.where(PrivacyRequest.id < after)
    return session.exec(query.order_by(col(PrivacyRequest.id).desc()).limit(limit)).all()


def to_hand_out(session: Session, store_id: str, now: datetime) -> frozenset[str]:
    """The addresses whose data are still to be handed to them, where that is not overdue."""
    query = select(PrivacyRequest.emails).where(
        PrivacyRequest.store_id == store_id,
        PrivacyRequest.kind == "export",
        col(PrivacyRequest.done_at).is_(None),
        PrivacyRequest.due_at > now,
    )
    return frozenset(email for emails in session.exec(query) for email in emails)


def to_pursue(session: Session) -> list[str]:
    """Ids of the erasures that only wait for orders to be over, the oldest first."""
    approved = (col(PrivacyRequest.kind) == "erase") | col(PrivacyRequest.approved_at).is_not(None)
    query = select(PrivacyRequest.id).where(approved, col(PrivacyRequest.done_at).is_(None))
    return list(session.exec(query.order_by(col(PrivacyRequest.id))))


def orders_of(session: Session, store_id: str, emails: Collection[str]) -> list[tuple[str, str, bool]]:
    """The orders of these addresses: id, what the store calls it, whether anything of it waits."""
    query = (
        select(Backorder.id, Backorder.order_id, Backorder.status)
        .where(Backorder.store_id == store_id, func.lower(Backorder.email).in_([it.lower() for it in emails]))
        .order_by(col(Backorder.id))
    )
    return [(id_, order_id, status in WAITS) for id_, order_id, status in session.exec(query)]


# --- of a whole shop ----------------------------------------------------------------------------------------


def emails_of(session: Session, store_id: str, platform: str, refs: Collection[str]) -> list[str]:
    """Whose the platform's orders of these ids are."""
    query = _emails(store_id, platform).where(col(ShopOrderRow.ref).in_(refs))
    return list(session.exec(query))


def next_of_shop(session: Session, store_id: str, platform: str, erased: str, after: str) -> str | None:
    """The next customer of the platform's orders, in order of the address, none of whose orders waits any more.

    `erased` is how the pseudonym of a customer ends who was forgotten already.
    """
    other = aliased(Backorder)
    waits = (
        select(other.id)
        .where(
            other.store_id == store_id,
            func.lower(other.email) == func.lower(Backorder.email),
            col(other.status).in_(WAITS),
        )
        .exists()
    )
    query = _known(store_id, platform, erased).where(~waits, col(Backorder.email) > after)
    found: str | None = session.exec(query.order_by(col(Backorder.email)).limit(1)).first()
    return found


def count_of_shop(session: Session, store_id: str, platform: str, erased: str) -> int:
    """How many customers of the platform's orders are not forgotten."""
    query = _known(store_id, platform, erased)
    return session.exec(select(func.count()).select_from(query.subquery())).one()


def _known(store_id: str, platform: str, erased: str) -> Any:
    return _emails(store_id, platform).where(~col(Backorder.email).endswith(erased))


def _emails(store_id: str, platform: str) -> Any:
    return (
        select(Backorder.email)
        .join(ShopOrderRow, col(ShopOrderRow.backorder_id) == Backorder.id)
        .where(
            Backorder.store_id == store_id,
            ShopOrderRow.store_id == store_id,
            ShopOrderRow.platform == platform,
        )
        .distinct()
    )
