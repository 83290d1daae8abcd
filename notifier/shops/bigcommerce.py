"""BigCommerce: webhooks that name an order and no more, and that order as its API has it (V2, refunds V3).

A webhook carries whatever header its maker chose: that is where the secret is. One that was made by an app is signed as
well, by the Standard Webhooks convention, with that app's client secret. https://docs.bigcommerce.com/developer/docs
"""

import base64
import hmac
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from notifier.errors import Unauthorized
from notifier.shops import Buyer, Delivery, Ended, MoneyBack, Nothing, Parcel, ShopLine, ShopOrder, ToFetch
from notifier.shops.reading import Node, an_id, clean, delivery_id, document, said

TOPICS = (
    "store/order/created",
    "store/order/updated",
    "store/shipment/created",
    "store/order/refund/created",
)
"""What a store should make hooks for; changes of status are among the updates."""
HEADER = "X-Notifier-Secret"
"""The header that the store gives its hooks, with the secret in it."""
NOT_PAID = {0: "Incomplete", 1: "Pending"}
OVER = frozenset({4, 5, 6})
"""Refunded, Cancelled, Declined."""
LEFT = frozenset({2, 10})
"""Shipped, Completed."""


@dataclass(frozen=True, slots=True)
class Documents:
    """What the API says of one order, as it came."""

    order: Any
    products: Any
    shipments: Any
    addresses: Any
    refunds: Any


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> Delivery:
    """The request, proved genuine by the secret in its header, or by its signature. Raises Unauthorized.

    Without an id of its own it can't be told from another of the same second, so each is taken up.
    """
    given, signatures = headers.get(HEADER), headers.get("webhook-signature")
    if given is None and not signatures:
        raise Unauthorized(f"the request is not proved genuine: no {HEADER}, and no webhook-signature")
    id_, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if given is not None:
        genuine = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode())
    else:
        signed = hmac.digest(secret.encode(), f"{id_}.{sent}.".encode("utf-8", "replace") + body, "sha256")
        right = b"v1," + base64.b64encode(signed)
        each = (signatures or "").encode("utf-8", "surrogateescape").split(b" ")
        genuine = any(hmac.compare_digest(right, one) for one in each)
    if not genuine:
        what = HEADER if given is not None else "webhook-signature"
        raise Unauthorized(
            f"{what} is not what is set here as keys.bigcommerce.webhook_secret, or made with that"
        )
    return Delivery(clean(document(body)["scope"].value, 60), an_id(id_) or delivery_id(body), body)


def read(delivery: Delivery) -> ToFetch | Nothing:
    """Which order must be fetched. Raises Invalid, pointing into the body, where it names none."""
    data, topic = document(delivery.body)["data"], delivery.topic
    if not topic.startswith(("store/order/", "store/shipment/")) or topic.startswith("store/order/message/"):
        return Nothing(f"scope {topic!r} tells of no order" if topic else "no scope is given")
    named = data["orderId"] if topic.startswith("store/shipment/") else data["id"]
    ref = named.needed("the id of the order")
    if not re.fullmatch(r"[1-9]\d{0,17}", ref):
        raise named.wrong("must be the number of an order")
    return ToFetch(ref)


def order(documents: Documents) -> ShopOrder:
    """The order that the API told of. Raises Invalid, pointing into its documents, where it can't be read."""
    whole = Node(
        {
            "order": documents.order,
            "products": documents.products,
            "shipments": documents.shipments,
            "addresses": documents.addresses,
            "refunds": documents.refunds,
        }
    )
    found = whole["order"]
    ref, status = found["id"].needed("the id of the order"), found["status_id"].whole(-1)
    currency = found["currency_code"].text(3) or None
    paid = found["payment_status"].text().lower() in {"captured", "paid"}
    return ShopOrder(
        ref=ref,
        order_id=ref,
        changed_at=_needed_instant(found["date_modified"]),
        placed_at=_instant(found["date_created"]),
        buyer=_buyer(whole),
        lines=tuple(_lines(whole, left=status in LEFT)),
        currency=currency,
        paid=found["total_inc_tax"].text(20) if paid else None,
        shipping=found["shipping_cost_inc_tax"].text(20) or None,
        parcels=(*_parcels(whole), *((Parcel("all of it", None),) if status in LEFT else ())),
        refunds=tuple(_refunds(whole, currency)),
        ended=Ended() if status in OVER else None,
        not_yet=f"the order is not paid: its status is {NOT_PAID[status]}" if status in NOT_PAID else None,
        email_at="/order/billing_address/email",
    )


def _buyer(whole: Node) -> Buyer:
    found, billing = whole["order"], whole["order"]["billing_address"]
    shipping = next(whole["addresses"].each(), billing)
    names = (f"{it['first_name'].text()} {it['last_name'].text()}".strip() for it in (shipping, billing))
    return Buyer(
        email=billing["email"].text(320),
        name=next((name for name in names if name), "")[:200].strip(),
        locale=found["customer_locale"].text(35) or None,
        country=shipping["country_iso2"].text(2) or billing["country_iso2"].text(2) or None,
        region=(shipping["state"].text() or billing["state"].text()) or None,
    )


def _lines(whole: Node, *, left: bool) -> Iterator[ShopLine]:
    for node in whole["products"].each():
        quantity, shipped = node["quantity"].whole(), node["quantity_shipped"].whole(0)
        # Which units were paid back is not said. Of those that have left, as many as may be.
        gone = max(0, node["quantity_refunded"].whole(0) - shipped)
        options = [
            (
                it["display_name"].text() or it["name"].text(),
                it["display_value"] if it["display_value"].text() else it["value"],
            )
            for it in node["product_options"].each()
        ]
        waits, words, where = said(options)
        price = node["price_inc_tax"].amount()
        yield ShopLine(
            ref=node["id"].text(),
            sku=_sku(node),
            name=node["name"].text() or _sku(node),
            quantity=quantity,
            open=0 if left else max(0, quantity - shipped - gone),
            at=node.at,
            waits=waits,
            words=words,
            unit_price=None if price is None else str(price),
            pointers=where,
        )


def _sku(node: Node) -> str:
    ids = (node[name].text() for name in ("variant_id", "product_id", "id"))
    return node["sku"].text() or next((id_ for id_ in ids if id_ and id_ != "0"), "")


def _parcels(whole: Node) -> Iterator[Parcel]:
    for node in whole["shipments"].each():
        units: Counter[str] = Counter()
        for item in node["items"].each():
            units[item["order_product_id"].text()] += item["quantity"].whole(0)
        yield Parcel(
            ref=f"shipment {node['id'].needed('the id of the shipment')}",
            units=dict(units),
            at=_instant(node["date_created"]),
            carrier=node["shipping_provider_display_name"].text()
            or node["tracking_carrier"].text()
            or node["shipping_provider"].text(),
            tracking_number=node["tracking_number"].text(),
            tracking_url=node["tracking_link"].link() or node["generated_tracking_link"].link(),
        )


def _refunds(whole: Node, currency: str | None) -> Iterator[MoneyBack]:
    prices = {it["id"].text(): it["price_inc_tax"].amount() or Decimal(0) for it in whole["products"].each()}
    for node in whole["refunds"].each():
        shares: dict[str, Decimal] = {}
        for item in node["items"].each():
            id_ = item["item_id"].text()
            if item["item_type"].value == "PRODUCT" and id_ in prices:
                price = item["requested_amount"].amount() or prices[id_] * item["quantity"].whole(1)
                shares[id_] = shares.get(id_, Decimal(0)) + price
        paid = (
            it["amount"].amount() or Decimal(0)
            for it in node["payments"].each()
            if it["is_declined"].value is not True
        )
        yield MoneyBack(
            ref=f"refund {node['id'].needed('the id of the refund')}",
            amount=sum(paid, Decimal(0)),
            currency=currency or "",
            at=node["created"].instant(),
            shares=shares,
        )


def _instant(node: Node) -> datetime | None:
    """As mail has it (RFC 2822): `Tue, 01 Dec 2026 14:58:11 +0000`."""
    try:
        found = parsedate_to_datetime(node.value)
    except (TypeError, ValueError, AttributeError, IndexError):
        return None
    if not 2000 <= found.year < 2100:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _needed_instant(node: Node) -> datetime:
    if (found := _instant(node)) is None:
        raise node.wrong("must be a time like 'Tue, 01 Dec 2026 14:58:11 +0000'")
    return found
