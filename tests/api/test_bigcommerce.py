"""BigCommerce's webhooks name an order, which workers fetch from its API: a server here that plays it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from notifier.fetching import GIVE_UP, Fetcher
from notifier.shops.calls import BigCommerce
from tests import parts
from tests.api.client import Api, Stage, assert_problem
from tests.api.shops import backorders, counts, post, the_backorder
from tests.shops.signed import PAYLOADS, SECRET, Json, by_bigcommerce, payload, signed_by_bigcommerce

TOKEN = "k9r0x8w2p7q1z6v5u4t3s2r1"
HOME = "/stores/abc123xyz"
KEYS = {"webhook_secret": SECRET, "api_token": TOKEN, "store_hash": "abc123xyz"}


def a_list(name: str) -> Any:
    return json.loads((PAYLOADS / f"bigcommerce/{name}.json").read_text(encoding="utf-8"))


@dataclass
class Far:
    """What the API of the store has, and what was asked of it."""

    documents: dict[str, Any]
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def change(self, seconds: int, **changes: Any) -> None:
        """Change the order, as of that many seconds after a minute past its making."""
        path = f"{HOME}/v2/orders/250"
        modified = {"date_modified": f"Tue, 01 Dec 2026 14:59:{seconds:02} +0000"}
        self.documents[path] = self.documents[path] | modified | changes

    def change_line(self, **changes: Any) -> None:
        lines = self.documents[f"{HOME}/v2/orders/250/products"]
        self.documents[f"{HOME}/v2/orders/250/products"] = [lines[0] | changes, *lines[1:]]


@pytest.fixture
def far() -> Far:
    order = f"{HOME}/v2/orders/250"
    return Far(
        {
            order: payload("bigcommerce/order"),
            f"{order}/products": a_list("products"),
            f"{order}/shipping_addresses": a_list("shipping_addresses"),
            f"{HOME}/v3/orders/250/payment_actions/refunds": {"data": [], "meta": {}},
        }
    )


@pytest.fixture
def address(far: Far) -> Iterator[str]:
    app = FastAPI()

    @app.get("/{path:path}")
    def answer(path: str, request: Request) -> Response:
        assert request.headers["X-Auth-Token"] == TOKEN
        far.asked.append(f"/{path}")
        if far.status != 200 or far.body is not None:
            return Response(far.body or b"", far.status, headers=far.headers)
        if f"/{path}" in far.documents:
            return Response(json.dumps(far.documents[f"/{path}"]), media_type="application/json")
        is_list = f"/{path}".startswith(f"{HOME}/v2/orders/250/")
        return Response(status_code=204 if is_list else 404)

    with parts.served(app) as address:
        yield address


@pytest.fixture
def shop(api: Api, stage: Stage, address: str) -> Iterator[Api]:
    """A store that is connected to a shop of BigCommerce's."""
    api("PATCH", "/v1/store", json={"keys": {"bigcommerce": KEYS}})
    services = replace(api.services, bigcommerce=BigCommerce(address))
    stage.app.state.services = services
    yield replace(api, services=services)
    services.bigcommerce.close()


def tell(api: Api, scope: str = "store/order/updated", **changes: Any) -> Json:
    """Send a webhook and fetch what it names; what became of it."""
    answer = post(
        api, *by_bigcommerce(payload("bigcommerce/webhook", scope=scope, **changes)), platform="bigcommerce"
    )
    assert answer.status_code == 200, answer.text
    while api.services.fetcher.turn():
        pass
    return last(api)


def last(api: Api) -> Json:
    (event,) = api("GET", "/v1/shop-events", params={"limit": 1})["data"]
    event.pop("id")
    found: Json = event
    return found


def test_the_order_that_a_webhook_names_is_fetched_and_registered(shop: Api, far: Far) -> None:
    body, headers = by_bigcommerce(payload("bigcommerce/webhook", scope="store/order/created"))
    told = post(shop, body, headers, platform="bigcommerce").json()
    assert (told["outcome"], told["detail"]) == ("waiting", "its order is asked for at BigCommerce")
    assert backorders(shop) == []
    assert shop.services.fetcher.turn()
    assert not shop.services.fetcher.turn()
    found = the_backorder(shop)
    assert (last(shop)["outcome"], last(shop)["order_id"], last(shop)["attempt_at"]) == (
        "registered",
        "250",
        None,
    )
    assert found["customer"] == {
        "email": "jane@example.com",
        "name": "Jane Doe",
        "locale": "en",
        "timezone": "America/Chicago",
        "country": "US",
    }
    (line,) = found["lines"]
    assert (line["sku"], line["quantity"], line["eta"], line["unit_price"]) == (
        "ORN-RED",
        3,
        "2026-12-12",
        "10.0700",
    )
    assert far.asked[0] == f"{HOME}/v2/orders/250"


def test_shipments_are_taken_up_once(shop: Api, far: Far) -> None:
    tell(shop)
    far.documents[f"{HOME}/v2/orders/250/shipments"] = a_list("shipments")
    far.change_line(quantity_shipped=1)
    far.change(5, status_id=3, items_shipped=1)
    data = {"type": "shipment", "id": 61, "orderId": 250}
    assert tell(shop, "store/shipment/created", data=data)["detail"] == "shipped 1 × ORN-RED"
    assert tell(shop, created_at=1796137200)["outcome"] == "unchanged"
    assert the_backorder(shop)["status"] == "partly_shipped"
    far.change(9, status_id=2)
    assert tell(shop, created_at=1796137201)["detail"] == "shipped 2 × ORN-RED"


def test_a_cancelled_order_is_cancelled_and_a_refund_taken_up(shop: Api, far: Far) -> None:
    tell(shop)
    far.documents[f"{HOME}/v3/orders/250/payment_actions/refunds"] = a_list("refunds")
    far.change_line(quantity_refunded=1)
    far.change(5, status_id=14)
    data = {"type": "order", "id": 250, "refund": {"refund_id": 8}}
    told = tell(shop, "store/order/refund/created", data=data)
    assert told["detail"] == "cancelled 1 × ORN-RED; refunded 10.07 USD"
    far.change(9, status_id=5)
    assert tell(shop, created_at=1796137201)["detail"] == "cancelled 2 × ORN-RED"


def test_an_order_that_is_not_paid_is_registered_when_it_is(shop: Api, far: Far) -> None:
    far.change(1, status_id=0)
    assert tell(shop)["detail"] == "the order is not paid: its status is Incomplete"
    far.change(2, status_id=11)
    assert tell(shop, created_at=1796137201)["outcome"] == "registered"


def test_while_bigcommerce_is_away_the_order_waits_and_is_asked_for_again(shop: Api, far: Far) -> None:
    far.status, far.headers = 503, {}
    told = tell(shop)
    assert (told["outcome"], told["detail"]) == ("waiting", "BigCommerce answered 503")
    assert told["attempt_at"] == "2026-12-01T15:00:15Z"
    far.status, far.headers = 429, {"X-Rate-Limit-Time-Reset-Ms": "90000"}
    shop.clock.pass_by(seconds=16)
    assert shop.services.fetcher.turn()
    assert last(shop)["attempt_at"] == "2026-12-01T15:01:47Z"
    far.status = 200
    assert not shop.services.fetcher.turn()
    shop.clock.pass_by(seconds=120)
    assert shop.services.fetcher.turn()
    assert last(shop)["outcome"] == "registered"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", "BigCommerce answered 401: keys.bigcommerce.api_token does not open the store"),
        (200, b"<html>", "BigCommerce answered what is no JSON"),
        (200, b"[" * 100_000, "BigCommerce answered what is no JSON"),
        (200, b" " * 5_000_001, "BigCommerce answered more than 5,000,000 bytes"),
        (302, b"", "BigCommerce answered 302"),
    ],
)
def test_what_is_wrong_with_the_api_is_said(
    shop: Api, far: Far, status: int, body: bytes, words: str
) -> None:
    far.status, far.body = status, body
    told = tell(shop)
    assert told["outcome"] == "waiting"
    assert told["detail"].startswith(words)
    assert TOKEN not in told["detail"]


def test_a_server_that_is_not_there_is_said(shop: Api) -> None:
    own = shop.services.fetcher
    gone = Fetcher(own.engine, own.keyring, BigCommerce("http://127.0.0.1:9"), own.clock, own.count)
    post(shop, *by_bigcommerce(payload("bigcommerce/webhook")), platform="bigcommerce")
    assert gone.turn()
    assert last(shop)["detail"] == "BigCommerce can't be reached: NewConnectionError"


def test_after_three_days_it_is_given_up_and_a_later_webhook_begins_anew(shop: Api, far: Far) -> None:
    far.status = 503
    tell(shop)
    shop.clock.now += GIVE_UP
    shop.clock.pass_by(minutes=1)
    assert shop.services.fetcher.turn()
    assert (last(shop)["outcome"], last(shop)["detail"]) == ("refused", "BigCommerce answered 503")
    far.status = 200
    assert tell(shop)["outcome"] == "registered"


def test_without_a_token_the_order_waits_for_one(shop: Api) -> None:
    shop("PATCH", "/v1/store", json={"keys": {"bigcommerce": {"api_token": None}}})
    assert (
        tell(shop)["detail"]
        == "the order can't be fetched: keys.bigcommerce.api_token is not set, or can't be opened"
    )
    shop("PATCH", "/v1/store", json={"keys": {"bigcommerce": {"api_token": TOKEN}}})
    shop.clock.pass_by(minutes=1)
    assert shop.services.fetcher.turn()
    assert last(shop)["outcome"] == "registered"


def test_an_order_that_cant_be_read_is_refused_and_says_where(shop: Api, far: Far) -> None:
    far.change(1, billing_address={"email": "jane"})
    told = tell(shop)
    assert (told["outcome"], told["detail"].partition(": ")[0]) == ("refused", "/order/billing_address/email")
    far.change(2, date_modified="soon")
    assert tell(shop, created_at=1796137201)["detail"].startswith("/order/date_modified: must be a time like")


def test_an_order_that_is_not_there_is_not_ours(shop: Api) -> None:
    told = tell(shop, data={"type": "order", "id": 999})
    assert (told["outcome"], told["detail"]) == ("not_ours", "BigCommerce knows no such order")


def test_other_scopes_fetch_nothing(shop: Api, far: Far) -> None:
    for scope in ("store/product/updated", "store/order/message/created", ""):
        assert tell(shop, scope)["outcome"] == "not_ours"
    assert far.asked == []


def test_a_webhook_that_names_no_order_says_where(shop: Api) -> None:
    wrong: list[Any] = [{}, {"id": None}, {"id": "250/../../v3/hooks"}, {"id": -1}, {"id": 10**30}, []]
    for data in wrong:
        document = payload("bigcommerce/webhook", data=data)
        problem = assert_problem(post(shop, *by_bigcommerce(document), platform="bigcommerce"), 422)
        assert problem["errors"][0]["pointer"] == "/data/id"
    assert not shop.services.fetcher.turn()


def test_without_the_secret_nothing_changes(shop: Api) -> None:
    body, headers = by_bigcommerce(payload("bigcommerce/webhook"))
    before = counts(shop)
    wrong: list[dict[str, str]] = [
        {},
        {"X-Notifier-Secret": ""},
        {"X-Notifier-Secret": SECRET[::-1]},
        {"webhook-signature": "v1,AAAA", "webhook-id": "m", "webhook-timestamp": "1"},
        {"webhook-signature": ""},
        dict(signed_by_bigcommerce(payload("bigcommerce/webhook"), "m-1", "another secret")[1]),
    ]
    for given in wrong:
        assert_problem(post(shop, body, given, platform="bigcommerce"), 401)
    assert counts(shop) == before
    assert post(shop, body, headers, platform="bigcommerce").status_code == 200


def test_a_hook_of_an_app_is_proved_by_its_signature_and_taken_up_once(shop: Api) -> None:
    body, headers = signed_by_bigcommerce(payload("bigcommerce/webhook"), "msg_1")
    assert not post(shop, body, headers, platform="bigcommerce").json()["again"]
    assert post(shop, body, headers, platform="bigcommerce").json()["again"]
    assert_problem(post(shop, body + b" ", headers, platform="bigcommerce"), 401)


def test_the_keys_are_written_and_never_read(shop: Api) -> None:
    answer = shop.request("GET", "/v1/store")
    assert answer.json()["keys"]["bigcommerce"] == {
        "webhook_secret": {"set": True, "last4": SECRET[-4:]},
        "api_token": {"set": True, "last4": TOKEN[-4:]},
        "store_hash": "abc123xyz",
    }
    assert TOKEN not in answer.text
    path = {"keys": {"bigcommerce": {"store_hash": "abc/../x"}}}
    assert (
        shop.problem(422, "PATCH", "/v1/store", json=path)["errors"][0]["pointer"]
        == "/keys/bigcommerce/store_hash"
    )
