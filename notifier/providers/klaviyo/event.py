"""What Klaviyo is told of one email: properties that a marketer can use in a flow without a developer."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from types import MappingProxyType
from typing import Any

import orjson

from notifier.providers import mime
from notifier.providers.base import Apart, Envelope, Rejected

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "expectation": "Backorder Expected",
        "countdown": "Backorder Countdown",
        "delay": "Backorder Delayed",
        "consent": "Backorder Consent Needed",
        "earlier": "Backorder Earlier",
        "shipped": "Backorder Shipped",
        "cancelled": "Backorder Cancelled",
        "refund": "Backorder Refunded",
        "waiting": "Backorder Waiting",
        "payment": "Backorder Payment Needed",
    }
)
"""The metric that a flow starts on, by kind. A kind not listed is `Backorder` and its name."""

# Limits of Create Event, in Klaviyo's own OpenAPI file.
_MOST_PROPERTIES = 400
_LONGEST_STRING = 100_000
_LARGEST_BODY = 5_000_000
_LARGEST_BULK = 4_500_000


def metric(kind: str) -> str:
    """The name of the metric that an email of this kind is recorded under."""
    return METRICS.get(kind, f"Backorder {kind.replace('_', ' ').title()}")


def single(envelope: Envelope) -> dict[str, Any]:
    """The request of POST /api/events. Raises `Unmailable` past one of Klaviyo's limits."""
    attributes = event(envelope) | {"profile": {"data": profile(envelope)}}
    body = {"data": {"type": "event", "attributes": attributes}}
    size = len(json.dumps(body))
    if size > _LARGEST_BODY:
        raise mime.Unmailable(f"the event has {size} bytes, Klaviyo takes at most {_LARGEST_BODY}")
    return body


def bulk(envelopes: Sequence[Envelope]) -> tuple[dict[str, Any] | None, dict[int, Rejected | Apart]]:
    """The request of POST /api/event-bulk-create-jobs, grouped by customer; and, by place, who is not in it and why."""
    people: dict[str, dict[str, Any]] = {}
    left_out: dict[int, Rejected | Apart] = {}
    size = 0
    for place, envelope in enumerate(envelopes):
        try:
            whose, told = profile(envelope), event(envelope)
        except mime.Unmailable as error:
            left_out[place] = Rejected(str(error))
            continue
        size += len(orjson.dumps(told)) + len(orjson.dumps(whose)) + 200
        if size > _LARGEST_BULK:
            left_out[place] = Apart("the bulk has no more room")
            continue
        person = people.setdefault(whose["attributes"]["email"], {"events": {"data": []}})
        person["profile"] = {"data": whose}  # as the last of their emails leaves it
        person["events"]["data"].append({"type": "event", "attributes": told})
    if not people:
        return None, left_out
    groups = [{"type": "event-bulk-create", "attributes": person} for person in people.values()]
    attributes = {"events-bulk-create": {"data": groups}}
    return {"data": {"type": "event-bulk-create-job", "attributes": attributes}}, left_out


def event(envelope: Envelope) -> dict[str, Any]:
    """One event without its profile. Raises `Unmailable` past one of Klaviyo's limits.

    What a repeat must repeat for it to be recognised (metric, `unique_id`, `time`) comes from the envelope.
    """
    told = properties(envelope)
    if len(told) > _MOST_PROPERTIES:
        raise mime.Unmailable(f"properties: {len(told)}, Klaviyo takes at most {_MOST_PROPERTIES}")
    for name, value in told.items():
        if any(len(text.encode("utf-8", "replace")) > _LONGEST_STRING for text in _strings(value)):
            raise mime.Unmailable(f"{name}: longer than the {_LONGEST_STRING} bytes that Klaviyo takes")
    return {
        "unique_id": envelope.message_id,
        "time": envelope.occurred_at.astimezone(UTC).isoformat(timespec="seconds"),
        "metric": {"data": {"type": "metric", "attributes": {"name": metric(envelope.kind)}}},
        "properties": told,
    }


def profile(envelope: Envelope) -> dict[str, Any]:
    """Whose event it is, by address alone: a second identifier would split or merge customers.

    Only properties that begin with `backorder_` are set; name, locale and all else are the store's.
    """
    attributes = {"email": mime.address(envelope.to, "to"), "properties": _of_profile(envelope.properties)}
    return {"type": "profile", "attributes": attributes}


def properties(envelope: Envelope) -> dict[str, Any]:
    """The event's own: flat facts, dates both in ISO and in words, and the email as we rendered it.

    A property that this email has nothing to say on is left out, so a flow's `{% if %}` works.
    """
    facts = envelope.properties
    flat = {
        **_of_order(facts),
        **_of_news(facts),
        **_of_moved(facts),
        **_of_first(facts.get("lines") or []),
    }
    name = mime.one_line(envelope.to_name)
    return {key: value for key, value in flat.items() if value is not None and value != ""} | {
        "kind": envelope.kind,
        "notification_id": envelope.message_id,
        "customer_name": name,
        "first_name": name.split()[0] if name else "",
        "subject": mime.one_line(envelope.subject),
        "html": envelope.html,
        "text": envelope.text,
    }


def _of_order(facts: Mapping[str, Any]) -> dict[str, Any]:
    order, links, shop = _map(facts, "order"), _map(facts, "links"), _map(facts, "shop")
    lines, later = facts.get("lines") or [], facts.get("later") or []
    return {
        "order_id": order.get("id"),
        "order_url": order.get("url") or links.get("order"),
        "order_placed": _map(order, "placed").get("iso"),
        "order_placed_text": _map(order, "placed").get("text"),
        "status_url": links.get("order"),
        "keep_url": links.get("keep"),
        "cancel_url": links.get("cancel"),
        "calendar_url": links.get("calendar"),
        "preferences_url": links.get("preferences"),
        "unsubscribe_url": links.get("unsubscribe"),
        "shop_name": shop.get("name"),
        "language": facts.get("lang"),
        "items": [_item(line) for line in lines],
        "item_count": sum(line.get("quantity", 0) for line in lines),
        "later_items": [_item(line) for line in later],
        "related": facts.get("related") or None,
        "still_waiting": bool(facts.get("waiting")),
    }


def _of_news(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The nearest date told, what it was before, why, and what the customer may answer by when."""
    news: Mapping[str, Any] = next(iter(facts.get("news") or []), {})
    eta, was, answer_by = _map(news, "eta"), _map(news, "was"), _map(facts, "answer_by")
    return {
        "days_left": facts.get("days_left"),
        "eta": eta.get("latest"),
        "eta_earliest": eta.get("earliest"),
        "eta_text": eta.get("text"),
        "eta_known": eta.get("known"),
        "previous_eta": was.get("latest"),
        "previous_eta_text": was.get("text"),
        "reason": news.get("reason"),
        "legal_notice": news.get("notice"),
        "answer_by": answer_by.get("iso"),
        "answer_by_text": answer_by.get("text"),
    }


def _of_moved(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of a parcel that left, of what was cancelled, or of money that was sent back."""
    parcel, cancellation = _map(facts, "parcel"), _map(facts, "cancellation")
    refund = _map(facts, "refund")
    told = {
        "carrier": parcel.get("carrier"),
        "tracking_number": parcel.get("tracking_number"),
        "tracking_url": parcel.get("tracking_url"),
        "shipped_on": _map(parcel, "shipped").get("iso"),
        "shipped_on_text": _map(parcel, "shipped").get("text"),
        "cancelled_by": cancellation.get("by"),
        "cancelled_on": _map(cancellation, "on").get("iso"),
        "cancelled_on_text": _map(cancellation, "on").get("text"),
        "amount_text": cancellation.get("amount") or refund.get("amount"),
        "refunded_on": _map(refund, "on").get("iso"),
        "refunded_on_text": _map(refund, "on").get("text"),
        "refund_method": refund.get("method"),
    }
    return told | ({"reason": cancellation.get("reason")} if cancellation else {})


def _of_first(lines: list[Any]) -> dict[str, Any]:
    """The first line's fields once more at the top, where filters, splits and segments can see them."""
    return {f"item_{name}": value for name, value in (_item(lines[0]) if lines else {}).items()}


def _item(line: Mapping[str, Any]) -> dict[str, Any]:
    eta = _map(line, "eta")
    return {
        "sku": line.get("sku"),
        "name": line.get("name"),
        "quantity": line.get("quantity"),
        "image_url": line.get("image_url"),
        "product_url": line.get("product_url"),
        "eta": eta.get("latest"),
        "eta_text": eta.get("text"),
        "reason": line.get("reason"),
    }


def _of_profile(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What segments need, as the last email left it. A null takes a value away that no longer holds."""
    moved = facts.get("parcel") or facts.get("cancellation")
    waiting = [*(facts.get("later") or []), *([] if moved else facts.get("lines") or [])]
    dates = [day for line in waiting if (day := _map(line, "eta").get("latest"))]
    return {
        "backorder_open": bool(facts.get("waiting")),
        "backorder_next_eta": min(dates, default=None),
        "backorder_order_id": _map(facts, "order").get("id"),
        "backorder_locale": facts.get("lang"),
    }


def _map(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        inner: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
        for each in inner:
            yield from _strings(each)
