"""Rules that every email keeps, whoever wrote its template."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from notifier.domain.message import Kind
from notifier.words.colour import contrast
from notifier.words.context import in_locale, variables
from notifier.words.reading import Reading, read
from notifier.words.render import Rendered, TemplateFault, Templates
from notifier.words.samples import LINKS, LOCALES, NOW, SAMPLES, SHOP

MAX_SUBJECT = 78
PREHEADER = range(35, 111)
MAX_HTML_BYTES = 75_000
"""Gmail cuts an email at 102 KB, and a sentence of law that is cut off was never said."""
MIN_TEXT = 300
MAX_LINE = 998
"""RFC 5322, 2.1.1."""
MIN_CONTRAST = 4.5
"""WCAG 2, level AA."""
MIN_SHARED_WORDS = 0.95


class Tongue(NamedTuple):
    """Words of a language that the rules look for, as regular expressions."""

    soon: str
    discount: str


TONGUES: Mapping[str, Tongue] = {
    "en": Tongue(r"\bsoon\b", r"\bsale\b|discount|\boffer\b|\bdeal\b|coupon|% off"),
    "de": Tongue(r"\bbald\b|demnächst", "Rabatt|Angebot|Gutschein|Schnäppchen"),
    "fr": Tongue("bientôt", r"\bpromo|remise|\bsoldes\b|bon de réduction"),
    "es": Tongue(r"\bpronto\b", "descuento|oferta|rebaja|cupón"),
    "pl": Tongue("wkrótce|niebawem", "rabat|promocj|zniżk|kupon"),
    "ar": Tongue("قريب[اً]", "خصم|تخفيض|عرض خاص|قسيمة"),
}

NOTICES = """{% import "_" ~ part ~ ".j2" as put with context %}{% import "_parts.j2" as parts with context %}
{% block subject %}{% endblock %}{% block preheader %}{% endblock %}{% block headline %}{% endblock %}
{% block content %}{{ parts.notices() }}{% endblock %}"""
"""A template of nothing but the sentences of law."""


def check(templates: Templates, kinds: Iterable[Kind] = Kind) -> list[TemplateFault]:
    """What is wrong with the templates, in every language, with every sample order."""
    return [fault for kind in kinds for fault in check_source(templates, kind, templates.source(kind))]


def check_source(templates: Templates, kind: Kind, source: str) -> list[TemplateFault]:
    """The same of one template, as it is written or as a draft; each fault once."""
    faults: dict[str, TemplateFault] = {}
    for sample in SAMPLES:
        if sample.kind is not kind:
            continue
        for locale in LOCALES:
            facts = in_locale(sample.facts, locale)
            values = variables(facts, kind, sample.says, sample.about, SHOP, LINKS, NOW)
            try:
                rendered = templates.preview(kind, source, values, locale)
            except TemplateFault as fault:
                faults.setdefault(str(fault), fault)
                continue
            for block, reason in problems(templates, values, rendered):
                line = source[: max(source.find(f"block {block} "), 0)].count("\n") + 1
                found = TemplateFault(f"{kind}.j2", line, f"{reason} ({locale}, sample: {sample.name})")
                faults.setdefault(f"{block} {reason}", found)
    return list(faults.values())


def problems(templates: Templates, values: Mapping[str, Any], rendered: Rendered) -> list[tuple[str, str]]:
    """What is wrong with one email, as the block of its template and a reason."""
    reading = read(rendered.html)
    tongue = TONGUES[values["lang"].split("-")[0]]
    return [
        *_of_the_subject(rendered.subject, reading, tongue),
        *_of_the_html(rendered, reading),
        *_of_the_text(rendered, reading),
        *_of_the_dates(values, rendered, reading),
        *_of_the_law(templates, values, rendered),
    ]


def _of_the_subject(subject: str, reading: Reading, tongue: Tongue) -> Iterator[tuple[str, str]]:
    if not 0 < len(subject) <= MAX_SUBJECT:
        yield "subject", f"has {len(subject)} characters, not 1 to {MAX_SUBJECT}"
    if word := re.search(tongue.discount, subject, re.IGNORECASE):
        yield "subject", f"sells: {word[0]!r} makes the email an advertisement in law"
    if len(reading.preheader) not in PREHEADER:
        yield "preheader", f"has {len(reading.preheader)} characters, not {PREHEADER[0]} to {PREHEADER[-1]}"
    if reading.preheader == subject:
        yield "preheader", "says the same as the subject"


def _of_the_html(rendered: Rendered, reading: Reading) -> Iterator[tuple[str, str]]:
    size = len(rendered.html.encode())
    if size > MAX_HTML_BYTES:
        yield "content", f"makes {size} bytes of HTML, more than {MAX_HTML_BYTES}"
    if not reading.language or not reading.title:
        yield "subject", "leaves the HTML without a language or a title"
    if reading.headings != 1:
        yield "headline", f"there are {reading.headings} h1 headings, not 1"
    for url in reading.urls:
        if not _is_web(url):
            yield "content", f"the address {url!r} is not an absolute https address"
    for text in reading.texts:
        for scheme, ink in (("light", text.light), ("dark", text.dark)):
            if contrast(ink.ink, ink.ground) < MIN_CONTRAST:
                yield "content", f"{ink.ink} on {ink.ground} is hard to read in the {scheme} scheme"


def _of_the_text(rendered: Rendered, reading: Reading) -> Iterator[tuple[str, str]]:
    if len(rendered.text) < MIN_TEXT:
        yield "content", f"the text part has {len(rendered.text)} characters, fewer than {MIN_TEXT}"
    if any(len(line) > MAX_LINE for line in rendered.text.splitlines()):
        yield "content", f"a line of the text part is longer than {MAX_LINE} characters"
    if markup := re.search(r"</?[a-z]+[ >]|&[a-z]+;", rendered.text):
        yield "content", f"there is HTML in the text part: {markup[0]!r}"
    said, read_out = set(_words(reading.words)), set(_words(rendered.text))
    if said and len(said & read_out) / len(said) < MIN_SHARED_WORDS:
        yield "content", f"the text part lacks {', '.join(sorted(said - read_out)[:5])}"


def _of_the_dates(
    values: Mapping[str, Any], rendered: Rendered, reading: Reading
) -> Iterator[tuple[str, str]]:
    told = [group["eta"] for group in values["news"] if group["eta"]["known"]]
    for eta in told:
        if eta["text"] not in reading.words or eta["text"] not in rendered.text:
            yield "content", f"the date {eta['text']!r} is missing from the HTML or the text part"
    marked = {
        day
        for delivery in values["json_ld"].get("orderDelivery", [])
        for day in (delivery.get("expectedArrivalFrom"), delivery.get("expectedArrivalUntil"))
        if day
    }
    shown = {
        eta[end]
        for eta in [*told, *(line["eta"] for line in values["later"])]
        for end in ("earliest", "latest")
        if eta["text"] and eta["text"] in reading.words
    }
    if marked - shown:
        yield (
            "content",
            f"the markup for mail clients tells {min(marked - shown)}, which the email does not say",
        )
    if told and values["kind"] != Kind.CONSENT and told[0]["short"] not in rendered.subject:
        yield "subject", f"does not say the date, {told[0]['short']!r}"
    for part in (rendered.subject, reading.preheader, reading.words):
        if word := re.search(TONGUES[values["lang"].split("-")[0]].soon, part, re.IGNORECASE):
            yield "content", f"says {word[0]!r}: say the date, or that there is none"


def _of_the_law(
    templates: Templates, values: Mapping[str, Any], rendered: Rendered
) -> Iterator[tuple[str, str]]:
    """16 CFR 435.2: what an option notice must hold. A notice without a way to cancel is no notice."""
    if values["kind"] not in (Kind.DELAY, Kind.CONSENT):
        return
    sentences = templates.preview(Kind(values["kind"]), NOTICES, values, values["lang"]).text
    for sentence in filter(None, sentences.splitlines()):
        if sentence not in rendered.text:
            yield "content", f"lacks what the law asks for, {{{{ parts.notices() }}}}: {sentence!r}"
    for part in (rendered.html, rendered.text):
        for answer in ("keep", "cancel"):
            if values["links"][answer] not in part:
                yield "content", f"the link to {answer} is missing from one part"
    if any(item["name"] in rendered.text for item in values["related"]):
        yield "content", "sells: a notice that the law asks for holds no promotion"
    yield from _of_each_notice(values, rendered)


def _of_each_notice(values: Mapping[str, Any], rendered: Rendered) -> Iterator[tuple[str, str]]:
    for group in values["news"]:
        if group["reason"] and group["reason"] not in rendered.text:
            yield "content", "does not give the reason"
        if not all(line["name"] in rendered.text for line in group["lines"]):
            yield "content", "does not name every item"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _is_web(url: str) -> bool:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))
