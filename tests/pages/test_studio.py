"""The studio: what a marketer writes, sees and publishes, without scripts and with them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from notifier.db import wordings
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.words.language import LANGUAGES
from tests import parts
from tests.pages.shop import API_KEY, Shop
from tests.pages.test_browser import LOOK, sign_in
from tests.pages.test_console import token

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATH = "/console/templates/expectation"
OURS = (Path(__file__).parents[2] / "templates" / "expectation.j2").read_text("utf-8")
WARM = OURS.replace("Thank you for your order. This", "Thank you so much for your order. This")
SENTENCE = (
    "There is nothing you need to do. We write to you as the date comes near, if it changes, and when your parcel"
    " leaves."
)


def send(operator: TestClient, do: str = "look", at: str = "", **fields: str) -> Response:
    """Send the studio's form as a browser does; `at` is another of its addresses."""
    form = {
        "token": token(operator.get(PATH), f'action="{PATH}"'),
        "source": WARM,
        "translations": "{}",
        "base": "0",
        "sample": "one item, one day",
        "lang": "en",
        "scheme": "light",
        "part": "html",
    }
    return operator.post(PATH + at, data=form | {"do": do} | fields)


def live(shop: Shop) -> dict[str, Any]:
    with reading(shop.services.engine) as session:
        return session.get_one(Store, "store_fern").templates


def test_a_draft_is_kept_and_found_again(shop: Shop, operator: TestClient) -> None:
    answer = send(operator, "save", source=WARM.replace("so much", "ever so much"))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PATH}?lang=en&done=saved")
    page = operator.get(PATH)
    assert "ever so much" in page.text
    assert "a draft was kept" in page.text
    assert live(shop) == {}


def test_what_is_published_is_live_and_in_the_history(shop: Shop, operator: TestClient) -> None:
    assert send(operator, "publish").status_code == 303
    assert live(shop) == {"expectation": 1}
    page = operator.get(PATH)
    assert "Version 1 is live" in page.text
    history = operator.get(f"{PATH}/history?version=1").text
    assert "from the console" in history
    assert re.search(r'class="add">.*Thank you so much', history)
    assert re.search(r'class="drop">.*Thank you for', history)


def test_an_old_version_is_published_again_and_the_default_is_one_press_away(
    shop: Shop, operator: TestClient
) -> None:
    send(operator, "publish")
    send(operator, "publish", source=WARM + "\n", base="1")
    assert live(shop) == {"expectation": 2}
    page = operator.get(f"{PATH}/history?version=1")
    back = {"token": token(page, 'value="1"'), "version": "1"}
    assert operator.post(f"{PATH}/history", data=back).status_code == 303
    assert live(shop) == {"expectation": 3}
    assert operator.post(f"{PATH}/history", data=back | {"version": "0"}).status_code == 303
    assert live(shop) == {}
    assert operator.post(f"{PATH}/history", data=back | {"version": "9"}).status_code == 404
    assert operator.get(f"{PATH}/history?version=9").status_code == 404
    with reading(shop.services.engine) as session:
        rows = wordings.versions(session, "store_fern", Kind.EXPECTATION, limit=9)
    assert [row.source is None for row in rows] == [True, False, False, False]


def test_what_must_not_be_published_stays_in_the_form_with_its_faults(
    shop: Shop, operator: TestClient
) -> None:
    broken = WARM.replace("order.short", "order.nr")
    answer = send(operator, "publish", source=broken)
    assert answer.status_code == 422
    assert "has no attribute &#39;nr&#39;" in answer.text
    assert "order.nr" in answer.text
    assert live(shop) == {}


def test_of_two_who_publish_the_second_keeps_what_it_wrote_and_is_told(
    shop: Shop, operator: TestClient
) -> None:
    send(operator, "publish")
    answer = send(operator, "publish", source=WARM + "\n")
    assert answer.status_code == 422
    assert "made from version 0, and 1 is live by now" in answer.text


def test_the_email_is_seen_about_a_sample_and_a_real_order(shop: Shop, operator: TestClient) -> None:
    seen = send(operator, at="/see")
    assert "sandbox" in seen.headers["Content-Security-Policy"]
    assert "Thank you so much" in seen.text
    assert "Red glass ornament" in seen.text
    real = send(operator, at="/see", order="1046", lang="de", part="text")
    assert real.headers["Content-Type"].startswith("text/plain")
    assert "Bestellung 1046" in real.text
    assert send(operator, at="/see", order="9999").text == "This store has no order '9999'."
    assert "It does not render." in send(operator, at="/see", source="{% if %}").text
    dark = send(operator, at="/see", scheme="dark").text
    assert "@media all" in dark


def test_a_sentence_is_said_otherwise_in_another_language(shop: Shop, operator: TestClient) -> None:
    said = {
        "saying": "de",
        "lang": "de",
        "source": OURS,
        "sentence.0": SENTENCE,
        "say.0.0": "Lehnen Sie sich zurück.",
    }
    assert send(operator, "publish", **said).status_code == 303
    page = operator.get(f"{PATH}?lang=de")
    assert 'value="Lehnen Sie sich zurück."' in page.text
    translations = json.dumps({"de": {SENTENCE: "Lehnen Sie sich zurück."}})
    seen = send(operator, at="/see", lang="de", source=OURS, translations=translations)
    assert "Lehnen Sie sich zurück." in seen.text
    undone = said | {"say.0.0": "", "base": "1"}
    assert send(operator, "publish", **undone).status_code == 303
    assert "Lehnen" not in operator.get(f"{PATH}?lang=de").text


def test_a_test_goes_out_in_the_words_on_the_desk(shop: Shop, operator: TestClient) -> None:
    answer = send(operator, "test", to="me@shop.example")
    assert "The test went out." in answer.text
    emails = [path.read_text("utf-8") for path in shop.services.settings.outbox_dir.glob("**/*.eml")]
    (email,) = [text for text in emails if "me@shop.example" in text]
    assert "Thank you so much" in email
    refused = send(operator, "test", to="nobody")
    assert refused.status_code == 422
    assert "not a valid email address" in refused.text


def test_forms_of_others_change_nothing(shop: Shop, operator: TestClient) -> None:
    for path in (PATH, f"{PATH}/see", f"{PATH}/problems", f"{PATH}/history"):
        answer = operator.post(
            path, data={"token": "forged", "source": WARM, "do": "publish", "version": "0"}
        )
        assert answer.status_code == 403, path
    assert live(shop) == {}
    assert send(operator, translations="not json").status_code == 422
    assert operator.get("/console/templates/newsletter").status_code == 422


def test_the_gallery_shows_every_kind_and_every_language(operator: TestClient) -> None:
    page = operator.get("/console/templates/gallery?lang=de").text
    assert page.count("<iframe") == len(Kind)
    assert operator.get("/console/templates/gallery?kind=delay").text.count("<iframe") == 7


# --- in a browser ----------------------------------------------------------------------------------------


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    with parts.served(shop.app) as address:
        yield address


def test_a_marketer_writes_sees_the_fault_at_its_line_mends_it_and_publishes(
    shop: Shop, address: str, page: "Page"
) -> None:
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "console", lambda message: said.append(message.text) if "Content Security" in message.text else None
    )
    sign_in(page, address)
    page.goto(f"{address}{PATH}")
    editor = page.get_by_role("textbox", name="The template")
    email = page.frame_locator("iframe[title='The email']")
    email.get_by_text("Thank you for your order.").wait_for()
    editor.press("Control+Home")
    editor.press("End")
    editor.press("Enter")
    page.keyboard.insert_text("{{ nobody }}")
    fault = page.get_by_role("button", name="Line 2")
    fault.wait_for()
    assert "'nobody'" in page.locator("#problems").inner_text()
    assert page.locator(".cm-lint-marker-error").count() == 1
    fault.click()
    page.keyboard.press("Shift+End")
    page.keyboard.press("Delete")
    page.get_by_text("It can be published.").wait_for()
    page.get_by_label("Language").select_option("de")
    email.get_by_text("Jane Doe").wait_for()
    page.get_by_label("Phone").check()
    page.wait_for_function("document.querySelector('iframe[name=seen]').clientWidth <= 375")
    page.get_by_label("Plain text").check()
    email.get_by_text("Bestellung 1042").first.wait_for()
    page.get_by_text("What can be written").click()
    editor.press("Control+End")
    page.get_by_role("button", name="Insert days_left").click()
    assert page.locator("#source").input_value().endswith("{{ days_left }}")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("status").filter(has_text="Published. The next").wait_for()
    assert live(shop) == {"expectation": 1}
    assert said == []


def test_without_scripts_the_studio_does_the_same(shop: Shop, address: str, browser: "Browser") -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}/console")
        page.get_by_label("The store's API key").fill(API_KEY)
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"{address}{PATH}")
        page.get_by_label("The template").fill(WARM)
        page.get_by_role("button", name="Show it").click()
        page.frame_locator("iframe[title='The email']").get_by_text("Thank you so much").wait_for()
        page.get_by_role("button", name="Publish").click()
        page.get_by_text("Published. The next email of this kind says so.").wait_for()
    assert live(shop) == {"expectation": 1}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_the_studio_can_be_read_and_touched(
    shop: Shop, address: str, browser: "Browser", scheme: Any, width: int
) -> None:
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        sign_in(page, address)
        for path in (f"{PATH}?lang=pl", "/console/templates/gallery", f"{PATH}/history"):
            page.goto(address + path)
            if path.startswith(PATH + "?"):
                page.locator(".cm-line").first.wait_for()
                for summary in page.locator("summary").all():
                    summary.click()
            assert (path, page.evaluate(LOOK)) == (path, [])


COUNTDOWN = (Path(__file__).parents[2] / "templates" / "countdown.j2").read_text("utf-8")
SECOND = "{% block subject_b %}Order {{ order.short }}, on {{ first.eta.short }}{% endblock %}\n{% block preheader %}"
TWO = COUNTDOWN.replace("{% block preheader %}", SECOND, 1)


def test_a_second_subject_is_written_seen_published_and_its_result_told_with_care(
    shop: Shop, operator: TestClient
) -> None:
    studio = "/console/templates/countdown"
    form = {
        "token": token(operator.get(studio), f'action="{studio}"'),
        "source": TWO,
        "base": "0",
        "sample": "today",
        "lang": "en",
    }
    assert operator.get(f"{studio}/trial").status_code == 404
    looked = operator.post(studio, data=form | {"do": "look"}).text
    assert (
        'For half of the orders:</b> <span id="second" dir="auto">Order 1042, on December 1, 2026<' in looked
    )
    found = operator.post(f"{studio}/problems", data=form).json()
    assert (found["problems"], found["second"]) == ([], "Order 1042, on December 1, 2026")
    assert operator.post(studio, data=form | {"do": "publish"}).status_code == 303
    assert f'href="{studio}/trial"' in operator.get(studio).text
    page = operator.get(f"{studio}/trial").text
    assert "Order 1042, on December 8, 2026" in page
    assert page.count("Nothing can be said yet: each half needs 100 orders") == 2
    assert "Being tried now" in page
    wrong = operator.post(f"{studio}/problems", data=form | {"source": TWO.replace(", on {{", ", soon {{")})
    assert wrong.json()["problems"] != []


def test_what_has_no_translation_is_listed_by_language(operator: TestClient) -> None:
    page = send(operator, source=WARM.replace("so much", "ever so much")).text
    assert "Sent in English, as there is no translation." in page
    assert re.search(r"<summary>\d+ in <span lang=\"de\">Deutsch</span></summary>", page)
    assert page.count("Thank you ever so much for your order. This item is out of stock") >= 6


def test_a_published_template_is_compared_with_the_default_too(operator: TestClient) -> None:
    assert "What differs from the words that come with Notifier" not in operator.get(PATH).text
    assert send(operator, "publish").status_code == 303
    page = operator.get(PATH).text
    differs = page[page.index("What differs from the words that come with Notifier") :]
    assert "Thank you so much for your order." in differs


def test_the_gallery_shows_every_kind_in_every_language_at_a_glance(operator: TestClient) -> None:
    page = operator.get("/console/templates/gallery?lang=all").text
    shown = set(re.findall(r'<a href="/console/templates/(\w+)\?lang=(\w+)">', page))
    assert shown == {(kind.value, code) for kind in Kind for code in LANGUAGES}
    assert page.count("<iframe sandbox") == len(shown)
