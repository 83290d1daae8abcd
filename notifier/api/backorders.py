"""Backorders: registered, read, changed, shipped, cancelled, refunded."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import AfterValidator, EmailStr, Field, SkipValidation, TypeAdapter, ValidationError

from notifier import answering, fields, inputs, intake, settling
from notifier.advising import advise, dates_of_order
from notifier.api import advice, examples, problems, shapes, views
from notifier.api.deps import After, Answer, CallDep, Id, Limit, OnceDep, Work
from notifier.api.gather import Turns
from notifier.api.problems import declared
from notifier.api.registering import Registration, Shown, read, shown, status_of
from notifier.api.swift import Road
from notifier.db import facts, queries
from notifier.domain.law.standing import STATES
from notifier.domain.order import OrderStatus
from notifier.errors import NotFound, NotifierError
from notifier.faults import faults
from notifier.timeline import timeline

router = APIRouter(prefix="/v1/backorders", tags=["backorders"])


def _law_state(value: str) -> str:
    if value not in STATES:
        raise ValueError(f"must be one of {', '.join(STATES)}")
    return value


LawState = Annotated[str, Query(json_schema_extra={"enum": list(STATES)}), AfterValidator(_law_state)]
_ENTRY = TypeAdapter(inputs.NewBackorder)
_TURNS = Turns()
"""Batches that are worked out at the same time would only delay each other: one interpreter does it."""


class Batch(inputs.Input):
    """Up to 1000 backorders; each is judged by itself, and the good ones are kept."""

    backorders: Annotated[
        list[SkipValidation[inputs.NewBackorder]], Field(min_length=1, max_length=inputs.MAX_BATCH)
    ]


class CheckedBatch(Batch):
    """The same where nothing is wrong with any entry."""

    backorders: Annotated[list[inputs.NewBackorder], Field(min_length=1, max_length=inputs.MAX_BATCH)]


# --- registering -----------------------------------------------------------------------------------------


@router.post(
    "",
    operation_id="register_backorder",
    status_code=201,
    response_model=shapes.Backorder,
    responses={
        200: {"model": shapes.Backorder, "description": "Registered before, with the same content"},
        **declared(400, 409, 413),
    },
)
async def register_backorder(
    new: Annotated[inputs.NewBackorder, Body(examples=[examples.NEW_BACKORDER])], once: OnceDep
) -> Response:
    """Register a backorder. The same `order_id` with the same content answers the first one, unchanged.

    Where the history of a SKU contradicts its date, `advice` says which would be likelier; the order has yours.
    """
    return await once.call.registering(Registration(new, once))


@router.post(
    "/batch",
    operation_id="register_backorders",
    response_model=shapes.BatchResult,
    responses=declared(400, 413),
)
def register_backorders(batch: Annotated[Batch, Body(examples=[examples.BATCH])], once: OnceDep) -> Response:
    """Register many backorders at once. One result for each entry, in order; the good ones are kept."""
    checked = [_checked(entry, number, once.call.path) for number, entry in enumerate(batch.backorders)]

    def register(work: Work) -> Answer:
        news = [entry for entry in checked if isinstance(entry, inputs.NewBackorder)]
        registered = iter(intake.register_many(work.session, work.store, news, work.now))
        results = [next(registered) if isinstance(entry, inputs.NewBackorder) else entry for entry in checked]
        seen = shown(work, results)
        return 200, views.as_json({"results": [_result(it, seen, once.call.path) for it in results]})

    with _TURNS.one() as over:
        return once.answer(register, waits=over)


ROADS = (
    Road(router.prefix, inputs.NewBackorder, register_backorder),
    Road(f"{router.prefix}/batch", CheckedBatch, register_backorders),
)


def _checked(entry: object, number: int, path: str) -> inputs.NewBackorder | dict[str, Any]:
    """The entry, or the problem with it."""
    try:
        return _ENTRY.validate_python(entry)
    except ValidationError as error:
        found = faults(error, within=("backorders", number))
        return problems.invalid(path, [{"pointer": it.pointer, "detail": it.detail} for it in found])


def _result(
    result: intake.Registered | NotifierError | dict[str, Any], seen: Mapping[str, Shown], path: str
) -> dict[str, Any]:
    """A `shapes.BatchEntry`."""
    if isinstance(result, intake.Registered):
        return {"status": status_of(result), "backorder": seen[result.backorder_id]}
    problem = problems.of_error(path, result) if isinstance(result, NotifierError) else result
    return {"status": problem["status"], "problem": problem}


# --- reading ---------------------------------------------------------------------------------------------


@router.get("", operation_id="list_backorders", response_model=shapes.Page[shapes.Backorder])
def list_backorders(
    call: CallDep,
    order_id: fields.Text | None = None,
    sku: fields.Text | None = None,
    status: OrderStatus | None = None,
    email: EmailStr | None = None,
    law_state: LawState | None = None,
    limit: Limit = 50,
    after: After = None,
) -> shapes.Page[shapes.Backorder]:
    """List backorders, the newest first. Filters are joined by "and"; `sku` and `law_state` match any line."""
    filters = {"order_id": order_id, "sku": sku, "status": status, "email": email, "law_state": law_state}
    place = call.read_cursor(filters, after)
    with call.reading() as work:
        found = queries.backorder_ids(work.session, work.store.id, **filters, after=place, limit=limit + 1)
        ids = found[:limit]
        seen = read(work, ids)
    following = call.cursor(filters, ids[-1]) if len(found) > limit else None
    return shapes.Page(data=[seen[id_] for id_ in ids], next=following)


@router.get(
    "/{backorder_id}",
    operation_id="get_backorder",
    response_model=shapes.Backorder,
    responses=declared(404),
)
def get_backorder(backorder_id: Id, call: CallDep) -> shapes.Backorder:
    """One backorder, with its lines, all its emails, and `status_url`, the customer's page."""
    with call.reading() as work:
        return as_it_stands(work, backorder_id)


@router.get(
    "/{backorder_id}/timeline",
    operation_id="get_timeline",
    response_model=shapes.Timeline,
    responses=declared(404),
)
def get_timeline(backorder_id: Id, call: CallDep) -> shapes.Timeline:
    """Everything that happened and that is planned, oldest first, with why; also why an email was not sent."""
    with call.reading() as work:
        _order(work, backorder_id)
        return views.timeline(timeline(work.session, backorder_id))


def _order(work: Work, backorder_id: str) -> facts.Order:
    order = facts.load(work.session, [backorder_id]).get(backorder_id)
    if order is None or order.row.store_id != work.store.id:
        raise NotFound(f"there is no backorder {backorder_id!r} in this store")
    return order


def as_it_stands(work: Work, backorder_id: str) -> shapes.Backorder:
    messages = queries.messages_of(work.session, [backorder_id])[backorder_id]
    return views.backorder(_order(work, backorder_id), messages, work.services.links, work.now)


# --- changing --------------------------------------------------------------------------------------------

CHANGES = declared(400, 404, 409)


@router.patch(
    "/{backorder_id}", operation_id="change_backorder", response_model=shapes.Backorder, responses=CHANGES
)
def change_backorder(
    backorder_id: Id,
    change: Annotated[inputs.BackorderChange, Body(examples=[examples.CHANGE])],
    call: CallDep,
) -> shapes.Backorder:
    """Change customer details, or the estimates of lines. The emails that follow are planned at once.

    Where history contradicts a date, `advice` says which would be likelier.
    """
    with call.writing() as work:
        before = dates_of_order(work.session, backorder_id)
        intake.change(work.session, work.store.id, backorder_id, change, work.now)
        order = as_it_stands(work, backorder_id)
        dates = advice.entered(order, [line.sku for line in change.lines or ()])
        return advice.added(order, dates, advise(work.session, work.store, dates, work.now, before))


@router.post(
    "/{backorder_id}/shipments",
    operation_id="report_shipment",
    status_code=201,
    response_model=shapes.Backorder,
    responses=CHANGES,
)
def report_shipment(
    backorder_id: Id, new: Annotated[inputs.NewShipment, Body(examples=[examples.SHIPMENT])], once: OnceDep
) -> Response:
    """Report what the carrier took; without `lines`, all that is left. Answers the order as it now stands."""

    def ship(work: Work) -> Answer:
        intake.ship(work.session, work.store.id, backorder_id, new, work.now)
        return 201, as_it_stands(work, backorder_id)

    return once.answer(ship)


@router.post(
    "/{backorder_id}/cancel",
    operation_id="cancel_backorder",
    response_model=shapes.Backorder,
    responses=CHANGES,
)
def cancel_backorder(
    backorder_id: Id,
    new: Annotated[inputs.NewCancellation, Body(examples=[examples.CANCELLATION])],
    once: OnceDep,
) -> Response:
    """Cancel units; without `lines`, all that is left. Answers the order as it now stands."""

    def cancel(work: Work) -> Answer:
        intake.cancel(work.session, work.store.id, backorder_id, new, work.now)
        return 200, as_it_stands(work, backorder_id)

    return once.answer(cancel)


@router.post(
    "/{backorder_id}/refunds",
    operation_id="report_refund",
    status_code=201,
    response_model=shapes.Backorder,
    responses=CHANGES,
)
def report_refund(
    backorder_id: Id, new: Annotated[inputs.NewRefund, Body(examples=[examples.REFUND])], once: OnceDep
) -> Response:
    """Report a refund that has been sent. Answers the order as it now stands."""

    def refund(work: Work) -> Answer:
        settling.refund(work.session, work.store.id, backorder_id, new, work.now)
        return 201, as_it_stands(work, backorder_id)

    return once.answer(refund)


@router.post(
    "/{backorder_id}/links/revoke",
    operation_id="revoke_links",
    response_model=shapes.Backorder,
    responses=CHANGES,
)
def revoke_links(
    backorder_id: Id,
    new: Annotated[inputs.NewRevocation, Body(examples=[examples.REVOCATION])],
    call: CallDep,
) -> shapes.Backorder:
    """End every link to the customer's page that was written so far. Answers the order with its new `status_url`."""
    with call.writing() as work:
        answering.revoke_links(work.session, work.store.id, backorder_id, new, work.now)
        return as_it_stands(work, backorder_id)
