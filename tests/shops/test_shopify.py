"""Shopify's documents, put into our words."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import Invalid, Unauthorized
from notifier.shops import Delivery, Nothing, Part, ShopOrder
from notifier.shops.held import from_json, to_json
from notifier.shops.shopify import read, verify
from notifier.zones import zone_of
from tests.shops.signed import SECRET, Json, by_shopify, payload


def told(topic: str, document: Any) -> Any:
    return read(Delivery(topic, "d", json.dumps(document).encode()))


def order(**changes: Any) -> ShopOrder:
    found = told("orders/create", payload("shopify/order", **changes))
    assert isinstance(found, ShopOrder)
    return found


def an_item(**changes: Any) -> Json:
    item: Json = payload("shopify/order")["line_items"][0]
    return item | changes


def test_an_order_is_read_whole() -> None:
    found = order()
    assert (found.ref, found.order_id, found.currency) == ("5208334008572", "1042", "USD")
    assert found.placed_at == datetime(2026, 12, 1, 14, 58, 11, tzinfo=UTC)
    assert found.changed_at == datetime(2026, 12, 1, 14, 58, 13, tzinfo=UTC)
    assert (found.paid, found.shipping, found.ended) == ("80.93", "8.00", None)
    ornament, mug = found.lines
    assert (ornament.sku, ornament.quantity, ornament.open, ornament.waits) == ("ORN-RED", 3, 3, True)
    assert ornament.words == {"eta": "2026-12-12", "eta_earliest": "2026-12-08"}
    assert ornament.pointers["eta"] == "/line_items/0/properties/1/value"
    assert (mug.sku, mug.waits, mug.words, mug.at) == ("MUG-SOLSTICE", None, {}, "/line_items/1")


@pytest.mark.parametrize("name", ["_backorder_eta", "backorder-eta", "Backorder ETA", " _BACKORDER_ETA "])
def test_a_property_is_found_however_it_is_written(name: str) -> None:
    (line,) = order(line_items=[an_item(properties=[{"name": name, "value": "2026-12-12"}])]).lines
    assert (line.waits, line.words) == (True, {"eta": "2026-12-12"})


@pytest.mark.parametrize(
    ("value", "waits"), [("yes", True), ("TRUE", True), ("1", True), ("no", False), ("0", False), ("?", None)]
)
def test_a_line_says_whether_it_is_a_backorder(value: str, waits: bool | None) -> None:
    (line,) = order(line_items=[an_item(properties=[{"name": "_backorder", "value": value}])]).lines
    assert line.waits is waits


@pytest.mark.parametrize(
    ("changes", "open_units"),
    [
        ({}, 3),
        ({"current_quantity": 2, "fulfillable_quantity": 2}, 2),
        ({"fulfillable_quantity": 0}, 3),  # its parcel is being made ready
        ({"current_quantity": 0, "fulfillable_quantity": 0}, 0),
    ],
)
def test_units_are_open_that_are_neither_shipped_nor_taken_off(changes: Json, open_units: int) -> None:
    (line,) = order(line_items=[an_item(**changes)]).lines
    assert line.open == open_units


def test_units_that_left_and_were_paid_back_are_no_others() -> None:
    parcel, refund = payload("shopify/fulfillment"), payload("shopify/refund")
    refund["refund_line_items"][0]["restock_type"] = "no_restock"
    items = [an_item(current_quantity=2, fulfillable_quantity=2)]
    (line,) = order(line_items=items, fulfillments=[parcel], refunds=[refund]).lines
    assert line.open == 2


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ({"first_name": "Jane", "last_name": "Doe"}, "Jane Doe"),
        ({"first_name": None, "last_name": "Suharto"}, "Suharto"),
        ({"first_name": "  Ana\u00a0María ", "last_name": "O’Neill-Ñandú"}, "Ana María O’Neill-Ñandú"),
        ({"first_name": "李", "last_name": "小龍"}, "李 小龍"),
        ({"first_name": "Evil\r\nBcc: all", "last_name": "\x00\u2028"}, "Evil Bcc: all"),
        ({"first_name": "\ud800", "last_name": "X" * 300}, "X" * 200),
        ({"first_name": None, "last_name": None, "name": "Jane & Co."}, "Jane & Co."),
    ],
)
def test_names_come_as_people_have_them(address: Json, name: str) -> None:
    assert order(shipping_address=address).buyer.name == name


def test_without_an_address_the_customers_own_details_count() -> None:
    buyer = order(shipping_address=None, billing_address=None, email="", contact_email=None).buyer
    assert (buyer.email, buyer.name, buyer.country, buyer.region) == (
        "jane@example.com",
        "Jane Doe",
        "US",
        "VT",
    )
    buyer = order(
        shipping_address=None, billing_address=None, customer=None, email=None, contact_email=None
    ).buyer
    assert (buyer.email, buyer.name, buyer.country) == ("", "", None)


def test_a_variant_without_a_sku_is_called_by_its_id() -> None:
    (line,) = order(line_items=[an_item(sku="")]).lines
    assert line.sku == "44610569208040"


def test_a_parcel_and_a_refund_are_read_by_themselves_and_kept_as_json() -> None:
    parcel = told("fulfillments/create", payload("shopify/fulfillment"))
    assert isinstance(parcel, Part)
    (found,) = parcel.parcels
    assert (found.ref, found.units, found.carrier) == (
        "fulfillment 4672419168316",
        {"13380102226108": 1},
        "UPS",
    )
    refund = told("refunds/create", payload("shopify/refund"))
    assert isinstance(refund, Part)
    (money,) = refund.refunds
    assert (money.amount, money.currency, money.units) == (Decimal("10.07"), "USD", {"13380102226108": 1})
    for part in (parcel, refund):
        assert from_json(json.loads(json.dumps(to_json(part)))) == part


def test_money_that_did_not_go_back_does_not_count() -> None:
    refund = payload("shopify/refund")
    refund["transactions"][0]["status"] = "failure"
    assert told("refunds/create", refund).refunds[0].amount == 0


@pytest.mark.parametrize("topic", ["", "products/update", "orders/delete", "\u00e9"])
def test_other_topics_tell_of_nothing(topic: str) -> None:
    assert isinstance(told(topic, {}), Nothing)


def test_one_event_told_as_two_topics_is_two_deliveries() -> None:
    first, second = (
        verify(*by_shopify(topic, payload("shopify/order"), "e-1"), SECRET)
        for topic in ("orders/updated", "orders/fulfilled")
    )
    assert first.id != second.id
    body, headers = by_shopify("orders/create", payload("shopify/order"))
    nameless = {name: value for name, value in headers.items() if not name.endswith("-Id")}
    assert verify(body, nameless, SECRET).id == verify(body, nameless, SECRET).id


@given(st.binary(max_size=40), st.text(max_size=60))
def test_nothing_but_the_right_signature_is_let_in(body: bytes, signature: str) -> None:
    with pytest.raises(Unauthorized):
        verify(body, {"X-Shopify-Hmac-Sha256": signature}, SECRET)


def test_more_lines_than_any_order_has_are_refused() -> None:
    with pytest.raises(Invalid, match="at most 500"):
        order(line_items=[an_item()] * 501)


@pytest.mark.parametrize(
    ("country", "region", "zone"),
    [
        ("US", "VT", "America/New_York"),
        ("us", "ca", "America/Los_Angeles"),
        ("US", None, None),
        ("US", "XX", None),
        ("CA", "BC", "America/Vancouver"),
        ("AU", "QLD", "Australia/Brisbane"),
        ("JP", "JP-13", "Asia/Tokyo"),
        ("PL", None, "Europe/Warsaw"),
        ("BR", "SP", None),
        ("ZZ", None, None),
        (None, None, None),
    ],
)
def test_an_address_tells_the_zone_where_it_can(
    country: str | None, region: str | None, zone: str | None
) -> None:
    assert zone_of(country, region) == zone


def test_a_country_with_two_names_for_one_clock_has_one() -> None:
    assert zone_of("DE") in {"Europe/Berlin", "Europe/Busingen"}
