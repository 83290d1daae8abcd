"""Emails in a real browser: narrow and wide, light and dark, with images off."""

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page

from notifier.words.samples import LOCALES, SAMPLES, SHOP
from tests.words.emails import write

# What the browser has laid out: words with their real colours, buttons with their real size.
MEASURE = """() => {
  const rgb = colour => colour.match(/[\\d.]+/g).map(Number);
  const ground = node => {
    for (let e = node; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const luminance = colour => colour.slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !parent.offsetParent) continue;
    const style = getComputedStyle(parent);
    texts.push({words: walker.currentNode.textContent.trim(), size: parseFloat(style.fontSize),
                contrast: contrast(rgb(style.color), ground(parent))});
  }
  const buttons = [...document.querySelectorAll("a.a")].map(a => a.getBoundingClientRect());
  return {
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    headings: document.querySelectorAll("h1").length,
    texts, buttons: buttons.map(b => ({height: b.height, bottom: b.bottom, width: b.width})),
  };
}"""

WIDTHS = (320, 375, 600)
VIEWS = (*((width, "light") for width in WIDTHS), (375, "dark"))


def laid_out(page: Page, width: int, scheme: Any) -> Any:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    return page.evaluate(MEASURE)


@pytest.fixture
def mail(page: Page) -> Page:
    """A page that loads nothing from anywhere, as a mail client with images off."""
    page.route("**/*", lambda route: route.abort())
    return page


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ar-AE"])
def test_every_email_fits_and_can_be_read(mail: Page, locale: str) -> None:
    for sample in SAMPLES:
        mail.set_content(write(sample, locale).html)
        for width, scheme in VIEWS:
            seen = laid_out(mail, width, scheme)
            case = f"{sample.kind}: {sample.name} at {width} px, {scheme}"
            assert seen["overflow"] <= 0, case
            assert seen["headings"] == 1, case
            assert min(text["contrast"] for text in seen["texts"]) >= 7, case
            assert min(text["size"] for text in seen["texts"]) >= 14, case
            assert all(button["height"] >= 48 for button in seen["buttons"]), case


@pytest.mark.parametrize("locale", LOCALES)
def test_the_first_button_is_on_the_first_screen_of_a_phone(mail: Page, locale: str) -> None:
    for sample in SAMPLES:
        mail.set_content(write(sample, locale).html)
        seen = laid_out(mail, 375, "light")
        assert seen["buttons"][0]["bottom"] <= 600, f"{sample.kind}: {sample.name}"


def test_the_two_answers_are_of_one_size(mail: Page) -> None:
    for sample in SAMPLES:
        if sample.kind not in ("delay", "consent"):
            continue
        mail.set_content(write(sample, "de-DE").html)
        for width in WIDTHS:
            keep, cancel = laid_out(mail, width, "light")["buttons"]
            assert (keep["width"], keep["height"]) == pytest.approx(
                (cancel["width"], cancel["height"]), abs=1
            )


@pytest.mark.parametrize("accent", ["#ffe600", "#101010", "#ffffff", "#22bc66", "#d4006a"])
def test_every_shop_colour_can_be_read(mail: Page, accent: str) -> None:
    shop = replace(SHOP, accent=accent)
    mail.set_content(write(SAMPLES[0], "en-US", shop).html)
    for scheme in ("light", "dark"):
        seen = laid_out(mail, 375, scheme)
        assert min(text["contrast"] for text in seen["texts"]) >= 4.5


def test_a_long_word_breaks_rather_than_widen_the_email(mail: Page) -> None:
    html = write(SAMPLES[0]).html.replace("Red glass ornament", "W" * 60).replace(SHOP.address, "x" * 200)
    mail.set_content(html)
    assert laid_out(mail, 320, "light")["overflow"] <= 0
