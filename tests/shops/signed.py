"""Requests as the platforms send them: their payloads, and signatures made by another road than the code takes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

PAYLOADS = Path(__file__).parent / "payloads"
SECRET = "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"

Json = dict[str, Any]


def payload(file: str, /, **changes: Any) -> Json:
    """The platform's document of that name, like `shopify/order`, with some of its fields changed."""
    document: Json = json.loads((PAYLOADS / f"{file}.json").read_text(encoding="utf-8"))
    return document | changes


def in_base64(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def by_shopify(
    topic: str, document: Any, event: str = "", secret: str = SECRET
) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers; without an `event` id each document has its own."""
    body = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
    return body, {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": in_base64(body, secret),
        "X-Shopify-Shop-Domain": "hollow-and-pine.myshopify.com",
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Triggered-At": "2026-12-01T14:58:14.120393221Z",
        "X-Shopify-Event-Id": event or hashlib.sha256(body).hexdigest()[:32],
    }


def by_woocommerce(
    topic: str, document: Any, delivery: str = "", secret: str = SECRET
) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers; without a `delivery` id each document has its own."""
    body = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
    resource, _, event = topic.partition(".")
    return body, {
        "User-Agent": "WooCommerce/10.3.1 Hookshot (WordPress/6.9)",
        "X-WC-Webhook-Source": "https://shop.example/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": in_base64(body, secret),
        "X-WC-Webhook-ID": "3",
        "X-WC-Webhook-Delivery-ID": delivery or hashlib.md5(body, usedforsecurity=False).hexdigest(),
    }


def by_bigcommerce(document: Any, secret: str = SECRET) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers, with the secret in the header that the store chose."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return body, {"X-Notifier-Secret": secret}


def signed_by_bigcommerce(document: Any, id_: str, secret: str = SECRET) -> tuple[bytes, Mapping[str, str]]:
    """The same as an app's hook is signed: by the Standard Webhooks convention, with the app's client secret."""
    body = json.dumps(document).encode()
    key = base64.b64encode(secret.encode()).decode()
    at = datetime(2026, 12, 1, 15, tzinfo=UTC)
    return body, {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(id_, at, body.decode()),
    }
