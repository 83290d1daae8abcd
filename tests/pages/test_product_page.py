"""A real product page, on another origin, with the script in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from notifier.db.tables import Store
from tests import parts
from tests.pages.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KEY = "pk_fern"


class Elsewhere:
    """The shop's own server, which knows nothing of us: one page, as strict as a careful shop's."""

    html = ""
    policy = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        headers += [(b"content-security-policy", self.policy.encode())] if self.policy else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.html.encode()})


@pytest.fixture
def ours(shop: Shop) -> Iterator[str]:
    with shop.writing() as session:
        store = session.get_one(Store, "store_fern")
        store.widget, store.widget_key = "stated", KEY
    shop.register("new", lines=[RANGE])
    with parts.served(shop.app) as address:
        yield address


RANGE = {
    "sku": "VASE & <CO>",
    "name": "Vase",
    "quantity": 1,
    "eta": "2026-12-12",
    "eta_earliest": "2026-12-08",
}


@pytest.fixture
def elsewhere() -> Iterator[tuple[Elsewhere, str]]:
    site = Elsewhere()
    with parts.served(site) as address:
        yield site, address


def script(ours: str, **data: str) -> str:
    attributes = "".join(f' data-{name}="{value}"' for name, value in data.items())
    return f'<script src="{ours}/widget.js"{attributes} async></script>'


def a_page(*body: str) -> str:
    return f"<!doctype html><html lang=en><title>Vase</title><body><h1>Vase</h1>{''.join(body)}</body></html>"


def test_a_product_page_says_when_it_ships_in_the_visitors_language(
    ours: str, elsewhere: tuple[Elsewhere, str], browser: "Browser"
) -> None:
    site, address = elsewhere
    site.html = a_page(script(ours, store=KEY, sku="VASE &amp; &lt;CO&gt;"))
    site.policy = f"default-src 'none'; script-src {ours}; connect-src {ours}"
    for locale, text in (
        ("en-GB", "On backorder: ships 8"),
        ("de-DE", "Derzeit nicht auf Lager: Versand 8."),
    ):
        with browser.new_context(locale=locale) as context:
            page = context.new_page()
            wrong: list[str] = []
            page.on("console", lambda message: wrong.append(message.text))  # noqa: B023  it ends with the page
            page.goto(address)
            told = page.get_by_role("status")
            told.get_by_text(text).wait_for()
            assert told.get_attribute("lang") == locale
            assert told.evaluate("it => it.previousElementSibling.tagName") == "SCRIPT"
            assert [line for line in wrong if "favicon" not in line] == []


def test_one_script_fills_many_places(ours: str, elsewhere: tuple[Elsewhere, str], page: "Page") -> None:
    site, address = elsewhere
    places = [
        f'<p id=p{n} data-notifier-sku="{sku}"></p>' for n, sku in enumerate(("ORN-RED", "LAMP-OPAL", "NO"))
    ]
    site.html = a_page(f"{script(ours, store=KEY, locale='en')}", *places)
    page.goto(address)
    page.locator("#p0").get_by_text("On backorder: ships by").wait_for()
    page.locator("#p1").get_by_text("On backorder: we can’t say yet when it ships").wait_for()
    page.wait_for_function("document.querySelector('#p2').dataset.state")
    assert page.locator("#p2").inner_text() == ""
    assert page.locator("#p2").get_attribute("data-state") == "none"


def test_many_scripts_stand_on_one_page(ours: str, elsewhere: tuple[Elsewhere, str], page: "Page") -> None:
    site, address = elsewhere
    site.html = a_page(*(script(ours, store=KEY, sku=sku) for sku in ("ORN-RED", "LAMP-OPAL")))
    page.goto(address)
    page.get_by_text("On backorder: ships by").wait_for()
    page.get_by_text("we can’t say yet").wait_for()
    assert page.get_by_role("status").count() == 2


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ({"store": "pk_nobody", "sku": "ORN-RED"}, "no store shows its dates by this key"),
        ({"sku": "ORN-RED"}, "data-store is missing"),
        ({"store": KEY}, "no data-sku, and no element with data-notifier-sku"),
        ({"store": KEY, "sku": "x" * 201}, "at most 200 characters"),
        ({"store": KEY, "sku": "ORN-RED", "locale": "&lt;b&gt;"}, "language tag"),
    ],
    ids=["another's key", "no key", "no SKU", "a long SKU", "no language"],
)
def test_a_page_put_together_wrongly_shows_nothing_and_says_why_in_the_console(
    ours: str, elsewhere: tuple[Elsewhere, str], page: "Page", tag: dict[str, str], why: str
) -> None:
    site, address = elsewhere
    site.html = a_page(script(ours, **tag))
    with page.expect_console_message(lambda message: "notifier widget" in message.text) as told:
        page.goto(address)
    assert why in told.value.text
    assert page.inner_text("body").strip() == "Vase"


def test_a_page_whose_notifier_is_away_is_as_it_was(
    ours: str, elsewhere: tuple[Elsewhere, str], page: "Page"
) -> None:
    site, address = elsewhere
    site.html = a_page(script(ours, store=KEY, sku="ORN-RED"))
    page.route("**/widget/v1/**", lambda route: route.abort())
    with page.expect_console_message(lambda message: "notifier widget" in message.text):
        page.goto(address)
    assert page.inner_text("body").strip() == "Vase"


# --- the console -----------------------------------------------------------------------------------------


def test_the_console_turns_it_on_and_shows_the_line_to_paste(shop: Shop, operator: TestClient) -> None:
    page = operator.get("/console/widget").text
    assert "data-store" not in page
    token = page.split('name="token" value="')[-1].split('"')[0]
    done = operator.post("/console/widget", data={"token": token, "widget": "honest"})
    assert done.headers["location"] == "/console/widget?done=honest"
    with shop.writing() as session:
        store = session.get_one(Store, "store_fern")
        assert store.widget == "honest"
        key = store.widget_key
    page = operator.get("/console/widget").text
    assert f"data-store=&#34;{key}&#34;" in page or f'data-store="{key}"' in page
    assert operator.get(f"/widget/example/{key}/ORN-RED").status_code == 200


def test_a_form_from_elsewhere_turns_nothing_on(operator: TestClient) -> None:
    assert operator.post("/console/widget", data={"token": "no", "widget": "stated"}).status_code == 403


@pytest.mark.parametrize(
    "path", ["pk_nobody/ORN-RED", "a%00b/ORN-RED", f"{'x' * 101}/A", f"pk_a/{'x' * 201}"]
)
def test_an_example_page_needs_a_key_that_is_one(visitor: TestClient, path: str) -> None:
    assert visitor.get(f"/widget/example/{path}").status_code in {404, 422}


def test_the_example_page_speaks_and_repeats_nothing_unescaped(
    ours: str, visitor: TestClient, page: "Page"
) -> None:
    page.goto(f"{ours}/widget/example/{KEY}/VASE%20%26%20%3CCO%3E")
    page.get_by_text("On backorder: ships").wait_for()
    html = visitor.get(f"/widget/example/{KEY}/%3Cscript%3Ealert(1)%3C%2Fscript%3E").text
    assert "<script>alert" not in html
