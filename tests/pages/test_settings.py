"""The store's settings in the console: the shop, its keys, and a test email."""

import re

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from notifier.db import accounts
from notifier.db.account_tables import ProviderKeys
from notifier.db.engine import reading
from notifier.db.tables import Store
from tests.pages.shop import Shop
from tests.pages.test_console import token

PATH = "/console/settings"
KEY = "SG.a-key-of-the-tests-that-nobody-may-see-x7Qa"


def save(operator: TestClient, form: str, **fields: str) -> Response:
    """Fill in one of the page's forms as a browser does, and send it."""
    page = operator.get(PATH)
    (found,) = (
        some
        for some in re.findall(r"<form.*?</form>", page.text, re.DOTALL)
        if f'action="{PATH}{form}"' in some
    )
    shown = dict(re.findall(r'<input id="[^"]+" name="([^"]+)"[^>]*? value="([^"]*)"', found))
    entered = {name: value.replace("&amp;", "&") for name, value in shown.items()}
    entered["token"] = token(page, f'action="{PATH}{form}"')
    return operator.post(PATH + form.partition("#")[0], data=entered | fields)


def store(shop: Shop) -> Store:
    with reading(shop.services.engine) as session:
        return session.get_one(Store, "store_fern")


def test_the_shop_is_changed_from_the_page(shop: Shop, operator: TestClient) -> None:
    answer = save(
        operator, "", name="Fern & Oak GmbH", sender="Fern & Oak <orders@fern.example>", country="de",
        **{"brand.accent": "#1F5A43", "brand.address": ""},
    )  # fmt: skip
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PATH}?done=shop#shop")
    found = store(shop)
    assert (found.name, found.sender, found.country) == (
        "Fern & Oak GmbH",
        "Fern & Oak <orders@fern.example>",
        "DE",
    )
    assert found.brand == {"accent": "#1f5a43", "support_email": "hello@fernandoak.example"}
    page = operator.get(f"{PATH}?done=shop")
    assert "Saved." in page.text
    assert 'value="Fern &amp; Oak GmbH"' in page.text


def test_voice_font_and_pages_elsewhere_are_set_and_shown_as_they_were_entered(
    shop: Shop, operator: TestClient
) -> None:
    pages = "https://www.instagram.com/fern\r\nMastodon https://social.example/@fern"
    answer = save(
        operator,
        "",
        **{"brand.voice": "warm", "brand.font": "Avenir Next, georgia", "brand.socials": pages},
    )
    assert answer.status_code == 303, answer.text
    kept = store(shop).brand
    assert (kept["voice"], kept["font"]) == ("warm", "Avenir Next, Georgia")
    assert [page["name"] for page in kept["socials"]] == ["Instagram", "Mastodon"]
    page = operator.get(PATH).text
    assert '<option value="warm" selected>' in page
    assert "https://www.instagram.com/fern\nMastodon https://social.example/@fern</textarea>" in page
    wrong = save(operator, "", **{"brand.font": "Comic Foo", "brand.socials": "https://social.example/@fern"})
    assert wrong.status_code == 422
    assert "brand.font: " in wrong.text
    assert "brand.socials.0: " in wrong.text
    cleared = save(operator, "", **{"brand.voice": "", "brand.font": "", "brand.socials": ""})
    assert cleared.status_code == 303, cleared.text
    assert not store(shop).brand.keys() & {"voice", "font", "socials"}


def test_what_makes_no_sense_is_said_beside_what_was_entered(shop: Shop, operator: TestClient) -> None:
    before = store(shop)
    answer = save(operator, "", sender="Fern & Oak", timezone="Mars/Olympus")
    assert answer.status_code == 422
    assert "sender: " in answer.text
    assert "timezone: " in answer.text
    assert 'value="Mars/Olympus"' in answer.text
    assert store(shop) == before


def test_keys_are_kept_and_never_shown(shop: Shop, operator: TestClient) -> None:
    answer = save(operator, "/sending", provider="sendgrid", **{"keys.sendgrid.api_key": KEY})
    assert answer.status_code == 303, answer.text
    page = operator.get(PATH)
    assert "ends in x7Qa" in page.text
    assert KEY not in page.text
    with reading(shop.services.engine) as session:
        row = session.get_one(ProviderKeys, ("store_fern", "sendgrid"))
        assert accounts.of_store(session, "store_fern", "outbox") == [row.account]
    assert save(operator, "/sending", provider="sendgrid").status_code == 303
    with reading(shop.services.engine) as session:
        assert session.get_one(ProviderKeys, ("store_fern", "sendgrid")).account == row.account


def test_a_key_is_taken_away_by_its_box(shop: Shop, operator: TestClient) -> None:
    save(operator, "/sending", **{"keys.sendgrid.api_key": KEY})
    assert save(operator, "/sending", **{"drop.keys.sendgrid.api_key": "1"}).status_code == 303
    with reading(shop.services.engine) as session:
        assert accounts.keys_of(session, "store_fern") == {}


def test_how_sendgrid_is_used_stands_in_fields_that_can_be_emptied(shop: Shop, operator: TestClient) -> None:
    chosen = {"keys.sendgrid.unsubscribe_group": "12", "keys.sendgrid.templates": "countdown=d-1a2b"}
    assert save(operator, "/sending", **{"keys.sendgrid.api_key": KEY}, **chosen).status_code == 303
    page = operator.get(PATH).text
    assert 'value="12"' in page
    assert 'value="countdown=d-1a2b"' in page
    assert save(operator, "/sending").status_code == 303
    assert 'value="12"' in operator.get(PATH).text
    refused = save(operator, "/sending", **{"keys.sendgrid.templates": "countdown"})
    assert refused.status_code == 422
    assert 'value="countdown"' in refused.text
    assert save(operator, "/sending", **dict.fromkeys(chosen, "")).status_code == 303
    with reading(shop.services.engine) as session:
        assert set(session.get_one(ProviderKeys, ("store_fern", "sendgrid")).shown) == {"api_key"}


def test_services_that_could_not_send_are_refused(shop: Shop, operator: TestClient) -> None:
    answer = save(operator, "/sending", provider="klaviyo", **{"keys.sendgrid.api_key": KEY})
    assert answer.status_code == 422
    assert "keys.klaviyo.api_key" in answer.text
    assert KEY not in answer.text
    assert store(shop).provider is None


def test_a_test_email_says_what_came_of_it(shop: Shop, operator: TestClient) -> None:
    answer = save(operator, "/test#test", to="me@shop.example")
    assert answer.status_code == 200
    assert "The test email went out." in answer.text
    assert 'value="me@shop.example"' in answer.text
    assert len(list(shop.services.settings.outbox_dir.glob("test_*.eml"))) == 1
    assert save(operator, "/test#test", to="nobody").status_code == 422
    save(operator, "/sending", second_provider="smtp", **{"keys.smtp.url": "smtp://localhost:1"})
    answer = save(operator, "/test#test", to="me@shop.example", second="1")
    assert "did not go out" in answer.text
    assert "keys.smtp.url" in answer.text


@pytest.mark.parametrize("form", ["", "/sending", "/test"])
def test_a_form_from_elsewhere_changes_nothing(shop: Shop, operator: TestClient, form: str) -> None:
    before = store(shop)
    entered = {"token": "made-up", "name": "Thief", "provider": "smtp", "to": "me@shop.example"}
    assert operator.post(PATH + form, data=entered).status_code == 403
    assert store(shop) == before


def test_nobody_sees_the_settings_without_signing_in(visitor: TestClient) -> None:
    assert visitor.get(PATH).headers["Location"] == f"/console/login?next={PATH}"


def test_the_accounts_and_their_trouble_stand_on_the_page(shop: Shop, operator: TestClient) -> None:
    with shop.writing() as session:
        accounts.pause(session, "outbox", shop.now, "the disk is full", lambda _: shop.now.replace(hour=18))
    page = operator.get(PATH).text
    assert "Paused" in page
    assert "the disk is full" in page
