"""Accounts of stores that have keys of their own: whose trouble is whose, and who proves a report."""

import json
import re
from dataclasses import replace

from pydantic import SecretStr

from notifier.bootstrap import build
from notifier.db.account_tables import ProviderAccount
from notifier.db.engine import reading
from notifier.keyring import Keyring
from tests.api.client import Api, Stage
from tests.api.own_keys import (
    KEY,
    OTHER_KEY,
    change,
    with_sendgrid,
)
from tests.api.test_webhooks import an_event, post, sent_message, status_of
from tests.providers import test_reports as vendor
from tests.providers.vendor_server import Answer, Vendors

# --- accounts --------------------------------------------------------------------------------------------


def test_a_store_with_its_own_keys_has_an_account_of_its_own(store: Api, vendors: Vendors) -> None:
    account = with_sendgrid(store, vendors)
    assert re.fullmatch(r"sendgrid-[0-9a-f]{16}", account)
    store.register()
    store.deliver()
    (request,) = vendors.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    (message,) = store("GET", "/v1/messages?kind=expectation")["data"]
    assert (message["status"], message["provider"]) == ("sent", "sendgrid")


def test_stores_with_the_same_keys_share_an_account_and_others_do_not(
    store: Api, other: Api, vendors: Vendors
) -> None:
    first = with_sendgrid(store, vendors)
    assert with_sendgrid(other, vendors) == first
    assert with_sendgrid(other, vendors, OTHER_KEY) != first


def test_trouble_with_a_stores_keys_is_nobody_elses(store: Api, other: Api, vendors: Vendors) -> None:
    account = with_sendgrid(store, vendors)
    vendors.answer(Answer(401))
    store.register()
    other.register()
    store.deliver()
    assert store("GET", "/v1/accounts")["data"][0]["state"] == "paused"
    assert other("GET", "/v1/accounts")["data"][0]["state"] == "closed"
    (theirs,) = other("GET", "/v1/messages?kind=expectation")["data"]
    assert theirs["status"] == "sent"
    other.problem(404, "POST", f"/v1/accounts/{account}/resume")
    assert store("POST", f"/v1/accounts/{account}/resume")["state"] == "closed"


def test_new_keys_begin_without_the_trouble_of_the_old(store: Api, vendors: Vendors) -> None:
    old = with_sendgrid(store, vendors)
    vendors.answer(Answer(401))
    store.register()
    store.deliver()
    with_sendgrid(store, vendors, OTHER_KEY)
    store.deliver()
    assert [request.headers["authorization"] for request in vendors.requests] == [
        f"Bearer {KEY}",
        f"Bearer {OTHER_KEY}",
    ]
    with reading(store.services.engine) as session:
        assert session.get(ProviderAccount, old) is None


def test_an_installations_account_is_the_default_of_a_store_with_no_keys(
    store: Api, vendors: Vendors
) -> None:
    with_sendgrid(store, vendors)
    assert (
        store.problem(422, "PATCH", "/v1/store", json={"keys": None})["errors"][0]["pointer"] == "/provider"
    )
    change(store, provider=None, keys=None)
    assert store("GET", "/v1/accounts")["data"][0]["account"] == "outbox"


def test_the_second_account_is_listed_and_carries_while_the_first_is_out_of_order(
    store: Api, vendors: Vendors
) -> None:
    with_sendgrid(store, vendors)
    change(store, second_provider="outbox")
    vendors.answer(Answer(401))
    store.register()
    store.deliver()
    first, second = store("GET", "/v1/accounts")["data"]
    assert (first["provider"], first["second"], first["state"]) == ("sendgrid", False, "paused")
    assert (second["account"], second["second"], second["state"]) == ("outbox", True, "closed")
    (message,) = store("GET", "/v1/messages?kind=expectation")["data"]
    assert (message["status"], message["provider"]) == ("sent", "outbox")


def test_a_wrong_secret_key_pauses_the_account_and_says_what_is_wrong(
    store: Api, other: Api, vendors: Vendors
) -> None:
    with_sendgrid(store, vendors)
    settings = store.services.settings.model_copy(
        update={"secret_key": SecretStr("another secret, by mistake, long enough")}
    )
    mistaken = build(settings, engine=store.services.engine, clock=store.clock)
    store.register()
    other.register()
    Api(store.http, mistaken, store.clock, store.store, store.reference).deliver()
    mistaken.close()
    account = store("GET", "/v1/accounts")["data"][0]
    assert account["state"] == "paused"
    assert "NOTIFIER_SECRET_KEY" in account["reason"]
    assert [m["status"] for m in other("GET", "/v1/messages?kind=expectation")["data"]] == ["sent"]
    assert [m["status"] for m in store("GET", "/v1/messages?kind=expectation")["data"]] == ["planned"]


def test_keys_sealed_with_another_secret_make_room_for_new_ones(
    store: Api, stage: Stage, vendors: Vendors
) -> None:
    with_sendgrid(store, vendors)
    keyring = Keyring("another secret, by mistake, long enough", any_host=True)
    stage.app.state.services = replace(store.services, keyring=keyring)
    assert change(store, keys={"sendgrid": {"api_key": OTHER_KEY}})["keys"]["sendgrid"] == {
        "api_key": {"set": True, "last4": "9zYw"},
        "base_url": None,
        "unsubscribe_group": None,
        "templates": None,
        "webhook_public_key": {"set": False, "last4": None},
    }


# --- webhooks --------------------------------------------------------------------------------------------


def test_reports_are_proved_by_the_stores_own_key(store: Api, other: Api, vendors: Vendors) -> None:
    message_id = sent_message(store)
    body = json.dumps([an_event(message_id)]).encode()
    assert post(store, "sendgrid", body, vendor.by_sendgrid(body)).status_code == 503
    change(store, keys={"sendgrid": {"webhook_public_key": vendor.PUBLIC_KEY}})
    assert store("GET", "/v1/accounts")["data"][0]["account"] == "outbox"
    assert post(store, "sendgrid", body, vendor.by_sendgrid(body)).json() == {"kept": 1}
    assert post(other, "sendgrid", body, vendor.by_sendgrid(body)).status_code == 503
    assert status_of(store, message_id) == "delivered"
    change(store, keys={"klaviyo": {"webhook_secret": vendor.SECRET}})
    body = vendor.klaviyo_body("event:klaviyo.email_delivered", notification_id=message_id)
    assert post(store, "klaviyo", body, vendor.by_klaviyo(body)).json() == {"kept": 1}
    change(store, keys={"klaviyo": {"webhook_secret": vendor.SECRET[::-1]}})
    assert post(store, "klaviyo", body, vendor.by_klaviyo(body)).status_code == 401
