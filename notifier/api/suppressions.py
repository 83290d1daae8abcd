"""Addresses that must not get the store's mail, and why."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from pydantic import EmailStr

from notifier import inputs
from notifier.api import examples, shapes, views
from notifier.api.deps import After, Answer, Call, CallDep, Id, Limit, OnceDep, Work
from notifier.api.problems import declared
from notifier.db import suppressions
from notifier.db.suppressions import Naming
from notifier.domain.message import Scope
from notifier.errors import NotFound
from notifier.signed import naming
from notifier.suppressing import lift, suppress

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"])

Address = Annotated[EmailStr, Query(max_length=320)]
List = shapes.Page[shapes.Suppression]


@router.get("", operation_id="list_suppressions", response_model=List)
def list_suppressions(
    call: CallDep,
    address: Address | None = None,
    scope: Scope | None = None,
    limit: Limit = 50,
    after: After = None,
) -> List:
    """List suppressed addresses, the newest first. Filters are joined by "and"."""
    asked = {"address": address, "scope": scope}
    place = call.read_cursor(asked, after)
    with call.reading() as work:
        found = suppressions.find(
            work.session,
            work.store.id,
            address=address,
            naming=_naming(call),
            scope=scope,
            after=place,
            limit=limit + 1,
        )
    shown = [views.suppression(row) for row in found[:limit]]
    return List(data=shown, next=call.cursor(asked, shown[-1].id) if len(found) > limit else None)


@router.post(
    "",
    operation_id="suppress_address",
    status_code=201,
    response_model=shapes.Suppression,
    responses={
        200: {"model": shapes.Suppression, "description": "It was suppressed already"},
        **declared(400),
    },
)
def suppress_address(
    wanted: Annotated[inputs.NewSuppression, Body(examples=[examples.NEW_SUPPRESSION])], once: OnceDep
) -> Response:
    """Write no more to an address. What was suppressed already stays as it is, with its first reason."""

    def decide(work: Work) -> Answer:
        row, created = suppress(
            work.session, work.store.id, wanted.address, wanted.scope, wanted.reason, "api", work.now
        )
        return 201 if created else 200, views.suppression(row)

    return once.answer(decide)


@router.delete("", operation_id="lift_suppressions", response_model=List, responses=declared(404))
def lift_suppressions(call: CallDep, address: Address, scope: Scope | None = None) -> List:
    """Write to an address again, beginning with what was held and is still true; answers what was lifted."""
    with call.writing() as work:
        found = suppressions.find(
            work.session,
            work.store.id,
            address=address,
            naming=_naming(call),
            scope=scope,
            limit=2 * len(Scope),
        )
        if not found:
            raise NotFound(f"this store suppresses no {address!r}")
        lift(work.session, found, _naming(call), work.now)
    return List(data=[views.suppression(row) for row in found], next=None)


@router.delete(
    "/{suppression_id}",
    operation_id="lift_suppression",
    response_model=shapes.Suppression,
    responses=declared(404),
)
def lift_suppression(suppression_id: Id, call: CallDep) -> shapes.Suppression:
    """The same, by the suppression's id."""
    with call.writing() as work:
        found = suppressions.find(work.session, work.store.id, id=suppression_id, limit=1)
        if not found:
            raise NotFound(f"there is no suppression {suppression_id!r} in this store")
        lift(work.session, found, _naming(call), work.now)
    return views.suppression(found[0])


def _naming(call: Call) -> Naming:
    return naming(call.services.settings.secret_key.get_secret_value())
