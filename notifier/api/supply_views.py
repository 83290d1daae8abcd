"""From what is known of SKUs to what the API answers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from notifier.api import advice
from notifier.api import supply_shapes as shapes
from notifier.api.shapes import Amount
from notifier.api.streamed import Long
from notifier.api.words import as_now
from notifier.db.facts import Order
from notifier.db.inbound_tables import InboundLine, InboundShipment
from notifier.db.restock_tables import Restock, RestockShare
from notifier.db.supply import Waiter
from notifier.db.tables import SkuChange
from notifier.delivery import Post
from notifier.domain.inbound import Stage
from notifier.domain.message import Draft
from notifier.errors import Held
from notifier.inbound import Effect
from notifier.radius import Radius
from notifier.restocking import Restocked


def amounts(value: Mapping[str, Decimal]) -> list[Amount]:
    return [Amount(amount=f"{amount:f}", currency=currency) for currency, amount in sorted(value.items())]


def radius(found: Radius, post: Post, now: datetime) -> shapes.ChangeRadius:
    return shapes.ChangeRadius(
        backorders=found.backorders,
        messages=dict(found.messages),
        needs_consent=found.needs_consent,
        must_answer=[
            shapes.MustAnswer(answer_by=day, backorders=who.backorders, first=list(who.first))
            for day, who in found.answer_by.items()
        ],
        value_at_risk=amounts(found.value_at_risk),
        samples=[_sample(order, draft, post, now) for order, draft in found.samples],
    )


def held(error: Held, post: Post, now: datetime) -> shapes.ChangeRadius:
    """What a change that is held would do."""
    assert isinstance(error.radius, Radius)  # noqa: S101  what it is raised with
    return radius(error.radius, post, now)


def _sample(order: Order, draft: Draft, post: Post, now: datetime) -> shapes.SampleEmail:
    return shapes.SampleEmail(
        backorder_id=order.row.id,
        order_id=order.row.order_id,
        kind=draft.kind,
        due_at=draft.due_at,
        to=order.row.email,
        **asdict(as_now(post, order, draft.kind, draft.says, draft.about, now)),
    )


def sku_change(row: SkuChange) -> shapes.SkuChangeProgress:
    return shapes.SkuChangeProgress(
        id=row.id,
        sku=row.sku,
        shipment_id=row.shipment_id,
        eta=row.eta,
        eta_earliest=row.eta_earliest,
        reason=row.reason,
        total=row.total,
        done=row.done,
        started_at=row.at,
        finished_at=row.finished_at,
    )


def restock(row: Restock) -> shapes.RestockProgress:
    return shapes.RestockProgress(
        id=row.id,
        sku=row.sku,
        shipment_id=row.shipment_id,
        rule="fair" if row.rule == "fair" else "fifo",
        quantity=row.quantity,
        total=row.total,
        done=row.done,
        units=row.quantity - row.left,
        left_over=row.left if row.finished_at else None,
        started_at=row.at,
        finished_at=row.finished_at,
    )


def restocked(result: Restocked) -> shapes.RestockResult:
    return shapes.RestockResult(allocated=_shares(result), left_over=result.left_over)


def _shares(result: Restocked) -> list[shapes.Share]:
    return [
        shapes.Share(backorder_id=it.backorder_id, quantity=it.quantity, still_waiting=it.still_waiting)
        for it in result.allocated
    ]


def share(row: RestockShare) -> shapes.Share:
    return shapes.Share(backorder_id=row.backorder_id, quantity=row.units, still_waiting=row.still_waiting)


def foretold(result: Restocked) -> dict[str, Any]:
    """A RestockResult with what either rule would do, whose lists may be long."""
    rules = {
        rule: _told(told)
        | {
            "filled": outcome.filled,
            "messages": outcome.messages,
            "stopped": outcome.stopped,
            "value_freed": [it.model_dump() for it in amounts(outcome.freed)],
        }
        for rule, (told, outcome) in (result.rules or {}).items()
    }
    return _told(result) | {"rules": rules}


def _told(result: Restocked) -> dict[str, Any]:
    return {"allocated": Long(map(asdict, result.allocated)), "left_over": result.left_over}


NOTHING = Radius(0, {}, 0, {}, ())


def effect(found: Effect, post: Post, now: datetime) -> shapes.InboundEffect:
    moved = radius(found.radius or NOTHING, post, now)
    return shapes.InboundEffect(
        **moved.model_dump(exclude={"messages", "advice"}),
        advice=advice.shown(found.advice) or None,
        messages=dict(found.outcome.messages) if found.outcome else moved.messages,
        restocked=[
            shapes.ArrivedSku(sku=sku, allocated=_shares(result), left_over=result.left_over)
            for sku, result in found.restocked.items()
        ],
        stopped=dict(found.outcome.stopped) if found.outcome else {},
        value_freed=amounts(found.outcome.freed) if found.outcome else [],
    )


def effect_foretold(found: Effect, post: Post, now: datetime) -> dict[str, Any]:
    """An InboundEffect whose lists of who gets units may be long."""
    short = effect(replace(found, restocked={}), post, now).model_dump(mode="json")
    return short | {"restocked": [{"sku": sku} | _told(it) for sku, it in found.restocked.items()]}


def shipment(
    row: InboundShipment,
    lines: Sequence[InboundLine],
    waiting: Mapping[tuple[str, str], int],
    moving: Sequence[SkuChange],
    restocking: Sequence[Restock],
    made: shapes.InboundEffect | None = None,
) -> shapes.InboundShipment:
    """`waiting` counts orders by shipment and SKU."""
    return shapes.InboundShipment(
        id=row.id,
        reference=row.reference,
        supplier=row.supplier,
        supplier_eta=row.first_eta,
        stage=Stage(row.stage),
        eta=row.eta,
        eta_earliest=row.eta_earliest,
        reason=row.reason,
        lines=[
            shapes.InboundLine(
                sku=line.sku,
                quantity=line.quantity,
                covered=0 if line.arrived_at else line.quantity - line.spare,
                backorders=waiting.get((row.id, line.sku), 0),
            )
            for line in lines
        ],
        moving=[sku_change(job) for job in moving if job.shipment_id == row.id],
        restocking=[restock(job) for job in restocking if job.shipment_id == row.id],
        effect=made,
        created_at=row.created_at,
        arrived_at=row.arrived_at,
    )


def waiter(row: Waiter) -> shapes.InboundWaiter:
    return shapes.InboundWaiter(
        backorder_id=row.backorder_id, order_id=row.order_id, sku=row.sku, quantity=row.units, eta=row.eta
    )
