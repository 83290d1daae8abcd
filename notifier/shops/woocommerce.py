"""WooCommerce: webhooks of orders, in the JSON of its REST API (version 3).

They carry the order whole, as it stands. Of its parcels WooCommerce knows nothing: an order that is `completed` has
left, with what the Shipment Tracking extension says of it. Of refunds they carry the sum alone, unless the shop adds
their `line_items`, as the API has them (docs/shops.md).
Payloads: https://woocommerce.github.io/woocommerce-rest-api-docs/
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
from notifier.shops.reading import MAX_UNITS, Node, an_id, check_signature, clean, delivery_id, document, said

TOPICS = ("order.created", "order.updated", "order.deleted")
"""What a store should make webhooks of."""
NOT_PAID = frozenset({"pending", "failed", "checkout-draft", "auto-draft", "draft"})
OVER = frozenset({"cancelled", "refunded", "trash"})
LEFT = "completed"
BACKORDERED = "backordered"
"""What WooCommerce itself writes on a line, with the number of its units that were not in stock (in lower case)."""
OF_LINE = "_refunded_item_id"
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
    taken = Counter[str]()
    for refund in order["refunds"].each():
        for item in _refunded(refund):
            taken[item.line] += item.units
    for node in order["line_items"].each():
        waits, words, where, units = _waiting(node)
        # Which units of a line were paid back is not said. Of those that were in stock, as many as may be.
        gone = max(0, taken[node["id"].text()] - (node["quantity"].whole() - units))
        yield ShopLine(
            ref=node["id"].text(),
            sku=_sku(node),
            name=node["name"].text() or node["parent_name"].text() or _sku(node),
            quantity=units,
            open=0 if left else max(0, units - gone),
            at=node.at,
            waits=waits,
            words=words,
            unit_price=_price(node["price"]),
            pointers=where,
        )


def _waiting(node: Node) -> tuple[bool | None, dict[str, str], dict[str, str], int]:
    """Whether a line waits, its own words, where they stand, and how many of its units were not in stock."""
    quantity = node["quantity"].whole()
    notes = [(it["key"].text(), it["value"]) for it in node["meta_data"].each()]
    waits, words, where = said(notes)
    short = [value.whole(quantity) for name, value in notes if name.lower().strip("_ ") == BACKORDERED]
    if short and waits is None:
        waits = True
    return waits, words, where, min(quantity, max(short, default=quantity)) if waits else quantity


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


@dataclass(frozen=True, slots=True)
class _Refunded:
    """What a refund names of a line: some of its units, and money."""

    line: str
    units: int
    amount: Decimal


def _refunded(refund: Node) -> Iterator[_Refunded]:
    """In a refund numbers are below zero, and a meta of each item names the line of the order that it is of."""
    for item in refund["line_items"].each():
        line = next((it["value"].text() for it in item["meta_data"].each() if it["key"].value == OF_LINE), "")
        amounts = (item[name].amount(signed=True) or Decimal(0) for name in ("total", "total_tax"))
        units = int(abs(item["quantity"].amount(signed=True) or Decimal(0)))
        if line:
            yield _Refunded(line, min(units, MAX_UNITS), abs(sum(amounts, Decimal(0))))


def _refunds(order: Node, currency: str | None) -> Iterator[MoneyBack]:
    """WooCommerce tells how much went back, and by itself not for which lines; where it was all, for each its own.

    Of a line of which only a part waits, the money goes with the units: those that were in stock come first.
    """
    total, whole = order["total"].amount() or Decimal(0), _shares(order)
    in_stock = Counter[str]()
    waiting: dict[str, tuple[int, int]] = {}
    for node in order["line_items"].each():
        units, quantity = _waiting(node)[3], node["quantity"].whole()
        waiting[node["id"].text()] = units, quantity
        in_stock[node["id"].text()] = quantity - units
    for node in sorted(order["refunds"].each(), key=lambda it: it["id"].text().zfill(20)):
        amount = abs(node["total"].amount(signed=True) or Decimal(0))
        shares: defaultdict[str, Decimal] = defaultdict(Decimal)
        for item in _refunded(node):
            units, quantity = waiting.get(item.line, (0, 0))
            spared = min(item.units, in_stock[item.line])
            in_stock[item.line] -= spared
            part, of = (item.units - spared, item.units) if item.units else (units, quantity)
            mine = item.amount * part / of if of else Decimal(0)
            shares[item.line] += mine
            if mine != item.amount:
                shares[""] += item.amount - mine
        yield MoneyBack(
            f"refund {node['id'].needed('the id of the refund')}",
            amount,
            currency or "",
            shares=whole if amount == total and not shares else dict(shares),
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
