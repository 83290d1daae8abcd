"""Escapes and bombs that are known of template engines, as a store might publish them: each ends as a fault."""

import time

import pytest

from notifier.domain.message import Kind
from notifier.words.render import TemplateFault, Wording
from notifier.words.samples import SAMPLES
from notifier.words.sandbox import MAX_SECONDS
from tests.words.emails import TEMPLATES, the, values
from tests.words.test_render import draft

DELAY = values(the("delay", "up to 30 days late, US law"))

DOUBLED_BY_SET = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}"
DOUBLED_BY_PLUS = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}"
DOUBLED_BY_BLOCK = (
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a|length }}"
)
DOUBLED_BY_LISTS = "{% set a = ['x', 'x'] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}"
DOUBLED_BY_TUPLES = "{% set a = ('x', 'x') %}" + "{% set a = (a, a) %}" * 40 + "{{ a|join }}"
DOUBLED_BY_DICTS = "{% set a = {'x': 1} %}" + "{% set a = {'x': a, 'y': a} %}" * 40 + "{{ a|tojson }}"
COMPARED = (
    "{% set a = [1] %}{% set b = [1.0] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 40 + "{{ a == b }}"
)
DOUBLED_BY_REPLACE = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a|replace('x', 'xx') %}" * 40 + "{{ a }}"
DOUBLED_BY_JOIN = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = [a, a]|join %}" * 40 + "{{ a }}"
SQUARED = "{% set a = 99999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}"
MACRO_IN_MACRO = (
    "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ " + "twice(" * 30 + "'xxx'" + ")" * 30 + " }}"
)
FIBONACCI = "{% macro f(n) %}{% if n > 1 %}{{ f(n - 1) }}{{ f(n - 2) }}{% else %}1{% endif %}{% endmacro %}{{ f(60) }}"
LOOPS = "{% for a in range(99999) %}" * 4 + "{% set x = 1 %}" + "{% endfor %}" * 4
LOOPED_WITH_IF = "{% for a in range(99999) if a < 0 %}{% endfor %}" * 5

ATTACKS = {
    # out of the house
    "the class of a text": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "the class by a filter": "{{ ''|attr('__class__') }}",
    "a filter by its name": "{{ ['x']|map('attr', '__class__')|list }}",
    "the globals of a function": "{{ gettext.__globals__ }}",
    "the globals of a macro": "{{ put.paragraph.__globals__ }}",
    "the globals of a cycler": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "the globals of a joiner": "{{ joiner.__init__.__globals__ }}",
    "the globals of the template": "{{ self.__init__.__globals__ }}",
    "the configuration of a namespace": "{{ namespace.__init__.__globals__ }}",
    "the frame of a generator": "{{ (lines|map('upper')).gi_frame }}",
    "a method of a text": "{{ '{0.__class__}'.format(1) }}",
    "the format of a text": "{{ '%s'|format(1) }}",
    "the % of a text": "{{ '%1000000000d' % 1 }}",
    "a method of a list": "{{ lines.append(1) }}",
    "a method of a dict": "{{ order.update({'id': 'x'}) }}",
    "a file elsewhere": "{% include '../pyproject.toml' %}",
    "a file of the system": "{% include '/etc/passwd' %}",
    "another kind's template": "{% include 'shipped.j2' %}",
    "the environment": "{{ environment }}",
    "names as HTML": "{{ customer.name|safe }}",
    "names as HTML by a filter's name": "{{ [customer.name]|map('safe')|first }}",
    "names as HTML by a block": "{% autoescape false %}{{ customer.name }}{% endautoescape %}",
    # running away
    "text doubled by ~": DOUBLED_BY_SET,
    "text doubled by +": DOUBLED_BY_PLUS,
    "text doubled by a block": DOUBLED_BY_BLOCK,
    "text doubled by replacing": DOUBLED_BY_REPLACE,
    "text doubled by joining": DOUBLED_BY_JOIN,
    "text doubled by macros": MACRO_IN_MACRO,
    "lists in lists": DOUBLED_BY_LISTS,
    "tuples in tuples": DOUBLED_BY_TUPLES,
    "dicts in dicts": DOUBLED_BY_DICTS,
    "lists in lists, compared": COMPARED,
    "text times a number": "{{ 'x' * 1000000000 }}",
    "a power": "{{ 9 ** 9 ** 9 }}",
    "numbers squared": SQUARED,
    "a number with too many digits": "{{ " + "9" * 5000 + " }}",
    "a number rounded to a million digits": "{{ 1.5|round(1000000000, 'ceil') }}",
    "words without end": "{{ lipsum(n=1000000000) }}",
    "a wide table": "{{ 'x'|center(1000000000) }}",
    "a deep indent": "{{ 'x\\nx'|indent(1000000000) }}",
    "many batches": "{{ range(99999)|batch(2, 'x')|list }}",
    "a long range": "{{ range(1000000000)|list }}",
    "loops in loops": LOOPS,
    "loops that skip": LOOPED_WITH_IF,
    "a joined range": "{{ range(99999)|join('x' ~ shop.name ~ shop.address) }}",
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a macro that calls itself twice": FIBONACCI,
    "a block that calls itself": "{{ self.content() }}{{ self.subject() }}",
    "a loop that calls itself": "{% for a in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    "very deep brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "very deep loops": "{% for a in lines %}" * 60 + "{% endfor %}" * 60,
    "a very long template": "x" * 100_001,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
@pytest.mark.parametrize("place", ["subject", "content"])
def test_an_attack_ends_as_a_fault_and_soon(attack: str, place: str) -> None:
    source = draft(attack) if place == "content" else draft("words", subject=attack)
    began = time.monotonic()
    with pytest.raises(TemplateFault) as failed:
        TEMPLATES.render(Kind.DELAY, DELAY, "en-US", Wording(source))
    assert failed.value.file == "delay.j2"
    assert len(str(failed.value)) < 2_000
    # Not a measure of speed: an attack that succeeded would run for years.
    assert time.monotonic() - began < 10 * MAX_SECONDS


def test_what_a_template_sets_is_gone_with_its_email() -> None:
    source = draft("{% set ns = namespace(n=1) %}{% set ns.n = ns.n + 1 %}{{ ns.n }} words")
    first = TEMPLATES.render(Kind.DELAY, DELAY, "en-US", Wording(source))
    assert TEMPLATES.render(Kind.DELAY, DELAY, "en-US", Wording(source)) == first
    assert "2 words" in first.text


HONEST = [
    ("{% for line in lines %}{{ line.name|upper }}, {% endfor %}", "RED GLASS ORNAMENT, "),
    ("{{ lines|map(attribute='name')|join(' and ') }}", "Red glass ornament"),
    ("{{ [shop.name, order.id]|select|join(' · ') }}", "Fern & Oak · 1042"),
    ("{{ (days_left or 0) + 1 }} and {{ 7 % 4 }} and {{ 3 * 4 }}", "and 3 and 12"),
    ("{{ {'us-ftc': 'American', 'none': 'other'}[law] }}", "American"),
    ("{{ 'a-b-c'|replace('-', '+') }}", "a+b+c"),
    ("{{ lines|length }} {{ lines|sort(attribute='name')|first|length > 1 }}", "1 True"),
    ("{% macro hi(name) %}Hi {{ name }}!{% endmacro %}{{ hi(customer.name) }}", "Hi Jane Doe!"),
    ("{% set words = 'a' ~ 'b' %}{{ words }}{{ words ~ 1 }}", "abab1"),
    ("{{ order.id|default('none') }} {{ 'x' if nothing is defined else 'y' }}", "1042 y"),
]


@pytest.mark.parametrize(("content", "words"), HONEST)
def test_honest_templates_may_do_all_this(content: str, words: str) -> None:
    rendered = TEMPLATES.render(Kind.DELAY, DELAY, "en-US", Wording(draft(content)))
    assert words in rendered.text
    assert words.replace("&", "&amp;") in rendered.html


def test_names_stay_names_through_every_way_of_putting_text_together() -> None:
    hostile = DELAY | {"customer": {"name": "<b>Eve</b>", "email": "eve@example.com"}}
    source = draft(
        "{% set a = customer.name ~ '!' %}{{ a }}{{ customer.name + '?' }}{{ [customer.name, 'x']|join('-') }}"
        "{{ customer.name|replace('Eve', 'Adam') }}{% set b %}{{ customer.name }}{% endset %}{{ b }}"
        "{{ customer.name|upper }}"
    )
    rendered = TEMPLATES.render(Kind.DELAY, hostile, "en-US", Wording(source))
    assert "<b>" not in rendered.html.lower()
    assert "&lt;b&gt;Adam&lt;/b&gt;" in rendered.html
    assert rendered.text.count("<b>Eve</b>") >= 4


def test_a_store_s_template_says_the_same_as_ours_where_it_is_the_same() -> None:
    for kind in Kind:
        sample = next(it for it in SAMPLES if it.kind is kind)
        for locale in ("en-US", "de-DE", "ar-AE"):
            given = values(sample, locale)
            ours = TEMPLATES.render(kind, given, locale)
            theirs = TEMPLATES.render(kind, given, locale, Wording(TEMPLATES.source(kind)))
            assert (theirs.subject, theirs.html, theirs.text) == (ours.subject, ours.html, ours.text)
