"""schema.org JSON-LD for mail clients that show orders and parcels as cards.

Gmail's reference: developers.google.com/gmail/markup/reference/order and …/parcel-delivery.
"""

from typing import Any

STATUS = {
    "expectation": "OrderProcessing",
    "countdown": "OrderProcessing",
    "delay": "OrderProblem",
    "consent": "OrderProblem",
    "earlier": "OrderProcessing",
    "shipped": "OrderInTransit",
    "cancelled": "OrderCancelled",
    "refund": "OrderCancelled",
    "waiting": "OrderProcessing",
    "payment": "OrderPaymentDue",
}

MAX_PRODUCTS = 10
"""A card shows a few; an order of a thousand lines must not make its email a thousand lines longer."""


def json_ld(variables: dict[str, Any]) -> dict[str, Any]:
    """An Order, with a ParcelDelivery for each date that the email tells; none where no date is known."""
    order = variables["order"]
    expected: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in [*([] if variables["parcel"] else variables["lines"]), *variables["later"]]:
        if line["eta"]["known"] and variables["kind"] not in ("cancelled", "refund"):
            expected.setdefault((line["eta"]["earliest"], line["eta"]["latest"]), []).append(line)
    deliveries = [
        {
            "@type": "ParcelDelivery",
            "expectedArrivalFrom": earliest,
            "expectedArrivalUntil": latest,
            "itemShipped": _products(lines),
        }
        for (earliest, latest), lines in expected.items()
    ]
    if variables["parcel"]:
        deliveries.insert(0, _parcel(variables["parcel"], variables["lines"]))
    return {
        "@context": "https://schema.org",
        "@type": "Order",
        "merchant": {"@type": "Organization", "name": variables["shop"]["name"]},
        "orderNumber": order["id"],
        "orderStatus": f"https://schema.org/{_status(variables)}",
        "url": variables["links"]["order"],
        **({"orderDelivery": deliveries} if deliveries else {}),
    }


def _status(variables: dict[str, Any]) -> str:
    if variables["kind"] == "refund" and variables["order"]["status"] != "cancelled":
        return "OrderProcessing"
    return STATUS[variables["kind"]]


def _parcel(parcel: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    told = {
        "carrier": {"@type": "Organization", "name": parcel["carrier"]} if parcel["carrier"] else None,
        "trackingNumber": parcel["tracking_number"],
        "trackingUrl": parcel["tracking_url"],
    }
    return {
        "@type": "ParcelDelivery",
        **{name: value for name, value in told.items() if value},
        "itemShipped": _products(lines),
    }


def _products(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"@type": "Product", "name": line["name"], "sku": line["sku"]} for line in lines[:MAX_PRODUCTS]]
