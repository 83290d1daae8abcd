"""Webhooks: SendGrid's own signed example, and everything that must not pass for one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notifier.domain.message import Scope, Status
from notifier.errors import Misconfigured, NotifierError, Unauthorized
from notifier.providers.reports import Report, from_klaviyo, from_sendgrid

# The signed request in the tests of SendGrid's own SDK (test/unit/test_eventwebhook.py, MIT licence).
VENDOR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8"
    "eNEc6wEA3F+g=="
)
VENDOR_HEADERS = {
    "X-Twilio-Email-Event-Webhook-Signature": "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+"
    "luQAbPIqHh89M15TluLtEZtM=",
    "X-Twilio-Email-Event-Webhook-Timestamp": "1600112502",
}
VENDOR_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)

PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = base64.b64encode(
    PRIVATE_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()
SECRET = "a-secret-of-sixteen-or-more"
AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
EPOCH = int(AT.timestamp())


def by_sendgrid(body: bytes, timestamp: str = "1772000000") -> dict[str, str]:
    signature = PRIVATE_KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "X-TWILIO-EMAIL-EVENT-WEBHOOK-TIMESTAMP": timestamp,
    }


def by_klaviyo(body: bytes, webhook: str = "01HWEBHOOK") -> dict[str, str]:
    timestamp = "Sun, 01 Mar 2026 15:00:01 GMT"
    signature = hmac.new(SECRET.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()
    return {"Klaviyo-Webhook-Id": webhook, "Klaviyo-Signature": signature, "klaviyo-timestamp": timestamp}


def sendgrid_says(*events: Any) -> list[Report]:
    body = json.dumps(events).encode()
    return from_sendgrid(body, by_sendgrid(body), PUBLIC_KEY)


def klaviyo_body(topic: str, event_id: str = "evt1", **properties: Any) -> bytes:
    event = {"type": "event", "attributes": {"timestamp": EPOCH, "event_properties": properties}}
    item = {"external_id": event_id, "topic": topic, "payload": {"data": event}}
    return json.dumps({"data": [item], "meta": {"klaviyo_webhook_id": "01HWEBHOOK"}}).encode()


def test_sendgrids_own_example_is_genuine_and_not_about_an_email_of_ours() -> None:
    assert from_sendgrid(VENDOR_BODY, VENDOR_HEADERS, VENDOR_KEY) == []


@pytest.mark.parametrize(
    ("body", "headers", "key"),
    [
        (VENDOR_BODY.rstrip(), VENDOR_HEADERS, VENDOR_KEY),
        (VENDOR_BODY.replace(b"hello", b"jello"), VENDOR_HEADERS, VENDOR_KEY),
        (VENDOR_BODY, VENDOR_HEADERS, PUBLIC_KEY),
        (VENDOR_BODY, VENDOR_HEADERS | {"X-Twilio-Email-Event-Webhook-Timestamp": "1600112503"}, VENDOR_KEY),
        (VENDOR_BODY, VENDOR_HEADERS | {"X-Twilio-Email-Event-Webhook-Signature": "bm9uZQ=="}, VENDOR_KEY),
        (VENDOR_BODY, VENDOR_HEADERS | {"X-Twilio-Email-Event-Webhook-Signature": "é!"}, VENDOR_KEY),
        (VENDOR_BODY, VENDOR_HEADERS | {"X-Twilio-Email-Event-Webhook-Signature": ""}, VENDOR_KEY),
        (VENDOR_BODY, {}, VENDOR_KEY),
        (VENDOR_BODY, VENDOR_HEADERS, ""),
    ],
)
def test_what_sendgrid_did_not_sign_is_refused(body: bytes, headers: Mapping[str, str], key: str) -> None:
    with pytest.raises(Unauthorized):
        from_sendgrid(body, headers, key)


@pytest.mark.parametrize("key", ["x", "not base64!", base64.b64encode(b"junk").decode()])
def test_a_verification_key_that_is_none_is_named(key: str) -> None:
    with pytest.raises(Misconfigured, match="SENDGRID_WEBHOOK_PUBLIC_KEY"):
        from_sendgrid(VENDOR_BODY, VENDOR_HEADERS, key)


def test_a_verification_key_may_be_pasted_as_pem() -> None:
    pem = f"-----BEGIN PUBLIC KEY-----\n{VENDOR_KEY[:64]}\n{VENDOR_KEY[64:]}\n-----END PUBLIC KEY-----\n"
    assert from_sendgrid(VENDOR_BODY, VENDOR_HEADERS, pem) == []


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("processed", Status.SENT),
        ("delivered", Status.DELIVERED),
        ("bounce", Status.BOUNCED),
        ("dropped", Status.FAILED),
        ("spamreport", Status.COMPLAINED),
    ],
)
def test_a_sendgrid_event_says_what_became_of_the_email(event: str, status: Status) -> None:
    (report,) = sendgrid_says(
        {"event": event, "notification_id": "msg_1", "timestamp": EPOCH, "reason": "550 no"}
    )
    said = (report.event_id, report.message_id, report.status, report.at, report.detail)
    assert said == (f"msg_1:{event}:{EPOCH}", "msg_1", status, AT, "550 no")


@pytest.mark.parametrize(
    ("event", "scope"),
    [
        ({"event": "bounce", "type": "bounce", "status": "5.1.1"}, Scope.ALL),
        ({"event": "bounce", "type": "blocked", "status": "5.7.1"}, None),
        ({"event": "bounce", "type": "bounce", "status": "4.2.2"}, None),
        ({"event": "dropped", "reason": "Bounced Address"}, Scope.ALL),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, None),
        ({"event": "spamreport"}, Scope.ALL),
        ({"event": "group_unsubscribe", "asm_group_id": 7}, Scope.WAITING),
        ({"event": "unsubscribe"}, Scope.WAITING),
        ({"event": "delivered"}, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_only_what_holds_for_good_suppresses_an_address(event: dict[str, Any], scope: Scope | None) -> None:
    (report,) = sendgrid_says({"notification_id": "msg_1", "timestamp": EPOCH, **event})
    assert report.suppresses is scope


def test_unsubscribing_says_nothing_of_the_email() -> None:
    (report,) = sendgrid_says({"event": "group_unsubscribe", "notification_id": "msg_1", "timestamp": EPOCH})
    assert report.status is None


def test_the_same_sendgrid_event_delivered_again_has_the_same_id() -> None:
    event = {"event": "delivered", "notification_id": "msg_1", "timestamp": EPOCH}
    first, second = sendgrid_says({**event, "sg_event_id": "a"}, {**event, "sg_event_id": "b"})
    assert first == second


@pytest.mark.parametrize(
    "event",
    [
        {"event": "open", "notification_id": "msg_1", "timestamp": EPOCH},
        {"event": "delivered", "timestamp": EPOCH},
        {"event": "delivered", "notification_id": 7, "timestamp": EPOCH},
        {"event": "delivered", "notification_id": "msg\x00", "timestamp": EPOCH},
        {"event": "delivered", "notification_id": "m" * 300, "timestamp": EPOCH},
        {"event": "delivered", "notification_id": "msg_1"},
        {"event": "delivered", "notification_id": "msg_1", "timestamp": 1e300},
        {"event": ["delivered"], "notification_id": "msg_1", "timestamp": True},
        {},
        None,
        "delivered",
    ],
)
def test_an_event_that_proves_nothing_is_passed_over_and_the_next_is_read(event: Any) -> None:
    good = {"event": "delivered", "notification_id": "msg_2", "timestamp": EPOCH}
    assert [report.message_id for report in sendgrid_says(event, good)] == ["msg_2"]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff", b'"x"'])
def test_a_signed_body_that_is_no_list_of_events_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(NotifierError) as refused:
        from_sendgrid(body, by_sendgrid(body), PUBLIC_KEY)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("topic", "status"),
    [
        ("event:klaviyo.email_delivered", Status.DELIVERED),
        ("event:klaviyo.bounced_email", Status.BOUNCED),
        ("event:klaviyo.dropped_email", Status.FAILED),
        ("event:klaviyo.marked_email_as_spam", Status.COMPLAINED),
    ],
)
def test_a_klaviyo_event_says_what_became_of_the_email(topic: str, status: Status) -> None:
    body = klaviyo_body(topic, notification_id="msg_1")
    scope = Scope.ALL if status is Status.COMPLAINED else None
    assert from_klaviyo(body, by_klaviyo(body), SECRET) == [Report("evt1", "msg_1", status, AT, "", scope)]


@pytest.mark.parametrize(("bounce", "scope"), [("Hard", Scope.ALL), ("Soft", None), ("", None)])
def test_a_soft_bounce_at_klaviyo_suppresses_nobody(bounce: str, scope: Scope | None) -> None:
    body = klaviyo_body("event:klaviyo.bounced_email", notification_id="msg_1", **{"Bounce Type": bounce})
    assert [report.suppresses for report in from_klaviyo(body, by_klaviyo(body), SECRET)] == [scope]


@pytest.mark.parametrize("body", [klaviyo_body("event:klaviyo.opened_email", notification_id="msg_1")])
def test_a_klaviyo_event_that_proves_nothing_is_passed_over(body: bytes) -> None:
    assert from_klaviyo(body, by_klaviyo(body), SECRET) == []
    other = klaviyo_body("event:klaviyo.email_delivered", Subject="a campaign")
    assert from_klaviyo(other, by_klaviyo(other), SECRET) == []


def test_what_klaviyo_did_not_sign_is_refused() -> None:
    body = klaviyo_body("event:klaviyo.email_delivered", notification_id="msg_1")
    good = by_klaviyo(body)
    for headers in (
        {},
        good | {"Klaviyo-Signature": "0" * 64},
        good | {"Klaviyo-Signature": "é"},
        good | {"klaviyo-timestamp": "Sun, 01 Mar 2026 15:00:02 GMT"},
        good | {"Klaviyo-Webhook-Id": "another"},
    ):
        with pytest.raises(Unauthorized):
            from_klaviyo(body, headers, SECRET)
    for secret in ("another", ""):
        with pytest.raises(Unauthorized):
            from_klaviyo(body, good, secret)
    with pytest.raises(Unauthorized):
        from_klaviyo(body + b" ", good, SECRET)
