"""Goods that arrived: hand them out, and see how far that is."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from notifier import inputs
from notifier.api import examples, supply_views
from notifier.api import supply_shapes as shapes
from notifier.api.deps import After, Answer, CallDep, Id, Limit, OnceDep, Work
from notifier.api.going_on import goes_on, located
from notifier.api.problems import declared
from notifier.api.shapes import Page
from notifier.api.streamed import streamed
from notifier.db import restocks
from notifier.db.restock_tables import Restock
from notifier.errors import NotFound
from notifier.restocking import foretell_restock, restock

router = APIRouter(prefix="/v1/restocks", tags=["skus"])

Shares = Page[shapes.Share]


@router.post(
    "",
    operation_id="restock",
    response_model=shapes.RestockResult,
    responses=goes_on(
        shapes.RestockProgress,
        "For very many orders it goes on by itself; what arrives of the SKU meanwhile waits for it",
    )
    | declared(400, 409),
)
def restock_sku(
    new: Annotated[inputs.NewRestock, Body(examples=[examples.RESTOCK])], once: OnceDep
) -> Response:
    """Share goods that arrived among the orders that wait: the oldest first, or fairly, one unit to each in turn.

    With `dry_run` nothing is set aside, and `rules` tells what either rule would do.
    """
    if new.dry_run:
        with once.call.reading() as work:
            return streamed(supply_views.foretold(foretell_restock(work.session, work.store, new, work.now)))

    def share(work: Work) -> Answer:
        done = restock(work.session, work.store, new, work.now)
        return (
            (202, supply_views.restock(done))
            if isinstance(done, Restock)
            else (200, supply_views.restocked(done))
        )

    return located(once.answer(share), router.prefix)


@router.get(
    "/{restock_id}",
    operation_id="get_restock",
    response_model=shapes.RestockProgress,
    responses=declared(404),
)
def get_restock(restock_id: Id, call: CallDep) -> shapes.RestockProgress:
    """How far units for very many orders are set aside."""
    with call.reading() as work:
        return supply_views.restock(_found(work, restock_id))


@router.get(
    "/{restock_id}/allocated",
    operation_id="list_restock_shares",
    response_model=Shares,
    responses=declared(404),
)
def list_restock_shares(restock_id: Id, call: CallDep, limit: Limit = 50, after: After = None) -> Shares:
    """List who has got units of it by now, the oldest orders first."""
    place = call.read_cursor({}, after)
    with call.reading() as work:
        row = _found(work, restock_id)
        found = restocks.shares(work.session, row.id, int(place or 0), limit + 1)
    more = call.cursor({}, str(found[limit - 1].place)) if len(found) > limit else None
    return Shares(data=[supply_views.share(it) for it in found[:limit]], next=more)


def _found(work: Work, restock_id: str) -> Restock:
    row = restocks.one(work.session, work.store.id, restock_id)
    if row is None:
        raise NotFound(f"there is no restock {restock_id!r} in this store that was for very many orders")
    return row
