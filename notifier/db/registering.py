"""New orders, written with all that follows from them. They are written from their facts: nothing is read back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlmodel import Session

from notifier.db import bulk
from notifier.db.drafts import COLUMNS, Drafts, Row, drafts, rows_of
from notifier.db.engine import about_to_wait
from notifier.db.facts import LINE_STANDING, line_standing
from notifier.db.ids import new_id
from notifier.db.tables import BackorderLine
from notifier.domain.order import Facts, Line
from notifier.domain.prospect import Prospect

_LINE = (
    "id", "store_id", "backorder_id", "position", "sku", "name", "quantity", "unit_price", "promised", "eta",
    "eta_earliest", "eta_reason", "eta_changed_at", "shipped", "cancelled", "allocated", "waiting", "essential_date",
    "detail", *LINE_STANDING,
)  # fmt: skip
FEW = 100
"""Up to how many orders are written by one statement, where a way to the database costs time."""
_FACT = ("id", "store_id", "backorder_id", "at", "recorded_at", "kind", "data")


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that nobody has written yet.

    `prospect` is what follows for it, its emails with these ids; `content` is the digest of what was registered.
    """

    store_id: str
    facts: Facts
    payment: Mapping[str, Any] | None
    content: str
    prospect: Prospect
    message_ids: Sequence[str]


def write(session: Session, orders: Sequence[NewOrder], now: datetime) -> set[str]:
    """Write orders of one store whose order ids are free, and tell the ids of those written.

    Two processes that register the same order at once: one writes, the other learns that it did not.
    """
    in_order = sorted(orders, key=_order_id)  # so that two batches can't wait for each other
    heads = [_order(order) for order in in_order]
    if orders and len(orders) <= FEW and session.get_bind().dialect.name == "postgresql":
        following = _following(session, orders, now)
        about_to_wait(session)
        return bulk.insert_with(session, "backorder", heads, "backorder_id", following)
    following = _following(session, orders, now)
    about_to_wait(session)
    created = bulk.insert_new(session, "backorder", heads)
    if len(created) < len(orders):
        mine = [order for order in orders if order.facts.backorder_id in created]
        following = _following(session, mine, now)
    for rows in following:
        bulk.insert_stored(session, rows.table, rows.columns, rows.values)
    return created


def _order_id(order: NewOrder) -> str:
    return order.facts.order_id


def _following(session: Session, orders: Sequence[NewOrder], now: datetime) -> list[bulk.Rows]:
    """What is written of orders besides their own rows."""
    keep = bulk.keeper(session)
    at = keep(now)
    lines: list[Row] = []
    facts: list[Row] = []
    messages: list[Row] = []
    for order in orders:
        pattern, store_id, id_ = _pattern(order.prospect, keep), order.store_id, order.facts.backorder_id
        lines += _lines(order, pattern.standings, at)
        placed_at = at if order.facts.placed_at is now else keep(order.facts.placed_at)
        facts.append((new_id("fact"), store_id, id_, placed_at, at, "registered", _json(_promises(order))))
        line_ids = [line.id for line in order.facts.lines]
        messages += rows_of(pattern.drafts, order.message_ids, store_id, id_, line_ids, at)
    return [
        bulk.Rows("backorder_line", _LINE, lines),
        bulk.Rows("fact", _FACT, facts),
        bulk.Rows("message", COLUMNS, messages),
    ]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """What follows for orders of one shape, as it is stored."""

    standings: tuple[Row, ...]
    drafts: Drafts


@lru_cache(maxsize=1000)
def _pattern(prospect: Prospect, keep: Callable[[Any], Any]) -> _Pattern:
    standings = [line_standing(where) for where in prospect.standings]
    return _Pattern(
        tuple([tuple([keep(it[name]) for name in LINE_STANDING]) for it in standings]),
        drafts(prospect.emails, keep),
    )


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
        "replan_at": order.prospect.replan_at,
    }


def _lines(order: NewOrder, standings: Sequence[Row], at: Any) -> Iterator[Row]:
    store_id, backorder_id = order.store_id, order.facts.backorder_id
    for position, (line, standing) in enumerate(zip(order.facts.lines, standings, strict=True)):
        yield (
            line.id, store_id, backorder_id, position, line.sku, line.name, line.quantity, _text(line.unit_price),
            _text(line.promised), _text(line.eta.latest), _text(line.eta.earliest), line.eta_reason, at,
            line.shipped, line.cancelled, line.allocated, line.waiting, line.essential_date,
            _json(detail(line)), *standing,
        )  # fmt: skip


def rows_of_lines(
    store_id: str, backorder_id: str, position: int, lines: Sequence[Line]
) -> list[BackorderLine]:
    """Rows, to be kept, of lines that come to an order later, from that position on. Planning says where they stand."""
    return [
        BackorderLine(
            id=line.id,
            store_id=store_id,
            backorder_id=backorder_id,
            position=number,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=_text(line.unit_price),
            promised=line.promised,
            eta=line.eta.latest,
            eta_earliest=line.eta.earliest,
            eta_reason=line.eta_reason,
            eta_changed_at=line.eta_changed_at,
            waiting=line.waiting,
            essential_date=line.essential_date,
            added_at=line.added_at,
            detail=detail(line),
        )
        for number, line in enumerate(lines, position)
    ]


def _text(value: object) -> str | None:
    """A day in ISO form, a sum without loss."""
    return None if value is None else str(value)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def detail(line: Line) -> dict[str, Any]:
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


def _promises(order: NewOrder) -> dict[str, Any]:
    return {"lines": [promise(line) for line in order.facts.lines], **_terms(order)}


def promise(line: Line) -> dict[str, Any]:
    """What checkout promised of a line, and what else the customer was shown: the columns move on, this stays."""
    shown = {
        "name": line.name,
        "unit_price": _text(line.unit_price),
        "earliest": _text(line.eta.earliest),
        "reason": line.eta_reason,
    }
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "eta": _text(line.eta.latest),
        "promised": _text(line.promised),
    } | _given(shown)


def _terms(order: NewOrder) -> dict[str, Any]:
    """By which days and which law the order was counted from the start."""
    facts, customer = order.facts, order.facts.customer
    terms = {"currency": facts.currency, "country": customer.country, "timezone": customer.timezone}
    return _given(terms | {"store_timezone": facts.store_timezone})
