"""A shop's voice, letters and pages elsewhere, in every email and every language."""

from dataclasses import replace

import pytest

from notifier.domain.message import STREAMS, Stream
from notifier.words.brand import DEFAULT_FONT, NETWORKS, SAFE_FONTS, font_stack, fonts, network
from notifier.words.check import problems
from notifier.words.language import LANGUAGES
from notifier.words.samples import SAMPLES, SHOP, Sample
from tests.words.emails import EVERY, TEMPLATES, name, values, write

WARM = replace(SHOP, voice="warm", font="Avenir Next, Georgia")
every_email = pytest.mark.parametrize(("sample", "locale"), EVERY, ids=name)
INSTAGRAM = SHOP.socials[0]["url"]


@every_email
def test_a_warm_voice_breaks_no_rule_and_stays_light(sample: Sample, locale: str) -> None:
    rendered = write(sample, locale, WARM)
    assert problems(TEMPLATES, values(sample, locale, WARM), rendered) == []
    assert len(rendered.html.encode()) <= 9_000
    assert "px Avenir Next,Georgia,serif" in rendered.html


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_voice_changes_how_an_email_greets_and_signs_off_and_nothing_else(spoken: str) -> None:
    plain, warm = (write(SAMPLES[0], spoken, shop).text.splitlines() for shop in (SHOP, WARM))
    new = [line for line in warm if line and line not in plain]
    gone = [line for line in plain if line and line not in warm]
    assert len(gone) == 1
    assert "Jane Doe" in gone[0]
    assert len(new) == 2
    assert "Jane Doe" in new[0]
    assert SHOP.name in new[1]


@every_email
def test_every_email_says_why_its_customer_gets_it(sample: Sample, locale: str) -> None:
    rendered, order = write(sample, locale), values(sample, locale)["order"]
    (why,) = (
        line
        for line in rendered.text.splitlines()
        if all(said in line for said in (order["id"], SHOP.name, order["placed"]["text"]))
    )
    assert why.replace("&", "&amp;") in rendered.html


def test_each_stream_has_a_reason_of_its_own() -> None:
    first = {STREAMS[sample.kind]: sample for sample in SAMPLES}
    whys = {
        next(line for line in write(sample).text.splitlines() if line.startswith("You get this"))
        for sample in first.values()
    }
    assert len(whys) == len(Stream)


def test_a_notice_of_the_law_leads_nowhere_else() -> None:
    for sample in SAMPLES:
        rendered = write(sample)
        legal = STREAMS[sample.kind] is Stream.LEGAL
        assert (INSTAGRAM in rendered.html, INSTAGRAM in rendered.text) == (not legal, not legal)


@pytest.mark.parametrize(
    ("names", "stack"),
    [
        (None, DEFAULT_FONT),
        ("georgia", "Georgia,serif"),
        (" Avenir   Next ,Helvetica Neue, ARIAL", "Avenir Next,Helvetica Neue,Arial,sans-serif"),
        ("courier new", "Courier New,monospace"),
    ],
)
def test_fonts_end_with_what_everybody_has(names: str | None, stack: str) -> None:
    assert font_stack(names) == stack


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("Avenir Next", "name last one that is: Arial"),
        ("", "is not the name of a font"),
        ("Georgia,", "is not the name of a font"),
        ("'Avenir Next', Georgia", "is not the name of a font"),
        ("a;color:red, Georgia", "is not the name of a font"),
        ("inherit, Georgia", "is not the name of a font"),
        ("3D, Georgia", "is not the name of a font"),
        ("A, B, C, D, Georgia", "at most 4"),
        ("x" * 41 + ", Georgia", "is not the name of a font"),
    ],
)
def test_what_is_no_font_is_refused_with_what_would_be_right(names: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        fonts(names)


def test_every_safe_font_stands_alone() -> None:
    assert [fonts(one) for one in SAFE_FONTS] == [[one] for one in SAFE_FONTS]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://www.instagram.com/shop", "Instagram"),
        ("https://m.facebook.com/shop", "Facebook"),
        ("https://x.com/shop", "X"),
        ("https://netflix.com/shop", None),
        ("https://instagram.com.evil.example/shop", None),
        ("not an address", None),
    ],
)
def test_networks_are_known_by_their_host(url: str, found: str | None) -> None:
    assert network(url) == found


def test_every_network_is_found_by_its_own_address() -> None:
    assert {host: network(f"https://{host}/shop") for host in NETWORKS} == dict(NETWORKS)
