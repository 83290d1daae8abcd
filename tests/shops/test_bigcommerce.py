"""BigCommerce's documents, put into our words."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import Invalid
from notifier.shops import Delivery, Nothing, ShopOrder, ToFetch
from notifier.shops.bigcommerce import Documents, order, read
from notifier.zones import zone_of
from tests.shops.signed import PAYLOADS, Json, payload


def a_document(name: str) -> Any:
    return json.loads((PAYLOADS / f"bigcommerce/{name}.json").read_text(encoding="utf-8"))


def documents(**changes: Any) -> Documents:
    return Documents(
        **{
            "order": a_document("order"),
            "products": a_document("products"),
            "shipments": None,
            "addresses": a_document("shipping_addresses"),
            "refunds": None,
        }
        | changes
    )


def with_order(**changes: Any) -> ShopOrder:
    return order(documents(order=payload("bigcommerce/order", **changes)))


def with_line(**changes: Any) -> ShopOrder:
    lines = a_document("products")
    return order(documents(products=[lines[0] | changes, *lines[1:]]))


def test_an_order_is_read_whole() -> None:
    found = order(documents(shipments=a_document("shipments"), refunds=a_document("refunds")["data"]))
    assert (found.ref, found.order_id, found.currency) == ("250", "250", "USD")
    assert found.placed_at == datetime(2026, 12, 1, 14, 58, 11, tzinfo=UTC)
    assert (found.paid, found.shipping) == ("80.6100", "8.0000")
    assert (found.buyer.name, found.buyer.country, found.buyer.region) == ("Jane Doe", "US", "Texas")
    ornament, mug = found.lines
    assert (ornament.sku, ornament.open, ornament.waits) == ("ORN-RED", 3, True)
    assert (ornament.words, ornament.at) == ({"eta": "2026-12-12"}, "/products/0")
    assert ornament.pointers == {"eta": "/products/0/product_options/1/display_value"}
    assert (mug.sku, mug.waits) == ("MUG-SOLSTICE", None)
    (parcel,) = found.parcels
    assert (parcel.ref, parcel.units, parcel.carrier) == ("shipment 61", {"301": 1}, "UPS")
    assert parcel.tracking_url == "https://www.ups.com/track?tracknum=1Z999AA10123456784"
    (refund,) = found.refunds
    assert (refund.amount, refund.shares) == (Decimal("10.07"), {"301": Decimal("10.0700")})


@pytest.mark.parametrize(
    ("changes", "open_units"),
    [
        ({"quantity_shipped": 1}, 2),
        ({"quantity_refunded": 1}, 2),
        ({"quantity_shipped": 1, "quantity_refunded": 1}, 2),  # the one that had left, for all that is known
        ({"quantity_shipped": 1, "quantity_refunded": 2}, 1),
        ({"quantity_shipped": 3}, 0),
    ],
)
def test_units_are_open_that_neither_left_nor_surely_went(changes: Json, open_units: int) -> None:
    assert with_line(**changes).lines[0].open == open_units


@pytest.mark.parametrize(("status", "word"), [(0, "Incomplete"), (1, "Pending")])
def test_an_order_without_its_payment_waits_for_that(status: int, word: str) -> None:
    assert with_order(status_id=status).not_yet == f"the order is not paid: its status is {word}"


@pytest.mark.parametrize("status", [4, 5, 6])
def test_an_order_may_be_called_off(status: int) -> None:
    assert with_order(status_id=status).ended is not None


def test_what_has_shipped_has_left_even_without_a_shipment() -> None:
    found = with_order(status_id=2)
    assert [(it.ref, it.units) for it in found.parcels] == [("all of it", None)]
    assert [line.open for line in found.lines] == [0, 0]


def test_a_payment_that_was_declined_gave_nothing_back() -> None:
    refunds = a_document("refunds")["data"]
    refunds[0]["payments"][0]["is_declined"] = True
    assert order(documents(refunds=refunds)).refunds[0].amount == 0


@pytest.mark.parametrize(
    ("scope", "data", "ref"),
    [
        ("store/order/created", {"type": "order", "id": 250}, "250"),
        ("store/order/statusUpdated", {"type": "order", "id": "250"}, "250"),
        ("store/shipment/created", {"type": "shipment", "id": 61, "orderId": 250}, "250"),
        ("store/order/refund/created", {"type": "order", "id": 250, "refund": {"refund_id": 8}}, "250"),
    ],
)
def test_a_webhook_names_an_order(scope: str, data: Json, ref: str) -> None:
    body = json.dumps(payload("bigcommerce/webhook", scope=scope, data=data)).encode()
    assert read(Delivery(scope, "d", body)) == ToFetch(ref)


def test_other_scopes_name_none() -> None:
    assert isinstance(read(Delivery("store/cart/created", "d", b'{"data": {"id": "x"}}')), Nothing)


def fault_of(found: Documents) -> str:
    """Where it can't be read; empty where it can."""
    try:
        order(found)
    except Invalid as error:
        return error.faults[0].pointer
    return ""


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    name=st.sampled_from(["order", "products", "shipments", "addresses", "refunds"]),
    field=st.sampled_from(sorted(a_document("order")) + sorted(a_document("products")[0])),
    value=ANYTHING,
)
def test_whatever_the_api_says_it_is_read_or_refused(name: str, field: str, value: Any) -> None:
    whole = a_document("order") | {field: value}
    lines = [a_document("products")[0] | {field: value}]
    for changes in ({name: value}, {"order": whole}, {"products": lines}):
        assert fault_of(documents(**changes))[:1] in {"", "/"}


@pytest.mark.parametrize(
    ("country", "state", "zone"),
    [
        ("US", "Texas", "America/Chicago"),
        ("US", "district of columbia", "America/New_York"),
        ("CA", "Québec", "America/Toronto"),
        ("AU", "Western Australia", "Australia/Perth"),
        ("US", "Bavaria", None),
    ],
)
def test_a_states_name_tells_the_zone(country: str, state: str, zone: str | None) -> None:
    assert zone_of(country, state) == zone
