"""The pages in a real browser: without scripts, on a phone, in the dark."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from sqlmodel import col

from notifier import endpoints, inbound
from notifier.db import simulations
from notifier.db.tables import MessageRow, Store
from notifier.domain.message import Scope
from notifier.inbound.wishes import NewInbound
from notifier.inputs import NewEndpoint
from notifier.pages.session import ticket
from notifier.rehearsal import perform
from notifier.simulate.library import stories
from notifier.simulate.story import check_scenario
from notifier.suppressing import suppress
from tests import parts
from tests.pages.shop import API_KEY, Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHONE = 320


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    """Where the shop's pages are served."""
    with parts.served(shop.app) as address:
        yield address


def sign_in(page: "Page", address: str) -> None:
    page.goto(f"{address}/console")
    page.get_by_label("The store's API key").fill(API_KEY)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="What is going on").wait_for()


def test_a_customer_cancels_after_a_second_yes(shop: Shop, address: str, page: "Page") -> None:
    page.goto(address + shop.link("1046"))
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_role("heading", name="What would you like to cancel?").wait_for()
    page.get_by_role("link", name="No, keep them").click()
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Cancel these items?").wait_for()
    page.get_by_label("Yes, I want to cancel what is listed above").check()
    page.get_by_role("button", name="Yes, cancel them").click()
    assert "Your cancellation is noted. An email confirms it." in page.get_by_role("status").inner_text()
    assert page.get_by_text("This order is cancelled.").is_visible()


def test_a_customer_keeps_waiting_from_the_link_in_the_email(shop: Shop, address: str, page: "Page") -> None:
    page.goto(f"{address}{shop.link('1046')}?do=keep#answer")
    page.get_by_label("Yes, I want to keep waiting for these items").check()
    page.get_by_role("button", name="Keep waiting").click()
    assert "Thank you." in page.get_by_role("status").inner_text()


def test_an_operator_walks_through_the_console(shop: Shop, address: str, page: "Page") -> None:
    sign_in(page, address)
    page.get_by_role("link", name="Backorders", exact=True).click()
    page.get_by_label("Order number, email or SKU").fill("1046")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="1046").click()
    page.get_by_role("link", name="Email: Answer needed").last.click()
    assert "Friday, February 12, 2027" in page.frame_locator("iframe").locator("body").inner_text()
    page.get_by_role("link", name="SKUs", exact=True).click()
    page.get_by_role("link", name="Red glass ornament").click()
    page.get_by_label("New ship date").fill("2027-02-20")
    page.get_by_role("button", name="See what it would do").click()
    page.get_by_role("button", name="Yes, move 5 orders").click()
    assert "The date is moved." in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Templates").click()
    page.get_by_role("link", name="Deutsch").click()
    wide = page.frame_locator("iframe[title='Wide, light']")
    assert "Jane Doe" in wide.locator("body").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in to the console").wait_for()


def test_a_ticket_opens_the_console_with_one_press(shop: Shop, address: str, page: "Page") -> None:
    page.goto(f"{address}/console/login?ticket={ticket(shop.services, 'store_fern')}")
    page.get_by_role("button", name="Open the console").press("Enter")
    page.get_by_role("heading", name="What is going on").wait_for()


def a_play(shop: Shop, name: str) -> str:
    """A story of the shelf, played and kept."""
    told = stories()[name].text
    outcome = perform(*check_scenario(json.loads(told)), shop.services.settings).model_dump_json()
    with shop.writing() as session:
        return simulations.keep(session, "store_fern", name, told, outcome, shop.now)


def test_an_operator_builds_a_story_and_reads_its_emails(shop: Shop, address: str, page: "Page") -> None:
    sign_in(page, address)
    page.get_by_role("link", name="Simulate").click()
    page.get_by_role("button", name="Register").click()
    page.get_by_role("heading", name="Jane Doe gets").wait_for()
    page.get_by_text("One order’s date moves").click()
    form = page.locator("form", has=page.get_by_role("button", name="Move it"))
    form.get_by_label("New ship date").fill("2027-01-20")
    form.get_by_label("Reason that customers read").fill("a strike")
    form.get_by_role("button", name="Move it").click()
    delay = page.locator("li", has=page.get_by_role("heading", name="Email: Delay")).first
    delay.get_by_text("Read it").click()
    words = page.frame_locator("iframe[title*='Delay']").locator("body")
    assert "January 20, 2027" in words.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone_and_nothing_is_small_or_pale(
    shop: Shop, address: str, browser: "Browser", scheme: str
) -> None:
    long = "Hand-carved-extraordinarily-long-named-Donaudampfschifffahrtsgesellschaft-ornament" * 2
    line = {"sku": "S" * 120, "name": long, "quantity": 1, "eta": None, "reason": "x" * 150}
    shop.register("9" * 60, customer={"email": f"{'very-long-' * 5}@{'example-' * 6}x.com"}, lines=[line])
    with shop.writing() as session:
        store = session.get_one(Store, "store_fern")
        store.widget, store.widget_key = "honest", "pk_fern"
        reason = "bounced as sendgrid reports: " + "y" * 250
        suppress(session, "store_fern", f"{'z' * 64}@example.com", Scope.ALL, reason, "sendgrid", shop.now)
        new = NewEndpoint.model_validate({"url": f"https://{'shop-' * 11}x.example/{'h' * 300}"})
        row, _ = endpoints.create(session, shop.services.hooks, "store_fern", new, shop.now)
        hook, row.status, row.last_error = row.id, "paused", "it answered 500: " + "e" * 200
        endpoints.test(session, "store_fern", row.id, shop.now)
        goods = [{"sku": sku, "quantity": 4} for sku in ("ORN-RED", "S" * 120)]
        coming = NewInbound.model_validate({"reference": "P" * 150, "lines": goods, "eta": "2027-01-20"})
        done = inbound.register(session, session.get_one(Store, "store_fern"), coming, shop.now)
        shipment = f"/console/inbound/{done.row.id}"
        session.execute(
            update(MessageRow)
            .where(col(MessageRow.kind) == "consent")
            .values(status="bounced", reason=reason)
        )
    play = a_play(shop, "all-every-event")
    with browser.new_context(
        viewport={"width": PHONE, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    ) as context:
        page = context.new_page()
        sign_in(page, address)
        order = f"/console/backorders/{shop.ids['9' * 60]}"
        page.goto(address + order)
        message = page.get_by_role("link", name="Email: What to expect").get_attribute("href")
        found = {}
        customers = [shop.link(order_id) for order_id in shop.ids]
        for path in [
            *customers,
            *(f"{link}?do=cancel" for link in customers),
            *(f"{link}?do=cancel&sku=ORN-RED&units=1" for link in customers),
            *(f"{link}?do=keep" for link in customers),
            f"{customers[0]}/unsubscribe",
            "/o/wrong",
            "/console",
            "/console/backorders",
            order,
            f"/console/backorders/{shop.ids['1046']}",
            "/console/messages",
            str(message),
            "/console/skus",
            "/console/skus/ORN-RED?ask=true&eta=2027-02-20",
            f"/console/skus/{'S' * 120}",
            "/console/restocks?sku=ORN-RED&quantity=3",
            f"/console/restocks?sku={'S' * 120}&quantity=many",
            "/console/templates?kind=delay&lang=de",
            f"/console/inbound?ask=true&reference={'R' * 150}&goods=ORN-RED+9&eta=2027-02-20",
            shipment,
            f"{shipment}?ask=true&eta=2027-03-20&stage=customs",
            f"{shipment}?ask=true&stage=arrived",
            "/console/duties?done=settled",
            "/console/simulate?story=all-every-event",
            f"/console/simulate/plays/{play}",
            "/console/suppressions?done=added",
            "/console/webhooks",
            f"/console/webhooks/{hook}",
            "/console/shops",
            "/console/shops?done=shopify&outcome=refused",
            "/console/settings?done=shop",
            "/console/insights",
            "/console/insights?from=x",
            "/console/widget?done=honest",
            "/widget/example/pk_fern/SKU",
            "/console/login",
        ]:
            page.goto(address + path)
            if faults := page.evaluate(LOOK):
                found[path] = faults
    assert found == {}


# What a person with weak eyes or thick thumbs would stumble on, measured in the page itself.
LOOK = """() => {
  const faults = [];
  const root = document.documentElement;
  const over = root.scrollWidth - root.clientWidth;
  if (over > 0) faults.push(`wider than the screen by ${over}`);
  if (!root.lang) faults.push('no language');
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  if (!document.querySelector('main')) faults.push('no main part');
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  for (const element of document.querySelectorAll('body *')) {
    const says = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const box = element.getBoundingClientRect();
    if (!says || box.width < 2 || box.height < 2) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(numbers(style.color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const name = `${element.tagName} ${element.textContent.trim().slice(0, 30)}`;
    if (ratio < 4.5) faults.push(`${name}: contrast ${ratio.toFixed(2)}`);
    if (parseFloat(style.fontSize) < 14) faults.push(`${name}: ${style.fontSize}`);
  }
  const controls = 'button, .button, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select';
  for (const element of document.querySelectorAll(controls)) {
    const box = element.getBoundingClientRect();
    if (box.height < 44) faults.push(`${element.tagName} ${element.textContent.trim()}: ${box.height} px high`);
  }
  const words = document.createRange();
  for (const element of document.querySelectorAll('.figures b, .button, .tag, nav a, label, th')) {
    for (const node of element.childNodes)
      for (const {0: word, index} of node.nodeType === 3 ? node.data.matchAll(/[A-Za-z]+/g) : []) {
        words.setStart(node, index);
        words.setEnd(node, index + word.length);
        const rows = new Set([...words.getClientRects()].map(box => box.top));
        if (rows.size > 1) faults.push(`${element.tagName} ${word} is broken in two`);
      }
  }
  for (const field of document.querySelectorAll('input:not([type=hidden]), select'))
    if (!field.labels.length) faults.push(`${field.name} has no label`);
  return faults;
}"""
