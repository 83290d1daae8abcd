"""WooCommerce's documents, put into our words."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from notifier.shops import Delivery, Nothing, Part, ShopOrder
from notifier.shops.held import from_json, to_json
from notifier.shops.woocommerce import greets, read
from tests.shops.signed import Json, payload


def told(topic: str, document: Any) -> Any:
    return read(Delivery(topic, "d", json.dumps(document).encode()))


def order(**changes: Any) -> ShopOrder:
    found = told("order.created", payload("woocommerce/order", **changes))
    assert isinstance(found, ShopOrder)
    return found


def an_item(**changes: Any) -> Json:
    item: Json = payload("woocommerce/order")["line_items"][0]
    return item | changes


def test_an_order_is_read_whole() -> None:
    found = order()
    assert (found.ref, found.order_id, found.currency) == ("4750", "4750", "EUR")
    assert found.changed_at == datetime(2026, 12, 1, 14, 58, 13, tzinfo=UTC)
    assert (found.paid, found.shipping, found.ended, found.not_yet) == ("85.83", "4.90", None, None)
    globe, cup = found.lines
    assert (globe.sku, globe.quantity, globe.open, globe.waits) == ("KUGEL-ROT", 2, 2, True)
    assert (globe.words, globe.pointers) == (
        {"eta": "2026-12-18"},
        {"eta": "/line_items/0/meta_data/2/value"},
    )
    assert (cup.sku, cup.quantity, cup.waits) == ("TASSE", 2, None)


@pytest.mark.parametrize(("value", "units"), [("2", 2), (2, 2), ("9", 5), ("", 5), (None, 5)])
def test_backordered_tells_how_many_units(value: object, units: int) -> None:
    (line,) = order(line_items=[an_item(meta_data=[{"key": "Backordered", "value": value}])]).lines
    assert (line.waits, line.quantity) == (True, units)


@pytest.mark.parametrize(
    ("price", "said"),
    [(6.722, "6.72"), ("9.50", "9.50"), (0, "0"), (3.3333333333, "3.33"), (None, None), (-1, None)],
)
def test_a_price_is_told_to_the_cent(price: object, said: str | None) -> None:
    (line,) = order(line_items=[an_item(price=price)]).lines
    assert (line.unit_price is None, line.unit_price and Decimal(line.unit_price)) == (
        said is None,
        said and Decimal(said),
    )


def test_the_address_that_the_goods_go_to_counts() -> None:
    gift = {"first_name": "Ana María", "last_name": "O’Neill", "country": "US", "state": "CA"}
    buyer = order(shipping=gift).buyer
    assert (buyer.name, buyer.country, buyer.region) == ("Ana María O’Neill", "US", "CA")
    buyer = order(shipping={"first_name": "", "last_name": "", "country": ""}, meta_data=[]).buyer
    assert (buyer.name, buyer.country, buyer.locale) == ("Jonas Weber", "DE", None)


@pytest.mark.parametrize(
    ("changes", "sku"), [({"sku": ""}, "640"), ({"sku": None, "variation_id": 0}, "611"), ({}, "KUGEL-ROT")]
)
def test_what_has_no_sku_is_called_by_its_id(changes: Json, sku: str) -> None:
    (line,) = order(line_items=[an_item(**changes)]).lines
    assert line.sku == sku


def test_a_deleted_order_is_called_off_and_kept_as_json() -> None:
    part = told("order.deleted", {"id": 4750})
    assert isinstance(part, Part)
    assert part.ended is not None
    assert from_json(json.loads(json.dumps(to_json(part)))) == part


@pytest.mark.parametrize("topic", ["", "product.updated", "action.woocommerce_add_to_cart"])
def test_other_topics_tell_of_nothing(topic: str) -> None:
    assert isinstance(told(topic, {}), Nothing)


def test_only_a_number_without_a_signature_is_a_greeting() -> None:
    assert greets(b"webhook_id=42", {})
    assert not greets(b"webhook_id=42", {"X-WC-Webhook-Signature": "AAAA"})
    assert not greets(b'{"id": 1}', {})
