"""Webhooks of the mail services, as they arrive: genuine or refused, kept at once, applied by the worker."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import func
from sqlmodel import select

from notifier import feedback
from notifier.db.engine import reading
from notifier.db.tables import MessageHistory, ProviderEvent, Suppression
from tests.api.client import Api, Stage, assert_problem
from tests.providers import test_reports as vendor


@pytest.fixture
def hooked(api: Api, stage: Stage) -> Api:
    """A service that knows the keys of both webhooks, and a client without a key of its own."""
    settings = api.services.settings.model_copy(
        update={
            "sendgrid_webhook_public_key": vendor.PUBLIC_KEY,
            "klaviyo_webhook_secret": SecretStr(vendor.SECRET),
        }
    )
    services = replace(api.services, settings=settings)
    stage.app.state.services = services
    return replace(api, services=services)


def post(
    api: Api, provider: str, body: bytes, headers: Mapping[str, str], store_id: str = ""
) -> httpx2.Response:
    """As the vendor posts: with its signature, and without any key of the store's."""
    path = f"/webhooks/{provider}/{store_id or api.store.store.id}"
    given = {"Authorization": "", "Content-Type": "application/json", **headers}
    return api.request("POST", path, content=body, headers=given)


def sendgrid(api: Api, *events: Any, store_id: str = "") -> httpx2.Response:
    body = json.dumps(events).encode()
    return post(api, "sendgrid", body, vendor.by_sendgrid(body), store_id)


def an_event(message_id: str, event: str = "delivered", **more: Any) -> dict[str, Any]:
    return {"event": event, "notification_id": message_id, "timestamp": vendor.EPOCH, **more}


def sent_message(api: Api) -> str:
    backorder_id = api.register()["id"]
    api.deliver()
    message_id: str = api.message(backorder_id, "expectation")["id"]
    return message_id


def status_of(api: Api, message_id: str) -> str:
    feedback.apply(api.services.engine, api.clock())
    status: str = api("GET", f"/v1/messages/{message_id}")["status"]
    return status


def rows(api: Api) -> tuple[int, ...]:
    """How many rows there are of all that a webhook may write."""
    with reading(api.services.engine) as session:
        return tuple(
            session.exec(select(func.count()).select_from(table)).one()
            for table in (ProviderEvent, MessageHistory, Suppression)
        )


def test_sendgrids_report_is_taken_and_applied(hooked: Api) -> None:
    message_id = sent_message(hooked)
    answer = sendgrid(hooked, an_event(message_id))
    assert (answer.status_code, answer.json()) == (200, {"kept": 1})
    assert status_of(hooked, message_id) == "delivered"


def test_klaviyos_report_is_taken_and_applied(hooked: Api) -> None:
    message_id = sent_message(hooked)
    body = vendor.klaviyo_body("event:klaviyo.email_delivered", notification_id=message_id)
    assert post(hooked, "klaviyo", body, vendor.by_klaviyo(body)).json() == {"kept": 1}
    assert status_of(hooked, message_id) == "delivered"


def test_sendgrids_own_signed_example_passes_and_is_about_no_email_of_ours(hooked: Api, stage: Stage) -> None:
    settings = hooked.services.settings.model_copy(update={"sendgrid_webhook_public_key": vendor.VENDOR_KEY})
    stage.app.state.services = replace(hooked.services, settings=settings)
    answer = post(hooked, "sendgrid", vendor.VENDOR_BODY, vendor.VENDOR_HEADERS)
    assert (answer.status_code, answer.json()) == (200, {"kept": 0})
    assert_problem(post(hooked, "sendgrid", vendor.VENDOR_BODY.rstrip(), vendor.VENDOR_HEADERS), 401)


def test_what_is_not_signed_right_is_refused_and_changes_nothing(hooked: Api) -> None:
    message_id = sent_message(hooked)
    before = rows(hooked)
    body = json.dumps([an_event(message_id, "bounce")]).encode()
    signed = vendor.by_sendgrid(body)
    later = {name: "1772000001" if "timestamp" in name.lower() else value for name, value in signed.items()}
    for sent, headers in (
        (body, {}),
        (body + b" ", signed),
        (body.replace(b"bounce", b"deliver"), signed),
        (body, later),
        (body, signed | {"x-twilio-email-event-webhook-signature": "bm9uZQ=="}),
    ):
        assert_problem(post(hooked, "sendgrid", sent, headers), 401)
    body = vendor.klaviyo_body("event:klaviyo.bounced_email", notification_id=message_id)
    signed = vendor.by_klaviyo(body)
    for sent, headers in (
        (body, {}),
        (body + b" ", signed),
        (body, signed | {"Klaviyo-Webhook-Id": "another"}),
        (body, signed | {"klaviyo-timestamp": "Sun, 01 Mar 2026 15:00:02 GMT"}),
    ):
        assert_problem(post(hooked, "klaviyo", sent, headers), 401)
    assert status_of(hooked, message_id) == "sent"
    assert rows(hooked) == before


def test_a_request_that_arrives_late_or_again_counts_once(hooked: Api) -> None:
    """A vendor delivers again for days after our own outage, so that no age is refused; a replay changes nothing."""
    message_id = sent_message(hooked)
    hooked.clock.pass_by(days=3)
    assert sendgrid(hooked, an_event(message_id)).json() == {"kept": 1}
    assert status_of(hooked, message_id) == "delivered"
    before = rows(hooked)
    assert sendgrid(hooked, an_event(message_id), an_event(message_id)).json() == {"kept": 0}
    feedback.apply(hooked.services.engine, hooked.clock())
    assert rows(hooked) == before


def test_a_store_that_is_none_is_404_only_to_who_signed(hooked: Api) -> None:
    assert_problem(sendgrid(hooked, an_event("msg_1"), store_id="store_of_nobody"), 404)
    assert_problem(post(hooked, "sendgrid", b"[]", {}, "store_of_nobody"), 401)


def test_a_webhook_that_is_not_set_up_is_503_and_says_no_more(api: Api) -> None:
    body = vendor.klaviyo_body("event:klaviyo.email_delivered", notification_id="msg_1")
    for answer in (
        post(api, "sendgrid", b"[]", vendor.by_sendgrid(b"[]")),
        post(api, "klaviyo", body, vendor.by_klaviyo(body)),
    ):
        problem = assert_problem(answer, 503)
        assert "key" not in problem["detail"].lower()
        assert "secret" not in problem["detail"].lower()


def test_a_signed_body_that_makes_no_sense_is_refused(hooked: Api) -> None:
    for body in (b"", b"{}", b"\xff", b"[" * 100_000):
        assert_problem(post(hooked, "sendgrid", body, vendor.by_sendgrid(body)), 400)


def test_a_body_that_is_too_large_is_413(hooked: Api) -> None:
    body = b" " * 5_000_001
    assert_problem(post(hooked, "sendgrid", body, vendor.by_sendgrid(body)), 413)


def test_one_odd_event_does_not_hold_up_the_others(hooked: Api) -> None:
    message_id = sent_message(hooked)
    odd = [an_event("msg\x00"), an_event("m" * 5000), {"event": "open"}, None, an_event("msg_of_somebody")]
    assert sendgrid(hooked, *odd, an_event(message_id, response="\x00 fine")).json() == {"kept": 2}
    assert status_of(hooked, message_id) == "delivered"


def test_another_stores_message_is_kept_and_not_touched(hooked: Api, other: Api) -> None:
    message_id = sent_message(hooked)
    assert sendgrid(hooked, an_event(message_id, "bounce"), store_id=other.store.store.id).json() == {
        "kept": 1
    }
    assert status_of(hooked, message_id) == "sent"
    assert rows(hooked)[2] == 0


def test_a_get_of_a_webhook_changes_nothing(hooked: Api) -> None:
    assert hooked.request("GET", f"/webhooks/sendgrid/{hooked.store.store.id}").status_code == 405


def test_a_hard_bounce_is_listed_among_the_suppressed(hooked: Api) -> None:
    message_id = sent_message(hooked)
    sendgrid(hooked, an_event(message_id, "bounce", type="bounce", reason="550 5.1.1 no such user"))
    assert status_of(hooked, message_id) == "bounced"
    (found,) = hooked("GET", "/v1/suppressions")["data"]
    assert (found["address"], found["scope"], found["source"]) == ("jane@example.com", "all", "sendgrid")
    assert "550 5.1.1 no such user" in found["reason"]
