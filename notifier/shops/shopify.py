"""Shopify: order, fulfilment and refund webhooks of the Admin API, in JSON (versions 2023-01 and later).

An order's webhooks carry it whole, as it stands, with its fulfilments and refunds; those of fulfilments and refunds
carry these alone. Headers and payloads: https://shopify.dev/docs/api/webhooks
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from notifier.shops import (
    Asked,
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

ORDERS = frozenset(
    {"orders/create", "orders/updated", "orders/edited", "orders/paid", "orders/cancelled", "orders/fulfilled",
     "orders/partially_fulfilled"}
)  # fmt: skip
TOPICS = ("orders/create", "orders/updated", "orders/cancelled", "fulfillments/create", "refunds/create")
"""What a store should subscribe to; the others of `ORDERS` say the same again."""
COMPLIANCE_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
"""What Shopify sends every app of its App Store, and an app names in its configuration instead of subscribing to it."""
LEFT = frozenset({"success"})
"""States of a fulfilment of which the goods have left; `pending` and `open` are still to."""
NEVER_LEFT = "cancel"
"""How Shopify marks units of a refund that had not been shipped, and now never will be."""
CAME_BACK = "return"
MOST_ORDERS = 10_000
"""How many orders of one customer are looked for."""


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> Delivery:
    """The request, proved genuine by the app's secret. Raises Unauthorized.

    Its id is the event's, which stays the same when Shopify tries again, and the topic's: one event may be told as two.
    """
    check_signature(body, headers, "X-Shopify-Hmac-Sha256", secret)
    topic = clean(headers.get("X-Shopify-Topic"), 60)
    event = an_id(headers.get("X-Shopify-Event-Id")) or an_id(headers.get("X-Shopify-Webhook-Id"))
    test = headers.get("X-Shopify-Test", "").lower() == "true"
    return Delivery(topic, f"{topic}:{event}" if event else delivery_id(topic, body), body, test)


def read(delivery: Delivery) -> Told | Asked:
    """What the request says. Raises Invalid, pointing into the body, where an order can't be read."""
    if delivery.test:
        return Nothing("a test of Shopify's; its signature is right")
    if delivery.topic in ORDERS:
        return _order(document(delivery.body))
    match delivery.topic:
        case "fulfillments/create" | "fulfillments/update":
            return _fulfilment(document(delivery.body))
        case "refunds/create":
            refund = document(delivery.body)
            return Part(
                refund["order_id"].needed("the id of its order"), refunds=tuple(_refunds([refund], None))
            )
        case "customers/data_request":
            asked = document(delivery.body)
            ref = asked["data_request"]["id"].text() or _customer(asked)
            return Asked("export", ref, asked["customer"]["email"].text(320), _ids(asked["orders_requested"]))
        case "customers/redact":
            asked = document(delivery.body)
            orders = _ids(asked["orders_to_redact"])
            return Asked("erase", _customer(asked), asked["customer"]["email"].text(320), orders)
        case "shop/redact":
            shop = document(delivery.body)
            return Asked("erase_shop", shop["shop_id"].needed("the id of the shop"))
        case "orders/delete":
            return Nothing("a deleted order; one that must not be waited for any more is cancelled first")
        case other:
            return Nothing(f"topic {other!r} tells of no order" if other else "no X-Shopify-Topic is given")


def _customer(asked: Node) -> str:
    return asked["customer"]["id"].needed("the id of the customer")


def _ids(node: Node) -> tuple[str, ...]:
    """A list of ids, which are numbers. Raises Invalid for more than can be looked for."""
    ids = node.value if isinstance(node.value, list) else []
    if len(ids) > MOST_ORDERS:
        raise node.wrong(f"has {len(ids)} entries; at most {MOST_ORDERS:,} can be read")
    return tuple(id_ for it in ids if (id_ := Node(it).text(30)))


def _order(order: Node) -> ShopOrder:
    parcels = tuple(parcel for node in order["fulfillments"].each() if (parcel := _parcel(node)))
    currency = order["currency"].text(3) or None
    refunds = list(order["refunds"].each())
    ended = None
    if order["cancelled_at"].value is not None:
        by = "customer" if order["cancel_reason"].value == "customer" else "store"
        ended = Ended(by)
    ref = order["id"].needed("the id of the order")
    return ShopOrder(
        ref=ref,
        order_id=order["name"].text().lstrip("#").strip() or order["order_number"].text() or ref,
        changed_at=order["updated_at"].moment(),
        placed_at=order["processed_at"].instant() or order["created_at"].instant(),
        buyer=_buyer(order),
        lines=tuple(_lines(order, refunds)),
        currency=currency,
        order_url=order["order_status_url"].link(),
        paid=order["total_price"].text(20) if order["financial_status"].value == "paid" else None,
        shipping=order["total_shipping_price_set"]["shop_money"]["amount"].text(20) or None,
        parcels=parcels,
        refunds=tuple(_refunds(refunds, currency)),
        ended=ended,
        email_at="/email",
    )


def _buyer(order: Node) -> Buyer:
    """A name of the person who gets the goods, else of who pays, else of the account."""
    customer = order["customer"]
    places = (order["shipping_address"], order["billing_address"], customer["default_address"])
    address = next((it for it in places if it.value), places[0])
    return Buyer(
        email=order["email"].text(320) or order["contact_email"].text(320) or customer["email"].text(320),
        name=next((name for it in (*places, customer) if (name := _name(it))), ""),
        locale=order["customer_locale"].text(35) or None,
        country=address["country_code"].text(2) or None,
        region=address["province_code"].text(10) or None,
    )


def _name(node: Node) -> str:
    parts = f"{node['first_name'].text()} {node['last_name'].text()}".strip()
    return (parts or node["name"].text())[:200].strip()


def _lines(order: Node, refunds: list[Node]) -> Iterator[ShopLine]:
    left: Counter[str] = Counter()
    for node in order["fulfillments"].each():
        if node["status"].value in LEFT:
            left.update({item["id"].text(): item["quantity"].whole(0) for item in node["line_items"].each()})
    came_back: Counter[str] = Counter()
    for refund in refunds:
        for item in refund["refund_line_items"].each():
            if item["restock_type"].value == CAME_BACK:
                came_back[item["line_item_id"].text()] += item["quantity"].whole(0)
    tagged = "backorder" in (tag.strip().lower() for tag in order["tags"].text(5000).split(","))
    for node in order["line_items"].each():
        id_, quantity = node["id"].text(), node["quantity"].whole()
        removed = max(0, quantity - node["current_quantity"].whole(quantity) - came_back[id_])
        # Of units whose parcel is being made ready Shopify says that they can't be fulfilled any more: they still wait.
        still = max(quantity - removed - left[id_], node["fulfillable_quantity"].whole(0))
        properties = [(item["name"].text(), item["value"]) for item in node["properties"].each()]
        waits, words, where = said(properties)
        yield ShopLine(
            ref=id_,
            sku=_sku(node),
            name=node["name"].text() or node["title"].text() or _sku(node),
            quantity=quantity,
            open=max(0, min(quantity, still)),
            at=node.at,
            waits=True if waits is None and tagged else waits,
            words=words,
            unit_price=node["price"].text(20) or None,
            pointers=where,
        )


def _sku(node: Node) -> str:
    """A variant without a SKU is called by its id."""
    return node["sku"].text() or node["variant_id"].text() or node["product_id"].text() or node["id"].text()


def _fulfilment(node: Node) -> Told:
    ref = node["order_id"].needed("the id of its order")
    parcel = _parcel(node)
    if parcel is None:
        state = node["status"].text(30) or "none"
        return Nothing(f"a fulfilment of which nothing has left: its status is {state!r}")
    return Part(ref, parcels=(parcel,))


def _parcel(node: Node) -> Parcel | None:
    if node["status"].value not in LEFT:
        return None
    units: Counter[str] = Counter()
    for item in node["line_items"].each():
        units[item["id"].text()] += item["quantity"].whole()
    numbers, urls = node["tracking_numbers"].value, node["tracking_urls"].value
    first_url = Node(urls[0] if isinstance(urls, list) and urls else None)
    first_number = Node(numbers[0] if isinstance(numbers, list) and numbers else None)
    return Parcel(
        ref=f"fulfillment {node['id'].needed('the id of the fulfilment')}",
        units=dict(units),
        at=node["created_at"].instant(),
        carrier=node["tracking_company"].text(),
        tracking_number=node["tracking_number"].text() or first_number.text(),
        tracking_url=node["tracking_url"].link() or first_url.link(),
    )


def _refunds(nodes: list[Node], currency: str | None) -> Iterator[MoneyBack]:
    """Of money in more than one currency, that of the shop counts, in which the order's prices are."""
    for node in nodes:
        amount, paid_in, when = (
            Decimal(0),
            currency,
            node["processed_at"].instant() or node["created_at"].instant(),
        )
        for it in node["transactions"].each():
            if it["kind"].value == "refund" and it["status"].value == "success":
                amount += it["amount"].amount() or 0
                paid_in = paid_in or it["currency"].text(3) or None
        shares, units = _shares(node)
        yield MoneyBack(
            f"refund {node['id'].needed('the id of the refund')}", amount, paid_in or "", when, shares, units
        )


def _shares(refund: Node) -> tuple[dict[str, Decimal], dict[str, int]]:
    shares: defaultdict[str, Decimal] = defaultdict(Decimal)
    units: Counter[str] = Counter()
    for item in refund["refund_line_items"].each():
        line = item["line_item_id"].text() or item["line_item"]["id"].text()
        shares[line] += item["subtotal"].amount() or 0
        if item["restock_type"].value == NEVER_LEFT:
            units[line] += item["quantity"].whole(0)
    return dict(shares), dict(units)
