"""WooCommerce's webhooks of orders, taken up."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.client import Api, assert_problem
from tests.api.shops import JSON, backorders, counts, post, the_backorder
from tests.shops.signed import SECRET, Json, by_shopify, by_woocommerce, payload


@pytest.fixture
def shop(api: Api) -> Api:
    """A store that is connected to a shop of WooCommerce's."""
    api("PATCH", "/v1/store", json={"keys": {"woocommerce": {"webhook_secret": SECRET}}})
    return api


def send(api: Api, body: bytes, headers: Mapping[str, str]) -> Any:
    return post(api, body, headers, platform="woocommerce")


def tell(api: Api, topic: str, document: Any, delivery: str = "") -> Json:
    answer = send(api, *by_woocommerce(topic, document, delivery))
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def order(**changes: Any) -> Json:
    return payload("woocommerce/order", **changes)


def updated(seconds: int, **changes: Any) -> Json:
    """The order as it is that many seconds after a minute past its making."""
    return order(**({"date_modified_gmt": f"2026-12-01T14:59:{seconds:02}"} | changes))


def an_item(document: Json, number: int = 0, /, **changes: Any) -> Json:
    items = [dict(item) for item in document["line_items"]]
    items[number] |= changes
    return document | {"line_items": items}


def test_the_units_that_were_not_in_stock_are_registered(shop: Api) -> None:
    told = tell(shop, "order.created", order())
    found = the_backorder(shop)
    assert (told["outcome"], told["backorder_id"]) == ("registered", found["id"])
    assert (found["order_id"], found["currency"], found["placed_at"]) == (
        "4750",
        "EUR",
        "2026-12-01T14:58:11Z",
    )
    assert found["customer"] == {
        "email": "jonas@example.de",
        "name": "Jonas Weber",
        "locale": "de",
        "timezone": found["customer"]["timezone"],
        "country": "DE",
    }
    assert found["customer"]["timezone"] in {"Europe/Berlin", "Europe/Busingen"}
    (line,) = found["lines"]
    assert (line["sku"], line["quantity"], line["eta"], line["unit_price"]) == (
        "KUGEL-ROT",
        2,
        "2026-12-18",
        "6.72",
    )
    shop.deliver()
    assert shop.message(found["id"], "expectation")["status"] == "sent"


def test_woocommerces_own_mark_is_enough(shop: Api) -> None:
    notes = [{"id": 1, "key": "Backordered", "value": "5"}]
    tell(shop, "order.created", an_item(order(), meta_data=notes))
    (line,) = the_backorder(shop)["lines"]
    assert (line["quantity"], line["eta"]) == (5, None)


def test_an_order_that_is_not_paid_is_registered_when_it_is(shop: Api) -> None:
    told = tell(shop, "order.created", order(status="pending", date_paid_gmt=None))
    assert (told["outcome"], told["detail"]) == ("not_ours", "the order is not paid: its status is 'pending'")
    assert tell(shop, "order.updated", updated(1))["outcome"] == "registered"


def test_a_completed_order_has_shipped(shop: Api) -> None:
    tell(shop, "order.created", order())
    tracking = {
        "tracking_provider": "", "custom_tracking_provider": "DHL", "tracking_number": "00340434161094042557",
        "custom_tracking_link": "https://www.dhl.de/de/privatkunden.html?piececode=00340434161094042557",
        "date_shipped": "1796083200", "tracking_id": "5f2b8c1d",
    }  # fmt: skip
    notes = [{"id": 1, "key": "_wc_shipment_tracking_items", "value": [tracking]}]
    completed = {"status": "completed", "date_completed_gmt": "2026-12-01T14:59:05", "meta_data": notes}
    told = tell(shop, "order.updated", updated(5, **completed))
    assert told["detail"] == "shipped 2 × KUGEL-ROT"
    assert tell(shop, "order.updated", updated(9, **completed))["outcome"] == "unchanged"
    found = the_backorder(shop)
    (event,) = [
        it for it in shop("GET", f"/v1/backorders/{found['id']}/timeline")["data"] if it["what"] == "shipped"
    ]
    assert found["status"] == "shipped"
    assert (event["data"]["carrier"], event["data"]["tracking_number"]) == ("DHL", "00340434161094042557")


@pytest.mark.parametrize("status", ["cancelled", "refunded", "trash"])
def test_an_order_that_is_called_off_is_cancelled(shop: Api, status: str) -> None:
    tell(shop, "order.created", order())
    assert tell(shop, "order.updated", updated(5, status=status))["detail"] == "cancelled 2 × KUGEL-ROT"
    assert the_backorder(shop)["status"] == "cancelled"


def test_an_order_that_is_deleted_is_cancelled_even_if_that_is_told_first(shop: Api) -> None:
    assert tell(shop, "order.deleted", {"id": 4750})["outcome"] == "held"
    told = tell(shop, "order.created", order())
    assert told["detail"] == "registered; cancelled 2 × KUGEL-ROT"
    tell(shop, "order.created", order(id=4751, number="4751"))
    assert tell(shop, "order.deleted", {"id": 4751})["detail"] == "cancelled 2 × KUGEL-ROT"


def test_a_refund_is_taken_up_where_it_can_be_told_what_it_is_for(shop: Api) -> None:
    tell(shop, "order.created", order())
    part = {"id": 4801, "reason": "", "total": "-5.00"}
    told = tell(shop, "order.updated", updated(5, refunds=[part]))
    assert told["detail"] == (
        "a refund of 5.00 EUR is not taken up: what part of it is for the backorder can't be told"
    )
    whole = {"id": 4802, "reason": "", "total": "-85.83"}
    told = tell(shop, "order.updated", updated(9, status="refunded", refunds=[part, whole]))
    assert told["detail"] == "cancelled 2 × KUGEL-ROT; refunded 13.44 EUR"


def a_refund(id_: int, *items: tuple[int, int, str, str], total: str = "") -> Json:
    """As a shop tells it that adds what a refund is of: lines, units, their prices and taxes, all below zero."""
    lines = [
        {
            "id": id_ + number,
            "quantity": -units,
            "total": f"-{price}",
            "total_tax": f"-{tax}",
            "meta_data": [{"id": 9, "key": "_refunded_item_id", "value": str(line)}],
        }
        for number, (line, units, price, tax) in enumerate(items, 1)
    ]
    paid_back = total or str(sum(Decimal(price) + Decimal(tax) for _, _, price, tax in items))
    return {"id": id_, "reason": "", "total": f"-{paid_back}", "line_items": lines}


def test_a_refund_that_names_lines_that_wait_cancels_their_units(shop: Api) -> None:
    """Of five red baubles three were in stock: a refund of four is of one that waits, at least."""
    tell(shop, "order.created", order())
    told = tell(shop, "order.updated", updated(5, refunds=[a_refund(4801, (8123, 4, "26.88", "5.12"))]))
    assert told["detail"] == "cancelled 1 × KUGEL-ROT; refunded 8.00 EUR"
    assert (
        tell(shop, "order.updated", updated(7, refunds=[a_refund(4801, (8123, 4, "26.88", "5.12"))]))[
            "outcome"
        ]
        == "unchanged"
    )
    rest = a_refund(4802, (8123, 1, "6.72", "1.28"), (8124, 2, "33.62", "6.38"))
    first = a_refund(4801, (8123, 4, "26.88", "5.12"))
    told = tell(shop, "order.updated", updated(9, refunds=[rest, first]))
    assert told["detail"].startswith("cancelled 1 × KUGEL-ROT; refunded ")
    assert the_backorder(shop)["status"] == "cancelled"


def test_a_refund_of_what_was_in_stock_changes_nothing(shop: Api) -> None:
    tell(shop, "order.created", order())
    other_line, own_units = (
        a_refund(4801, (8124, 1, "16.81", "3.19")),
        a_refund(4802, (8123, 3, "20.16", "3.84")),
    )
    for second, refunds in ((5, [other_line]), (9, [own_units, other_line])):
        assert tell(shop, "order.updated", updated(second, refunds=refunds))["outcome"] == "unchanged"
    line = the_backorder(shop)["lines"][0]
    assert (line["quantity"], line["cancelled"]) == (2, 0)


def test_a_refund_of_both_kinds_of_lines_is_shared_by_what_each_was_paid(shop: Api) -> None:
    second = order()["line_items"][1]
    waits = second | {
        "id": 8125,
        "sku": "STERN",
        "meta_data": [{"id": 1, "key": "Backordered", "value": "2"}],
    }
    lines = [second, waits]
    tell(shop, "order.created", order(line_items=lines))
    refund = a_refund(4801, (8124, 1, "16.81", "3.19"), (8125, 1, "16.81", "3.19"))
    told = tell(shop, "order.updated", updated(5, line_items=lines, refunds=[refund]))
    assert told["detail"] == "cancelled 1 × STERN; refunded 20.00 EUR"


def test_a_sum_without_units_is_shared_by_the_units_that_wait(shop: Api) -> None:
    tell(shop, "order.created", order())
    told = tell(shop, "order.updated", updated(5, refunds=[a_refund(4801, (8123, 0, "4.20", "0.80"))]))
    assert told["detail"] == "refunded 2.00 EUR"


@pytest.mark.parametrize("items", [[], None, "x", [{"quantity": "many", "total": [], "meta_data": {}}]])
def test_a_refund_whose_items_say_nothing_is_shown_and_changes_nothing(shop: Api, items: Any) -> None:
    tell(shop, "order.created", order())
    refund = {"id": 4801, "reason": "", "total": "-5.00", "line_items": items}
    told = tell(shop, "order.updated", updated(5, refunds=[refund]))
    assert told["detail"] == (
        "a refund of 5.00 EUR is not taken up: what part of it is for the backorder can't be told"
    )
    assert the_backorder(shop)["lines"][0]["cancelled"] == 0


def test_of_an_order_that_waits_whole_each_refund_is_taken_up(shop: Api) -> None:
    alone = order()["line_items"][:1]
    tell(shop, "order.created", order(line_items=alone))
    refund = {"id": 4801, "reason": "", "total": "-5.00"}
    told = tell(shop, "order.updated", updated(5, line_items=alone, refunds=[refund]))
    assert told["detail"] == "refunded 5.00 EUR"
    assert (
        tell(shop, "order.updated", updated(9, line_items=alone, refunds=[refund]))["outcome"] == "unchanged"
    )


def test_a_delivery_that_comes_again_or_late_changes_nothing(shop: Api) -> None:
    tell(shop, "order.created", order(), "d-1")
    before = counts(shop)
    assert tell(shop, "order.created", order(), "d-1")["again"]
    assert counts(shop) == before
    tell(shop, "order.updated", updated(9, status="cancelled"))
    assert tell(shop, "order.updated", updated(5))["outcome"] == "unchanged"
    assert the_backorder(shop)["status"] == "cancelled"


def test_the_greeting_is_answered_well_and_changes_nothing(shop: Api, other: Api) -> None:
    before = counts(shop)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for store in (shop, other):  # it is sent before or after the secret is entered here
        assert send(store, b"webhook_id=3", form).status_code == 200
    assert counts(shop) == before
    for body in (b"webhook_id=", b"webhook_id=3&x=1", b"webhook_id=%33", b""):
        assert_problem(send(shop, body, form), 401)


def test_without_a_right_signature_nothing_changes(shop: Api) -> None:
    body, headers = by_woocommerce("order.created", order())
    before = counts(shop)
    for signature in (
        "",
        "AAAA",
        by_woocommerce("order.created", order(), secret="another")[1]["X-WC-Webhook-Signature"],
    ):
        problem = assert_problem(send(shop, body, dict(headers) | {"X-WC-Webhook-Signature": signature}), 401)
        assert "X-WC-Webhook-Signature" in problem["detail"]
    assert counts(shop) == before


def test_an_order_that_cant_be_read_says_where(shop: Api) -> None:
    late = [{"id": 1, "key": "_backorder_eta", "value": "18.12.2026"}]
    for document, pointer in (
        (order(date_modified_gmt=None), "/date_modified_gmt"),
        (order(billing={"email": "jonas"}), "/billing/email"),
        (an_item(order(), quantity="many"), "/line_items/0/quantity"),
        (an_item(order(), meta_data=late), "/line_items/0/meta_data/0/value"),
    ):
        problem = assert_problem(send(shop, *by_woocommerce("order.created", document)), 422)
        assert problem["errors"][0]["pointer"] == pointer
    assert backorders(shop) == []


def test_two_shops_of_one_store_may_not_share_a_number(shop: Api) -> None:
    shop("PATCH", "/v1/store", json={"keys": {"shopify": {"webhook_secret": SECRET}}})
    tell(shop, "order.created", order())
    problem = assert_problem(
        post(shop, *by_shopify("orders/create", payload("shopify/order", name="#4750"))), 409
    )
    assert "registered already for another order of woocommerce, 4750" in problem["detail"]
    (event,) = shop("GET", "/v1/shop-events", params={"outcome": "refused"})["data"]
    assert event["platform"] == "shopify"


FIELDS = st.sampled_from(sorted(payload("woocommerce/order")))
DEEPER = st.sampled_from(sorted(payload("woocommerce/order")["line_items"][0]))
TOPICS = st.sampled_from(["order.created", "order.updated", "order.deleted"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(topic=TOPICS, field=FIELDS, deeper=DEEPER, value=JSON, other_value=JSON)
def test_no_json_at_all_breaks_it(
    shop: Api, topic: str, field: str, deeper: str, value: Any, other_value: Any
) -> None:
    document = an_item(order(), **{deeper: other_value}) | {field: value}
    assert send(shop, *by_woocommerce(topic, document)).status_code in {200, 400, 409, 422}
