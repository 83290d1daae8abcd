"""Webhooks of the shop platforms: proved, taken up once, whatever the order in which they come."""

from concurrent.futures import ThreadPoolExecutor

from tests.api.client import Api
from tests.api.shops import (
    MUG,
    an_item,
    backorders,
    counts,
    order,
    post,
    tell,
    the_backorder,
    updated,
)
from tests.shops.signed import Json, by_shopify, payload

# --- registering -----------------------------------------------------------------------------------------


def test_what_of_an_order_is_a_backorder_is_registered(shop: Api) -> None:
    told = tell(shop, "orders/create", order())
    found = the_backorder(shop)
    assert told == {
        "outcome": "registered",
        "detail": "registered",
        "order_id": "1042",
        "backorder_id": found["id"],
        "again": False,
    }
    assert (found["order_id"], found["currency"], found["placed_at"]) == (
        "1042",
        "USD",
        "2026-12-01T14:58:11Z",
    )
    assert found["order_url"].startswith("https://hollow-and-pine.myshopify.com/")
    assert found["customer"] == {
        "email": "jane@example.com",
        "name": "Jane Doe",
        "locale": "en-US",
        "timezone": "America/New_York",
        "country": "US",
    }
    (line,) = found["lines"]
    assert (line["sku"], line["name"], line["quantity"]) == ("ORN-RED", "Red glass ornament - Large", 3)
    assert (line["eta"], line["eta_earliest"], line["unit_price"]) == ("2026-12-12", "2026-12-08", "9.50")
    shop.deliver()
    assert shop.message(found["id"], "expectation")["status"] == "sent"


def test_a_line_whose_sku_has_an_estimate_is_a_backorder(shop: Api) -> None:
    shop("PUT", "/v1/skus/MUG-SOLSTICE/eta", json={"eta": "2026-12-20", "reason": "being made"})
    tell(shop, "orders/create", order())
    lines = {line["sku"]: line for line in the_backorder(shop)["lines"]}
    assert lines.keys() == {"ORN-RED", "MUG-SOLSTICE"}
    assert (lines["MUG-SOLSTICE"]["eta"], lines["MUG-SOLSTICE"]["reason"]) == ("2026-12-20", "being made")


def test_a_sku_that_nobody_can_date_is_a_backorder_without_a_date(shop: Api) -> None:
    shop("PUT", "/v1/skus/MUG-SOLSTICE/eta", json={"eta": None, "reason": "the kiln is broken"})
    tell(shop, "orders/create", order())
    (mug,) = [line for line in the_backorder(shop)["lines"] if line["sku"] == "MUG-SOLSTICE"]
    assert (mug["eta"], mug["reason"]) == (None, "the kiln is broken")


def test_dates_that_are_given_to_a_sku_at_once_leave_one_of_them(shop: Api) -> None:
    days = [f"2026-12-{day}" for day in range(14, 20)]
    with ThreadPoolExecutor(len(days)) as threads:
        answers = threads.map(
            lambda day: shop.request("PUT", "/v1/skus/MUG-SOLSTICE/eta", json={"eta": day}), days
        )
    assert {answer.status_code for answer in answers} == {200}
    tell(shop, "orders/create", order())
    (mug,) = [line for line in the_backorder(shop)["lines"] if line["sku"] == "MUG-SOLSTICE"]
    assert mug["eta"] in days


def test_an_estimate_ends_when_units_arrive_that_nobody_waits_for(shop: Api) -> None:
    shop("PUT", "/v1/skus/MUG-SOLSTICE/eta", json={"eta": "2026-12-20"})
    tell(shop, "orders/create", order())
    shop("POST", "/v1/restocks", json={"sku": "MUG-SOLSTICE", "quantity": 50})
    tell(shop, "orders/create", order(id=2, name="#1043"))
    (second,) = [it for it in backorders(shop) if it["order_id"] == "1043"]
    assert [line["sku"] for line in second["lines"]] == ["ORN-RED"]


def test_an_estimate_whose_day_has_passed_says_nothing_of_the_next_order(shop: Api) -> None:
    shop("PUT", "/v1/skus/MUG-SOLSTICE/eta", json={"eta": "2026-12-03"})
    shop.clock.pass_by(days=4)
    tell(shop, "orders/create", order())
    assert [line["sku"] for line in the_backorder(shop)["lines"]] == ["ORN-RED"]


def test_a_coming_shipment_with_units_to_spare_dates_a_line(shop: Api) -> None:
    shop(
        "POST", "/v1/inbound-shipments", 201,
        json={"reference": "PO-1", "lines": [{"sku": "MUG-SOLSTICE", "quantity": 9}], "eta": "2026-12-18"},
    )  # fmt: skip
    tell(shop, "orders/create", order())
    (mug,) = [line for line in the_backorder(shop)["lines"] if line["sku"] == "MUG-SOLSTICE"]
    assert mug["eta"] == "2026-12-18"


def test_a_line_that_says_that_it_is_none_is_none(shop: Api) -> None:
    shop("PUT", "/v1/skus/MUG-SOLSTICE/eta", json={"eta": "2026-12-20"})
    document = an_item(order(), 1, properties=[{"name": "_backorder", "value": "no"}])
    tell(shop, "orders/create", document)
    assert [line["sku"] for line in the_backorder(shop)["lines"]] == ["ORN-RED"]


def test_an_order_of_what_the_shop_has_is_not_ours(shop: Api) -> None:
    told = tell(shop, "orders/create", an_item(order(), properties=[]))
    assert told["outcome"] == "not_ours"
    assert told["detail"] == "no line says that it is a backorder, and none of its SKUs has an estimate"
    assert backorders(shop) == []


def test_an_order_that_is_tagged_later_is_registered_then(shop: Api) -> None:
    document = an_item(order(), properties=[])
    tell(shop, "orders/create", document)
    told = tell(shop, "orders/updated", updated(document, 5, tags="gift, Backorder"))
    assert told["outcome"] == "registered"
    assert [line["eta"] for line in the_backorder(shop)["lines"]] == [None, None]


def test_what_was_paid_is_known_where_the_whole_order_waits(shop: Api) -> None:
    tell(shop, "orders/create", an_item(order(), 1, properties=[MUG]))
    found = the_backorder(shop)
    assert [line["sku"] for line in found["lines"]] == ["ORN-RED", "MUG-SOLSTICE"]
    refund = {"amount": "80.94", "currency": "USD"}
    problem = shop.problem(409, "POST", f"/v1/backorders/{found['id']}/refunds", json=refund)
    assert "80.93" in problem["detail"]


def test_an_order_that_the_store_registered_itself_is_joined(shop: Api) -> None:
    first = shop.register()
    told = tell(shop, "orders/create", order())
    assert told["backorder_id"] == first["id"]
    tell(shop, "fulfillments/create", payload("shopify/fulfillment"))
    assert the_backorder(shop)["lines"][0]["shipped"] == 1


# --- repeats and other orders than expected ------------------------------------------------------------------


def test_a_delivery_that_comes_again_changes_nothing(shop: Api) -> None:
    first = tell(shop, "orders/create", order(), event="e-1")
    before = counts(shop)
    again = tell(shop, "orders/create", order(), event="e-1")
    assert again == first | {"again": True}
    assert counts(shop) == before


def test_an_update_that_changes_nothing_changes_nothing(shop: Api) -> None:
    tell(shop, "orders/create", order())
    before = the_backorder(shop)
    told = tell(shop, "orders/updated", updated(order(), 5, note="wrap it well", tags="vip"))
    assert told["outcome"] == "unchanged"
    assert the_backorder(shop) == before


def test_a_date_that_was_moved_here_is_not_moved_back_by_an_update(shop: Api) -> None:
    tell(shop, "orders/create", order())
    shop("PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2027-01-08", "reason": "held at customs"})
    tell(shop, "orders/updated", updated(order(), 5, note="is it here yet?"))
    assert the_backorder(shop)["lines"][0]["eta"] == "2027-01-08"


def test_an_update_before_its_order_registers_it_and_the_older_word_changes_nothing(shop: Api) -> None:
    email = {"email": "jane.doe@example.com", "contact_email": "jane.doe@example.com"}
    tell(shop, "orders/updated", updated(order(), 5, **email))
    told = tell(shop, "orders/create", order())
    assert (told["outcome"], told["detail"]) == (
        "unchanged",
        "a newer word of this order came before this one",
    )
    assert the_backorder(shop)["customer"]["email"] == "jane.doe@example.com"


def test_a_parcel_before_its_order_is_kept_for_it(shop: Api) -> None:
    told = tell(shop, "fulfillments/create", payload("shopify/fulfillment"))
    assert (told["outcome"], told["detail"]) == ("held", "kept until its order is told of")
    told = tell(shop, "orders/create", order())
    assert told["detail"] == "registered; shipped 1 × ORN-RED"
    found = the_backorder(shop)
    assert (found["status"], found["lines"][0]["shipped"]) == ("partly_shipped", 1)


def test_a_cancellation_before_its_order_makes_no_backorder(shop: Api) -> None:
    cancelled = updated(order(), 9, cancelled_at="2026-12-01T09:59:09-05:00", cancel_reason="customer")
    assert tell(shop, "orders/cancelled", cancelled)["outcome"] == "not_ours"
    assert tell(shop, "orders/create", order())["outcome"] == "unchanged"
    assert backorders(shop) == []


def test_a_parcel_of_an_order_that_is_not_ours_is_not_kept(shop: Api) -> None:
    tell(shop, "orders/create", an_item(order(), properties=[]))
    assert tell(shop, "fulfillments/create", payload("shopify/fulfillment"))["outcome"] == "not_ours"


# --- what happens to an order --------------------------------------------------------------------------------


def test_a_parcel_ships_its_units_once_however_it_is_told(shop: Api) -> None:
    tell(shop, "orders/create", order())
    parcel = payload("shopify/fulfillment")
    told = tell(shop, "fulfillments/create", parcel)
    assert (told["outcome"], told["detail"]) == ("changed", "shipped 1 × ORN-RED")
    item: Json = {"fulfillable_quantity": 2, "fulfillment_status": "partial"}
    document = updated(an_item(order(), **item), 31, fulfillments=[parcel], fulfillment_status="partial")
    assert tell(shop, "orders/updated", document)["outcome"] == "unchanged"
    assert (
        tell(shop, "fulfillments/update", parcel | {"shipment_status": "delivered"})["outcome"] == "unchanged"
    )
    found = the_backorder(shop)
    assert (found["status"], found["lines"][0]["shipped"]) == ("partly_shipped", 1)
    shop.deliver()
    assert shop.message(found["id"], "shipped")["status"] == "sent"
    (parcel_told,) = [
        it for it in shop("GET", f"/v1/backorders/{found['id']}/timeline")["data"] if it["what"] == "shipped"
    ]
    assert parcel_told["data"]["tracking_number"] == "1Z999AA10123456784"


def test_all_that_is_left_ships_with_the_orders_own_word(shop: Api) -> None:
    tell(shop, "orders/create", order())
    parcel = payload("shopify/fulfillment")
    parcel["line_items"][0]["quantity"] = 3
    item: Json = {"fulfillable_quantity": 0, "fulfillment_status": "fulfilled"}
    document = updated(an_item(order(), **item), 31, fulfillments=[parcel])
    tell(shop, "orders/fulfilled", document)
    assert the_backorder(shop)["status"] == "shipped"


def test_a_parcel_that_is_being_made_ready_has_not_left(shop: Api) -> None:
    tell(shop, "orders/create", order())
    parcel = payload("shopify/fulfillment", status="pending")
    assert tell(shop, "fulfillments/create", parcel)["outcome"] == "not_ours"
    document = updated(an_item(order(), fulfillable_quantity=2), 31, fulfillments=[parcel])
    assert tell(shop, "orders/updated", document)["outcome"] == "unchanged"
    assert the_backorder(shop)["lines"][0]["shipped"] == 0


def test_a_cancelled_order_is_cancelled(shop: Api) -> None:
    tell(shop, "orders/create", order())
    document = updated(order(), 9, cancelled_at="2026-12-01T09:59:09-05:00", cancel_reason="customer")
    told = tell(shop, "orders/cancelled", an_item(document, current_quantity=0, fulfillable_quantity=0))
    assert told["detail"] == "cancelled 3 × ORN-RED"
    found = the_backorder(shop)
    assert found["status"] == "cancelled"
    (fact,) = [
        it
        for it in shop("GET", f"/v1/backorders/{found['id']}/timeline")["data"]
        if it["what"] == "cancelled"
    ]
    assert fact["data"]["by"] == "customer"


def test_a_refund_takes_its_units_off_and_says_that_the_money_went_back(shop: Api) -> None:
    tell(shop, "orders/create", order())
    refund = payload("shopify/refund")
    told = tell(shop, "refunds/create", refund)
    assert told["detail"] == "cancelled 1 × ORN-RED; refunded 10.07 USD"
    document = updated(an_item(order(), current_quantity=2, fulfillable_quantity=2), 41, refunds=[refund])
    assert tell(shop, "orders/updated", document)["outcome"] == "unchanged"
    found = the_backorder(shop)
    assert (found["lines"][0]["cancelled"], found["status"]) == (1, "open")


def test_the_orders_own_word_of_a_refund_may_come_first(shop: Api) -> None:
    tell(shop, "orders/create", order())
    refund = payload("shopify/refund")
    document = updated(an_item(order(), current_quantity=2, fulfillable_quantity=2), 41, refunds=[refund])
    told = tell(shop, "orders/updated", document)
    assert told["detail"] == "cancelled 1 × ORN-RED; refunded 10.07 USD"
    assert tell(shop, "refunds/create", refund)["outcome"] == "unchanged"
    assert the_backorder(shop)["lines"][0]["cancelled"] == 1


def test_of_a_refund_for_other_lines_too_the_backorders_part_is_taken_up(shop: Api) -> None:
    tell(shop, "orders/create", order())
    refund = payload("shopify/refund")
    mug = refund["refund_line_items"][0] | {"subtotal": 19.0, "line_item_id": 13380102258876}
    mug["line_item"] = mug["line_item"] | {"sku": "MUG-SOLSTICE"}
    refund["refund_line_items"].append(mug)
    refund["transactions"][0]["amount"] = "30.21"
    assert tell(shop, "refunds/create", refund)["detail"] == "cancelled 1 × ORN-RED; refunded 10.07 USD"


def test_of_a_refund_with_its_tax_what_was_paid_for_the_goods_is_taken_up(shop: Api) -> None:
    tell(shop, "orders/create", order())
    refund = payload("shopify/refund")
    refund["refund_line_items"][0] |= {"quantity": 3, "subtotal": 28.5, "total_tax": 1.71}
    refund["transactions"][0]["amount"] = "30.21"
    assert tell(shop, "refunds/create", refund)["detail"] == "cancelled 3 × ORN-RED; refunded 28.50 USD"


def test_goods_that_came_back_are_no_cancellation(shop: Api) -> None:
    tell(shop, "orders/create", order())
    parcel = payload("shopify/fulfillment")
    tell(shop, "fulfillments/create", parcel)
    refund = payload("shopify/refund")
    refund["refund_line_items"][0]["restock_type"] = "return"
    document = an_item(order(), current_quantity=2, fulfillable_quantity=2)
    told = tell(shop, "orders/updated", updated(document, 41, fulfillments=[parcel], refunds=[refund]))
    assert told["detail"] == "refunded 10.07 USD"
    assert the_backorder(shop)["lines"][0]["cancelled"] == 0


def test_of_two_lines_with_one_sku_only_the_backorders_parcels_and_refunds_count(shop: Api) -> None:
    document = order()
    there = document["line_items"][0] | {"id": 1, "properties": [{"name": "_backorder", "value": "no"}]}
    document = document | {"line_items": [document["line_items"][0], there]}
    tell(shop, "orders/create", document)
    assert the_backorder(shop)["lines"][0]["quantity"] == 3
    parcel = payload("shopify/fulfillment")
    parcel["line_items"][0]["id"] = 1
    refund = payload("shopify/refund")
    refund["refund_line_items"][0]["line_item_id"] = 1
    for topic, part in (("fulfillments/create", parcel), ("refunds/create", refund)):
        assert tell(shop, topic, part)["outcome"] == "unchanged"
    gone = an_item(document, 1, current_quantity=0, fulfillable_quantity=0)
    assert tell(shop, "orders/updated", updated(gone, 41))["outcome"] == "unchanged"
    assert the_backorder(shop)["status"] == "open"


def test_an_address_that_cant_be_one_keeps_nothing_else_from_being_taken_up(shop: Api) -> None:
    tell(shop, "orders/create", order())
    gone = an_item(order(), current_quantity=1, fulfillable_quantity=1)
    told = tell(shop, "orders/edited", updated(gone, 41, email="nobody", contact_email="nobody"))
    assert told["detail"].startswith("the customer's new details are not taken up: /email: ")
    assert told["detail"].endswith("; cancelled 2 × ORN-RED")
    assert the_backorder(shop)["customer"]["email"] == "jane@example.com"


def test_what_comes_at_once_is_taken_up_once(shop: Api) -> None:
    parcel, refund = payload("shopify/fulfillment"), payload("shopify/refund")
    item: Json = {"current_quantity": 2, "fulfillable_quantity": 1}
    final = updated(an_item(order(), **item), 59, fulfillments=[parcel], refunds=[refund])
    told = [
        by_shopify("orders/create", order(), "e-1"),
        by_shopify("orders/create", order(), "e-1"),
        by_shopify("orders/updated", order(), "e-2"),
        by_shopify("fulfillments/create", parcel, "e-3"),
        by_shopify("fulfillments/create", parcel, "e-3"),
        by_shopify("fulfillments/update", parcel, "e-4"),
        by_shopify("refunds/create", refund, "e-5"),
        by_shopify("refunds/create", refund, "e-5"),
    ]
    with ThreadPoolExecutor(len(told)) as threads:
        answers = list(threads.map(lambda it: post(shop, *it), told))
    assert [answer.status_code for answer in answers] == [200] * len(told)
    assert tell(shop, "orders/updated", final, "e-6")["outcome"] == "unchanged"
    found = the_backorder(shop)
    (line,) = found["lines"]
    assert (line["quantity"], line["shipped"], line["cancelled"]) == (3, 1, 1)
    assert counts(shop)["shop_event"] == 6


def test_a_line_that_was_edited_out_is_cancelled(shop: Api) -> None:
    tell(shop, "orders/create", order())
    document = updated(an_item(order(), current_quantity=1, fulfillable_quantity=1), 41)
    assert tell(shop, "orders/edited", document)["detail"] == "cancelled 2 × ORN-RED"


def test_changed_details_of_the_customer_are_taken_up(shop: Api) -> None:
    tell(shop, "orders/create", order())
    document = updated(
        order(), 5, email="jd@example.org", contact_email="jd@example.org", customer_locale="de"
    )
    assert tell(shop, "orders/updated", document)["detail"] == "the customer's details changed"
    customer = the_backorder(shop)["customer"]
    assert (customer["email"], customer["locale"]) == ("jd@example.org", "de")


def test_details_that_were_corrected_here_stay_while_the_shop_says_nothing_new(shop: Api) -> None:
    tell(shop, "orders/create", order())
    path = f"/v1/backorders/{the_backorder(shop)['id']}"
    shop("PATCH", path, json={"customer": {"email": "jane@right.example"}})
    tell(shop, "orders/updated", updated(order(), 5))
    assert the_backorder(shop)["customer"]["email"] == "jane@right.example"
