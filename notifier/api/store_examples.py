"""Examples of a store itself, and of what its shop platform tells, for the reference."""

from typing import Any

Json = dict[str, Any]

_NO_KEY: Json = {"set": False, "last4": None}
STORE: Json = {
    "id": "store_019aa4b2c1d07c3e9f5a1b2c3d4e5f61",
    "name": "Glass & Light",
    "timezone": "America/New_York",
    "locale": "en-US",
    "country": "US",
    "sender": "Glass & Light <hello@shop.example>",
    "reply_to": None,
    "provider": "sendgrid",
    "second_provider": "smtp",
    "digest_to": "orders@shop.example",
    "digest_hour": 8,
    "widget": "stated",
    "widget_key": "pk_3vQJx0m1pZrT8bWcYd2KfA",
    "brand": {
        "website": "https://shop.example/",
        "accent": "#1f5a43",
        "voice": "warm",
        "font": "Avenir Next, Georgia",
        "socials": [{"name": "Instagram", "url": "https://www.instagram.com/shop"}],
    },
    "keys": {
        "sendgrid": {
            "api_key": {"set": True, "last4": "x7Qa"},
            "base_url": "https://api.eu.sendgrid.com",
            "unsubscribe_group": 1234,
            "templates": "countdown=d-1a2b expectation=d-3c4d",
            "webhook_public_key": _NO_KEY,
        },
        "klaviyo": {"api_key": _NO_KEY, "webhook_secret": _NO_KEY},
        "smtp": {"url": {"set": True, "last4": None}, "server": "smtp+starttls://mail.shop.example:587"},
        "shopify": {"webhook_secret": {"set": True, "last4": "9f31"}},
        "woocommerce": {"webhook_secret": _NO_KEY},
        "bigcommerce": {"webhook_secret": _NO_KEY, "api_token": _NO_KEY, "store_hash": None},
    },
    "created_at": "2026-01-05T09:00:00Z",
}
STORE_CHANGE: Json = {
    "sender": "Glass & Light <hello@shop.example>",
    "provider": "sendgrid",
    "keys": {
        "sendgrid": {"api_key": "SG.the-key-as-sendgrid-shows-it", "base_url": "https://api.eu.sendgrid.com"}
    },
    "brand": {"accent": "#1f5a43", "voice": "warm", "socials": ["https://www.instagram.com/shop"]},
}
TEST_EMAIL: Json = {"to": "me@shop.example"}
SHOP_OUTCOME: Json = {
    "outcome": "registered",
    "detail": "registered",
    "order_id": "1042",
    "backorder_id": "bo_019aa4b2c1d07c3e9f5a1b2c3d4e5f60",
    "again": False,
}
SHOP_EVENT: Json = {
    "id": "shop_019aa4b2c1d07c3e9f5a1b2c3d4e5f66",
    "platform": "shopify",
    "topic": "orders/create",
    "outcome": "registered",
    "detail": "registered",
    "order_id": "1042",
    "tries": 1,
    "received_at": "2026-11-20T15:00:00Z",
    "attempt_at": None,
}
