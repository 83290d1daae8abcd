"""Rules that every email keeps, whoever wrote its template."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from jinja2 import TemplateSyntaxError

from notifier.domain.message import STREAMS, Kind, Stream
from notifier.words import clients, trying
from notifier.words.catalogue import unknown_variables
from notifier.words.colour import contrast, is_colour
from notifier.words.context import in_locale, variables
from notifier.words.letters import digest_values
from notifier.words.reading import Reading, read
from notifier.words.render import Rendered, TemplateFault, Templates, Wording
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
    "ja": Tongue("まもなく|間もなく|もうすぐ|近日中", "セール|割引|値引|クーポン|特価|お買い得"),
    "ar": Tongue("قريب[اً]", "خصم|تخفيض|عرض خاص|قسيمة"),
}

RULES: Mapping[str, str] = {
    "renders": "It can be read as Jinja, has its four blocks, and renders for every sample order in every language.",
    "variables": "It names only variables that emails of its kind have. A gap in an email is worse than no email.",
    "subject": "The subject has 1 to 78 characters: phones show the first half of that. Only a countdown tries a"
    " second one, `subject_b`, and that says the same dates in other words.",
    "promotion": "Word of an order does not sell: an advertisement in its subject, above the fact that it tells, or"
    " anywhere in a notice of the law makes it one in law (16 CFR 316.3).",
    "unsubscribe": "Reminders can be stopped with one click, and say the shop's postal address (RFC 8058, CAN-SPAM).",
    "preheader": "What the inbox shows after the subject has 35 to 110 characters and says something else.",
    "size": "At most 75,000 bytes of HTML: Gmail cuts at 102 kB, and a sentence that is cut off was never said.",
    "structure": "The HTML has its language, a title and exactly one main heading, for those who hear it.",
    "links": "Addresses are absolute and https.",
    "legible": "Words have 14 px at least, and stand out from their ground by 4.5 to 1 in both schemes (WCAG 2 AA).",
    "pictures": "Pictures have words (`alt`) for when they are not shown; empty ones where they say nothing.",
    "mail-programs": "Only elements, attributes and styles that Gmail, Outlook, Apple Mail and Yahoo all show.",
    "text-part": "The plain text says what the HTML says, and has no HTML in it.",
    "dates": "Subject, HTML, plain text and what mail programs read by themselves tell the same dates.",
    "soon": "Say the date, or that there is none; never that it is soon.",
    "law": "A delay holds the sentences of 16 CFR 435.2, both answers, the reason, and every item by its name.",
}
"""What a template must keep to be published, and why."""

NOTICES = Wording(
    """{% import "_" ~ part ~ ".j2" as put with context %}{% import "_parts.j2" as parts with context %}
{% block subject %}{% endblock %}{% block preheader %}{% endblock %}{% block headline %}{% endblock %}
{% block content %}{{ parts.notices() }}{% endblock %}"""
)
"""A template of nothing but the sentences of law."""


class Broken(NamedTuple):
    """A rule that an email breaks, the block of its template that does, and how."""

    rule: str
    block: str
    reason: str


def check(templates: Templates, kinds: Iterable[Kind] = Kind) -> list[TemplateFault]:
    """What is wrong with the templates that come with Notifier, in every language, with every sample order."""
    faults = [fault for kind in kinds for fault in _faults(templates, kind, templates.source(kind), None)]
    return [*faults, *_of_letters(templates)]


def _of_letters(templates: Templates) -> Iterator[TemplateFault]:
    """What is wrong with emails to stores themselves: that they do not render in every language."""
    for locale in LOCALES:
        values = digest_values(
            SHOP, locale, None, NOW.date(), "https://notifier.example/console/duties", (), 200
        )
        try:
            templates.letter("digest", values, locale)
        except TemplateFault as fault:
            yield fault


def check_wording(templates: Templates, kind: Kind, wording: Wording) -> list[TemplateFault]:
    """The same of one template as a store writes it: each fault once, in the order of its lines."""
    faults = _faults(templates, kind, wording.source, wording)
    return sorted([*faults, *_of_the_variables(kind, wording.source, faults)], key=lambda fault: fault.line)


def _of_the_variables(kind: Kind, source: str, known: Sequence[TemplateFault]) -> Iterator[TemplateFault]:
    """Names in parts that no sample order reaches."""
    told = {fault.line for fault in known if fault.rule == "renders"}
    try:
        for line, reason in unknown_variables(kind, source):
            if line not in told:
                yield TemplateFault(f"{kind}.j2", line, reason, "variables")
    except TemplateSyntaxError:
        return  # which has been told


def _faults(templates: Templates, kind: Kind, source: str, wording: Wording | None) -> list[TemplateFault]:
    faults: dict[str, TemplateFault] = {}
    first: dict[tuple[str, str], str] = {}
    """In which language a rule was found broken in a block: in the others it is the same again."""
    for sample in SAMPLES:
        if sample.kind is not kind:
            continue
        for locale in LOCALES:
            facts = in_locale(sample.facts, locale)
            values = variables(facts, kind, sample.says, sample.about, SHOP, LINKS, NOW, sample.law)
            try:
                broken = _broken(templates, kind, values, locale, wording)
            except TemplateFault as fault:
                faults.setdefault(str(fault), fault)
                if not fault.compiles:
                    return list(faults.values())  # it is the same for all
                continue
            for rule, block, reason in broken:
                if first.setdefault((rule, block), locale) != locale:
                    continue
                line = source[: max(source.find(f"block {block} "), 0)].count("\n") + 1
                where = f"{reason} ({locale}, sample: {sample.name})"
                faults.setdefault(f"{block} {reason}", TemplateFault(f"{kind}.j2", line, where, rule))
    return list(faults.values())


def _broken(
    templates: Templates, kind: Kind, values: Mapping[str, Any], locale: str, wording: Wording | None
) -> list[Broken]:
    """What is wrong with one email, whichever of its subjects it has. Raises TemplateFault."""
    rendered = templates.render(kind, values, locale, wording)
    found = problems(templates, values, rendered)
    if wording is None or wording.experiment is None:
        return found
    if kind is not trying.MAY_TRY:
        found.append(Broken("subject", trying.SECOND, f"only a {trying.MAY_TRY} may try a second subject"))
    other = templates.render(kind, values, locale, wording, second=True)
    if other.subject == rendered.subject:
        found.append(Broken("subject", trying.SECOND, "says the same as the first subject"))
    again = [it for it in problems(templates, values, other) if it not in found]
    return [*found, *(it._replace(block=trying.SECOND) if it.block == trying.FIRST else it for it in again)]


def problems(templates: Templates, values: Mapping[str, Any], rendered: Rendered) -> list[Broken]:
    """What is wrong with one email."""
    reading = read(rendered.html)
    tongue = TONGUES[values["lang"].split("-")[0]]
    return [
        *_of_the_subject(rendered.subject, reading, tongue),
        *_of_the_html(rendered, reading),
        *_of_the_text(rendered, reading),
        *_of_the_dates(values, rendered, reading),
        *_of_the_law(templates, values, rendered, reading),
        *_of_the_stream(values, rendered, tongue),
    ]


def _of_the_subject(subject: str, reading: Reading, tongue: Tongue) -> Iterator[Broken]:
    if not 0 < len(subject) <= MAX_SUBJECT:
        yield Broken("subject", "subject", f"has {len(subject)} characters, not 1 to {MAX_SUBJECT}")
    if word := re.search(tongue.discount, subject, re.IGNORECASE):
        yield Broken("promotion", "subject", f"sells: {word[0]!r} makes the email an advertisement in law")
    if len(reading.preheader) not in PREHEADER:
        length = f"has {len(reading.preheader)} characters, not {PREHEADER[0]} to {PREHEADER[-1]}"
        yield Broken("preheader", "preheader", length)
    if reading.preheader == subject:
        yield Broken("preheader", "preheader", "says the same as the subject")


def _of_the_html(rendered: Rendered, reading: Reading) -> Iterator[Broken]:
    size = len(rendered.html.encode())
    if size > MAX_HTML_BYTES:
        yield Broken("size", "content", f"makes {size} bytes of HTML, more than {MAX_HTML_BYTES}")
    if not reading.language or not reading.title:
        yield Broken("structure", "subject", "leaves the HTML without a language or a title")
    if reading.headings != 1:
        yield Broken("structure", "headline", f"there are {reading.headings} h1 headings, not 1")
    for url in reading.urls:
        if not _is_web(url):
            yield Broken("links", "content", f"the address {url!r} is not an absolute https address")
    for text in reading.texts:
        for scheme, ink in (("light", text.light), ("dark", text.dark)):
            if odd := [colour for colour in (ink.ink, ink.ground) if not is_colour(colour)]:
                yield Broken("legible", "content", f"write the colour {odd[0]!r} like #1f5a43")
            elif contrast(ink.ink, ink.ground) < MIN_CONTRAST:
                hard = f"{ink.ink} on {ink.ground} is hard to read in the {scheme} scheme"
                yield Broken("legible", "content", hard)
    body = clients.seen(rendered.html)
    for size_px in body.small:
        yield Broken(
            "legible", "content", f"words of {size_px:g} px are too small; use {clients.SMALLEST} or more"
        )
    for what in body.unsupported:
        yield Broken("mail-programs", "content", f"{what} is not shown by all mail programs")
    for source in body.without_alt:
        yield Broken("pictures", "content", f'the picture {source!r} has no alt="…"')


def _of_the_text(rendered: Rendered, reading: Reading) -> Iterator[Broken]:
    if len(rendered.text) < MIN_TEXT:
        short = f"the text part has {len(rendered.text)} characters, fewer than {MIN_TEXT}"
        yield Broken("text-part", "content", short)
    if any(len(line) > MAX_LINE for line in rendered.text.splitlines()):
        too_long = f"a line of the text part is longer than {MAX_LINE} characters"
        yield Broken("text-part", "content", too_long)
    if markup := re.search(r"</?[a-z]+[ >]|&[a-z]+;", rendered.text):
        yield Broken("text-part", "content", f"there is HTML in the text part: {markup[0]!r}")
    said, read_out = set(_words(reading.words)), set(_words(rendered.text))
    if said and len(said & read_out) / len(said) < MIN_SHARED_WORDS:
        lacks = ", ".join(sorted(said - read_out)[:5])
        yield Broken("text-part", "content", f"the text part lacks {lacks}")


def _of_the_dates(values: Mapping[str, Any], rendered: Rendered, reading: Reading) -> Iterator[Broken]:
    told = [group["eta"] for group in values["news"] if group["eta"]["known"]]
    for eta in told:
        if eta["text"] not in reading.words or eta["text"] not in rendered.text:
            missing = f"the date {eta['text']!r} is missing from the HTML or the text part"
            yield Broken("dates", "content", missing)
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
        unsaid = f"the markup for mail clients tells {min(marked - shown)}, which the email does not say"
        yield Broken("dates", "content", unsaid)
    if (
        told
        and values["kind"] not in (Kind.CONSENT, Kind.PAYMENT)
        and told[0]["short"] not in rendered.subject
    ):
        yield Broken("dates", "subject", f"does not say the date, {told[0]['short']!r}")
    for part in (rendered.subject, reading.preheader, reading.words):
        if word := re.search(TONGUES[values["lang"].split("-")[0]].soon, part, re.IGNORECASE):
            yield Broken("soon", "content", f"says {word[0]!r}: say the date, or that there is none")


def _of_the_law(
    templates: Templates, values: Mapping[str, Any], rendered: Rendered, reading: Reading
) -> Iterator[Broken]:
    """16 CFR 435.2: what an option notice must hold. A notice without a way to cancel is no notice."""
    if values["kind"] not in (Kind.DELAY, Kind.CONSENT):
        return
    # In the words that come with Notifier: a store's own translation of a legal sentence is another sentence.
    sentences = templates.render(Kind(values["kind"]), values, values["lang"], NOTICES).text
    shown = " ".join(reading.words.split())
    for sentence in filter(None, sentences.splitlines()):
        if sentence not in rendered.text or sentence not in shown:
            yield Broken(
                "law", "content", f"lacks what the law asks for, {{{{ parts.notices() }}}}: {sentence!r}"
            )
    for part in (rendered.html, rendered.text):
        for answer in ("keep", "cancel"):
            if values["links"][answer] not in part:
                yield Broken("law", "content", f"the link to {answer} is missing from one part")
    yield from _of_each_notice(values, rendered)


def _of_the_stream(values: Mapping[str, Any], rendered: Rendered, tongue: Tongue) -> Iterator[Broken]:
    """What an email may hold by what it is in law (`Stream`)."""
    stream = STREAMS[Kind(values["kind"])]
    if stream is Stream.WAITING:
        for what, words in (
            ("unsubscribe", values["links"]["unsubscribe"]),
            ("address", values["shop"]["address"]),
        ):
            if words not in rendered.html or words not in rendered.text:
                missing = "link to stop the reminders" if what == "unsubscribe" else "shop's postal address"
                yield Broken("unsubscribe", "content", f"the {missing} is missing from one part")
        return
    facts = [line["name"] for line in values["lines"]] + [group["eta"]["text"] for group in values["news"]]
    at = min((rendered.text.find(fact) for fact in facts if fact and fact in rendered.text), default=0)
    legal = stream is Stream.LEGAL
    # Word of a cancellation says below its fact that money comes back, and "never a voucher".
    words = rendered.text if values["kind"] in (Kind.DELAY, Kind.CONSENT) else rendered.text[:at]
    shown = rendered.text if legal else rendered.text[:at]
    sells = re.search(tongue.discount, words, re.IGNORECASE)
    if sells or any(item["name"] in shown for item in values["related"]):
        why = "a notice that the law asks for holds no promotion" if legal else "the fact comes first"
        yield Broken("promotion", "content", f"sells: {why}")


def _of_each_notice(values: Mapping[str, Any], rendered: Rendered) -> Iterator[Broken]:
    for group in values["news"]:
        if group["reason"] and group["reason"] not in rendered.text:
            yield Broken("law", "content", "does not give the reason")
        if not all(line["name"] in rendered.text for line in group["lines"]):
            yield Broken("law", "content", "does not name every item")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _is_web(url: str) -> bool:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))
