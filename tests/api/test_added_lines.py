"""Lines that are added to an order at its shop later: registered, told of once, with a clock of their own."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from notifier.domain.evidence import verify
from notifier.signed import holds
from tests.api.client import Api
from tests.api.shops import MUG, counts, order, tell, the_backorder, updated
from tests.api.test_bigcommerce import Far, address, far
from tests.api.test_bigcommerce import shop as bigcommerce_shop
from tests.api.test_bigcommerce import tell as tell_bigcommerce
from tests.api.test_woocommerce import order as woo_order
from tests.api.test_woocommerce import shop as woo_shop
from tests.api.test_woocommerce import tell as tell_woo
from tests.api.test_woocommerce import updated as woo_updated
from tests.shops.signed import Json

__all__ = ["address", "bigcommerce_shop", "far", "woo_shop"]

LAMP = {"id": 99, "sku": "LAMP", "name": "Lamp", "quantity": 2, "current_quantity": 2, "fulfillable_quantity": 2,
        "price": "30.00", "properties": [MUG]}  # fmt: skip


def with_line(document: Json, **changes: Any) -> Json:
    """The order with a lamp that was not in it before."""
    return document | {"line_items": [*document["line_items"], LAMP | changes]}


def lines_of(api: Api) -> dict[str, Json]:
    return {line["sku"]: line for line in the_backorder(api)["lines"]}


def emails(api: Api) -> list[tuple[str, str, list[str]]]:
    found = the_backorder(api)["messages"]
    said = [(it["kind"], it["status"], it["lines"]) for it in found]
    return sorted(it for it in said if it[0] == "expectation")


@pytest.mark.parametrize("topic", ["orders/edited", "orders/updated"])
def test_an_added_line_is_registered_and_told_of_once(shop: Api, topic: str) -> None:
    tell(shop, "orders/create", order())
    shop.deliver()
    told = tell(shop, topic, updated(with_line(order()), 41))
    assert (told["outcome"], told["detail"]) == ("changed", "added 2 × LAMP")
    lamp = lines_of(shop)["LAMP"]
    assert (lamp["quantity"], lamp["eta"], lamp["promised"], lamp["unit_price"]) == (
        2,
        "2026-12-20",
        "2026-12-20",
        "30.00",
    )
    shop.deliver()
    assert emails(shop) == [("expectation", "sent", ["LAMP"]), ("expectation", "sent", ["ORN-RED"])]
    before = counts(shop)
    assert tell(shop, topic, updated(with_line(order()), 42))["outcome"] == "unchanged"
    shop.deliver()
    assert {name: before[name] for name in ("message", "fact", "backorder_line")} == {
        name: count for name, count in counts(shop).items() if name in {"message", "fact", "backorder_line"}
    }


def test_a_line_that_is_added_before_the_first_email_left_is_in_it(shop: Api) -> None:
    tell(shop, "orders/create", order())
    tell(shop, "orders/updated", updated(with_line(order()), 41))
    shop.deliver()
    assert emails(shop) == [("expectation", "sent", ["ORN-RED", "LAMP"])]


def test_its_story_its_evidence_and_who_listens_know_of_it(shop: Api) -> None:
    made = shop(
        "POST",
        "/v1/webhook-endpoints",
        201,
        json={"url": "https://shop.example/hear", "events": ["backorder.lines_added"]},
    )
    tell(shop, "orders/create", order())
    shop.deliver()
    tell(shop, "orders/updated", updated(with_line(order()), 41))
    id_ = the_backorder(shop)["id"]
    (event,) = [
        it for it in shop("GET", f"/v1/backorders/{id_}/timeline")["data"] if it["what"] == "lines_added"
    ]
    assert (event["why"], event["data"]["units"]) == ("2 × LAMP came to the order", {"LAMP": 2})
    planned = [
        it for it in shop("GET", f"/v1/backorders/{id_}/timeline")["data"] if it["what"] == "message_planned"
    ]
    assert "planned because lines came to the order" in [it["why"] for it in planned]
    evidence = shop.request("GET", f"/v1/backorders/{id_}/evidence")
    assert verify(evidence.content, holds).findings == ()
    assert "order.lines_added" in [record["kind"] for record in evidence.json()["records"]]
    (told,) = shop("GET", f"/v1/webhook-endpoints/{made['id']}/deliveries")["data"]
    assert told["type"] == "backorder.lines_added"
    page = shop.http.get(urlsplit(the_backorder(shop)["status_url"]).path).text
    assert "Added to your order: 2 × Lamp." in page


def test_its_parcel_its_date_and_its_cancellation_are_as_of_any_line(shop: Api) -> None:
    tell(shop, "orders/create", order())
    shop.deliver()
    tell(shop, "orders/updated", updated(with_line(order()), 41))
    shop.deliver()
    shop("PUT", "/v1/skus/LAMP/eta", json={"eta": "2027-01-15", "reason": "a strike"})
    assert lines_of(shop)["LAMP"]["eta"] == "2027-01-15"
    told = tell(
        shop, "orders/updated", updated(with_line(order(), current_quantity=1, fulfillable_quantity=1), 43)
    )
    assert told["detail"] == "cancelled 1 × LAMP"
    shop("POST", f"/v1/backorders/{the_backorder(shop)['id']}/shipments", 201, json={"carrier": "UPS"})
    assert the_backorder(shop)["status"] == "shipped"


def test_a_line_is_added_to_an_order_that_had_shipped(shop: Api) -> None:
    tell(shop, "orders/create", order())
    shop.deliver()
    shop("POST", f"/v1/backorders/{the_backorder(shop)['id']}/shipments", 201, json={"carrier": "UPS"})
    shop.deliver()
    tell(shop, "orders/updated", updated(with_line(order()), 41))
    shop.deliver()
    assert the_backorder(shop)["status"] == "partly_shipped"
    assert ("expectation", "sent", ["LAMP"]) in emails(shop)


def test_what_was_in_stock_stays_so_whatever_its_sku_is_later(shop: Api) -> None:
    tell(shop, "orders/create", order())
    shop("PUT", "/v1/skus/MUG-SOLSTICE/eta", json={"eta": "2026-12-20"})
    shop("PUT", "/v1/skus/LAMP/eta", json={"eta": "2026-12-22", "reason": "being made"})
    told = tell(shop, "orders/updated", updated(with_line(order(), properties=[]), 41))
    assert told["detail"] == "added 2 × LAMP"
    assert lines_of(shop).keys() == {"ORN-RED", "LAMP"}
    assert (lines_of(shop)["LAMP"]["eta"], lines_of(shop)["LAMP"]["reason"]) == ("2026-12-22", "being made")


def test_more_of_what_the_order_has_is_said_and_not_taken_up(shop: Api) -> None:
    tell(shop, "orders/create", order())
    told = tell(shop, "orders/updated", updated(with_line(order(), sku="ORN-RED"), 41))
    assert told["outcome"] == "unchanged"
    assert told["detail"].endswith("; not taken up, as the order has a line of it already: 2 × ORN-RED")
    assert lines_of(shop)["ORN-RED"]["quantity"] == 3


def test_a_line_that_can_not_be_read_holds_nothing_else_up_and_is_tried_again(shop: Api) -> None:
    tell(shop, "orders/create", order())
    wrong = with_line(order(email="jane@example.org"), properties=[MUG | {"value": "in May"}])
    told = tell(shop, "orders/updated", updated(wrong, 41))
    assert told["detail"].startswith(
        "the customer's details changed; an added line is not taken up: /line_items/2/properties/0/value: "
    )
    told = tell(shop, "orders/updated", updated(with_line(order(email="jane@example.org")), 42))
    assert told["detail"] == "added 2 × LAMP"


def test_nothing_is_added_for_a_customer_who_was_erased(shop: Api) -> None:
    tell(shop, "orders/create", order())
    shop("POST", "/v1/customers/erase", json={"email": "jane@example.com", "open_orders": "stop"})
    told = tell(shop, "orders/updated", updated(with_line(order()), 41))
    assert (
        "; an added line is not taken up: the order: the customer of this order was erased" in told["detail"]
    )
    assert lines_of(shop).keys() == {"ORN-RED"}


def test_nothing_is_added_to_an_order_that_is_called_off(shop: Api) -> None:
    tell(shop, "orders/create", order())
    ended = updated(with_line(order()), 41, cancelled_at="2026-12-01T09:59:40-05:00")
    assert tell(shop, "orders/cancelled", ended)["detail"] == "cancelled 3 × ORN-RED"
    assert lines_of(shop).keys() == {"ORN-RED"}


def test_what_was_paid_is_what_all_of_it_costs(shop: Api) -> None:
    alone = order(line_items=order()["line_items"][:1], total_price="33.49")
    tell(shop, "orders/create", alone)
    tell(shop, "orders/updated", updated(with_line(alone), 41, total_price="93.49"))
    ended = updated(with_line(alone), 43, cancelled_at="2026-12-01T09:59:43-05:00", total_price="93.49")
    tell(shop, "orders/cancelled", ended)
    shop.deliver()
    owed = shop("GET", "/v1/duties", params={"duty": "refund"})["data"]
    assert sum(float(it["amount"]) for it in owed) == pytest.approx(93.49)


def test_of_woocommerce_too_and_an_item_that_is_made_again_is_the_same(woo_shop: Api) -> None:
    tell_woo(woo_shop, "order.created", woo_order())
    woo_shop.deliver()
    notes = [{"id": 9, "key": "Backordered", "value": "1"}]
    lamp = {"id": 8130, "name": "Lampe", "product_id": 7, "variation_id": 0, "quantity": 1, "sku": "LAMPE",
            "price": 30, "total": "30.00", "meta_data": notes}  # fmt: skip
    first, second = woo_order()["line_items"]
    told = tell_woo(woo_shop, "order.updated", woo_updated(5, line_items=[first, second, lamp]))
    assert told["detail"] == "added 1 × LAMPE"
    woo_shop.deliver()
    assert [it[2] for it in emails(woo_shop)] == [["KUGEL-ROT"], ["LAMPE"]]
    again = [first | {"id": 8200}, second, lamp | {"id": 8201}]
    told = tell_woo(woo_shop, "order.updated", woo_updated(9, line_items=again))
    assert told["outcome"] == "unchanged"
    gone = tell_woo(woo_shop, "order.updated", woo_updated(12, line_items=[first | {"id": 8200}, second]))
    assert gone["detail"] == "cancelled 1 × LAMPE"


def test_of_bigcommerce_too(bigcommerce_shop: Api, far: Far) -> None:
    tell_bigcommerce(bigcommerce_shop, "store/order/created")
    bigcommerce_shop.deliver()
    path = "/stores/abc123xyz/v2/orders/250/products"
    known = {line["sku"] for line in far.documents[path]}
    option = {"display_name": "Backorder ETA", "display_value": "2026-12-22"}
    lamp = far.documents[path][0] | {
        "id": 999,
        "sku": "LAMP",
        "name": "Lamp",
        "quantity": 1,
        "product_options": [option],
    }
    far.documents[path] = [*far.documents[path], lamp]
    far.change(30)
    assert "LAMP" not in known
    assert tell_bigcommerce(bigcommerce_shop)["detail"] == "added 1 × LAMP"
    assert lines_of(bigcommerce_shop)["LAMP"]["eta"] == "2026-12-22"
