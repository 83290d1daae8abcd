"""What an email is in law, and what it may hold for that."""

import pytest

from notifier.domain.message import STREAMS, WAITING_SERIES, Kind, Stream
from notifier.words.check import check_wording
from notifier.words.render import Wording
from tests.house import templates

SELL = "{{ put.paragraph('Everything in our sale: 20% off') }}"
FACT = '{{ parts.dates(_("Expected to ship")) }}'


def broken(kind: Kind, before: str, after: str) -> set[str]:
    """The rules that a kind's template breaks with that change."""
    source = templates().source(kind)
    assert before in source
    return {fault.rule for fault in check_wording(templates(), kind, Wording(source.replace(before, after)))}


def test_every_kind_has_a_stream_and_only_the_waiting_series_can_be_stopped() -> None:
    assert set(STREAMS) == set(Kind)
    assert {kind for kind, stream in STREAMS.items() if stream is Stream.WAITING} == WAITING_SERIES
    legal = {Kind.DELAY, Kind.CONSENT, Kind.CANCELLED, Kind.REFUND}
    assert {kind for kind, stream in STREAMS.items() if stream is Stream.LEGAL} >= legal


def test_service_mail_may_not_sell_above_the_fact() -> None:
    assert broken(Kind.EXPECTATION, FACT, SELL + FACT) == {"promotion"}
    assert broken(Kind.EXPECTATION, FACT, "{{ put.products(related) }}" + FACT) == {"promotion"}
    items = "{{ put.items(lines) }}"
    assert broken(Kind.EXPECTATION, items, items + SELL) == set()


@pytest.mark.parametrize("kind", [Kind.DELAY, Kind.CONSENT])
def test_a_legal_notice_may_not_sell_at_all(kind: Kind) -> None:
    assert broken(kind, "{{ put.items(lines) }}", "{{ put.items(lines) }}" + SELL) == {"promotion"}


def test_a_refund_holds_no_products() -> None:
    rest = '{{ parts.rest(_("Still to come")) }}'
    assert broken(Kind.REFUND, rest, rest + "{{ put.products(related) }}") == {"promotion"}


def test_reminders_keep_their_one_click_and_their_postal_address() -> None:
    layout = '{% extends "_layout.j2" %}'
    bare = """{% import "_" ~ part ~ ".j2" as put with context %}{% import "_parts.j2" as parts with context %}
{% macro whole() %}{% endmacro %}"""
    assert "unsubscribe" in broken(Kind.COUNTDOWN, layout, bare)
