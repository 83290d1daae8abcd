"""Webhooks of the shop platforms: proved, read or refused with the place, listed; what is unsigned changes nothing."""

from typing import Any

import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from notifier.db.engine import reading
from tests.api.client import Api, assert_problem
from tests.api.shops import (
    JSON,
    an_item,
    backorders,
    counts,
    order,
    post,
    tell,
    the_backorder,
    updated,
)
from tests.shops.signed import SECRET, Json, by_shopify, payload

# --- proof -------------------------------------------------------------------------------------------------


def test_without_a_right_signature_nothing_changes(shop: Api, other: Api) -> None:
    body, headers = by_shopify("orders/create", order())
    before = counts(shop)
    wrong = [
        {name: value for name, value in headers.items() if name != "X-Shopify-Hmac-Sha256"},
        dict(headers) | {"X-Shopify-Hmac-Sha256": ""},
        dict(headers) | {"X-Shopify-Hmac-Sha256": "bm90IHRoZSBzaWduYXR1cmU="},
        dict(headers) | {"X-Shopify-Hmac-Sha256": "no base64 !"},
        dict(by_shopify("orders/create", order(), secret="another secret")[1]),
    ]
    for given_headers in wrong:
        problem = assert_problem(post(shop, body, given_headers), 401)
        assert "X-Shopify-Hmac-Sha256" in problem["detail"]
    assert_problem(post(shop, body + b" ", headers), 401)
    for store_id in (other.store.store.id, "store_nobody"):
        problem = assert_problem(post(shop, body, headers, store_id), 401)
        assert "keys.shopify.webhook_secret" in problem["detail"]
    assert counts(shop) == before


def test_a_body_that_is_no_json_is_refused(shop: Api) -> None:
    for body in (b"", b"[]", b"webhook_id=1", b"\xff\xfe", b"null", b"[" * 100_000):
        assert_problem(post(shop, *by_shopify("orders/create", body)), 400)
    assert backorders(shop) == []


def test_an_order_that_cant_be_read_says_where_and_is_tried_anew(shop: Api) -> None:
    cases: list[tuple[Json, str]] = [
        (order(email="nobody", contact_email="nobody"), "/email"),
        (order(updated_at="yesterday"), "/updated_at"),
        (order(id=None), "/id"),
        (an_item(order(), quantity=-1), "/line_items/0/quantity"),
        (
            an_item(order(), properties=[{"name": "Backorder ETA", "value": "12th of December"}]),
            "/line_items/0/properties/0/value",
        ),
        (
            an_item(order(), properties=[{"name": "_backorder_eta", "value": "2026-11-12"}]),
            "/line_items/0/properties/0/value",
        ),
    ]
    for number, (document, pointer) in enumerate(cases):
        problem = assert_problem(post(shop, *by_shopify("orders/create", document, f"e-{number}")), 422)
        assert problem["errors"][0]["pointer"] == pointer
        (event,) = shop("GET", "/v1/shop-events", params={"limit": 1})["data"]
        assert (event["outcome"], event["tries"]) == ("refused", 1)
        assert pointer in event["detail"]
        assert "nobody" not in event["detail"] or "@" not in event["detail"]
    assert backorders(shop) == []
    body, headers = by_shopify("orders/create", cases[-1][0], "e-5")
    assert_problem(post(shop, body, headers), 422)
    (event,) = shop("GET", "/v1/shop-events", params={"outcome": "refused", "limit": 1})["data"]
    assert event["tries"] == 2
    assert tell(shop, "orders/create", order(), "e-5")["outcome"] == "registered"


def test_a_test_of_shopifys_is_answered_well_and_registers_nothing(shop: Api) -> None:
    body, headers = by_shopify("orders/create", order(id=820982911946154508, email="jon@example.com"))
    answer = post(shop, body, dict(headers) | {"X-Shopify-Test": "true"})
    assert answer.json()["detail"] == "a test of Shopify's; its signature is right"
    assert backorders(shop) == []


def test_other_topics_are_answered_well(shop: Api) -> None:
    assert tell(shop, "products/update", {"id": 1})["detail"] == "topic 'products/update' tells of no order"


def test_the_secret_is_written_and_never_read(shop: Api) -> None:
    answer = shop.request("GET", "/v1/store")
    assert answer.json()["keys"]["shopify"] == {"webhook_secret": {"set": True, "last4": SECRET[-4:]}}
    assert SECRET not in answer.text
    with reading(shop.services.engine) as session:
        rows = session.execute(sqlalchemy.select(SQLModel.metadata.tables["provider_keys"])).mappings().all()
    assert SECRET not in str(rows)
    shop("PATCH", "/v1/store", json={"keys": {"shopify": None}})
    body, headers = by_shopify("orders/create", order())
    assert_problem(post(shop, body, headers), 401)


def test_events_are_listed_newest_first_for_their_store_alone(shop: Api, other: Api) -> None:
    tell(shop, "orders/create", order())
    tell(shop, "orders/create", an_item(order(id=7, name="#1043"), sku="IN-STOCK", properties=[]))
    page = shop("GET", "/v1/shop-events", params={"limit": 1})
    assert [it["order_id"] for it in page["data"]] == ["1043"]
    page = shop("GET", "/v1/shop-events", params={"limit": 1, "after": page["next"]})
    assert [(it["order_id"], it["outcome"], it["topic"]) for it in page["data"]] == [
        ("1042", "registered", "orders/create")
    ]
    assert page["next"] is None
    found = shop("GET", "/v1/shop-events", params={"outcome": "not_ours", "platform": "shopify"})["data"]
    shop.problem(422, "GET", "/v1/shop-events", params={"platform": "shoppify"})
    assert [it["order_id"] for it in found] == ["1043"]
    assert other("GET", "/v1/shop-events")["data"] == []


def test_events_hold_nothing_of_the_customer(shop: Api) -> None:
    tell(shop, "orders/create", order())
    tell(shop, "fulfillments/create", payload("shopify/fulfillment", order_id=77))
    with reading(shop.services.engine) as session:
        for name in ("shop_event", "shop_order"):
            rows = str(session.execute(sqlalchemy.select(SQLModel.metadata.tables[name])).mappings().all())
            assert not any(word in rows for word in ("jane", "Jane", "Doe", "Mill Lane")), rows


def test_a_customer_who_was_erased_stays_so_whatever_the_shop_tells(shop: Api) -> None:
    tell(shop, "orders/create", order())
    cancelled = updated(order(), 9, cancelled_at="2026-12-01T09:59:09-05:00", cancel_reason="customer")
    tell(shop, "orders/cancelled", cancelled)
    shop.deliver()
    shop("POST", "/v1/customers/erase", json={"email": "jane@example.com"})
    again = cancelled | {"updated_at": "2026-12-01T09:59:20-05:00", "email": "jane@example.org"}
    assert tell(shop, "orders/updated", again)["outcome"] == "unchanged"
    assert the_backorder(shop)["customer"]["email"].endswith("@privacy.invalid")
    with reading(shop.services.engine) as session:
        (row,) = session.execute(sqlalchemy.select(SQLModel.metadata.tables["shop_order"])).mappings().all()
    assert row["buyer"] is None


# --- anything at all ---------------------------------------------------------------------------------------

TOPICS = st.sampled_from(["orders/create", "orders/updated", "fulfillments/create", "refunds/create"])
FIELDS = st.sampled_from(sorted(payload("shopify/order")))
DEEPER = st.sampled_from(sorted(payload("shopify/order")["line_items"][0]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(topic=TOPICS, field=FIELDS, deeper=DEEPER, value=JSON, other_value=JSON, plain=st.booleans())
def test_no_json_at_all_breaks_it_and_none_changes_anything_unsigned(
    shop: Api, topic: str, field: str, deeper: str, value: Any, other_value: Any, *, plain: bool
) -> None:
    document = {"id": value} if plain else an_item(order(), **{deeper: other_value}) | {field: value}
    body, headers = by_shopify(topic, document)
    before = counts(shop)
    assert post(shop, body, dict(headers) | {"X-Shopify-Hmac-Sha256": "AAAA"}).status_code == 401
    assert counts(shop) == before
    assert post(shop, body, headers).status_code in {200, 400, 409, 422}
