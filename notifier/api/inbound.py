"""Goods on their way: hand a shipment in, move its date, say that it is here."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from notifier import fields, inbound
from notifier.api import examples, supply_views
from notifier.api import supply_shapes as shapes
from notifier.api.deps import After, Answer, Call, CallDep, Id, Limit, OnceDep, Work
from notifier.api.going_on import goes_on, located
from notifier.api.problems import declared, way_on
from notifier.api.shapes import Page
from notifier.api.streamed import streamed
from notifier.db import restocks, sku_changes, supply
from notifier.db.inbound_tables import InboundShipment
from notifier.domain.inbound import Stage
from notifier.errors import Held, NotFound
from notifier.inbound import Done, Effect
from notifier.inbound.wishes import InboundChange, NewInbound

router = APIRouter(prefix="/v1/inbound-shipments", tags=["inbound shipments"])

List = Page[shapes.InboundShipment]
Waiters = Page[shapes.InboundWaiter]


@router.post(
    "",
    operation_id="add_inbound_shipment",
    status_code=201,
    response_model=shapes.InboundShipment,
    responses={
        200: {
            "model": shapes.InboundShipment | shapes.InboundEffect,
            "description": "It was handed in before; or, with `dry_run`, what it would make happen",
        },
        **declared(400, 409),
    },
)
def add_inbound_shipment(
    new: Annotated[NewInbound, Body(examples=[examples.NEW_INBOUND])], once: OnceDep
) -> Response:
    """Hand in goods that are on their way. The oldest orders that nothing covers yet wait for them, and get their date.

    The same `reference` with the same content answers the first one, with other content 409. What would send more than
    the policy's `max_messages_per_change` is 409 without `confirm`. Where the record of an SKU, or else of the
    `supplier`, contradicts the date, `advice` of the effect says which would be likelier.
    """
    if new.dry_run:
        with once.call.reading() as work:
            return _foretold(inbound.preview_new(work.session, work.store, new, work.now), once.call)

    def add(work: Work) -> Answer:
        try:
            done = inbound.register(work.session, work.store, new, work.now)
        except Held as held:
            effect = supply_views.held(held, work.services.post, work.now)
            raise way_on(held, "POST", once.call.path, effect, new) from None
        return 201 if done.created else 200, _done(work, done)

    return once.answer(add)


@router.patch(
    "/{shipment_id}",
    operation_id="change_inbound_shipment",
    response_model=shapes.InboundShipment | shapes.InboundEffect,
    responses=goes_on(
        shapes.InboundShipment,
        "It concerns very many orders, and goes on by itself: see `moving` and `restocking`",
    )
    | declared(400, 404, 409),
)
def change_inbound_shipment(
    shipment_id: Id,
    wanted: Annotated[InboundChange, Body(examples=[examples.INBOUND_CHANGE])],
    once: OnceDep,
) -> Response:
    """Move its date, and that of every line that waits for it; or note its stage, or what it brings.

    `arrived` sets its units aside, the oldest order first; after that nothing of it changes any more. With `dry_run` it
    answers what the change would make happen; what would send too much is 409 without `confirm`.
    """
    if wanted.dry_run:
        with once.call.reading() as work:
            told = inbound.preview_change(work.session, work.store, shipment_id, wanted, work.now)
            return _foretold(told, once.call)

    def change(work: Work) -> Answer:
        try:
            done = inbound.change(work.session, work.store, shipment_id, wanted, work.now)
        except Held as held:
            effect = supply_views.held(held, work.services.post, work.now)
            raise way_on(held, "PATCH", once.call.path, effect, wanted) from None
        return 202 if done.large else 200, _done(work, done)

    return located(once.answer(change), router.prefix)


def _foretold(effect: Effect, call: Call) -> Response:
    return streamed(supply_views.effect_foretold(effect, call.services.post, call.now))


def _done(work: Work, done: Done) -> shapes.InboundShipment:
    work.session.flush()
    made = supply_views.effect(done.effect, work.services.post, work.now) if done.effect else None
    return _shown(work, [done.row], made)[0]


def _shown(
    work: Work, rows: list[InboundShipment], made: shapes.InboundEffect | None = None
) -> list[shapes.InboundShipment]:
    ids = [row.id for row in rows]
    lines = supply.lines(work.session, ids)
    waiting = supply.count_waiting(work.session, ids)
    moving = sku_changes.unfinished(work.session, work.store.id, ids)
    restocking = restocks.of_shipments(work.session, work.store.id, ids)
    return [supply_views.shipment(row, lines[row.id], waiting, moving, restocking, made) for row in rows]


@router.get("", operation_id="list_inbound_shipments", response_model=List)
def list_inbound_shipments(
    call: CallDep,
    stage: Stage | None = None,
    sku: Annotated[fields.Text | None, Query(description="One that they bring")] = None,
    limit: Limit = 50,
    after: After = None,
) -> List:
    """List goods on their way, and those that arrived, the newest first. Filters are joined by "and"."""
    asked = {"stage": stage, "sku": sku}
    place = call.read_cursor(asked, after)
    with call.reading() as work:
        found = list(
            supply.shipments(work.session, work.store.id, stage=stage, sku=sku, after=place, limit=limit + 1)
        )
        shown = _shown(work, found[:limit])
    return List(data=shown, next=call.cursor(asked, shown[-1].id) if len(found) > limit else None)


@router.get(
    "/{shipment_id}",
    operation_id="get_inbound_shipment",
    response_model=shapes.InboundShipment,
    responses=declared(404),
)
def get_inbound_shipment(shipment_id: Id, call: CallDep) -> shapes.InboundShipment:
    """One of them, with how many orders wait for it, and how far a move of very many is."""
    with call.reading() as work:
        return _shown(work, [_found(work, shipment_id)])[0]


@router.get(
    "/{shipment_id}/backorders",
    operation_id="list_inbound_waiters",
    response_model=Waiters,
    responses=declared(404),
)
def list_inbound_waiters(shipment_id: Id, call: CallDep, limit: Limit = 50, after: After = None) -> Waiters:
    """List the lines that wait for it, the oldest orders first."""
    place = call.read_cursor({}, after)
    with call.reading() as work:
        row = _found(work, shipment_id)
        found = supply.waiters(work.session, work.store.id, row.id, place or "", limit + 1)
    more = call.cursor({}, found[limit - 1].place) if len(found) > limit else None
    return Waiters(data=[supply_views.waiter(it) for it in found[:limit]], next=more)


def _found(work: Work, shipment_id: str) -> InboundShipment:
    row = supply.shipment(work.session, work.store.id, shipment_id)
    if row is None:
        raise NotFound(f"there is no inbound shipment {shipment_id!r} in this store")
    return row
