"""Shop platforms tell of their orders; and what became of what they told. The signature is the key."""

from typing import Any

from fastapi import APIRouter, Request

from notifier.api import shapes, shop_shapes
from notifier.api.deps import After, CallDep, Id, Limit
from notifier.api.problems import declared
from notifier.api.webhooks import Here, Raw
from notifier.bootstrap import Services
from notifier.db import shops
from notifier.fields import Text

router = APIRouter(prefix="/webhooks", tags=["webhooks"], responses=declared(400, 401, 404, 409, 422, 503))
events = APIRouter(prefix="/v1/shop-events", tags=["webhooks"])

List = shapes.Page[shop_shapes.ShopEventShape]


@router.post("/shopify/{store_id}", operation_id="take_shopify_event")
def shopify(store_id: Id, request: Request, body: Raw, services: Here) -> shop_shapes.ShopOutcome:
    """A webhook of Shopify's, signed (`X-Shopify-Hmac-Sha256`): an order, a fulfilment, a refund.

    What of it is a backorder is registered, changed, shipped, cancelled or refunded at once, and each delivery once. A
    422 points into Shopify's own document.
    """
    return _hear(services, store_id, "shopify", body, request)


@router.post("/woocommerce/{store_id}", operation_id="take_woocommerce_event")
def woocommerce(store_id: Id, request: Request, body: Raw, services: Here) -> shop_shapes.ShopOutcome:
    """A webhook of WooCommerce's, signed (`X-WC-Webhook-Signature`): an order as it stands. As with Shopify's.

    What WooCommerce posts when a webhook is saved (`webhook_id=1`, unsigned) is answered well and changes nothing.
    """
    return _hear(services, store_id, "woocommerce", body, request)


@router.post("/bigcommerce/{store_id}", operation_id="take_bigcommerce_event")
def bigcommerce(store_id: Id, request: Request, body: Raw, services: Here) -> shop_shapes.ShopOutcome:
    """A webhook of BigCommerce's, with the store's secret in `X-Notifier-Secret`, or signed by its app.

    It only names an order. That is `waiting` until a worker has fetched it, within seconds, and again and again while
    BigCommerce is away.
    """
    return _hear(services, store_id, "bigcommerce", body, request)


def _hear(
    services: Services, store_id: str, platform: str, body: bytes, request: Request
) -> shop_shapes.ShopOutcome:
    heard = services.ears.hear(store_id, platform, body, request.headers, services.clock())
    found = heard.outcome
    return shop_shapes.ShopOutcome.model_validate(
        {
            "outcome": found.outcome,
            "detail": found.detail,
            "order_id": found.order_id,
            "backorder_id": found.backorder_id,
            "again": heard.again,
        }
    )


@events.get("", operation_id="list_shop_events", response_model=List)
def list_shop_events(
    call: CallDep,
    platform: shop_shapes.Which | None = None,
    outcome: shop_shapes.What | None = None,
    order_id: Text | None = None,
    limit: Limit = 50,
    after: After = None,
) -> List:
    """What the store's shop platforms told in the last thirty days, and what became of it; the newest first."""
    asked: dict[str, Any] = {"platform": platform, "outcome": outcome, "order_id": order_id}
    place = call.read_cursor(asked, after)
    with call.reading() as work:
        found = shops.find(work.session, work.store.id, **asked, after=place, limit=limit + 1)
    shown = [shop_shapes.ShopEventShape.model_validate(row, from_attributes=True) for row in found[:limit]]
    return List(data=shown, next=call.cursor(asked, shown[-1].id) if len(found) > limit else None)
