"""How good the default emails are, by the tools that others use: `make emails`.

Every sample order in every language, held to the figures that beat the best known emails. Needs Chromium; Node, for
axe-core and caniemail; and SpamAssassin. Prints a row a measure with the worst value of each kind; exits 1 where one is
missed.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright

from notifier.domain.message import Kind
from notifier.providers.base import Envelope
from notifier.providers.mime import build
from notifier.words.context import in_locale, variables
from notifier.words.reading import read
from notifier.words.render import Rendered, Templates
from notifier.words.samples import LINKS, LOCALES, NOW, SAMPLES, SHOP, Sample

PROJECT = Path(__file__).parent.parent
ASSETS = PROJECT / "assets" / "node_modules"
CHROMIUM = "/usr/bin/chromium"
WIDTHS = (320, 375, 600, 1280)
PRODUCT = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="#c9d6cf"/>'
    '<circle cx="32" cy="36" r="18" fill="#1f5a43"/><rect x="29" y="12" width="6" height="8" fill="#8a7a4a"/></svg>'
)
"""In the place of a product's picture, for the sample orders have none that can be loaded."""


@dataclass(frozen=True)
class Measure:
    """Of one figure of all emails of a kind the worst counts: the largest, or, `at_least`, the smallest."""

    name: str
    limit: float
    at_least: bool = False

    def worst(self, values: Sequence[float]) -> float:
        return min(values) if self.at_least else max(values)

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


MEASURES = (
    Measure("bytes of HTML", 9_000),
    Measure("bytes of the style block", 1_500),
    Measure("characters of plain text", 300, at_least=True),
    Measure("share of the HTML's words in the plain text", 0.95, at_least=True),
    Measure("longest line of plain text", 998),
    Measure("without language, title or viewport", 0),
    Measure("pictures without alt or width", 0),
    Measure("layout tables without role=presentation", 0),
    Measure("h1 headings besides the one", 0),
    Measure("without both scheme meta and query", 0),
    Measure("lowest contrast, light", 7, at_least=True),
    Measure("lowest contrast, dark", 7, at_least=True),
    Measure("axe: serious and critical, both schemes", 0),
    Measure("axe: any, both schemes", 0),
    Measure("smallest font, px", 14, at_least=True),
    Measure("sizes of font", 5),
    Measure("overflow at 320 to 1280 px", 0),
    Measure("lowest button, px", 44, at_least=True),
    Measure("first button ends at 375 px wide", 600),
    Measure("characters of preheader, least", 35, at_least=True),
    Measure("characters of preheader, most", 110),
    Measure("caniemail: unsupported inline", 4),
    Measure("caniemail: unsupported", 5),
    Measure("SpamAssassin", 0),
    Measure("dates of JSON-LD that the text does not say", 0),
    Measure("hosts of assets", 1),
    Measure("http: addresses", 0),
    Measure("placeholders left", 0),
)
"""The figures that beat nineteen well-known emails of seven public sources all at once."""

# What the browser has laid out: words with their real colours and sizes, buttons with their real height.
LOOK = """() => {
  const rgb = colour => colour.match(/[\\d.]+/g).map(Number);
  const ground = node => {
    for (let e = node; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const light = colour => colour.slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const contrasts = [], sizes = new Set();
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !parent.offsetParent) continue;
    const style = getComputedStyle(parent);
    const [dark, bright] = [light(rgb(style.color)), light(ground(parent))].sort((x, y) => x - y);
    contrasts.push((bright + 0.05) / (dark + 0.05));
    sizes.add(parseFloat(style.fontSize));
  }
  const buttons = [...document.querySelectorAll("a.a, .a a")].map(a => a.getBoundingClientRect());
  return {
    overflow: Math.max(0, document.documentElement.scrollWidth - innerWidth),
    contrast: Math.min(...contrasts), smallest: Math.min(...sizes), sizes: sizes.size,
    button: Math.min(...buttons.map(b => b.height), 1000), ends: buttons.length ? buttons[0].bottom : 0,
  };
}"""


def written(templates: Templates, sample: Sample, locale: str) -> tuple[Rendered, dict[str, Any]]:
    facts = in_locale(sample.facts, locale)
    values = variables(facts, sample.kind, sample.says, sample.about, SHOP, LINKS, NOW, sample.law)
    return templates.render(sample.kind, values, locale), values


def of_the_source(rendered: Rendered, values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    html, reading = rendered.html, read(rendered.html)
    styles = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)
    said, read_out = (set(re.findall(r"\w+", text.lower())) for text in (reading.words, rendered.text))
    marked = set(re.findall(r'"expectedArrival\w+":"([\d-]+)"', html))
    spelled = {
        eta[end] for eta in _etas(values) for end in ("earliest", "latest") if eta["text"] in rendered.text
    }
    yield "bytes of HTML", len(html.encode())
    yield "bytes of the style block", len("".join(styles).encode())
    yield "characters of plain text", len(rendered.text)
    yield "share of the HTML's words in the plain text", len(said & read_out) / len(said)
    yield "longest line of plain text", max(map(len, rendered.text.splitlines()))
    lacks = [reading.language != "", reading.title != "", 'name="viewport"' in html].count(False)
    yield "without language, title or viewport", lacks
    yield "pictures without alt or width", len(re.findall(r"<img(?![^>]*alt=)|<img(?![^>]*width=)", html))
    yield (
        "layout tables without role=presentation",
        len(re.findall(r'<table(?![^>]*role="presentation")', html)),
    )
    yield "h1 headings besides the one", abs(reading.headings - 1)
    both = 'name="color-scheme"' in html and "prefers-color-scheme" in html
    yield "without both scheme meta and query", not both
    yield "characters of preheader, least", len(reading.preheader)
    yield "characters of preheader, most", len(reading.preheader)
    yield "dates of JSON-LD that the text does not say", len(marked - spelled)
    yield "hosts of assets", len(set(re.findall(r'src="https?://([^/"]+)', html)))
    yield "http: addresses", html.count('"http://')
    yield "placeholders left", len(re.findall(r"\{\{|\{%|%\(|\bNone\b|lorem", html + rendered.text))


def _etas(values: Mapping[str, Any]) -> list[Any]:
    lines = [*values["lines"], *values["later"]]
    return [it["eta"] for it in [*values["news"], *lines] if it["eta"]["known"]]


def of_the_browser(page: Page, html: str) -> Iterator[tuple[str, float]]:
    page.set_content(html)
    overflow = 0.0
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        seen = page.evaluate(LOOK)
        overflow = max(overflow, seen["overflow"])
        if width == 375:
            yield "first button ends at 375 px wide", seen["ends"]
    yield "overflow at 320 to 1280 px", overflow
    yield "smallest font, px", seen["smallest"]
    yield "sizes of font", seen["sizes"]
    yield "lowest button, px", seen["button"]
    grave = every = 0
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        yield f"lowest contrast, {scheme}", page.evaluate(LOOK)["contrast"]
        broken = page.evaluate("async () => (await axe.run()).violations.map(it => it.impact)")
        every += len(broken)
        grave += sum(impact in ("serious", "critical") for impact in broken)
    page.emulate_media(color_scheme="light")
    yield "axe: serious and critical, both schemes", grave
    yield "axe: any, both schemes", every


def unsupported(htmls: Sequence[str]) -> list[tuple[int, int]]:
    """By caniemail: how many features common mail programs lack, without the style block and with it."""
    asked = "".join(json.dumps(html) + "\n" for html in htmls)
    command = ["node", str(PROJECT / "benchmarks" / "caniemail.mjs")]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [(len(it["inline"]), len(it["whole"])) for it in found]


def spam_scores(emails: Sequence[bytes]) -> list[float]:
    """By SpamAssassin with its own rules alone (`-L`), of each message as it is sent.

    In a box of hundreds it now and then finds capitals in a subject that has none, each time in another one, so a
    message that it dislikes is shown to it again by itself.
    """
    return [
        _spam_scores([email])[0] if score > 0 else score
        for email, score in zip(emails, _spam_scores(emails), strict=True)
    ]


def _spam_scores(emails: Sequence[bytes]) -> list[float]:
    box = b"".join(b"From notifier@localhost Tue Dec  1 15:00:00 2026\n" + email + b"\n" for email in emails)
    done = subprocess.run(["spamassassin", "-L", "--mbox"], input=box, capture_output=True, check=True)
    scores = re.findall(rb"^X-Spam-Status:[^\n]*score=(-?[\d.]+)", done.stdout, re.MULTILINE)
    assert len(scores) == len(emails), (len(scores), len(emails))
    return [float(score) for score in scores]


def as_sent(sample: Sample, rendered: Rendered, number: int) -> bytes:
    envelope = Envelope(
        message_id=f"msg_{number}",
        store_id="store_1",
        kind=sample.kind.value,
        sender="Fern & Oak <orders@fernandoak.example>",
        to=sample.facts.customer.email,
        to_name=sample.facts.customer.name,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        occurred_at=NOW,
        reply_to=SHOP.support_email,
        headers=rendered.headers,
    )
    return build(envelope).content.replace(b"\r\n", b"\n")


def microseconds(templates: Templates, sample: Sample) -> float:
    """Of one core, for the words of an email whose template is compiled."""
    _, values = written(templates, sample, "en-US")
    took = []
    for _ in range(200):
        began = time.process_time_ns()
        templates.render(sample.kind, values, "en-US")
        took.append((time.process_time_ns() - began) / 1000)
    return median(took)


def measured(templates: Templates, locales: Sequence[str]) -> dict[Kind, dict[str, list[float]]]:
    """By kind and measure, the figure of every email."""
    found: dict[Kind, dict[str, list[float]]] = {kind: defaultdict(list) for kind in Kind}
    emails = [(sample, *written(templates, sample, locale)) for sample in SAMPLES for locale in locales]
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        page = browser.new_page()
        page.route("**/*", lambda route: route.abort())
        page.add_init_script(path=ASSETS / "axe-core" / "axe.min.js")
        page.goto("about:blank")
        for sample, rendered, values in emails:
            for name, figure in (
                *of_the_source(rendered, values),
                *of_the_browser(page, rendered.html),
            ):
                found[sample.kind][name].append(float(figure))
    for (sample, *_), (inline, whole) in zip(
        emails, unsupported([rendered.html for _, rendered, _ in emails]), strict=True
    ):
        found[sample.kind]["caniemail: unsupported inline"].append(inline)
        found[sample.kind]["caniemail: unsupported"].append(whole)
    sent = [as_sent(sample, rendered, number) for number, (sample, rendered, _) in enumerate(emails)]
    for (sample, *_), score in zip(emails, spam_scores(sent), strict=True):
        found[sample.kind]["SpamAssassin"].append(score)
    return found


def pictures(templates: Templates, folder: Path) -> None:
    """Each kind at four widths in both schemes."""
    folder.mkdir(parents=True, exist_ok=True)
    first = {sample.kind: sample for sample in reversed(SAMPLES)}
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body=PRODUCT, content_type="image/svg+xml"))
        for kind, sample in first.items():
            page.set_content(written(templates, sample, "en-US")[0].html)
            for width in WIDTHS:
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    page.set_viewport_size({"width": width, "height": 400})
                    page.screenshot(path=folder / f"{kind}-{width}-{scheme}.png", full_page=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--locale", action="append", help="only this one; may be repeated")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of each kind")
    asked = parser.parse_args()
    templates = Templates(PROJECT / "templates")
    found = measured(templates, asked.locale or LOCALES)
    kinds = list(Kind)
    print(f"| the worst of {sum(len(of['SpamAssassin']) for of in found.values())} emails | must | "
          + " | ".join(kinds) + " |")  # fmt: skip
    print("| --- " * (len(kinds) + 2) + "|")
    missed = 0
    for measure in MEASURES:
        worst = [measure.worst(found[kind][measure.name]) for kind in kinds]
        missed += sum(not measure.met(figure) for figure in worst)
        cells = [f"{figure + 0:.4g}" + ("" if measure.met(figure) else " **missed**") for figure in worst]
        sign = "≥" if measure.at_least else "≤"
        print(f"| {measure.name} | {sign} {measure.limit:,g} | " + " | ".join(cells) + " |")
    first = {sample.kind: sample for sample in reversed(SAMPLES)}
    times = [f"{microseconds(templates, first[kind]):.0f}" for kind in kinds]
    print("| render, µs of a core | | " + " | ".join(times) + " |")
    if asked.pictures:
        pictures(templates, asked.pictures)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
