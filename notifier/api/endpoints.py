"""Where the store is told what happened: its webhook endpoints, and what became of each delivery."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Response

from notifier import endpoints, inputs
from notifier.api import examples, shapes, views
from notifier.api.deps import After, Answer, CallDep, Id, Limit, OnceDep, Work
from notifier.api.problems import declared
from notifier.db import deliveries
from notifier.db import endpoints as rows

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhook endpoints"])

List = shapes.Page[shapes.WebhookEndpoint]
Deliveries = shapes.Page[shapes.WebhookDelivery]


@router.get("", operation_id="list_webhook_endpoints", response_model=List)
def list_endpoints(call: CallDep, limit: Limit = 50, after: After = None) -> List:
    """List the store's endpoints, the newest first."""
    place = call.read_cursor({}, after)
    with call.reading() as work:
        found = rows.find(work.session, work.store.id, after=place, limit=limit + 1)
    shown = [views.endpoint(row) for row in found[:limit]]
    return List(data=shown, next=call.cursor({}, shown[-1].id) if len(found) > limit else None)


@router.post(
    "",
    operation_id="create_webhook_endpoint",
    status_code=201,
    response_model=shapes.WebhookEndpointWithSecret,
    responses=declared(400, 409),
)
def create_endpoint(
    wanted: Annotated[inputs.NewEndpoint, Body(examples=[examples.NEW_ENDPOINT])], once: OnceDep
) -> Response:
    """Have a URL told what happens. The answer alone shows the secret that its webhooks are signed with.

    Only public https addresses are taken, except in development. A store has up to 20 endpoints.
    """

    def decide(work: Work) -> Answer:
        row, secret = endpoints.create(work.session, work.services.hooks, work.store.id, wanted, work.now)
        return 201, views.endpoint_with_secret(row, secret)

    return once.answer(decide, secret=True)


@router.get(
    "/{endpoint_id}",
    operation_id="get_webhook_endpoint",
    response_model=shapes.WebhookEndpoint,
    responses=declared(404),
)
def get_endpoint(endpoint_id: Id, call: CallDep) -> shapes.WebhookEndpoint:
    """Read one endpoint: what it is told, and whether it fails."""
    with call.reading() as work:
        return views.endpoint(endpoints.find(work.session, work.store.id, endpoint_id))


@router.patch(
    "/{endpoint_id}",
    operation_id="change_webhook_endpoint",
    response_model=shapes.WebhookEndpoint,
    responses=declared(400, 404),
)
def change_endpoint(
    endpoint_id: Id,
    wanted: Annotated[inputs.EndpointChange, Body(examples=[examples.ENDPOINT_CHANGE])],
    call: CallDep,
) -> shapes.WebhookEndpoint:
    """Change its URL, what it is told, or its description; what is left out stays. The secret stays too."""
    with call.writing() as work:
        row = endpoints.change(work.session, work.services.hooks, work.store.id, endpoint_id, wanted)
        return views.endpoint(row)


@router.delete(
    "/{endpoint_id}",
    operation_id="delete_webhook_endpoint",
    response_model=shapes.WebhookEndpoint,
    responses=declared(404),
)
def delete_endpoint(endpoint_id: Id, call: CallDep) -> shapes.WebhookEndpoint:
    """Tell it nothing more, and forget its deliveries; answers what was deleted."""
    with call.writing() as work:
        return views.endpoint(endpoints.remove(work.session, work.store.id, endpoint_id))


@router.post(
    "/{endpoint_id}/resume",
    operation_id="resume_webhook_endpoint",
    response_model=shapes.WebhookEndpoint,
    responses=declared(404),
)
def resume_endpoint(endpoint_id: Id, once: OnceDep) -> Response:
    """What was wrong is mended: deliver at once what was not since the trouble began, and all that comes."""

    def decide(work: Work) -> Answer:
        return 200, views.endpoint(endpoints.resume(work.session, work.store.id, endpoint_id, work.now))

    return once.answer(decide)


@router.post(
    "/{endpoint_id}/rotate",
    operation_id="rotate_webhook_secret",
    response_model=shapes.WebhookEndpointWithSecret,
    responses=declared(404),
)
def rotate_secret(endpoint_id: Id, once: OnceDep) -> Response:
    """Sign with a new secret, which the answer alone shows. The old one signs too for 24 hours."""

    def decide(work: Work) -> Answer:
        row, secret = endpoints.rotate(
            work.session, work.services.hooks, work.store.id, endpoint_id, work.now
        )
        return 200, views.endpoint_with_secret(row, secret)

    return once.answer(decide, secret=True)


@router.post(
    "/{endpoint_id}/test",
    operation_id="test_webhook_endpoint",
    status_code=202,
    response_model=shapes.WebhookDelivery,
    responses=declared(404),
)
def test_endpoint(endpoint_id: Id, once: OnceDep) -> Response:
    """Send it an `endpoint.test`, also while it is paused; its deliveries tell what came of it."""

    def decide(work: Work) -> Answer:
        return 202, views.delivery(endpoints.test(work.session, work.store.id, endpoint_id, work.now))

    return once.answer(decide)


@router.get(
    "/{endpoint_id}/deliveries",
    operation_id="list_webhook_deliveries",
    response_model=Deliveries,
    responses=declared(404),
)
def list_deliveries(
    endpoint_id: Id,
    call: CallDep,
    status: Literal["pending", "held", "delivered", "failed"] | None = None,
    limit: Limit = 50,
    after: After = None,
) -> Deliveries:
    """List what it was told within the last 30 days, the newest first, and what became of each."""
    asked = {"status": status}
    place = call.read_cursor(asked, after)
    with call.reading() as work:
        row = endpoints.find(work.session, work.store.id, endpoint_id)
        found = deliveries.find(work.session, row, status=status, after=place, limit=limit + 1)
    shown = [views.delivery(row) for row in found[:limit]]
    return Deliveries(data=shown, next=call.cursor(asked, shown[-1].id) if len(found) > limit else None)


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/redeliver",
    operation_id="redeliver_webhook",
    status_code=202,
    response_model=shapes.WebhookDelivery,
    responses=declared(404),
)
def redeliver(endpoint_id: Id, delivery_id: Id, once: OnceDep) -> Response:
    """Deliver it once more, under the same `webhook-id`, also while the endpoint is paused."""

    def decide(work: Work) -> Answer:
        row = endpoints.redeliver(work.session, work.store.id, endpoint_id, delivery_id, work.now)
        return 202, views.delivery(row)

    return once.answer(decide)
