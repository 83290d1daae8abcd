"""The customer's pages in a real browser, as people use them who see little, move little, or pay for every byte."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests import parts
from tests.pages.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
CHECK = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .map(found => `${found.id}: ${found.help} (${found.nodes.map(node => node.target).join(', ')})`)"""
SMALL = 100_000
"""Bytes of the page and all that it loads from us."""


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    with parts.served(shop.app) as address:
        yield address


def faults(page: "Page") -> list[str]:
    page.evaluate(AXE)
    found: list[str] = page.evaluate(CHECK)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    shop: Shop, address: str, browser: "Browser", scheme: Literal["light", "dark"]
) -> None:
    late = shop.link("1044")
    with browser.new_context(viewport={"width": 375, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        for path in [
            *map(shop.link, shop.ids),
            f"{shop.link('1046')}?do=keep",
            f"{shop.link('1043')}?do=cancel",
            f"{shop.link('1045')}?do=cancel&sku=ORN-RED&units=2",
            f"{shop.link('1043')}?do=cancel&sku=ORN-RED&units=9",
            f"{late}?done=preferences",
            f"{late}/unsubscribe",
            "/o/wrong",
        ]:
            page.goto(address + path)
            assert (path, faults(page)) == (path, [])
        shop.pass_time(days=14)
        page.goto(f"{address}{late}?do=extra")
        assert page.locator("input[type=date]").count() == 1
        assert faults(page) == []


def test_axe_would_find_something(address: str, page: "Page") -> None:
    page.goto(f"{address}/o/wrong")
    page.evaluate("document.querySelector('main').innerHTML = '<img src=x><input>'")
    assert {fault.partition(":")[0] for fault in faults(page)} >= {"image-alt", "label"}


def loaded(page: "Page", url: str) -> list["Response"]:
    """Opens a page, and tells all that came over the wire for it."""
    came: list[Response] = []

    def keep(response: "Response") -> None:
        came.append(response)

    page.on("response", keep)
    page.goto(url, wait_until="networkidle")
    return came


def test_all_that_a_page_loads_is_small_and_from_us(shop: Shop, address: str, browser: "Browser") -> None:
    for order_id in shop.ids:
        with browser.new_context() as context:
            came = loaded(context.new_page(), address + shop.link(order_id))
            assert all(response.url.startswith(address) for response in came)
            assert sum(len(response.body()) for response in came) < SMALL
            assert {"page.css", "order.js"} <= {response.url.rpartition("/")[2] for response in came}


def test_the_countdown_ticks_and_does_without(shop: Shop, address: str, browser: "Browser") -> None:
    link = address + shop.link("1042")
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(link)
        assert page.get_by_role("timer").inner_text() == "17 days"
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(link)
        assert page.get_by_role("timer").inner_text() == "17 days"
    with browser.new_context() as context:
        page = context.new_page()
        page.clock.set_fixed_time(shop.now)
        page.goto(link)
        assert page.get_by_role("timer").inner_text() == "17 days 14 hours 0 minutes"
        page.clock.set_fixed_time(shop.now + timedelta(minutes=2))
        page.get_by_text("17 days 13 hours 58 minutes").wait_for()
        page.goto(address + shop.link("1045"))
        assert "يوم" in page.get_by_role("timer").inner_text()


def test_a_customer_answers_by_keyboard_alone_and_without_scripts(
    shop: Shop, address: str, browser: "Browser"
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + shop.link("1046"))
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Skip to your order"
        page.goto(f"{address}{shop.link('1046')}?do=keep")
        page.get_by_label("Yes, I want to keep waiting for these items").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("Thank you. We keep your items for you").wait_for()
        page.reload()
        page.get_by_text("Thank you. We keep your items for you").wait_for()


def test_the_box_must_be_ticked_in_the_browser_already(shop: Shop, address: str, page: "Page") -> None:
    page.goto(f"{address}{shop.link('1046')}?do=keep")
    page.get_by_role("button", name="Keep waiting").click()
    assert page.evaluate("document.querySelector('[name=yes]').validity.valueMissing")
    assert "do=keep" in page.url


def test_a_customer_reads_on_in_another_language(shop: Shop, address: str, page: "Page") -> None:
    page.goto(address + shop.link("1042"))
    page.get_by_label("Language of this page and of our emails").select_option("العربية")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="طلبك").wait_for()
    assert page.evaluate("document.documentElement.dir") == "rtl"
