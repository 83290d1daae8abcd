"""SKUs: a new estimate for all who wait, and what became of those before."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Body, Path, Response
from fastapi.responses import JSONResponse

from notifier import fields, inputs
from notifier.advising import advise, dates_of_sku, history
from notifier.api import advice, examples, supply_views
from notifier.api import supply_shapes as shapes
from notifier.api.date_shapes import SkuHistory
from notifier.api.deps import CallDep, Id
from notifier.api.going_on import goes_on, located
from notifier.api.problems import declared, way_on
from notifier.db import queries
from notifier.db.tables import SkuChange
from notifier.errors import Held, NotFound
from notifier.skus import change_eta, preview_eta

router = APIRouter(prefix="/v1", tags=["skus"])

Sku = Annotated[fields.Text, Path(description="The SKU, percent-encoded; it may contain slashes")]


@router.put(
    "/skus/{sku:path}/eta",
    operation_id="set_sku_eta",
    response_model=shapes.ChangeRadius,
    responses=goes_on(shapes.SkuChangeProgress, "A very large change goes on by itself") | declared(400, 409),
)
def set_sku_eta(
    sku: Sku, wanted: Annotated[inputs.SkuEta, Body(examples=[examples.SKU_ETA])], call: CallDep
) -> shapes.ChangeRadius | Response:
    """Move every open line of this SKU, or, with `dry_run`, tell what that would do.

    Where the history of the SKU contradicts the date, `advice` says which would be likelier.
    A change that would send more than the policy's `max_messages_per_change` is 409 without `confirm`; that answer has
    what it would do in `effect`, and the request that does it in `confirm`.
    """
    with call.reading() if wanted.dry_run else call.writing() as work:
        change = preview_eta if wanted.dry_run else change_eta
        before = dates_of_sku(work.session, work.store.id)
        found = advise(work.session, work.store, [(sku, wanted.estimate)], work.now, before)
        told = advice.shown(found.values()) or None
        try:
            done = change(work.session, work.store, sku, wanted, work.now)
        except Held as held:
            path = f"/v1/skus/{quote(sku, safe='')}/eta"
            effect = supply_views.held(held, call.services.post, call.now).model_copy(update={"advice": told})
            raise way_on(held, "PUT", path, effect, wanted) from None
    if isinstance(done, SkuChange):
        body = supply_views.sku_change(done).model_dump(mode="json")
        return located(JSONResponse(body, 202), "/v1/sku-changes")
    return supply_views.radius(done, call.services.post, call.now).model_copy(update={"advice": told})


@router.get(
    "/skus/{sku:path}/history",
    operation_id="get_sku_history",
    response_model=SkuHistory,
)
def get_sku_history(sku: Sku, call: CallDep) -> SkuHistory:
    """What became of the dates of a SKU: how often and how far they slipped, and what that says of the next.

    What happened is part of it within seconds. A SKU that nobody ever waited for has no dates.
    """
    with call.reading() as work:
        return advice.history(sku, history(work.session, work.store.id, sku, work.now))


@router.get(
    "/sku-changes/{change_id}",
    operation_id="get_sku_change",
    response_model=shapes.SkuChangeProgress,
    responses=declared(404),
)
def get_sku_change(change_id: Id, call: CallDep) -> shapes.SkuChangeProgress:
    """How far a very large change is."""
    with call.reading() as work:
        row = queries.sku_change(work.session, work.store.id, change_id)
    if row is None:
        raise NotFound(f"there is no change {change_id!r} in this store")
    return supply_views.sku_change(row)
