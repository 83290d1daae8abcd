"""An order's rows as `Facts`, and facts as rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any, TypeVar

import orjson
import sqlalchemy
from sqlalchemy import String, func, or_, update
from sqlmodel import Session, SQLModel, col, select

from notifier.db.bulk import among_listed, listed
from notifier.db.codec import policy_from_json, says_from_json
from notifier.db.ids import new_id
from notifier.db.tables import DUTY_DAYS, Backorder, BackorderLine, Fact, Store
from notifier.domain.eta import Eta
from notifier.domain.law.duties import dues
from notifier.domain.law.standing import Standing
from notifier.domain.message import DROPPED, Kind, Message, Said, Status
from notifier.domain.order import (
    Answer,
    Cancellation,
    Choice,
    Customer,
    Done,
    Facts,
    Line,
    Refund,
    Related,
    Shipment,
    card,
)
from notifier.domain.policy import Policy, jurisdiction

PLANNING_FACTS = ("shipped", "cancelled", "answered", "refunded", "duty_done", "erased", "lines_added")
"""Kinds of fact rows that planning and law look at, or that make an order unlike others; the rest stands in lines."""

LINE_STANDING = ("law_state", *DUTY_DAYS)

_KINDS, _STATUSES = {kind.value: kind for kind in Kind}, {status.value: status for status in Status}
_OF_MESSAGE = (
    "id", "backorder_id", "key", "kind", "status", "due_at", "expires_at", "about", "reason", "sent_at", "to_email",
    "provider",
)  # fmt: skip

Happened = TypeVar("Happened", Shipment, Cancellation, Answer, Refund, Done)


@dataclass(frozen=True, slots=True)
class Order:
    """One backorder as loaded: its rows to write to, and its facts to think about."""

    store: Store
    row: Backorder
    lines: tuple[BackorderLine, ...]
    facts: Facts
    policy: Policy

    @property
    def law(self) -> str:
        """Which law rules the order: `us-ftc`, `eu` or `none`."""
        return jurisdiction(self.policy, self.facts.customer.country)


def load(session: Session, ids: Iterable[str], *, lock: bool = False) -> dict[str, Order]:
    """The orders of those ids, by id; an id that names none is left out.

    With `lock`, nobody else changes them until the transaction ends; locks are taken in the order of the ids, so
    that two bulk changes can't wait for each other. Without, their rows are bare: they can be read only.
    """
    if not lock:
        session.flush()  # bare rows know nothing of objects that are not written yet
    wanted = listed(session, sorted(set(ids)))
    orders, of_lines, of_facts, of_messages = _reads(
        postgresql=session.get_bind().dialect.name == "postgresql", lock=lock
    )
    rows = _found(session, orders, wanted, objects=lock)
    if not rows:
        return {}
    lines = _grouped(_found(session, of_lines, wanted, objects=lock))
    happened = _grouped(_found(session, of_facts, wanted))
    messages = _grouped(_found(session, of_messages, wanted))
    of_orders = select(Store).where(col(Store.id).in_({row.store_id for row in rows})).order_by(Store.id)
    if lock:  # so that no policy changes between planning with it and writing what was planned
        of_orders = of_orders.with_for_update(read=True, key_share=True)
        of_orders = of_orders.execution_options(populate_existing=True)
    stores = {store.id: store for store in session.exec(of_orders).all()}
    policies = {store.id: policy_from_json(store.policy) for store in stores.values()}
    return {
        row.id: Order(
            stores[row.store_id],
            row,
            tuple(lines[row.id]),
            facts_of(stores[row.store_id], row, lines[row.id], happened[row.id], messages[row.id]),
            policies[row.store_id],
        )
        for row in rows
    }


@cache
def _reads(*, postgresql: bool, lock: bool) -> tuple[Any, Any, Any, Any]:
    """What reads orders, their lines, facts and messages. Put together once, as it is asked for all that leaves.

    Orders and lines that are to be changed come as objects; to read them, bare rows are a quarter of the work.
    """
    order, line, fact, message = (
        SQLModel.metadata.tables[name].c for name in ("backorder", "backorder_line", "fact", "message")
    )
    these = partial(among_listed, postgresql=postgresql)
    orders = select(Backorder) if lock else sqlalchemy.select(*order)
    orders = orders.where(these(order.id)).order_by(order.id)
    lines = select(BackorderLine) if lock else sqlalchemy.select(*line)
    said = sqlalchemy.cast(message.says, String).label("says")  # read once where many say the same
    return (
        orders.with_for_update() if lock else orders,
        lines.where(these(line.backorder_id)).order_by(line.position),
        sqlalchemy.select(*fact)
        .where(these(fact.backorder_id), fact.kind.in_(PLANNING_FACTS))
        .order_by(fact.at, fact.id),
        sqlalchemy.select(*(message[name] for name in _OF_MESSAGE), said)
        .where(these(message.backorder_id))
        .order_by(message.id),
    )


def _found(
    session: Session, query: Any, wanted: Mapping[str, Any], *, objects: bool = False
) -> Sequence[Any]:
    if objects:
        return session.scalars(query, wanted, execution_options={"populate_existing": True}).all()
    return session.execute(query, wanted).all()


def _grouped(rows: Iterable[Any]) -> defaultdict[str, list[Any]]:
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.backorder_id].append(row)
    return groups


def facts_of(
    store: Store,
    row: Backorder,
    lines: Sequence[BackorderLine],
    happened: Sequence[Fact] = (),
    messages: Sequence[Any] = (),
) -> Facts:
    """Rows as the value that planning and law look at."""
    return Facts(
        backorder_id=row.id,
        order_id=row.order_id,
        placed_at=row.placed_at,
        registered_at=row.registered_at,
        customer=Customer(row.email, row.name, row.locale, row.timezone, row.country),
        lines=tuple(_line(line) for line in lines),
        store_timezone=store.timezone,
        currency=row.currency,
        order_url=row.order_url,
        seller_credit=row.seller_credit,
        paid=_money((row.payment or {}).get("paid")),
        shipping_paid=_money((row.payment or {}).get("shipping")) or Decimal(0),
        card=card(row.payment),
        shipments=tuple(_shipment(fact) for fact in happened if fact.kind == "shipped"),
        cancellations=tuple(_cancellation(fact) for fact in happened if fact.kind == "cancelled"),
        answers=tuple(_answer(fact) for fact in happened if fact.kind == "answered"),
        refunds=tuple(_refund(fact) for fact in happened if fact.kind == "refunded"),
        done=tuple(_done(fact) for fact in happened if fact.kind == "duty_done"),
        messages=tuple(_messages(messages)),
        unsubscribed=row.unsubscribed,
        channels=2 if store.second_provider else 1,
        erased=any(fact.kind == "erased" for fact in happened),
        version=row.version,
    )


def _messages(rows: Iterable[Any]) -> Iterator[Message]:
    """From the columns of `_OF_MESSAGE` and what they say, by their places: there are several to each order."""
    known: dict[str, Mapping[str, Said]] = {}  # most emails of an order say the same
    for id_, _, key, kind, status, due_at, expires_at, about, reason, sent_at, to, account, document in rows:
        said = known.get(document)
        if said is None:
            said = known[document] = says_from_json(orjson.loads(document))
        yield Message(
            id_,
            key,
            _KINDS[kind],
            _STATUSES[status],
            due_at,
            expires_at,
            said,
            about,
            sent_at,
            to,
            account,
            dropped=reason == DROPPED,
        )


def after(order: Order, happened: Sequence[Fact]) -> Order:
    """The order with facts that came since it was loaded, which its rows show already; nothing is read again."""
    known = order.facts
    new = facts_of(order.store, order.row, order.lines, happened)
    return replace(
        order,
        facts=replace(
            new,
            shipments=_in_time(known.shipments + new.shipments),
            cancellations=_in_time(known.cancellations + new.cancellations),
            answers=_in_time(known.answers + new.answers),
            refunds=_in_time(known.refunds + new.refunds),
            done=_in_time(known.done + new.done),
            messages=known.messages,
            erased=known.erased or new.erased,
        ),
    )


def _in_time(happened: tuple[Happened, ...]) -> tuple[Happened, ...]:
    return tuple(sorted(happened, key=lambda it: it.at))


def _line(row: BackorderLine) -> Line:
    detail = row.detail
    return Line(
        id=row.id,
        sku=row.sku,
        name=row.name,
        quantity=row.quantity,
        eta=Eta(row.eta, row.eta_earliest),
        eta_changed_at=row.eta_changed_at,
        promised=row.promised,
        eta_reason=row.eta_reason,
        unit_price=Decimal(row.unit_price) if row.unit_price is not None else None,
        shipped=row.shipped,
        cancelled=row.cancelled,
        allocated=row.allocated,
        image_url=detail.get("image_url"),
        product_url=detail.get("product_url"),
        essential_date=row.essential_date,
        added_at=row.added_at,
        highlights=tuple(detail.get("highlights", ())),
        related=tuple(
            Related(item["name"], item["url"], item.get("image_url")) for item in detail.get("related", ())
        ),
    )


def _shipment(fact: Fact) -> Shipment:
    data = fact.data
    return Shipment(
        fact.id,
        fact.at,
        fact.recorded_at,
        data["units"],
        data.get("carrier", ""),
        data.get("tracking_number", ""),
        data.get("tracking_url"),
    )


def _cancellation(fact: Fact) -> Cancellation:
    return Cancellation(fact.id, fact.at, fact.data["units"], fact.data["by"], fact.data.get("reason"))


def _answer(fact: Fact) -> Answer:
    data = fact.data
    until = data.get("extra_until")
    return Answer(
        fact.at,
        Choice(data["choice"]),
        tuple(data.get("lines", ())),
        further=data.get("further", False),
        extra_until=date.fromisoformat(until) if until else None,
    )


def _refund(fact: Fact) -> Refund:
    data = fact.data
    amount = Decimal(data["amount"])
    return Refund(fact.at, amount, data["currency"], fact.id, fact.recorded_at, data.get("method", ""))


def _done(fact: Fact) -> Done:
    data = fact.data
    return Done(fact.at, data["duty"], data["line"], data["reason"])


def _money(value: str | None) -> Decimal | None:
    return Decimal(value) if value is not None else None


def line_standing(where: Standing) -> dict[str, Any]:
    """What a line's row holds of where it stands in law: the columns of `LINE_STANDING`."""
    days = dues(where)
    return {"law_state": where.state, **{name: getattr(days, name) for name in DUTY_DAYS}}


def record(order: Order, kind: str, at: datetime, now: datetime, data: dict[str, Any]) -> Fact:
    """A fact about this order, to be added; the caller's session keeps it."""
    return Fact(
        id=new_id("fact"),
        store_id=order.row.store_id,
        backorder_id=order.row.id,
        at=at,
        recorded_at=now,
        kind=kind,
        data=data,
    )


def eta_changed(
    line_id: str, sku: str, before: str | None, eta: Eta, reason: str | None, source: str = "order"
) -> dict[str, Any]:
    """What the fact of that kind holds: a line's new estimate; `before` is the day that stood, in ISO form.

    `source` is what moved: the date of this `order`, or that of the whole `sku`.
    """
    return {
        "line": line_id,
        "sku": sku,
        "before": before,
        "eta": eta.latest.isoformat() if eta.latest else None,
        "earliest": eta.earliest.isoformat() if eta.earliest else None,
        "reason": reason,
        "source": source,
    }


def store_standings(
    session: Session, orders: Sequence[dict[str, Any]], lines: Sequence[dict[str, Any]]
) -> None:
    """Write where orders and lines stand in law, by primary key: dicts of `id` and the columns to set."""
    if orders:
        session.execute(update(Backorder), list(orders))
    if lines:
        session.execute(update(BackorderLine), list(lines))


def waiting_for(session: Session, store_id: str, sku: str, after: str = "", limit: int = 500) -> list[str]:
    """Ids of backorders that wait for this SKU, in order of id, from just past `after`."""
    query = (
        select(BackorderLine.backorder_id)
        .where(
            BackorderLine.store_id == store_id,
            BackorderLine.sku == sku,
            BackorderLine.waiting > 0,
            BackorderLine.backorder_id > after,
        )
        .order_by(BackorderLine.backorder_id)
        .limit(limit)
    )
    return list(session.exec(query))


def count_moving(session: Session, store_id: str, sku: str, eta: Eta) -> int:
    """How many orders that wait for this SKU have another estimate."""
    line = BackorderLine
    query = select(func.count()).where(
        line.store_id == store_id,
        line.sku == sku,
        line.waiting > 0,
        or_(
            col(line.eta).is_distinct_from(eta.latest),
            col(line.eta_earliest).is_distinct_from(eta.earliest),
        ),
    )
    return session.exec(query).one()


def to_replan(session: Session, now: datetime, limit: int) -> list[str]:
    """Ids of backorders whose time to be planned again has come; other workers' are passed over."""
    query = (
        select(Backorder.id)
        .where(col(Backorder.replan_at) <= now)
        .order_by(col(Backorder.replan_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.exec(query))


def versions(session: Session, ids: Collection[str]) -> dict[str, int]:
    """The present version of each order, which then stays so until the transaction ends."""
    query = _versions(postgresql=session.get_bind().dialect.name == "postgresql")
    return dict(session.execute(query, listed(session, ids)).all())


@cache
def _versions(*, postgresql: bool) -> Any:
    return (
        select(Backorder.id, Backorder.version)
        .where(among_listed(col(Backorder.id), postgresql=postgresql))
        .order_by(Backorder.id)
        .with_for_update()
    )
