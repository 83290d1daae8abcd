"""WooCommerce: webhooks of orders, in the JSON of its REST API (version 3).

They carry the order whole, as it stands. Of its parcels WooCommerce knows nothing: an order that is `completed` has
left, with what the Shipment Tracking extension says of it. Payloads: https://woocommerce.github.io/woocommerce-rest-api-docs/
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from notifier.shops import (
    Buyer,
    Delivery,
    Ended,
    MoneyBack,
    Nothing,
    Parcel,
    Part,
    ShopLine,
    ShopOrder,
    Told,
)
from notifier.shops.reading import Node, an_id, check_signature, clean, delivery_id, document, said

TOPICS = ("order.created", "order.updated", "order.deleted")
"""What a store should make webhooks of."""
NOT_PAID = frozenset({"pending", "failed", "checkout-draft", "auto-draft", "draft"})
OVER = frozenset({"cancelled", "refunded", "trash"})
LEFT = "completed"
BACKORDERED = "backordered"
"""What WooCommerce itself writes on a line, with the number of its units that were not in stock (in lower case)."""
_CENT = Decimal("0.01")


def greets(body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether this is what WooCommerce posts when a webhook is saved: its number in a form, never signed.

    It switches the webhook on only where that is answered with 200.
    """
    return (
        "X-WC-Webhook-Signature" not in headers and re.fullmatch(rb"webhook_id=\d{1,20}\s*", body) is not None
    )


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> Delivery:
    """The request, proved genuine by the webhook's secret. Raises Unauthorized."""
    check_signature(body, headers, "X-WC-Webhook-Signature", secret)
    topic = clean(headers.get("X-WC-Webhook-Topic"), 60)
    return Delivery(topic, an_id(headers.get("X-WC-Webhook-Delivery-ID")) or delivery_id(topic, body), body)


def read(delivery: Delivery) -> Told:
    """What the request says. Raises Invalid, pointing into the body, where an order can't be read."""
    match delivery.topic:
        case "order.created" | "order.updated" | "order.restored":
            return _order(document(delivery.body))
        case "order.deleted":
            return Part(document(delivery.body)["id"].needed("the id of the order"), ended=Ended())
        case other:
            return Nothing(
                f"topic {other!r} tells of no order" if other else "no X-WC-Webhook-Topic is given"
            )


def _order(order: Node) -> ShopOrder:
    ref, status = order["id"].needed("the id of the order"), order["status"].text(40)
    lines = tuple(_lines(order, left=status == LEFT))
    currency = order["currency"].text(3) or None
    return ShopOrder(
        ref=ref,
        order_id=order["number"].text() or ref,
        changed_at=_needed_instant(order["date_modified_gmt"]),
        placed_at=_instant(order["date_created_gmt"]),
        buyer=_buyer(order),
        lines=lines,
        currency=currency,
        paid=order["total"].text(20) if _instant(order["date_paid_gmt"]) else None,
        shipping=order["shipping_total"].text(20) or None,
        parcels=(_parcel(order),) if status == LEFT else (),
        refunds=tuple(_refunds(order, currency)),
        ended=Ended() if status in OVER else None,
        not_yet=f"the order is not paid: its status is {status!r}" if status in NOT_PAID else None,
        email_at="/billing/email",
    )


def _buyer(order: Node) -> Buyer:
    shipping, billing = order["shipping"], order["billing"]
    address = shipping if shipping["country"].text(2) else billing
    names = (f"{it['first_name'].text()} {it['last_name'].text()}".strip() for it in (shipping, billing))
    languages = (
        it["value"].text(35) for it in order["meta_data"].each() if it["key"].value == "wpml_language"
    )
    return Buyer(
        email=billing["email"].text(320),
        name=next((name for name in names if name), "")[:200].strip(),
        locale=next(languages, None) or None,
        country=address["country"].text(2) or None,
        region=address["state"].text(10) or None,
    )


def _lines(order: Node, *, left: bool) -> Iterator[ShopLine]:
    for node in order["line_items"].each():
        quantity = node["quantity"].whole()
        notes = [(it["key"].text(), it["value"]) for it in node["meta_data"].each()]
        waits, words, where = said(notes)
        short = [value.whole(quantity) for name, value in notes if name.lower().strip("_ ") == BACKORDERED]
        if short and waits is None:
            waits = True
        units = min(quantity, max(short, default=quantity)) if waits else quantity
        yield ShopLine(
            ref=node["id"].text(),
            sku=_sku(node),
            name=node["name"].text() or node["parent_name"].text() or _sku(node),
            quantity=units,
            open=0 if left else units,
            at=node.at,
            waits=waits,
            words=words,
            unit_price=_price(node["price"]),
            pointers=where,
        )


def _sku(node: Node) -> str:
    """What has no SKU is called by the id of its variation, or of its product."""
    ids = (node[name].text() for name in ("variation_id", "product_id", "id"))
    return node["sku"].text() or next((id_ for id_ in ids if id_ and id_ != "0"), "")


def _price(node: Node) -> str | None:
    """What one unit cost after discounts, which may be a third of a cent."""
    amount = node.amount()
    return (
        None
        if amount is None
        else str(amount.quantize(_CENT) if amount != amount.quantize(_CENT) else amount)
    )


def _parcel(order: Node) -> Parcel:
    items = next(
        (it["value"] for it in order["meta_data"].each() if it["key"].value == "_wc_shipment_tracking_items"),
        Node(None),
    )
    last = next(iter([*items.each()][::-1]), Node(None))
    return Parcel(
        ref=LEFT,
        units=None,
        at=_instant(order["date_completed_gmt"]),
        carrier=last["formatted_tracking_provider"].text()
        or last["tracking_provider"].text()
        or last["custom_tracking_provider"].text(),
        tracking_number=last["tracking_number"].text(),
        tracking_url=last["custom_tracking_link"].link() or last["formatted_tracking_link"].link(),
    )


def _refunds(order: Node, currency: str | None) -> Iterator[MoneyBack]:
    """WooCommerce tells how much went back, and not for which lines; where it was all of it, for each its own."""
    total, shares = order["total"].amount() or Decimal(0), _shares(order)
    for node in order["refunds"].each():
        amount = abs(node["total"].amount(signed=True) or Decimal(0))
        yield MoneyBack(
            f"refund {node['id'].needed('the id of the refund')}",
            amount,
            currency or "",
            shares=shares if amount == total else {},
        )


def _shares(order: Node) -> dict[str, Decimal]:
    shares: defaultdict[str, Decimal] = defaultdict(Decimal)
    for node in order["line_items"].each():
        shares[node["id"].text()] += node["total"].amount() or 0
    return dict(shares)


def _instant(node: Node) -> datetime | None:
    """A time of its `…_gmt` fields, which name no offset."""
    try:
        found = datetime.fromisoformat(node.value).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None
    return found if 2000 <= found.year < 2100 else None


def _needed_instant(node: Node) -> datetime:
    if (found := _instant(node)) is None:
        raise node.wrong("must be a time like '2026-11-20T23:30:00'")
    return found
