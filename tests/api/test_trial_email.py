"""The test email of a store: it says what is wrong with the keys, and where to mend it."""

import json
import re
from typing import Any

import pytest
from pydantic import SecretStr

from notifier.bootstrap import build
from tests.api.client import Api, Stage
from tests.api.own_keys import (
    PASSWORD,
    change,
    trial,
    with_sendgrid,
    with_smtp,
)
from tests.parts import SmtpServer
from tests.providers.bad_smtp import bad_smtp
from tests.providers.contract import closed_port
from tests.providers.vendor_server import Answer, Vendors

# --- the test email --------------------------------------------------------------------------------------


def errors(message: str, field: str | None = None) -> bytes:
    return json.dumps({"errors": [{"message": message, "field": field}]}).encode()


SENDGRID_SAYS = {
    "a wrong key": (
        Answer(401, body=errors("invalid, expired, or revoked")),
        "keys.sendgrid.api_key",
        "revoked",
    ),
    "a key without rights": (
        Answer(403, body=errors("access forbidden")),
        "keys.sendgrid.api_key",
        "Mail Send",
    ),
    "an unverified sender": (
        Answer(403, body=errors("does not match a verified Sender Identity", "from")),
        "sender",
        "verified Sender Identity",
    ),
    "a bad sender": (Answer(400, body=errors("not a valid address", "from.email")), "sender", "valid"),
    "a bad recipient": (
        Answer(400, body=errors("does not contain a valid address", "personalizations.0.to.0.email")),
        "to",
        "another address",
    ),
    "a server that is not the API": (Answer(404), "keys.sendgrid.base_url", "host"),
    "throttled": (Answer(429), None, "later"),
    "no answer that says anything": (Answer(500), None, "may have been taken"),
}


@pytest.mark.parametrize("case", SENDGRID_SAYS)
def test_a_test_email_says_what_is_wrong_and_where_to_mend_it(
    store: Api, vendors: Vendors, case: str
) -> None:
    answer, mend, words = SENDGRID_SAYS[case]
    account = with_sendgrid(store, vendors)
    vendors.answer(answer)
    found = trial(store)
    assert (found["accepted"], found["account"], found["mend"]) == (False, account, mend)
    assert words in found["detail"]
    assert mend is None or mend in found["detail"]
    assert re.fullmatch(r"[^\n]+[^.]\.", found["detail"])
    assert store("GET", "/v1/accounts")["data"][0]["state"] == "closed"


def test_a_test_email_that_is_accepted_says_what_that_means_and_ends_a_pause(
    store: Api, vendors: Vendors
) -> None:
    with_sendgrid(store, vendors)
    vendors.answer(Answer(401))
    store.register()
    store.deliver()
    assert store("GET", "/v1/accounts")["data"][0]["state"] == "paused"
    found = trial(store)
    assert (found["accepted"], found["mend"]) == (True, None)
    assert "webhook" in found["detail"]
    (email,) = vendors.emails
    assert (email.to, email.subject[:6]) == ("me@shop.example", "[Test]")
    assert store("GET", "/v1/accounts")["data"][0]["state"] == "closed"


def test_a_klaviyo_test_says_that_a_flow_must_be_live(store: Api, stage: Stage, vendors: Vendors) -> None:
    settings = store.services.settings.model_copy(
        update={"klaviyo_api_key": SecretStr("pk_of_the_installation"), "klaviyo_base_url": vendors.address}
    )
    stage.app.state.services = services = build(settings, engine=store.services.engine, clock=store.clock)
    change(store, provider="klaviyo")
    found = trial(store)
    assert found["accepted"] is True
    assert "live flow" in found["detail"]
    vendors.answer(Answer(401))
    assert trial(store)["mend"] == "KLAVIYO_API_KEY"
    services.close()


def test_a_test_email_by_smtp_says_what_is_wrong(
    store: Api, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = f"smtp+starttls://{smtp.username}:{smtp.password}@{smtp.host}:{smtp.port}"
    unknown = right.replace(smtp.host, "127.0.0.1")
    with_smtp(store, unknown, sender="Shop <hello@shop.example>")
    assert (trial(store)["mend"], "certificate" in trial(store)["detail"]) == ("keys.smtp.url", True)
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp.certificate))
    with closed_port() as port, bad_smtp({"MAIL": "553 5.7.1 not your address"}) as picky:
        for url, to, mend, words in (
            (
                right.replace(smtp.password, PASSWORD),
                "me@shop.example",
                "keys.smtp.url",
                "wrong or was revoked",
            ),
            (f"smtp://localhost:{port}", "me@shop.example", "keys.smtp.url", "refused"),
            ("smtp://no-such-host.invalid", "me@shop.example", "keys.smtp.url", "no-such-host.invalid"),
            (f"smtp+starttls://localhost:{picky}", "me@shop.example", "keys.smtp.url", "STARTTLS"),
            (f"smtp://localhost:{picky}", "me@shop.example", "sender", "not your address"),
            (right, "refused@shop.example", "to", "refused"),
        ):
            with_smtp(store, url)
            found = trial(store, to)
            assert (found["accepted"], found["mend"]) == (False, mend), found
            assert words in found["detail"]
    with_smtp(store, right)
    assert trial(store)["accepted"] is True
    assert [mail.recipients for mail in smtp.received] == [["me@shop.example"]]


def test_the_second_account_is_tested_by_name(store: Api, vendors: Vendors) -> None:
    store.problem(422, "POST", "/v1/store/test-email", json={"to": "me@shop.example", "second": True})
    with_sendgrid(store, vendors)
    change(store, second_provider="outbox")
    assert trial(store, second=True)["account"] == "outbox"
    assert vendors.requests == []


def test_a_suppressed_address_gets_no_test_either(api: Api) -> None:
    api("POST", "/v1/suppressions", 201, json={"address": "me@shop.example", "reason": "complained"})
    found = trial(api, "Me@shop.example")
    assert (found["accepted"], found["mend"]) == (False, "to")
    assert "complained" in found["detail"]


def test_a_test_to_no_address_is_refused(api: Api) -> None:
    cases: list[tuple[Any, str]] = [
        ({}, "/to"),
        ({"to": "nobody"}, "/to"),
        ({"to": "a@b.example", "cc": "x"}, "/cc"),
    ]
    assert api.faults("POST", "/v1/store/test-email", cases) == []
