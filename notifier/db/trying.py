"""What became of emails that were sent with one of two subjects, and of their orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from notifier.db.tables import Fact, MessageRow, ProviderEvent

LEFT = ("sent", "delivered", "bounced", "complained")
UNSUBSCRIBED = "unsubscribed"


def emails(session: Session, store_id: str, variants: Sequence[str]) -> list[tuple[str, str, int]]:
    """Of those that left: (variant, status, how many)."""
    mail = SQLModel.metadata.tables["message"].c
    query = (
        select(mail.variant, mail.status, func.count())
        .where(mail.store_id == store_id, mail.variant.in_(variants), mail.status.in_(LEFT))
        .group_by(mail.variant, mail.status)
    )
    return [(variant, status, count) for variant, status, count in session.execute(query)]


def orders(
    session: Session, store_id: str, variants: Sequence[str], until: datetime
) -> Mapping[str, tuple[int, int]]:
    """By variant: how many orders got such an email, and how many of them their first by `until`."""
    first = _first(store_id, variants).subquery()
    query = select(first.c.variant, func.count(), func.count().filter(first.c.at <= until)).group_by(
        first.c.variant
    )
    return {variant: (every, ripe) for variant, every, ripe in session.execute(query)}


@dataclass(frozen=True, slots=True)
class Reaction:
    """Something that a customer did `at` some time after the first such email of the order, which left at `sent_at`.

    `what` is `cancelled`, or `stopped`: unsubscribed on our page or through the mail service, or marked as spam.
    """

    variant: str
    backorder_id: str
    what: str
    sent_at: datetime
    at: datetime


def reactions(
    session: Session, store_id: str, variants: Sequence[str], until: datetime
) -> Sequence[Reaction]:
    """Of orders whose first such email left by `until`."""
    first = _first(store_id, variants).having(func.min(col(MessageRow.sent_at)) <= until).subquery()
    chose = (
        sqlalchemy.select(
            first.c.variant, first.c.backorder_id, col(Fact.kind), col(Fact.data), first.c.at, col(Fact.at)
        )
        .join(Fact, col(Fact.backorder_id) == first.c.backorder_id)
        .where(col(Fact.kind).in_(("cancelled", UNSUBSCRIBED)), col(Fact.at) >= first.c.at)
    )
    reported = (
        select(first.c.variant, first.c.backorder_id, first.c.at, ProviderEvent.at)
        .join(
            MessageRow,
            (col(MessageRow.backorder_id) == first.c.backorder_id) & col(MessageRow.variant).is_not(None),
        )
        .join(ProviderEvent, col(ProviderEvent.message_id) == col(MessageRow.id))
        .where(
            ProviderEvent.store_id == store_id,
            col(ProviderEvent.kind).in_((UNSUBSCRIBED, "complained")),
            col(ProviderEvent.at) >= first.c.at,
        )
    )
    return [
        *(
            Reaction(variant, order, "cancelled" if kind == "cancelled" else "stopped", sent_at, at)
            for variant, order, kind, data, sent_at, at in session.execute(chose)
            if kind != "cancelled" or data.get("by") == "customer"
        ),
        *(
            Reaction(variant, order, "stopped", sent_at, at)
            for variant, order, sent_at, at in session.execute(reported)
        ),
    ]


def _first(store_id: str, variants: Sequence[str]) -> Any:
    """By variant and order, when the first such email left."""
    return (
        select(MessageRow.variant, MessageRow.backorder_id, func.min(col(MessageRow.sent_at)).label("at"))
        .where(
            MessageRow.store_id == store_id,
            col(MessageRow.variant).in_(variants),
            col(MessageRow.status).in_(LEFT),
        )
        .group_by(col(MessageRow.variant), col(MessageRow.backorder_id))
    )
