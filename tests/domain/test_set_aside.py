"""A line whose units are all here hears nothing of when its goods come: it waits for its parcel."""

from dataclasses import replace
from datetime import date

import pytest

from notifier.domain.eta import Eta
from notifier.domain.message import Kind, Said
from notifier.domain.order import Line
from tests.domain.builders import a_line, an_order, on
from tests.domain.life import Life

T = date(2026, 3, 31)


def a_life(eta: date | None, quantity: int = 2) -> Life:
    return Life(an_order(a_line(eta, promised=T, quantity=quantity)))


def set_aside(life: Life, units: int) -> None:
    life.happens(lines=tuple(replace(line, allocated=units) for line in life.facts.lines))


@pytest.mark.parametrize(
    ("quantity", "shipped", "cancelled", "allocated", "is_set_aside"),
    [
        (2, 0, 0, 2, True), (2, 0, 0, 1, False), (2, 1, 0, 1, True), (3, 1, 1, 1, True),
        (2, 2, 0, 0, False), (2, 0, 0, 0, False),
    ],
)  # fmt: skip
def test_a_line_is_set_aside_when_all_that_it_waits_for_is(
    quantity: int, shipped: int, cancelled: int, allocated: int, *, is_set_aside: bool
) -> None:
    line: Line = a_line(T, quantity=quantity, shipped=shipped, cancelled=cancelled, allocated=allocated)
    assert line.set_aside is is_set_aside


def test_nothing_counts_down_to_the_date_of_goods_that_are_here() -> None:
    life = a_life(T)
    life.until(on(3, 10))
    assert [m.kind for m in life.planned if m.kind is Kind.COUNTDOWN]
    set_aside(life, 1)
    assert [m.kind for m in life.planned if m.kind is Kind.COUNTDOWN]
    set_aside(life, 2)
    assert [m.kind for m in life.planned if m.kind is Kind.COUNTDOWN] == []
    assert ("countdown:2026-03-17", "set_aside") in life.reasons


def test_word_that_nobody_can_say_is_stopped_by_goods_that_come() -> None:
    life = a_life(T)
    life.until(on(3, 10))
    life.moves(None)
    assert [m.key for m in life.planned if not m.key.startswith("lapse")] == ["consent:1", "waiting:2"]
    set_aside(life, 2)
    assert [m.key for m in life.planned if not m.key.startswith("lapse")] == []
    assert ("consent:1", "set_aside") in life.reasons
    life.until(on(3, 30))
    assert [m.kind for m in life.sent] == [Kind.EXPECTATION, Kind.WAITING]


@pytest.mark.parametrize("eta", [T, None])
def test_on_its_last_day_it_is_told_a_date_and_not_that_nobody_can_say(eta: date | None) -> None:
    life = a_life(eta)
    if eta is None:
        life.moves(T)
    life.until(on(3, 20))
    set_aside(life, 2)
    life.until(on(4, 2))
    reminders = {Kind.COUNTDOWN, Kind.WAITING}
    assert [m.kind for m in life.sent if m.kind not in reminders] == [Kind.EXPECTATION, Kind.DELAY]
    last = life.sent[-1]
    assert (last.kind, last.due_at) == (Kind.DELAY, on(3, 31, 19))
    assert last.says == {"a": Said(Eta(date(2026, 4, 7)), "n1_short")}


def test_what_ships_in_time_is_told_nothing_of_a_last_day() -> None:
    life = a_life(T)
    life.until(on(3, 20))
    set_aside(life, 2)
    life.ships()
    life.until(on(4, 20))
    assert [m.kind for m in life.sent][-1] is Kind.SHIPPED
    assert Kind.DELAY not in {m.kind for m in life.sent}


def test_a_later_date_that_the_store_names_is_told_all_the_same() -> None:
    life = a_life(T)
    life.until(on(3, 10))
    set_aside(life, 2)
    life.moves(date(2026, 4, 9))
    life.until(on(3, 12))
    assert [m.kind for m in life.sent] == [Kind.EXPECTATION, Kind.WAITING, Kind.DELAY]
