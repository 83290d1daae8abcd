"""A store sets itself up: its name and looks, its own keys, and what a test email says of them."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from notifier.db.account_tables import ProviderKeys
from notifier.db.engine import transaction
from tests.api.client import Api, Json, Stage
from tests.api.own_keys import (
    KEY,
    OTHER_KEY,
    PASSWORD,
    change,
    trial,
    with_sendgrid,
)
from tests.api.test_store import NO_KEYS
from tests.providers.vendor_server import Answer, Vendors

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
