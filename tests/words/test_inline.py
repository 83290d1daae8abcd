"""A template with its macros written out says the same as one that calls them."""

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, Template, UndefinedError, nodes

from notifier.words.context import in_locale, variables
from notifier.words.inline import Shared, inline, macros_of
from notifier.words.render import Templates
from notifier.words.samples import LINKS, LOCALES, NOW, SAMPLES, SHOP

FOLDER = Path(__file__).parents[2] / "templates"

PUT = """
{% macro note(words) %}<i>{{ words }}</i>{% endmacro %}
{% macro link(words, url, large=false) %}<a href="{{ url }}">{{ note(words) if large else words }}</a>{% endmacro %}
{% macro twice(words) %}{{ words }}, {{ words }}{% endmacro %}
{% macro box() %}[{{ caller() }}]{% endmacro %}
{% macro list(items) %}{% for item in items %}{{ note(item) }}{% endfor %}{{ shop }}{% endmacro %}
{% macro deep(n) %}{{ n }}{% if n > 0 %}{{ deep(n - 1) }}{% endif %}{% endmacro %}
{% macro grow(words) %}{% set words = words ~ "!" %}{{ words }}{% endmacro %}
{% macro any() %}{{ varargs|join("+") }}{% endmacro %}
"""
IMPORT = '{% import "put.j2" as put with context %}'
VALUES = {"shop": "Fern & Oak", "name": "<b>", "words": "mine", "item": "own", "url": "u", "no": []}


def environment() -> Environment:
    made = Environment(loader=DictLoader({"put.j2": PUT}), autoescape=True, undefined=StrictUndefined)
    made.globals |= {"_": _fill, "gettext": _fill, "part": "html"}
    return made


def _say(sentence: str) -> str:
    return {"Hello": "Hallo", "Hi %(name)s": "Na %(name)s, 100%%", "Gone %(name)s": "Weg %(other)s"}.get(
        sentence, sentence
    )


def _fill(sentence: str, **values: object) -> str:
    return _say(sentence) % values


def written_out(source: str) -> tuple[nodes.Template, Template]:
    made = environment()
    macros = macros_of("put", made.parse(PUT).body)
    known = Shared(made, {"put": "put.j2"}, {"put": macros}, {"part": "html"}, _say, str)
    tree = inline(made.parse(source), known)
    return tree, Template.from_code(made, made.compile(tree), made.make_globals(None))


@pytest.mark.parametrize(
    "source",
    [
        "{{ put.note('a & b') }}{{ put.note(name) }}",
        "{{ put.link(name, url) }}{{ put.link(url=url, words=name, large=1 == 1) }}",
        "{{ put.twice(name ~ shop) }}{{ put.twice(put.note(name)) }}",
        "{% call put.box() %}{{ put.note(words) }}{% set words = 1 %}{% endcall %}{{ words }}",
        "{{ put.list([name, item]) }}{{ put.list(no) }}{{ item }}",
        "{% for item in [1, 2] %}{{ put.list([item]) }}{% endfor %}",
        "{{ put.deep(3) }}",
        "{{ put.grow(words) }}{{ words }}",
        "{{ put.any(1, 2) }}",
        "{% set kept = put.note(name) %}{{ kept }}{{ put.note(kept|upper) }}",
        "{{ put.note(_('Hello')) }}{{ _('Hi %(name)s', name=name) }}{{ _('Hi %(name)s', name=_('Hello')) }}",
        "{{ put.note(name if no else words) }}{{ name ~ words }}{{ part }}",
        "{% if part == 'html' %}{{ put.note(name) }}{% else %}{{ put.nobody(name) }}{% endif %}",
        "{% if part == 'text' %}{% set words = 1 %}{% endif %}{{ words }}{% if no %}{{ name }}{% endif %}",
    ],
)
def test_a_call_and_what_is_written_in_its_place_say_the_same(source: str) -> None:
    plain = environment().from_string(IMPORT + source).render(VALUES)
    assert written_out(IMPORT + source)[1].render(VALUES) == plain


@pytest.mark.parametrize(
    "source",
    [
        "{% set put = {'note': name} %}{{ put.note }}",
        "{% set shop = 'another' %}{{ put.list(no) }}",
        "{% for _ in [1] %}{{ _ }}{% endfor %}",
        "{% macro put() %}other{% endmacro %}{{ put() }}",
    ],
)
def test_a_template_that_gives_shared_names_another_meaning_is_left_as_it_is(source: str) -> None:
    tree = environment().parse(IMPORT + source)
    assert written_out(IMPORT + source)[0] == tree


@pytest.mark.parametrize(
    "source",
    ["{{ put.note() }}", "{{ put.note(1, 2) }}", "{{ put.nothing(1) }}", "{{ _('Gone %(name)s', name=1) }}"],
)
def test_a_call_that_cannot_work_fails_as_before(source: str) -> None:
    with pytest.raises((UndefinedError, TypeError, KeyError)):
        environment().from_string(IMPORT + source).render(VALUES)
    with pytest.raises((UndefinedError, TypeError, KeyError)):
        written_out(IMPORT + source)[1].render(VALUES)


def test_what_is_written_out_everywhere_needs_no_module() -> None:
    tree, _ = written_out(
        IMPORT + "{{ put.note(name) }}{% call put.box() %}{{ put.twice(words) }}{% endcall %}"
    )
    assert tree.find(nodes.Import) is None
    assert written_out(IMPORT + "{{ put.deep(1) }}")[0].find(nodes.Import) is not None


def test_what_is_said_in_another_part_needs_no_module() -> None:
    tree, template = written_out(
        IMPORT + "{% if part == 'text' %}{{ put.nobody(name) }}{% endif %}{{ shop }}"
    )
    assert not list(tree.find_all((nodes.Import, nodes.If)))
    assert template.render(VALUES) == "Fern &amp; Oak"


def test_every_email_says_the_same_with_macros_that_are_called() -> None:
    ours, plain = Templates(FOLDER), Templates(FOLDER)
    for made in plain._ours.values():
        made.known = replace(made.known, macros={})
    for sample in SAMPLES:
        for locale in LOCALES:
            facts = in_locale(sample.facts, locale)
            values = variables(facts, sample.kind, sample.says, sample.about, SHOP, LINKS, NOW, sample.law)
            assert ours.render(sample.kind, values, locale) == plain.render(sample.kind, values, locale)
