"""Shop platforms in the console: connected, disconnected, and what they told."""

import re

import pytest
from fastapi.testclient import TestClient

from tests.pages.shop import Shop
from tests.pages.test_console import token
from tests.shops.signed import SECRET, by_shopify, payload

PATH = "/console/shops"


@pytest.fixture
def connected(operator: TestClient) -> TestClient:
    action = token(operator.get(PATH), f'action="{PATH}/shopify#shopify"')
    answer = operator.post(f"{PATH}/shopify", data={"token": action, "webhook_secret": f" {SECRET} "})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PATH}?done=shopify#shopify")
    return operator


def test_the_page_says_how_to_connect_a_shop(operator: TestClient) -> None:
    page = operator.get(PATH).text
    assert "/webhooks/shopify/store_fern</pre>" in page
    assert "Not connected" in page
    assert (
        "orders/create, orders/updated, orders/cancelled, fulfillments/create, refunds/create, customers/data_request"
        in page
    )
    assert "Nothing was told in the last thirty days." in page


def test_a_secret_is_kept_and_never_shown(connected: TestClient) -> None:
    page = connected.get(f"{PATH}?done=shopify").text
    assert "Nothing has come yet" in page
    assert f"Set, ends in {SECRET[-4:]}." in page
    assert SECRET not in page


def test_what_a_shop_told_is_shown_with_its_order(connected: TestClient) -> None:
    for number, document in enumerate((payload("shopify/order"), payload("shopify/order", email="no"))):
        body, headers = by_shopify("orders/create", document | {"id": number + 1, "name": f"#900{number}"})
        connected.post("/webhooks/shopify/store_fern", content=body, headers=dict(headers))
    page = connected.get(PATH).text
    assert "Connected" in page
    assert "Registered" in page
    assert ">9000</a>" in page
    assert "/email: " in page
    refused = connected.get(f"{PATH}?outcome=refused").text
    assert "/email: " in refused
    assert "9000" not in refused


def test_an_empty_field_changes_nothing_and_disconnecting_takes_the_secret_away(
    connected: TestClient,
) -> None:
    action = token(connected.get(PATH), f'action="{PATH}/shopify#shopify"')
    connected.post(f"{PATH}/shopify", data={"token": action, "webhook_secret": ""})
    assert "ends in" in connected.get(PATH).text
    connected.post(f"{PATH}/shopify", data={"token": action, "drop": "1"})
    assert "Not connected" in connected.get(PATH).text


def test_what_bigcommerce_needs_is_kept_and_only_its_store_is_shown(operator: TestClient) -> None:
    action = token(operator.get(PATH), f'action="{PATH}/bigcommerce#bigcommerce"')
    keys = {
        "webhook_secret": SECRET,
        "api_token": "a-token-that-nobody-may-see-q1w2",
        "store_hash": "abc123xyz",
    }
    assert operator.post(f"{PATH}/bigcommerce", data={"token": action} | keys).status_code == 303
    page = operator.get(PATH).text
    assert 'type="text" value="abc123xyz"' in page
    assert "Set, ends in q1w2." in page
    assert "a-token" not in page
    wrong = operator.post(f"{PATH}/bigcommerce", data={"token": action, "store_hash": "no/path"})
    assert "keys.bigcommerce.store_hash: &#39;no/path&#39; is not a store hash" in wrong.text


def test_a_secret_that_is_too_short_is_refused(operator: TestClient, shop: Shop) -> None:
    action = token(operator.get(PATH), f'action="{PATH}/shopify#shopify"')
    answer = operator.post(f"{PATH}/shopify", data={"token": action, "webhook_secret": "short"})
    assert answer.status_code == 422
    assert "keys.shopify.webhook_secret: must be a text of 8 to 2000 characters" in answer.text
    assert operator.post(f"{PATH}/shopify", data={"token": "no", "webhook_secret": SECRET}).status_code == 403
    assert operator.post(f"{PATH}/magento", data={"token": action}).status_code == 404


def test_what_customers_ask_is_shown_and_answered_here(connected: TestClient, shop: Shop) -> None:
    for topic, file in (("orders/create", "order"), ("customers/data_request", "data_request"),
                        ("customers/redact", "redact"), ("shop/redact", "shop_redact")):  # fmt: skip
        body, headers = by_shopify(topic, payload(f"shopify/{file}"))
        assert connected.post("/webhooks/shopify/store_fern", content=body, headers=dict(headers)).json()
    page = connected.get(PATH).text
    assert "A customer asks for their data" in page
    assert "A customer asks to be forgotten" in page
    assert ">1042</a> (waits)" in page
    assert "A privacy request" in page
    asked = dict(re.findall(r'(?s)action="(/console/privacy-requests/\w+)">.*?<button[^>]*>([^<]+)', page))
    (shop_redact,) = [path for path, label in asked.items() if label == "Erase"]
    (export,) = [path for path, label in asked.items() if label == "Download their data"]
    action = token(connected.get(PATH), f'action="{shop_redact}"')
    assert connected.post(shop_redact, data={"token": action}).status_code == 303
    assert f'action="{shop_redact}"' in connected.get(PATH).text, "nobody ticked the box"
    connected.post(shop_redact, data={"token": action, "sure": "1"})
    assert f'action="{shop_redact}"' not in connected.get(PATH).text
    assert connected.post(export, data={"token": action}).status_code == 403
    action = token(connected.get(PATH), f'action="{export}"')
    answer = connected.post(export, data={"token": action})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="customer.json"'
    assert answer.json()[0]["address"] == "jane.1042@example.com"
    assert f'action="{export}"' not in connected.get(PATH).text
