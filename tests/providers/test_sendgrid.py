"""What SendGrid is told, checked against its own OpenAPI file by the server it is told to."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from notifier.keyring import Keyring
from notifier.providers import make
from notifier.providers.base import Accepted, Envelope, Provider, Rejected
from tests.providers.contract import NOW, PLAIN, SECRET
from tests.providers.vendor_server import Answer, Vendors


@pytest.fixture
def provider(vendors: Vendors) -> Iterator[Provider]:
    provider = make("sendgrid", api_key=SECRET, base_url=vendors.address)
    yield provider
    provider.close()


def sent(vendors: Vendors) -> Any:
    (request,) = vendors.requests
    assert request.faults == []
    return request.body


def test_its_own_name_for_the_message_is_the_reference(provider: Provider) -> None:
    assert provider.send(PLAIN, NOW) == Accepted("sg1")


def test_our_id_goes_along_and_nothing_about_the_customer(provider: Provider, vendors: Vendors) -> None:
    provider.send(PLAIN, NOW)
    (person,) = sent(vendors)["personalizations"]
    assert person["custom_args"] == {"notification_id": PLAIN.message_id}
    assert sent(vendors)["categories"] == ["delay"]


def test_the_headers_are_ours(provider: Provider, vendors: Vendors) -> None:
    provider.send(PLAIN, NOW)
    assert sent(vendors)["headers"] == {
        "Message-ID": f"<{PLAIN.message_id}@shop.example>",
        "Auto-Submitted": "auto-generated",
        **PLAIN.headers,
    }
    assert sent(vendors)["reply_to"] == {"email": "help@shop.example", "name": "Help"}


def test_links_are_left_as_they_are(provider: Provider, vendors: Vendors) -> None:
    provider.send(PLAIN, NOW)
    assert sent(vendors)["tracking_settings"]["click_tracking"] == {"enable": False, "enable_text": False}


def test_names_lose_the_commas_that_sendgrid_refuses(provider: Provider, vendors: Vendors) -> None:
    provider.send(replace(PLAIN, to_name="Doe, Jane; Dr."), NOW)
    assert sent(vendors)["personalizations"][0]["to"] == [{"email": PLAIN.to, "name": "Doe Jane Dr."}]
    assert sent(vendors)["from"] == {"email": "orders@shop.example", "name": "Jane's Ornaments Inc."}


def test_a_customer_without_a_name_has_none(provider: Provider, vendors: Vendors) -> None:
    provider.send(replace(PLAIN, to_name="", reply_to=None), NOW)
    assert sent(vendors)["personalizations"][0]["to"] == [{"email": PLAIN.to}]
    assert "reply_to" not in sent(vendors)


def test_the_sdks_logger_cannot_be_made_to_tell_the_key(
    provider: Provider, vendors: Vendors, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.send(PLAIN, NOW)
    assert SECRET in vendors.requests[0].headers["authorization"]
    assert SECRET not in caplog.text
    assert not logging.getLogger("python_http_client").isEnabledFor(logging.DEBUG)


def test_a_sender_that_the_account_may_not_use_stops_that_email_alone(
    provider: Provider, vendors: Vendors
) -> None:
    body = b'{"errors": [{"message": "does not match a verified Sender Identity", "field": "from", "help": null}]}'
    vendors.answer(Answer(403, body=body))
    outcome = provider.send(PLAIN, NOW)
    assert isinstance(outcome, Rejected)
    assert "from: does not match a verified Sender Identity" in outcome.reason


def sent_with(vendors: Vendors, envelope: Envelope, **options: Any) -> Any:
    provider = make("sendgrid", api_key=SECRET, base_url=vendors.address, **options)
    assert isinstance(provider.send(envelope, NOW), Accepted)
    provider.close()
    return sent(vendors)


def test_in_the_sandbox_everything_is_checked_and_nothing_sent(vendors: Vendors) -> None:
    vendors.answer(Answer(200))  # what the sandbox says, where a send is 202
    assert sent_with(vendors, PLAIN, sandbox=True)["mail_settings"] == {"sandbox_mode": {"enable": True}}


def test_a_stores_own_account_is_in_the_sandbox_too(vendors: Vendors) -> None:
    vendors.answer(Answer(200))
    keyring = Keyring("a secret key of some length, for this test", any_host=True, sandbox=True)
    provider = keyring.make("sendgrid", {"api_key": SECRET, "base_url": vendors.address})
    assert isinstance(provider.send(PLAIN, NOW), Accepted)
    provider.close()
    assert sent(vendors)["mail_settings"] == {"sandbox_mode": {"enable": True}}


def test_outside_the_sandbox_no_setting_is_touched(vendors: Vendors) -> None:
    assert "mail_settings" not in sent_with(vendors, PLAIN)


def test_unsubscribing_is_offered_by_the_group_or_by_us_never_by_both(vendors: Vendors) -> None:
    ours = sent_with(vendors, PLAIN)
    assert "asm" not in ours
    assert ours["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    vendors.forget()
    theirs = sent_with(vendors, PLAIN, unsubscribe_group=42)
    assert theirs["asm"] == {"group_id": 42}
    assert not [name for name in theirs["headers"] if name.lower().startswith("list-unsubscribe")]


def test_a_group_can_never_stop_what_no_customer_may_unsubscribe_from(vendors: Vendors) -> None:
    assert "asm" not in sent_with(vendors, replace(PLAIN, headers={}), unsubscribe_group=42)
