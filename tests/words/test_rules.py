"""Each rule of publishing has a name, an explanation, and here a draft that breaks it."""

import pytest

from notifier.domain.message import Kind
from notifier.words.catalogue import listed
from notifier.words.check import RULES, check_wording
from notifier.words.render import Wording
from tests.words.emails import FOLDER, TEMPLATES

DELAY = TEMPLATES.source(Kind.DELAY)
SUBJECT, PREHEADER, CONTENT = "block subject", "block preheader", "block content"
FIRST = "{% block content %}"
OPTIONS = "Now expected %(date)s. Keep waiting or cancel: you choose."
ITEMS = "{{ put.items(lines) }}"
LONG = "x " * 499


def html(markup: str) -> tuple[str, str]:
    """A change that adds this to the HTML part alone."""
    return FIRST, FIRST + '{% if part == "html" %}' + markup + "{% endif %}"


HIDDEN = (
    "{{ parts.notices() }}",
    '{% if part == "text" %}{{ parts.notices() }}{% endif %}'
    '{% if part == "html" %}<div style="display:none">{{ parts.notices() }}</div>{% endif %}',
)

BROKEN = [
    ("renders", ("{{ put.items(lines) }}", "{{ put.itms(lines) }}"), "{{ put.itms", "has no attribute 'itms'"),
    ("renders", (FIRST, FIRST + "{% if news %}{% elf %}"), CONTENT, "unknown tag 'elf'"),
    ("renders", (FIRST, "{% block contents %}"), "{% extends", "lacks {% block content %}"),
    ("variables", (FIRST, FIRST + "{% if not news %}{{ nobody }}{% endif %}"), CONTENT, "no variable 'nobody'"),
    ("variables", (FIRST, FIRST + "{% if not news %}{{ order.nr }}{% endif %}"), CONTENT, "order has no 'nr'; it has"),
    ("subject", ("New ship date for order", "x" * 79 + " for order"), SUBJECT, "characters, not 1 to 78"),
    ("promotion", ("New ship date for", "Sale! New ship date for"), SUBJECT, "sells: 'Sale'"),
    ("promotion", (ITEMS, ITEMS + "{{ put.products(related) }}"), CONTENT, "sells"),
    ("preheader", (OPTIONS, "Later."), PREHEADER, "6 characters"),
    ("size", html("<p>{% for n in range(99) %}" + LONG + "{% endfor %}</p>"), CONTENT, "bytes"),
    ("structure", html("<h1>again</h1>"), "block headline", "2 h1 headings"),
    ("links", ("links.keep", "'/keep'"), CONTENT, "'/keep' is not an absolute https address"),
    ("links", html('<a href="javascript:alert(1)">x</a>'), CONTENT, "'javascript:alert(1)' is not an absolute"),
    ("legible", html('<p style="color:#aaaaaa">pale</p>'), CONTENT, "#aaaaaa on #ffffff is hard to read in the light"),
    ("legible", html('<p style="color:red">red</p>'), CONTENT, "write the colour 'red' like #1f5a43"),
    ("legible", html('<p style="font-size:9px">small</p>'), CONTENT, "words of 9 px are too small"),
    ("pictures", html('<img src="https://shop.example/a.png">'), CONTENT, "'https://shop.example/a.png' has no alt"),
    ("mail-programs", html("<script>alert(1)</script>"), CONTENT, "<script> is not shown by all"),
    ("mail-programs", html('<p onclick="alert(1)">x</p>'), CONTENT, "onclick= on <p> is not shown by all"),
    ("mail-programs", html('<p style="position:fixed">x</p>'), CONTENT, "the style position is not shown by all"),
    ("mail-programs", html('<p style="display:grid">x</p>'), CONTENT, "the style display:grid is not shown"),
    ("mail-programs", html('<p style="border:url(https://spy.example)">x</p>'), CONTENT, "an address in the style"),
    ("text-part", (FIRST, FIRST + "<b>bold</b>"), CONTENT, "there is HTML in the text part: '<b>'"),
    ("text-part", html("<p>Quite other words than those that are read aloud</p>"), CONTENT, "the text part lacks"),
    ("dates", ('{{ parts.dates(_("New ship date")) }}', ""), CONTENT, "is missing from the HTML or the text"),
    ("soon", ("If you are happy to wait", "It will come soon"), CONTENT, "says 'soon'"),
    ("law", ("{{ parts.notices() }}", ""), CONTENT, "lacks what the law asks for"),
    ("law", HIDDEN, CONTENT, "lacks what the law asks for"),
    ("law", ("links.keep", "links.order"), CONTENT, "the link to keep is missing"),
    ("law", ("{{ put.items(lines) }}", ""), CONTENT, "does not name every item"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change", "at", "reason"), BROKEN)
def test_a_draft_that_breaks_a_rule_is_told_which_and_where(
    rule: str, change: tuple[str, str], at: str, reason: str
) -> None:
    before, after = change
    assert before in DELAY
    source = DELAY.replace(before, after)
    line = source[: source.index(at)].count("\n") + 1 if at in source else 0
    faults = check_wording(TEMPLATES, Kind.DELAY, Wording(source))
    found = [(fault.file, fault.line) for fault in faults if fault.rule == rule and reason in fault.reason]
    assert found == [("delay.j2", line)] * len(found), [(it.rule, str(it)) for it in faults]
    assert found, [(it.rule, str(it)) for it in faults]


def test_every_rule_is_broken_by_one_of_these() -> None:
    assert {rule for rule, *_ in BROKEN} | {"unsubscribe"} == set(RULES)  # that one: test_streams.py
    guide = (FOLDER.parent / "docs" / "templates.md").read_text("utf-8")
    assert all(f"| `{rule}` | {explanation} |" in guide for rule, explanation in RULES.items())


@pytest.mark.parametrize("kind", Kind)
def test_what_comes_with_notifier_breaks_none_of_them(kind: Kind) -> None:
    assert check_wording(TEMPLATES, kind, Wording(TEMPLATES.source(kind))) == []


def test_a_store_s_own_translation_is_used_and_one_of_the_law_s_sentences_refused() -> None:
    sentence = "If you are happy to wait, there is nothing you need to do."
    said = "Wenn Sie warten möchten, brauchen Sie nichts zu tun, versprochen."
    assert check_wording(TEMPLATES, Kind.DELAY, Wording(DELAY, {"de": {sentence: said}})) == []
    law = "You have the right to cancel and to get a full and prompt refund. Either answer is free of charge."
    (fault,) = check_wording(TEMPLATES, Kind.DELAY, Wording(DELAY, {"de": {law: "Ach, warten Sie doch."}}))
    assert fault.rule == "law"
    assert "(de-DE" in fault.reason


@pytest.mark.parametrize("kind", Kind)
def test_what_the_studio_inserts_can_be_published(kind: Kind) -> None:
    said = [it.written for it in listed(kind) if it.is_text and it.type != "none"]
    assert "{% for one in lines %}{{ one.name }} {% endfor %}" in said
    source = TEMPLATES.source(kind).replace(
        FIRST, FIRST + "{% if not order %}" + "\n".join(said) + "{% endif %}"
    )
    assert check_wording(TEMPLATES, kind, Wording(source)) == []
    nested = [
        it for it in said if it.startswith("{% for one in news %}{% for one1 in one.lines %}{{ one1.name }}")
    ]
    assert len(nested) == (kind not in (Kind.SHIPPED, Kind.CANCELLED, Kind.REFUND))


@pytest.mark.parametrize("kind", Kind)
def test_the_variables_of_a_kind_are_listed_with_examples(kind: Kind) -> None:
    variables = {it.name: it for it in listed(kind)}
    assert variables["order.short"].example == "1042"
    assert variables["order.short"].type == "text"
    assert variables["lines[].name"].type == "text"
    assert variables["links.order"].example.startswith("https://")
    assert {it.name: it for it in listed(Kind.SHIPPED)}["parcel.carrier"].example
    assert all(it.meaning for name, it in variables.items() if "." not in name), "each has a meaning"
