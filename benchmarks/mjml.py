"""One email both ways: `templates/delay.j2`, made of our macros, beside `delay.mjml`, compiled by MJML.

`.venv/bin/pip install mjml-python`, then `.venv/bin/python -m benchmarks.mjml`: nothing else here needs that package.
The same order, the same words, the same colours; both are held to the measures of `make emails`.
"""

import argparse
import importlib
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, Template
from playwright.sync_api import sync_playwright

from benchmarks import emails
from notifier.domain.message import Kind
from notifier.words.render import Rendered, Templates
from notifier.words.samples import SAMPLES

SOURCE = Path(__file__).parent / "delay.mjml"
OUTLOOK = re.compile(r"<!--\[if (?:mso|.*?IE)|<v:")
"""Conditional comments, which only Outlook on Windows reads."""


def shielded(source: str) -> tuple[str, Mapping[str, str]]:
    """MJML reads XML, in which Jinja's tags are no text: a word stands in for each, and for a block tag `<mj-raw>`."""
    numbers, tags = count(), {}

    def hide(tag: re.Match[str]) -> str:
        word = f"zq{next(numbers)}qz"
        tags[word] = tag[0]
        return f"<mj-raw>{word}</mj-raw>" if tag[0].startswith("{%") else word

    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}", hide, source), tags


def compiled(source: str) -> str:
    """A Jinja template, as a publisher would keep it."""
    hidden, tags = shielded(source)
    html = str(importlib.import_module("mjml").mjml2html(hidden))
    return re.sub(r"zq\d+qz", lambda word: tags[word[0]], html)


def template(source: str, templates: Templates) -> Template:
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    environment.install_gettext_translations(templates.catalogs["en"], newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    return environment.from_string(source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of both")
    folder: Path | None = parser.parse_args().pictures
    templates = Templates(emails.PROJECT / "templates")
    sample = next(it for it in SAMPLES if it.kind is Kind.DELAY)
    ours, values = emails.written(templates, sample, "en-US")
    began = time.process_time()
    source = compiled(SOURCE.read_text("utf-8"))
    to_compile = time.process_time() - began
    mjml = template(source, templates)
    theirs = replace(ours, html=mjml.render(values))
    found = {"macros": of_one(ours, values), "MJML": of_one(theirs, values)}
    found["macros"]["render, µs of a core"] = emails.microseconds(templates, sample)
    found["MJML"]["render, µs of a core, without subject and text"] = _took(mjml, values)
    for name, one in found.items():
        print(name, {measure: round(figure, 3) for measure, figure in one.items()})
    limits = {measure.name: measure for measure in emails.MEASURES}
    for measure in found["macros"].keys() & found["MJML"].keys() & limits.keys():
        for name, one in found.items():
            if not limits[measure].met(one[measure]):
                print(f"{name} misses {measure}: {one[measure]:g}")
    print(
        f"MJML: {to_compile * 1000:.1f} ms to compile, {len(source):,} bytes compiled from {SOURCE.stat().st_size:,}"
    )
    if folder:
        _pictures(folder, {"macros": ours.html, "mjml": theirs.html})


def of_one(rendered: Rendered, values: Mapping[str, Any]) -> dict[str, float]:
    """Its figures, by measure."""
    sample = next(it for it in SAMPLES if it.kind is Kind.DELAY)
    found = {name: float(figure) for name, figure in emails.of_the_source(rendered, values)}
    found["tables"] = rendered.html.count("<table")
    found["conditional comments for Outlook"] = len(OUTLOOK.findall(rendered.html))
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=emails.CHROMIUM) as browser,
    ):
        page = browser.new_page()
        page.route("**/*", lambda route: route.abort())
        page.add_init_script(path=emails.ASSETS / "axe-core" / "axe.min.js")
        page.goto("about:blank")
        found |= dict(emails.of_the_browser(page, rendered.html))
    ((inline, whole),) = emails.unsupported([rendered.html])
    found |= {"caniemail: unsupported inline": inline, "caniemail: unsupported": whole}
    (found["SpamAssassin"],) = emails.spam_scores([emails.as_sent(sample, rendered, 0)])
    return found


def _took(made: Template, values: Mapping[str, Any]) -> float:
    took = []
    for _ in range(200):
        began = time.process_time_ns()
        made.render(values)
        took.append((time.process_time_ns() - began) / 1000)
    return median(took)


def _pictures(folder: Path, htmls: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=emails.CHROMIUM) as browser,
    ):
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body=emails.PRODUCT, content_type="image/svg+xml"))
        for name, html in htmls.items():
            page.set_content(html)
            for width in (375, 600):
                page.set_viewport_size({"width": width, "height": 400})
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    main()
