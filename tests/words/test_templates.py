"""What every default email keeps to, whatever the order and the language."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from notifier.domain.eta import Eta
from notifier.domain.message import WAITING_SERIES, Kind, Said
from notifier.words.check import check, problems
from notifier.words.colour import contrast
from notifier.words.language import LANGUAGES
from notifier.words.reading import read
from notifier.words.samples import ORNAMENT, SAMPLES, Sample, order
from tests.words.emails import EVERY, FOLDER, TEMPLATES, name, the, values, write

every_email = pytest.mark.parametrize(("sample", "locale"), EVERY, ids=name)


def test_the_check_finds_nothing() -> None:
    assert check(TEMPLATES) == []


def test_every_kind_has_samples() -> None:
    assert {sample.kind for sample in SAMPLES} == set(Kind)


@every_email
def test_an_email_keeps_every_rule(sample: Sample, locale: str) -> None:
    assert problems(TEMPLATES, values(sample, locale), write(sample, locale)) == []


@every_email
def test_an_email_is_light(sample: Sample, locale: str) -> None:
    html = write(sample, locale).html
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(html.encode()) <= 9_000
    assert style
    assert len(style[1].encode()) <= 1_500


@every_email
def test_an_email_can_be_read_in_both_schemes(sample: Sample, locale: str) -> None:
    reading = read(write(sample, locale).html)
    assert reading.texts
    assert min(contrast(text.light.ink, text.light.ground) for text in reading.texts) >= 7
    assert min(contrast(text.dark.ink, text.dark.ground) for text in reading.texts) >= 7


@every_email
def test_an_email_names_its_language_and_lays_out_for_everyone(sample: Sample, locale: str) -> None:
    html = write(sample, locale).html
    assert read(html).language == locale
    assert ('dir="rtl"' in html) == locale.startswith("ar")
    assert html.count("<h1") == html.count('role="main"') == html.count("viewport") == 1
    assert html.count("<table") == html.count('<table role="presentation"')
    assert html.count("<img") == len(re.findall(r"<img [^>]*width=[^>]*alt=", html))
    sizes = {int(size) for size in re.findall(r"font(?:-size)?:(\d+)px", html)}
    assert sizes <= {14, 16, 22, 28}


@every_email
def test_an_email_asks_nobody_but_the_shop_s_image_host(sample: Sample, locale: str) -> None:
    html = write(sample, locale).html
    assert "http://" not in html
    assert len({urlsplit(url).hostname for url in re.findall(r'src="([^"]+)"', html)}) <= 1
    assert not re.search(r"<link|@import|url\(", html)


@every_email
def test_the_text_says_what_the_html_says(sample: Sample, locale: str) -> None:
    rendered = write(sample, locale)
    said = Counter(re.findall(r"\w+", read(rendered.html).words.lower()))
    read_out = Counter(re.findall(r"\w+", rendered.text.lower()))
    assert (said & read_out).total() >= 0.95 * said.total()
    assert all(link in rendered.text for link in re.findall(r'<a [^>]*href="([^"]+)"', rendered.html))


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_sentence_is_translated(language: str) -> None:
    with (FOLDER / "locales" / f"{language}.po").open("rb") as po:
        catalog = read_po(po, locale=language)
    written = {
        tuple(filter(None, words)) if isinstance(words, tuple) else (words,)
        for path in FOLDER.glob("*.j2")
        for _, _, words, _ in babel_extract(
            BytesIO(path.read_bytes()), ("_", "ngettext"), (), {"trim_blocks": "true"}
        )
    }
    translated = {
        (m.id,) if isinstance(m.id, str) else tuple(m.id): (m.string,)
        if isinstance(m.string, str)
        else m.string
        for m in catalog
        if m.id
    }
    assert set(translated) == written
    for source, forms in translated.items():
        assert forms, source
        assert all(forms), source
        if len(source) > 1:
            assert len(forms) == catalog.num_plurals
        for form in forms:
            # A plural form may leave out the number ("one day"), never invent a name.
            missing = set(re.findall(r"%\((\w+)\)s", source[0])) ^ set(re.findall(r"%\((\w+)\)s", form))
            assert missing <= {"num"}, source


def test_only_reminders_can_be_unsubscribed_from() -> None:
    for sample in SAMPLES:
        rendered = write(sample)
        reminder = sample.kind in WAITING_SERIES
        assert ("/unsubscribe" in rendered.html) is reminder
        assert ("/unsubscribe" in rendered.text) is reminder
        assert ("List-Unsubscribe" in rendered.headers) is reminder
        if reminder:
            assert rendered.headers["List-Unsubscribe"].startswith("<https://")
            assert rendered.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_delay_says_both_dates_the_reason_and_the_choice() -> None:
    text = write(the("delay", "up to 30 days late, US law")).text
    new, old = text.index("Tuesday, December 22, 2026"), text.index("Saturday, December 12, 2026")
    assert new < old
    assert "Reason: the ship with our containers waits outside the port." in text
    assert text.lower().count("sorry") == 1
    assert "Keep waiting:\n" in text
    assert "Cancel:\n" in text


def test_the_two_answers_look_alike() -> None:
    html = write(the("delay", "up to 30 days late, US law")).html
    keep, cancel = re.findall(r'<td class="a k".*?</td>', html, re.DOTALL)
    assert re.sub(r'href="[^"]*"|>[^<]+</a>', "", keep) == re.sub(r'href="[^"]*"|>[^<]+</a>', "", cancel)


LAW = {
    "up to 30 days late, US law": [
        "Unless we hear from you before the shipment and before Tuesday, December 22, 2026"
    ],
    "more than 30 days late": [
        "cancel automatically",
        "shipped by Monday, January 11, 2027",
        "agreed by then",
    ],
    "up to 30 days late, asked in advance": [
        "Unless we hear from you before the shipment and before Tuesday, December 22, 2026",
        "agree in advance to any further delay after Tuesday, December 22, 2026",
        "If you do, you may still cancel at any time before the shipment.",
    ],
    "more than 30 days late, asked in advance": [
        "shipped by Monday, January 11, 2027",
        "agree in advance to any further delay after Saturday, February 20, 2027",
        "If you do, you may still cancel at any time before the shipment.",
    ],
    "the date is lost": [
        "We cannot give you a new ship date",
        "Reason: the kiln that makes it is being rebuilt",
        "cancel automatically",
        "shipped by Monday, January 11, 2027",
        "you may still cancel at any time before the shipment",
    ],
    "late a second time": [
        "Unless you agree to the new delay by Sunday, December 20, 2026",
        "we will cancel",
    ],
    "the date is lost a second time": [
        "We cannot give you a new ship date",
        "Unless you agree to the new delay by Sunday, December 20, 2026",
        "you may still cancel at any time before the shipment",
    ],
}


@pytest.mark.parametrize("situation", LAW)
def test_a_notice_holds_what_16_cfr_435_asks_for(situation: str) -> None:
    sample = next(s for s in SAMPLES if s.name == situation and s.kind in (Kind.DELAY, Kind.CONSENT))
    rendered = write(sample)
    words = read(rendered.html).words
    for token in [*LAW[situation], "right to cancel and to get a full and prompt refund", "free of charge"]:
        assert token in words
        assert token in rendered.text


def test_an_answer_that_is_needed_has_its_day_in_the_subject() -> None:
    subject = write(the("consent", "more than 30 days late")).subject
    assert subject == "Please answer by January 11, 2027: order 1042 is delayed"


def test_a_refund_is_money() -> None:
    american = write(the("cancelled", "by the customer, US law")).text
    british = write(the("cancelled", "by the shop, a part, EU law"), "en-GB").text
    assert "within seven working days" in american
    assert "$28.50" in american
    assert "within 14 days" in british
    assert "never a voucher" in american
    assert "never a voucher" in british


def test_a_part_shipment_tells_what_is_still_to_come() -> None:
    text = write(the("shipped", "a part, the rest follows")).text
    parcel, rest = text.split("Still to come")
    assert "Quantity: 2" in parcel
    assert "1Z999AA10123456784" in parcel
    assert "Friday, January 8, 2027 – Friday, January 15, 2027" in rest
    assert "No date yet" in rest


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("en-US", "Order 1042: 7 days to go, ships December 8, 2026"),
        ("en-GB", "Order 1042: 7 days to go, ships 8 December 2026"),
        ("de-DE", "Bestellung 1042: noch 7 Tage, Versand 8. Dezember 2026"),
        ("pl-PL", "Zamówienie 1042: jeszcze 7 dni, wysyłka 8 grudnia 2026"),
        ("ar-AE", "الطلب 1042: بقيت 7 أيام، الشحن 8 ديسمبر 2026"),
    ],
)
def test_days_are_counted_as_each_language_counts(locale: str, subject: str) -> None:
    assert write(the("countdown", "seven days to go"), locale).subject == subject


@pytest.mark.parametrize("kind", [Kind.DELAY, Kind.EXPECTATION, Kind.COUNTDOWN])
def test_an_order_of_a_thousand_lines_is_not_cut_by_mail_clients(kind: Kind) -> None:
    lines = [replace(ORNAMENT, id=f"l{n}", sku=f"SKU-{n}", name=f"Ornament {n}") for n in range(1000)]
    says = {line.id: Said(Eta(date(2026, 12, 22))) for line in lines}
    rendered = write(Sample("a thousand lines", kind, order(*lines), says))
    size = len(rendered.html.encode())
    assert size <= 75_000
    text = read(rendered.html).words
    assert "950 more are on your order page." in text
    assert all(f"* Ornament {n}\n" in rendered.text for n in range(1000))


def test_silence_is_an_answer_until_the_last_day_of_a_range() -> None:
    sample = the("delay", "up to 30 days late, US law")
    span = Eta(date(2026, 12, 22), date(2026, 12, 18))
    text = write(replace(sample, says={"l1": Said(span, "n1_short")})).text
    assert "before the shipment and before Tuesday, December 22, 2026, we take it" in text


def test_a_notice_without_a_date_gives_a_reason_even_if_the_shop_gave_none() -> None:
    sample = the("consent", "the date is lost")
    silent = replace(sample.facts, lines=(replace(sample.facts.lines[0], eta_reason=None),))
    assert "Reason: not ready to ship yet." in write(replace(sample, facts=silent)).text
