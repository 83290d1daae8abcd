"""New orders, written with all that follows from them. They are written from their facts: nothing is read back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from notifier.db import bulk, planned
from notifier.db.facts import line_standing
from notifier.db.ids import new_id
from notifier.db.tables import Backorder
from notifier.domain.law.standing import Standing
from notifier.domain.message import Draft
from notifier.domain.order import Facts, Line


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that nobody has written yet.

    `standings` are its lines' by id, `replan_at` when they must be looked at again, `messages` its emails with their
    ids, in the order in which they are due;
    `content` is the digest of what was registered.
    """

    store_id: str
    facts: Facts
    payment: Mapping[str, Any] | None
    content: str
    standings: Mapping[str, Standing]
    replan_at: datetime | None
    messages: Sequence[tuple[str, Draft]]


def registered(session: Session, store_id: str, order_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """By order id, the id and the content digest of the orders that this store has registered."""
    query = select(Backorder.order_id, Backorder.id, Backorder.content).where(
        Backorder.store_id == store_id, bulk.among(session, col(Backorder.order_id), order_ids)
    )
    return {order_id: (backorder_id, content) for order_id, backorder_id, content in session.exec(query)}


def write(session: Session, orders: Sequence[NewOrder], now: datetime) -> set[str]:
    """Write orders of one store whose order ids are free, and tell the ids of those written.

    Two processes that register the same order at once: one writes, the other learns that it did not.
    """
    in_order = sorted(
        orders, key=lambda it: it.facts.order_id
    )  # so that two batches can't wait for each other
    created = bulk.insert_new(session, "backorder", [_order(order) for order in in_order])
    mine = [order for order in orders if order.facts.backorder_id in created]
    bulk.insert(session, "backorder_line", [row for order in mine for row in _lines(order)])
    bulk.insert(session, "fact", [_fact(order, now) for order in mine])
    planned.add(
        session,
        [
            planned.row(id_, order.store_id, order.facts.backorder_id, draft, now)
            for order in mine
            for id_, draft in order.messages
        ],
    )
    return created


def _order(order: NewOrder) -> dict[str, Any]:
    facts, customer = order.facts, order.facts.customer
    return {
        "id": facts.backorder_id,
        "store_id": order.store_id,
        "order_id": facts.order_id,
        "placed_at": facts.placed_at,
        "registered_at": facts.registered_at,
        "currency": facts.currency,
        "order_url": facts.order_url,
        "email": customer.email,
        "name": customer.name,
        "locale": customer.locale,
        "timezone": customer.timezone,
        "country": customer.country,
        "payment": order.payment,
        "unsubscribed": facts.unsubscribed,
        "status": facts.status.value,
        "content": order.content,
        "version": facts.version,
        "seller_credit": facts.seller_credit,
        "replan_at": order.replan_at,
    }


def _lines(order: NewOrder) -> list[dict[str, Any]]:
    return [
        {
            "id": line.id,
            "store_id": order.store_id,
            "backorder_id": order.facts.backorder_id,
            "position": position,
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price": str(line.unit_price) if line.unit_price is not None else None,
            "promised": line.promised,
            "eta": line.eta.latest,
            "eta_earliest": line.eta.earliest,
            "eta_reason": line.eta_reason,
            "eta_changed_at": line.eta_changed_at,
            "shipped": line.shipped,
            "cancelled": line.cancelled,
            "allocated": line.allocated,
            "waiting": line.waiting,
            "essential_date": line.essential_date,
            **line_standing(order.standings[line.id]),
            "detail": _detail(line),
        }
        for position, line in enumerate(order.facts.lines)
    ]


def _detail(line: Line) -> dict[str, Any]:
    """What only emails show, without what was left out."""
    detail = {
        "image_url": line.image_url,
        "product_url": line.product_url,
        "highlights": line.highlights,
        "related": [
            _given({"name": it.name, "url": it.url, "image_url": it.image_url}) for it in line.related
        ],
    }
    return _given(detail)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _fact(order: NewOrder, now: datetime) -> dict[str, Any]:
    facts = order.facts
    return {
        "id": new_id("fact"),
        "store_id": order.store_id,
        "backorder_id": facts.backorder_id,
        "at": facts.placed_at,
        "recorded_at": now,
        "kind": "registered",
        "data": {"lines": [_promise(line) for line in facts.lines], **_terms(order)},
    }


def _promise(line: Line) -> dict[str, Any]:
    """What checkout promised of a line, and what else the customer was shown: the columns move on, this stays."""
    shown = {
        "name": line.name,
        "unit_price": str(line.unit_price) if line.unit_price is not None else None,
        "earliest": line.eta.earliest.isoformat() if line.eta.earliest else None,
        "reason": line.eta_reason,
    }
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "eta": line.eta.latest.isoformat() if line.eta.latest else None,
        "promised": line.promised.isoformat() if line.promised else None,
    } | _given(shown)


def _terms(order: NewOrder) -> dict[str, Any]:
    """By which days and which law the order was counted from the start."""
    facts, customer = order.facts, order.facts.customer
    terms = {"currency": facts.currency, "country": customer.country, "timezone": customer.timezone}
    return _given(terms | {"store_timezone": facts.store_timezone})
