"""What the vendors report of emails already sent: their webhooks, proved genuine and put into our words.

Reports come late, twice and out of order. A repeat has the same `event_id`, so a replay changes nothing; no age is
therefore refused, which would lose what a vendor delivers again after our own outage.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from notifier.domain.message import Scope, Status
from notifier.errors import Misconfigured, NotifierError, Unauthorized
from notifier.providers import reason

_SENDGRID: Mapping[str, Status] = MappingProxyType(
    {
        "processed": Status.SENT,
        "delivered": Status.DELIVERED,
        "bounce": Status.BOUNCED,
        "dropped": Status.FAILED,
        "spamreport": Status.COMPLAINED,
    }
)
_SENDGRID_UNSUBSCRIBES = frozenset({"unsubscribe", "group_unsubscribe"})
_SENDGRID_DROPS_FOR_GOOD = frozenset({"Bounced Address", "Spam Reporting Address", "Invalid"})
"""Why SendGrid itself will never again write to an address."""
_KLAVIYO: Mapping[str, Status] = MappingProxyType(
    {
        "event:klaviyo.received_email": Status.DELIVERED,
        "event:klaviyo.email_delivered": Status.DELIVERED,
        "event:klaviyo.bounced_email": Status.BOUNCED,
        "event:klaviyo.dropped_email": Status.FAILED,
        "event:klaviyo.marked_email_as_spam": Status.COMPLAINED,
    }
)
_KLAVIYO_METRICS: Mapping[str, Status] = MappingProxyType(
    {
        "Received Email": Status.DELIVERED,
        "Bounced Email": Status.BOUNCED,
        "Dropped Email": Status.FAILED,
        "Marked Email as Spam": Status.COMPLAINED,
    }
)
"""The same, by the name of the metric under which Klaviyo records it."""
_AN_ID = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that happened to an email of ours. `at` is when it happened at the vendor, aware, in UTC.

    `status` is what became of the email, None where the report is of its reader only. `suppresses` is the scope in
    which the address must get no more mail: it does not exist, or its owner complained or unsubscribed.
    """

    event_id: str
    message_id: str
    status: Status | None
    at: datetime
    detail: str = ""
    suppresses: Scope | None = None


def from_sendgrid(body: bytes, headers: Mapping[str, str], public_key: str) -> list[Report]:
    """What a request of SendGrid's event webhook reports of our emails; opens and clicks are no evidence.

    `body` is the raw request, `public_key` the webhook's verification key as SendGrid shows it (base64, DER).
    Raises `Unauthorized` unless the key signed timestamp and body (ECDSA, P-256, SHA-256), `Misconfigured` for
    a key that is none, `NotifierError` (400) for a body that is not a list of events.
    """
    timestamp, signature = _headers(headers, "Timestamp", "Signature", prefix="X-Twilio-Email-Event-Webhook-")
    key = sendgrid_key(public_key)
    try:
        key.verify(
            base64.b64decode(signature, validate=True), timestamp.encode() + body, ec.ECDSA(hashes.SHA256())
        )
    except (InvalidSignature, binascii.Error, ValueError):
        raise Unauthorized("the signature does not fit the body and timestamp") from None
    return list(_sendgrid_reports(_list(_json(body))))


def from_klaviyo(body: bytes, headers: Mapping[str, str], secret: str) -> list[Report]:
    """What a request of a Klaviyo system webhook reports of our emails.

    `body` is the raw request. Raises `Unauthorized` unless `secret` signed body and timestamp (HMAC with SHA-256,
    in hex) and the webhook named in the header is the one in the body, `NotifierError` (400) for a body that
    is none of Klaviyo's.
    """
    if not secret:
        raise Unauthorized("KLAVIYO_WEBHOOK_SECRET is not set, so no report can be trusted")
    webhook, signature, timestamp = _headers(
        headers, "Webhook-Id", "Signature", "Timestamp", prefix="Klaviyo-"
    )
    signed = hmac.new(secret.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signed.encode(), signature.encode()):
        raise Unauthorized("the signature does not fit the body and timestamp")
    content = _mapping(_json(body))
    if _mapping(content.get("meta")).get("klaviyo_webhook_id") != webhook:
        raise Unauthorized("the body is another webhook's")
    return list(_klaviyo_reports(_list(content.get("data"))))


def _sendgrid_reports(events: Iterable[Any]) -> Iterator[Report]:
    for event in map(_mapping, events):
        kind, message_id, when = (
            str(event.get("event")),
            event.get("notification_id"),
            _when(event.get("timestamp")),
        )
        status, suppresses = _SENDGRID.get(kind), _sendgrid_suppresses(kind, event)
        if (status is None and suppresses is None) or not _is_id(message_id) or when is None:
            continue
        # Not sg_event_id alone: it has been seen to change when the same event is delivered again.
        event_id = f"{message_id}:{kind}:{int(when.timestamp())}"
        told = (event.get(name) for name in ("type", "reason", "response", "status"))
        detail = reason.plain(": ".join(str(t) for t in told if t))
        yield Report(event_id, message_id, status, when, detail, suppresses)


def _sendgrid_suppresses(kind: str, event: Mapping[str, Any]) -> Scope | None:
    if kind in _SENDGRID_UNSUBSCRIBES:
        return Scope.WAITING
    # A block is about the sender or the moment (RFC 3463 writes what may pass as 4.x.x), not the address.
    for_good = event.get("type") != "blocked" and not str(event.get("status", "")).startswith("4")
    gone = (kind == "bounce" and for_good) or (
        kind == "dropped" and event.get("reason") in _SENDGRID_DROPS_FOR_GOOD
    )
    return Scope.ALL if gone or kind == "spamreport" else None


def _klaviyo_reports(items: Iterable[Any]) -> Iterator[Report]:
    for item in map(_mapping, items):
        payload = _mapping(item.get("payload"))
        # The structure of Get Event, whose attributes hold the event's own properties.
        attributes = _mapping(_mapping(payload.get("data", payload)).get("attributes"))
        told = _mapping(attributes.get("event_properties"))
        status, event_id = _KLAVIYO.get(str(item.get("topic"))), item.get("external_id")
        message_id, when = told.get("notification_id"), _when(attributes.get("timestamp"))
        if status and _is_id(event_id) and _is_id(message_id) and when:
            yield _klaviyo_report(event_id, message_id, status, when, told)


def from_klaviyo_events(page: Mapping[str, Any], message_id: str, subject: str) -> Iterator[Report]:
    """What a page of Klaviyo's Get Events, of one profile and with its metrics included, reports of one email.

    An event is about it if it has its id, or, where the flow passes no id on, its very subject.
    """
    names = {
        it.get("id"): str(_mapping(it.get("attributes")).get("name"))
        for it in map(_mapping, _list(page.get("included") or []))
    }
    for item in map(_mapping, _list(page.get("data") or [])):
        metric = _mapping(_mapping(_mapping(item.get("relationships")).get("metric")).get("data")).get("id")
        attributes = _mapping(item.get("attributes"))
        told = _mapping(attributes.get("event_properties"))
        status, event_id = _KLAVIYO_METRICS.get(names.get(metric, "")), item.get("id")
        when, ours = _when(attributes.get("timestamp")), told.get("notification_id")
        about_it = ours == message_id if ours else told.get("Subject") == subject
        if status and about_it and when and _is_id(event_id):
            yield _klaviyo_report(event_id, message_id, status, when, told)


def _klaviyo_report(
    event_id: str, message_id: str, status: Status, when: datetime, told: Mapping[str, Any]
) -> Report:
    bounce = str(told.get("Bounce Type") or "")
    gone = status is Status.BOUNCED and bounce.casefold().startswith("hard")
    suppresses = Scope.ALL if gone or status is Status.COMPLAINED else None
    detail = reason.plain(bounce or told.get("reason") or "")
    return Report(event_id, message_id, status, when, detail, suppresses)


def _is_id(value: Any) -> TypeGuard[str]:
    """Whether it can name anything: a database refuses some characters, and one bad event must not hold up the rest."""
    return isinstance(value, str) and _AN_ID.fullmatch(value) is not None


def _headers(headers: Mapping[str, str], *names: str, prefix: str) -> list[str]:
    given = {name.lower(): value for name, value in headers.items()}
    if missing := [prefix + name for name in names if not given.get((prefix + name).lower())]:
        raise Unauthorized(f"the request is not signed: no {' and no '.join(missing)}")
    return [given[(prefix + name).lower()] for name in names]


def sendgrid_key(text: str, setting: str = "SENDGRID_WEBHOOK_PUBLIC_KEY") -> ec.EllipticCurvePublicKey:
    """The verification key that SendGrid shows. Misconfigured, naming the setting, for what is none."""
    if not text:
        raise Unauthorized("SENDGRID_WEBHOOK_PUBLIC_KEY is not set, so no report can be trusted")
    lines = [line for line in text.strip().splitlines() if not line.startswith("-----")]
    try:
        key = load_der_public_key(base64.b64decode("".join(lines), validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Misconfigured(
            f"{setting} is no elliptic-curve key; it must be the verification key that SendGrid"
            " shows under Settings, Mail Settings, Event Webhook, which begins with MFkw."
        )
    return key


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NotifierError("the body is not JSON") from None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise NotifierError("the body holds no list of events")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _when(value: Any) -> datetime | None:
    """Seconds since 1970, as both vendors write it; None for what is no time."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
