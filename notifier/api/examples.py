"""Examples for the reference, of one believable order. A test holds each to its schema."""

from typing import Any

from notifier.api import policy_examples, store_examples

Json = dict[str, Any]

NEW_BACKORDER: Json = {
    "order_id": "1042",
    "placed_at": "2026-11-20T23:30:00-05:00",
    "currency": "USD",
    "order_url": "https://shop.example/orders/1042",
    "customer": {
        "email": "jane@example.com",
        "name": "Jane Doe",
        "locale": "en-US",
        "timezone": "America/New_York",
        "country": "US",
    },
    "payment": {"expires": "2026-12", "update_url": "https://shop.example/pay/1042"},
    "lines": [
        {
            "sku": "ORN-RED",
            "name": "Red glass ornament",
            "quantity": 3,
            "unit_price": "9.50",
            "eta": "2026-12-12",
            "eta_earliest": "2026-12-08",
            "promised": "2026-12-12",
            "product_url": "https://shop.example/p/orn-red",
            "highlights": ["Mouth-blown", "Signed by the maker"],
        }
    ],
}
BATCH: Json = {"backorders": [NEW_BACKORDER]}
CHANGE: Json = {"lines": [{"sku": "ORN-RED", "eta": "2026-12-20", "reason": "held at customs"}]}
SHIPMENT: Json = {
    "lines": [{"sku": "ORN-RED", "quantity": 2}],
    "carrier": "UPS",
    "tracking_number": "1Z999AA10123456784",
    "tracking_url": "https://www.ups.com/track?tracknum=1Z999AA10123456784",
    "shipped_at": "2026-12-10T15:00:00-05:00",
}
CANCELLATION: Json = {"reason": "the kiln broke", "lines": [{"sku": "ORN-RED", "quantity": 1}], "by": "store"}
REFUND: Json = {"amount": "9.50", "currency": "USD", "refunded_at": "2026-12-11T10:00:00-05:00"}
REVOCATION: Json = {"reason": "the email was forwarded to a stranger"}
SKU_ETA: Json = {"eta": "2026-12-20", "reason": "held at customs", "dry_run": True}
RESTOCK: Json = {"sku": "ORN-RED", "quantity": 40, "rule": "fair"}
NEW_INBOUND: Json = {
    "reference": "PO-7",
    "supplier": "Lumen Glass",
    "lines": [{"sku": "ORN-RED", "quantity": 200}],
    "eta": "2026-12-18",
    "eta_earliest": "2026-12-15",
    "stage": "in_transit",
}
INBOUND_CHANGE: Json = {
    "eta": "2026-12-20", "eta_earliest": "2026-12-16", "stage": "customs", "reason": "held at customs", "dry_run": True,
}  # fmt: skip
RESOLUTION: Json = {"action": "mark_sent"}

MESSAGE: Json = {
    "id": "msg_019aa4b2c1d37e5f8a6b4c2d1e0f9a8b",
    "backorder_id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60",
    "kind": "expectation",
    "status": "sent",
    "reason": "outbox took it",
    "due_at": "2026-11-21T04:30:05Z",
    "expires_at": "2026-12-05T04:30:05Z",
    "sent_at": "2026-11-21T04:30:06Z",
    "to": "jane@example.com",
    "subject": "Your order 1042: what to expect",
    "provider": "outbox",
    "provider_ref": None,
    "attempts": 1,
    "template_version": "5f1c0a9b7d2e",
    "lines": ["ORN-RED"],
}
BACKORDER: Json = {
    "id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60",
    "order_id": "1042",
    "status": "open",
    "placed_at": "2026-11-21T04:30:00Z",
    "registered_at": "2026-11-21T04:30:05Z",
    "currency": "USD",
    "order_url": "https://shop.example/orders/1042",
    "status_url": "https://notifier.example/o/ImJvXzAxOWFhNGIyYzFkMCI.q1w2e3",
    "customer": NEW_BACKORDER["customer"],
    "payment": NEW_BACKORDER["payment"],
    "unsubscribed": False,
    "lines": [
        {
            "sku": "ORN-RED",
            "name": "Red glass ornament",
            "quantity": 3,
            "unit_price": "9.50",
            "eta": "2026-12-12",
            "eta_earliest": "2026-12-08",
            "promised": "2026-12-12",
            "essential_date": False,
            "reason": None,
            "image_url": None,
            "product_url": "https://shop.example/p/orn-red",
            "highlights": ["Mouth-blown", "Signed by the maker"],
            "related": [],
            "shipped": 0,
            "cancelled": 0,
            "allocated": 0,
            "law_state": "on_time",
            "answer_by": None,
        }
    ],
    "shipments": [],
    "cancellations": [],
    "refunds": [],
    "messages": [MESSAGE],
}
EVENT: Json = {
    "at": "2026-12-01T15:15:00Z",
    "what": "message_cancelled",
    "why": "not sent: the date moved back to what the customer knows",
    "future": False,
    "kind": "delay",
    "message_id": "msg_019aa4b2c1d37e5f8a6b4c2d1e0f9a8c",
    "data": None,
}
RADIUS: Json = {
    "backorders": 48,
    "messages": {"delay": 41, "consent": 7},
    "needs_consent": 7,
    "must_answer": [
        {"answer_by": "2026-12-12", "backorders": 7, "first": ["bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60"]}
    ],
    "value_at_risk": [{"amount": "1368.00", "currency": "USD"}],
    "samples": [],
}
SKU_CHANGE: Json = {
    "id": "skuchg_019aa4b2c1d37e5f8a6b4c2d1e0f9a8d",
    "sku": "ORN-RED",
    "shipment_id": None,
    "eta": "2026-12-20",
    "eta_earliest": None,
    "reason": "held at customs",
    "total": 12000,
    "done": 4200,
    "started_at": "2026-12-01T15:00:00Z",
    "finished_at": None,
}
RESTOCK_PROGRESS: Json = {
    "id": "rst_019aa4b2c1d37e5f8a6b4c2d1e0f9a8e",
    "sku": "ORN-RED",
    "shipment_id": None,
    "rule": "fifo",
    "quantity": 40000,
    "total": 12000,
    "done": 4200,
    "units": 12600,
    "left_over": None,
    "started_at": "2026-12-01T15:00:00Z",
    "finished_at": None,
}
RESTOCKED: Json = {
    "allocated": [{"backorder_id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60", "quantity": 3, "still_waiting": 0}],
    "left_over": 37,
}
_OUTLOOK: Json = {
    "observations": 6,
    "dates": 6,
    "late": 5,
    "likely_days": 5,
    "safe_days": 8,
    "since": "2026-03-02",
}
DATE_ADVICE: Json = {
    "sku": "ORN-RED",
    "entered": {"eta": "2026-12-12", "eta_earliest": None},
    "suggested": {"eta": "2026-12-20", "eta_earliest": "2026-12-17"},
    "because": "of the last 6 dates that were first named for ORN-RED, 5 were missed: half of the goods shipped"
    " 5 days late or later, one in five more than 8 days late",
    "supplier": None,
    "evidence": _OUTLOOK,
    "reckoned_from": "2026-12-12",
}
SKU_HISTORY: Json = {
    "sku": "ORN-RED",
    "outlook": _OUTLOOK,
    "dates": [{"named": "2026-03-02", "shipped": "2026-03-07", "days_late": 5, "units": 48}],
    "moves": [
        {
            "at": "2026-02-27T09:00:00Z",
            "named": "2026-03-02",
            "became": "2026-03-09",
            "days": 7,
            "lines": 21,
        }
    ],
}
INBOUND: Json = {
    "id": "inb_019aa4b2c1d07c3e9f5a1b2c3d4e5f62",
    "reference": "PO-7",
    "supplier": "Lumen Glass",
    "supplier_eta": "2026-12-18",
    "stage": "customs",
    "eta": "2026-12-20",
    "eta_earliest": "2026-12-16",
    "reason": "held at customs",
    "lines": [{"sku": "ORN-RED", "quantity": 200, "covered": 96, "backorders": 48}],
    "moving": [],
    "restocking": [],
    "effect": None,
    "created_at": "2026-11-20T15:00:00Z",
    "arrived_at": None,
}
SOURCE = """\
{% extends "_layout.j2" %}

{% block subject %}{{ _("Order %(order)s is cancelled", order=order.short) }}{% endblock %}
{% block preheader %}Cancelled on {{ cancellation.on.short }}, and you get your money back.{% endblock %}
{% block headline %}{{ _("Your order is cancelled") }}{% endblock %}

{% block content %}
{{ put.paragraph("We have cancelled what is listed below, and wish you well.") }}
{{ put.items(lines) }}
{% endblock %}
"""
NEW_TEMPLATE: Json = {
    "source": SOURCE,
    "translations": {
        "de": {
            "We have cancelled what is listed below, and wish you well.": "Wir haben storniert, was unten steht."
        }
    },
}
TEMPLATE_PREVIEW: Json = {"source": SOURCE, "locale": "de-AT"}
TEMPLATE_TEST: Json = {"source": SOURCE, "locale": "de-AT", "to": "me@shop.example"}
TESTED: Json = {
    "to": "me@shop.example",
    "account": "sendgrid-4f0c2a9be1d37786",
    "accepted": False,
    "detail": "SendGrid answered 401: The provided authorization grant is invalid, expired, or revoked;"
    " keys.sendgrid.api_key is wrong or was revoked: enter it anew.",
    "mend": "keys.sendgrid.api_key",
}
ACCOUNT: Json = {
    "account": "klaviyo",
    "provider": "klaviyo",
    "second": False,
    "state": "paused",
    "reason": "throttled",
    "paused_until": "2026-12-01T15:00:30Z",
    "failures": 1,
    "sends_per_second": 55.0,
}
CUSTOMER: Json = {"email": "jane@example.com"}
ERASURE: Json = CUSTOMER | {"open_orders": "refuse"}
NEW_SUPPRESSION: Json = {"address": "jane@example.com", "reason": "asked us by telephone"}
SUPPRESSION: Json = {
    "id": "supp_019aa4b2c1d37e5f8a6b4c2d1e0f9a8e",
    "address": "jane@example.com",
    "scope": "all",
    "reason": "bounced as sendgrid reports: bounce: 550 5.1.1 no such user",
    "source": "sendgrid",
    "created_at": "2026-12-01T15:00:00Z",
}
NEW_ENDPOINT: Json = {
    "url": "https://shop.example/webhooks/notifier",
    "events": ["backorder.delayed", "message.bounced", "deadline.near"],
    "description": "the shop's own till",
}
ENDPOINT_CHANGE: Json = {"events": ["backorder.delayed", "notice.lost"]}
ENDPOINT: Json = NEW_ENDPOINT | {
    "id": "we_019aa4b2c1d37e5f8a6b4c2d1e0f9a8f",
    "status": "active",
    "failing_since": "2026-12-01T15:00:00Z",
    "last_error": "it answered 503: upgrading, back soon",
    "created_at": "2026-11-20T09:00:00Z",
}
DELIVERY: Json = {
    "id": "del_019aa4b2c1d37e5f8a6b4c2d1e0f9a90",
    "event_id": "event_019aa4b2c1d37e5f8a6b4c2d1e0f9a91",
    "type": "backorder.delayed",
    "status": "pending",
    "attempts": 1,
    "next_attempt_at": "2026-12-01T15:00:05Z",
    "response_status": 503,
    "error": "it answered 503: upgrading, back soon",
    "created_at": "2026-12-01T15:00:00Z",
    "settled_at": None,
    "tries": [
        {
            "at": "2026-12-01T15:00:00Z",
            "status": 503,
            "error": "it answered 503: upgrading, back soon",
            "seconds": 0.12,
        }
    ],
    "payload": {
        "type": "backorder.delayed",
        "timestamp": "2026-12-01T15:00:00Z",
        "data": {
            "backorder_id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60",
            "order_id": "1042",
            "lines": [
                {
                    "sku": "ORN-RED",
                    "before": "2026-12-12",
                    "eta": "2026-12-20",
                    "reason": "held at customs",
                    "eta_earliest": None,
                }
            ],
        },
    },
}
SETTLEMENT: Json = {
    "backorder_id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60",
    "sku": "ORN-RED",
    "duty": "refund",
    "reason": "paid back in cash at the shop in Burlington on 8 December",
}
DUTY: Json = {
    "backorder_id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60",
    "order_id": "1042",
    "sku": "ORN-RED",
    "duty": "refund",
    "due": "2026-12-31",
    "ends_at": "2027-01-01T05:00:00Z",
    "overdue": False,
    "amount": "28.50",
    "currency": "USD",
}
PROBLEM: Json = {
    "type": "/problems/invalid",
    "title": "Invalid input",
    "status": 422,
    "detail": "the request has 1 fault; the first: "
    "/lines/0/quantity: Input should be greater than or equal to 1, not 0",
    "instance": "/v1/backorders",
    "errors": [
        {"pointer": "/lines/0/quantity", "detail": "Input should be greater than or equal to 1, not 0"}
    ],
}

ANSWERS = {
    "Account": ACCOUNT,
    "Backorder": BACKORDER,
    "ChangeRadius": RADIUS,
    "Duty": DUTY,
    "DateAdvice": DATE_ADVICE,
    "Event": EVENT,
    "InboundShipment": INBOUND,
    "Message": MESSAGE,
    "PolicyEffect": policy_examples.EFFECT,
    "PolicyInput": policy_examples.POLICY,
    "PolicyShape": policy_examples.POLICY | {"version": 4},
    "PolicyVersionShape": policy_examples.VERSION,
    "Problem": PROBLEM,
    "RestockProgress": RESTOCK_PROGRESS,
    "RestockResult": RESTOCKED,
    "SkuChangeProgress": SKU_CHANGE,
    "SkuHistory": SKU_HISTORY,
    "ShopEventShape": store_examples.SHOP_EVENT,
    "ShopOutcome": store_examples.SHOP_OUTCOME,
    "StoreShape": store_examples.STORE,
    "Suppression": SUPPRESSION,
    "Trial": TESTED,
    "WebhookDelivery": DELIVERY,
    "WebhookEndpoint": ENDPOINT,
    "WebhookEndpointWithSecret": ENDPOINT | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwVwz5xJ2fZ2o="},
}
"""By the name of their schema."""
