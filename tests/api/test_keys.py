"""A store sets itself up: its name and looks, its own keys, and what a test email says of them."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from notifier.bootstrap import ProviderShelf, build
from notifier.db.account_tables import ProviderAccount, ProviderKeys
from notifier.db.engine import reading, transaction
from notifier.keyring import Keyring
from tests.api.client import Api, Json, Stage
from tests.api.test_store import NO_KEYS
from tests.api.test_webhooks import an_event, post, sent_message, status_of
from tests.conftest import started
from tests.parts import SmtpServer
from tests.providers import test_reports as vendor
from tests.providers.bad_smtp import bad_smtp
from tests.providers.contract import closed_port
from tests.providers.vendor_server import Answer, Vendors, vendor_server

KEY = "SG.a-key-of-the-tests-that-nobody-may-see-x7Qa"
OTHER_KEY = "SG.another-key-of-the-tests-just-as-secret-9zYw"
PASSWORD = "let-nobody-read-this-password"


@pytest.fixture(scope="module")
def running_vendors() -> Iterator[Vendors]:
    yield from started(vendor_server())


@pytest.fixture
def vendors(running_vendors: Vendors) -> Vendors:
    running_vendors.forget()
    return running_vendors


@pytest.fixture
def store(api: Api, stage: Stage) -> Iterator[Api]:
    """A store of an installation that lets its stores name servers of this machine."""
    services = api.services
    keyring = replace(services.keyring, any_host=True)
    shelf = ProviderShelf(services.settings, keyring, services.engine)
    services = replace(services, keyring=keyring, post=replace(services.post, provider_for=shelf))
    stage.app.state.services = services
    yield replace(api, services=services)
    shelf.close()


def change(api: Api, **changes: Any) -> Json:
    answer: Json = api("PATCH", "/v1/store", json=changes)
    return answer


def with_sendgrid(api: Api, vendors: Vendors, key: str = KEY) -> str:
    """The name of the account that the store has of its own then."""
    keys = {"sendgrid": {"api_key": key, "base_url": vendors.address}}
    change(api, provider="sendgrid", sender="Glass & Light <hello@shop.example>", keys=keys)
    account: str = api("GET", "/v1/accounts")["data"][0]["account"]
    return account


def with_smtp(api: Api, server: str, **more: Any) -> Json:
    return change(api, provider="smtp", keys={"smtp": {"url": server}}, **more)


def trial(api: Api, to: str = "me@shop.example", **more: Any) -> Json:
    answer: Json = api("POST", "/v1/store/test-email", json={"to": to, **more})
    return answer


# --- changing the store ----------------------------------------------------------------------------------


def test_a_store_is_changed_field_by_field(api: Api) -> None:
    before = api("GET", "/v1/store")
    wanted = {
        "name": "Hollow & Pine",
        "sender": "Hollow & Pine, Inc. <orders@pine.example>",
        "reply_to": "help@pine.example",
        "timezone": "Europe/Berlin",
        "locale": "de",
        "country": "DE",
        "brand": {"website": "https://pine.example/", "logo_url": "https://pine.example/logo.png",
                  "accent": "#1f5a43", "address": "Mühlweg 2, Köln", "support_email": "help@pine.example"},
    }  # fmt: skip
    assert change(api, **wanted) == before | wanted
    assert change(api, brand={"accent": None, "address": "Mühlweg 3"})["brand"] == {
        "website": "https://pine.example/",
        "logo_url": "https://pine.example/logo.png",
        "address": "Mühlweg 3",
        "support_email": "help@pine.example",
    }
    cleared = change(api, sender=None, reply_to=None, country=None, brand=None)
    assert (cleared["sender"], cleared["reply_to"], cleared["brand"]) == (before["sender"], None, {})


def test_the_next_email_has_the_new_sender_and_looks(store: Api, vendors: Vendors) -> None:
    with_sendgrid(store, vendors)
    change(store, name="Hollow & Pine", reply_to="help@pine.example", brand={"accent": "#ff00aa"})
    store.register()
    store.deliver()
    (request,) = vendors.requests
    assert request.body["from"] == {"email": "hello@shop.example", "name": "Glass & Light"}
    assert request.body["reply_to"] == {"email": "help@pine.example"}
    assert "Hollow" in vendors.emails[0].html
    assert "#ff00aa" in vendors.emails[0].html


def test_a_voice_a_font_and_pages_elsewhere_are_in_the_next_email(store: Api, vendors: Vendors) -> None:
    with_sendgrid(store, vendors)
    mastodon = {"name": "Mastodon", "url": "https://m.example/@shop"}
    pages = ["https://www.instagram.com/shop", mastodon]
    wanted = {"voice": "warm", "font": "avenir  next, georgia", "socials": pages}
    kept = change(store, brand=wanted)["brand"]
    assert kept == {
        "voice": "warm",
        "font": "avenir next, Georgia",
        "socials": [
            {"name": "Instagram", "url": "https://www.instagram.com/shop"},
            {"name": "Mastodon", "url": "https://m.example/@shop"},
        ],
    }
    store.register()
    store.deliver()
    html = vendors.emails[0].html
    assert "Hi " in html
    assert "Warm wishes from everyone at " in html
    assert "16px/24px avenir next,Georgia,serif" in html
    assert 'href="https://m.example/@shop"' in html
    assert change(store, brand={"socials": None, "font": None})["brand"] == {"voice": "warm"}


FAULTS = [
    ({"name": None}, "/name"),
    ({"name": ""}, "/name"),
    ({"timezone": None}, "/timezone"),
    ({"timezone": "Mars/Olympus"}, "/timezone"),
    ({"locale": "klingon"}, "/locale"),
    ({"country": "Atlantis"}, "/country"),
    ({"sender": "Shop"}, "/sender"),
    ({"sender": "Shop <orders@shop.example>, Thief <a@b.example>"}, "/sender"),
    ({"sender": "Shop\r\nBcc: a@b.example <orders@shop.example>"}, "/sender"),
    ({"reply_to": "nobody"}, "/reply_to"),
    ({"provider": "pigeon"}, "/provider"),
    ({"provider": "sendgrid"}, "/provider"),
    ({"second_provider": "smtp"}, "/second_provider"),
    ({"second_provider": "outbox"}, "/second_provider"),
    ({"brand": {"logo_url": "http://shop.example/logo.png"}}, "/brand/logo_url"),
    ({"brand": {"website": "javascript:alert(1)"}}, "/brand/website"),
    ({"brand": {"accent": "red"}}, "/brand/accent"),
    ({"brand": {"accent": "#fff"}}, "/brand/accent"),
    ({"brand": {"colour": "#ffffff"}}, "/brand/colour"),
    ({"brand": {"support_email": "nobody"}}, "/brand/support_email"),
    ({"brand": {"voice": "shrill"}}, "/brand/voice"),
    ({"brand": {"font": "Comic Foo"}}, "/brand/font"),
    ({"brand": {"font": "x;background:url(https://evil.example), Arial"}}, "/brand/font"),
    ({"brand": {"socials": ["https://mastodon.example/@shop"]}}, "/brand/socials/0"),
    ({"brand": {"socials": ["http://instagram.com/shop"]}}, "/brand/socials/0/url"),
    ({"brand": {"socials": [{"name": " ", "url": "https://x.com/shop"}]}}, "/brand/socials/0/name"),
    ({"brand": {"socials": [{"name": "A", "url": "javascript:alert(1)"}]}}, "/brand/socials/0/url"),
    ({"brand": {"socials": [{"url": "https://x.com/a", "icon": "x"}]}}, "/brand/socials/0/icon"),
    ({"brand": {"socials": ["https://x.com/a", "https://twitter.com/b"]}}, "/brand/socials"),
    ({"brand": {"socials": [f"https://x{n}.instagram.com/" for n in range(7)]}}, "/brand/socials"),
    ({"keys": {"mailchimp": {}}}, "/keys/mailchimp"),
    ({"keys": {"sendgrid": {"apikey": KEY}}}, "/keys/sendgrid/apikey"),
    ({"keys": {"sendgrid": {"api_key": 12345678}}}, "/keys/sendgrid/api_key"),
    ({"keys": {"sendgrid": {"api_key": "short"}}}, "/keys/sendgrid/api_key"),
    ({"keys": {"sendgrid": {"api_key": f"{KEY} {KEY}"}}}, "/keys/sendgrid/api_key"),
    ({"keys": {"sendgrid": {"base_url": "https://api.eu.sendgrid.com"}}}, "/keys/sendgrid/base_url"),
    ({"keys": {"sendgrid": {"api_key": KEY, "base_url": "api.sendgrid.com/v3"}}}, "/keys/sendgrid/base_url"),
    ({"keys": {"sendgrid": {"unsubscribe_group": 12}}}, "/keys/sendgrid/unsubscribe_group"),
    ({"keys": {"sendgrid": {"api_key": KEY, "unsubscribe_group": 0}}}, "/keys/sendgrid/unsubscribe_group"),
    ({"keys": {"sendgrid": {"api_key": KEY, "unsubscribe_group": True}}}, "/keys/sendgrid/unsubscribe_group"),
    ({"keys": {"sendgrid": {"api_key": KEY, "unsubscribe_group": "a"}}}, "/keys/sendgrid/unsubscribe_group"),
    ({"keys": {"sendgrid": {"templates": "countdown=d-1"}}}, "/keys/sendgrid/templates"),
    ({"keys": {"sendgrid": {"api_key": KEY, "templates": "countdown"}}}, "/keys/sendgrid/templates"),
    ({"keys": {"sendgrid": {"api_key": KEY, "templates": "pigeon=d-1"}}}, "/keys/sendgrid/templates"),
    ({"keys": {"sendgrid": {"api_key": KEY, "templates": "delay=d-1"}}}, "/keys/sendgrid/templates"),
    ({"keys": {"sendgrid": {"api_key": KEY, "templates": " "}}}, "/keys/sendgrid/templates"),
    ({"keys": {"sendgrid": {"webhook_public_key": "no key at all"}}}, "/keys/sendgrid/webhook_public_key"),
    ({"keys": {"smtp": {"url": "http://mail.example"}}}, "/keys/smtp/url"),
    ({"keys": {"smtp": {"url": "smtp://only-a-user@mail.example"}}}, "/keys/smtp/url"),
    ({"api_key": "nk_1"}, "/api_key"),
]


def test_what_makes_no_sense_is_refused_and_nothing_changes(api: Api) -> None:
    before = api("GET", "/v1/store")
    assert api.faults("PATCH", "/v1/store", FAULTS) == []
    assert api("GET", "/v1/store") == before


def test_no_refusal_quotes_a_key(api: Api) -> None:
    for wrong in ({"sendgrid": {"api_key": f"{KEY} "*2}}, {"smtp": {"url": f"smtp://u:{PASSWORD}@h/path"}},
                  {"sendgrid": {"apikey": KEY}}, {"klaviyo": {"api_key": [KEY]}}):  # fmt: skip
        said = api.request("PATCH", "/v1/store", json={"keys": wrong})
        assert said.status_code == 422
        assert KEY not in said.text
        assert PASSWORD not in said.text


@pytest.mark.parametrize(
    "keys",
    [
        {"sendgrid": {"api_key": KEY, "base_url": "https://evil.example"}},
        {"sendgrid": {"api_key": KEY, "base_url": "http://169.254.169.254"}},
        {"smtp": {"url": "smtp://127.0.0.1:25"}},
        {"smtp": {"url": "smtp://localhost"}},
        {"smtp": {"url": "smtp://10.0.0.7"}},
        {"smtp": {"url": "smtp://[::1]"}},
    ],
)
def test_a_store_cannot_make_the_service_talk_to_its_own_machine(api: Api, stage: Stage, keys: Json) -> None:
    shared = replace(api.services, keyring=replace(api.services.keyring, any_host=False))
    stage.app.state.services = shared
    api.problem(422, "PATCH", "/v1/store", json={"keys": keys})


def test_another_stores_settings_stay(store: Api, other: Api, vendors: Vendors) -> None:
    with_sendgrid(store, vendors)
    assert other("GET", "/v1/store")["keys"] == NO_KEYS
    assert other("GET", "/v1/accounts")["data"][0]["account"] == "outbox"


# --- keys are written, and never read --------------------------------------------------------------------


def test_of_a_key_only_its_end_is_shown(store: Api, vendors: Vendors) -> None:
    keys = {
        "sendgrid": {"api_key": KEY, "base_url": vendors.address},
        "klaviyo": {"webhook_secret": "a secret that is long enough"},
        "smtp": {"url": f"smtp+starttls://user:{PASSWORD}@mail.shop.example:587"},
    }
    assert change(store, keys=keys)["keys"] == {
        "sendgrid": {
            "api_key": {"set": True, "last4": "x7Qa"},
            "base_url": vendors.address,
            "unsubscribe_group": None,
            "templates": None,
            "webhook_public_key": {"set": False, "last4": None},
        },
        "klaviyo": {
            "api_key": {"set": False, "last4": None},
            "webhook_secret": {"set": True, "last4": "ough"},
        },
        "smtp": {
            "url": {"set": True, "last4": None},
            "server": "smtp+starttls://mail.shop.example:587",
        },
        "shopify": NO_KEYS["shopify"],
        "woocommerce": NO_KEYS["woocommerce"],
        "bigcommerce": NO_KEYS["bigcommerce"],
    }
    assert (
        change(store, keys={"smtp": None, "sendgrid": {"base_url": None}, "klaviyo": {}})["keys"]["smtp"]
        == (NO_KEYS["smtp"])
    )
    assert change(store, keys=None)["keys"] == NO_KEYS


# --- how the account is used -----------------------------------------------------------------------------


def test_how_sendgrid_is_used_is_shown_and_taken_away(store: Api, vendors: Vendors) -> None:
    with_sendgrid(store, vendors)
    wanted = {"unsubscribe_group": "12", "templates": "countdown=d-1a2b expectation=d-3c4d"}
    shown = change(store, keys={"sendgrid": wanted})["keys"]["sendgrid"]
    assert (shown["unsubscribe_group"], shown["templates"]) == (12, wanted["templates"])
    shown = change(store, keys={"sendgrid": dict.fromkeys(wanted)})["keys"]["sendgrid"]
    assert (shown["unsubscribe_group"], shown["templates"]) == (None, None)
    assert shown["api_key"]["set"]


def test_a_store_chooses_whose_unsubscribe_its_waiting_series_offers(store: Api, vendors: Vendors) -> None:
    before = with_sendgrid(store, vendors)
    store.register()
    store.deliver()  # with the account open as it was
    change(store, keys={"sendgrid": {"unsubscribe_group": 12}})
    assert store("GET", "/v1/accounts")["data"][0]["account"] != before
    store.clock.now += timedelta(days=4)
    store.deliver()
    bodies = {request.body["categories"][0]: request.body for request in vendors.requests}
    assert "asm" not in bodies["expectation"]
    assert bodies["countdown"]["asm"] == {"group_id": 12}
    assert not [name for name in bodies["countdown"]["headers"] if name.startswith("List-Unsubscribe")]


def test_the_kinds_that_a_store_chose_share_a_request(store: Api, vendors: Vendors) -> None:
    with_sendgrid(store, vendors)
    change(store, keys={"sendgrid": {"templates": "expectation=d-3c4d"}})
    for number in range(3):
        store.register(order_id=f"T-{number}")
    store.deliver()
    (request,) = vendors.requests
    assert request.body["template_id"] == "d-3c4d"
    assert len(request.body["personalizations"]) == 3


def dump(engine: Engine) -> str:
    """Every row of every table, as text."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            names = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        else:
            names = connection.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).all()
        return "\n".join(
            str(row) for name in names for row in connection.execute(text(f'SELECT * FROM "{name}"'))
        )


def test_keys_are_nowhere_in_the_clear(
    store: Api, vendors: Vendors, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in the database, nor in a log, an answer or an email, whatever goes wrong with them."""
    caplog.set_level(logging.DEBUG)
    with_sendgrid(store, vendors)
    change(
        store,
        keys={"smtp": {"url": f"smtp://user:{PASSWORD}@localhost:9"}, "klaviyo": {"api_key": OTHER_KEY}},
    )
    answers = [trial(store)]
    vendors.answer(Answer(401, body=f'{{"errors": [{{"message": "{KEY} is wrong"}}]}}'.encode()))
    answers.append(trial(store))
    change(store, provider="smtp", second_provider="klaviyo")
    answers.append(trial(store))
    store.register()
    store.deliver()
    answers += [store("GET", path) for path in ("/v1/store", "/v1/accounts", "/v1/messages")]
    printed = capfd.readouterr()
    seen = [dump(store.services.engine), caplog.text, json.dumps(answers), printed.out, printed.err]
    seen += [repr(store.services.keyring), repr(store.services)]
    assert "sendgrid-" in seen[0]
    for secret in (KEY, OTHER_KEY, PASSWORD):
        assert [secret in some for some in seen] == [False] * len(seen)
    sent = "".join(email.html + email.text for email in vendors.emails)
    assert KEY not in sent


def test_a_row_of_keys_is_of_no_use_to_another_store(store: Api, other: Api, vendors: Vendors) -> None:
    with_sendgrid(store, vendors)
    with transaction(store.services.engine) as session:
        row = session.get_one(ProviderKeys, (store.store.store.id, "sendgrid"))
        stolen = row.model_dump() | {"store_id": other.store.store.id, "account": "sendgrid-stolen"}
        session.add(ProviderKeys(**stolen))
    change_of_provider = other.request("PATCH", "/v1/store", json={"provider": "sendgrid"})
    assert change_of_provider.status_code == 200
    assert "can't be opened" in trial(other)["detail"]
    assert vendors.requests == []


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
