"""The card on file runs out before the goods come. The order was placed on 1 March 2026 at ten in New York."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from notifier.domain.eta import Eta
from notifier.domain.message import Kind
from notifier.domain.order import Card, card
from tests.domain.builders import a_line, on
from tests.domain.life import Life, a_life

PAYMENT = Kind.PAYMENT
MARCH, APRIL = Card(date(2026, 3, 31), "https://shop.example/pay"), Card(date(2026, 4, 30))


def paid_with(on_file: Card | None, eta: date | Eta | None = date(2026, 4, 1), **policy: int) -> Life:
    return a_life(a_line(eta), order={"card": on_file}, **policy)


def asked(life: Life) -> list[tuple[str, datetime | None]]:
    return [(m.key, m.sent_at) for m in life.sent if m.kind is PAYMENT]


@pytest.mark.parametrize(
    ("on_file", "eta", "lead", "at"),
    [
        (MARCH, date(2026, 4, 1), 14, on(3, 17, 9)),
        (MARCH, date(2026, 3, 31), 14, None),  # a card is good on its last day
        (MARCH, Eta(date(2026, 4, 5), date(2026, 3, 20)), 14, on(3, 17, 9)),  # a range counts by its last day
        (MARCH, None, 14, None),
        (MARCH, date(2026, 4, 1), 0, on(3, 31, 9)),
        (MARCH, date(2026, 4, 1), 60, on(3, 1, 10, 15)),  # at once, when the date has settled
        (Card(date(2026, 2, 28)), date(2026, 4, 1), 14, on(3, 1, 10, 15)),  # it has run out already
        (None, date(2026, 4, 1), 14, None),
    ],
)
def test_a_card_that_runs_out_first_is_asked_after_in_good_time(
    on_file: Card | None, eta: date | Eta | None, lead: int, at: datetime | None
) -> None:
    life = paid_with(on_file, eta, payment_lead_days=lead)
    life.until(on(5, 1))
    assert [when for _, when in asked(life)] == ([at] if at else [])


def test_a_move_past_its_end_asks_and_a_move_back_does_not() -> None:
    life = paid_with(MARCH, date(2026, 3, 25))
    life.until(on(3, 20))
    life.moves(date(2026, 4, 10))
    assert ("payment:2026-03", on(3, 20, 12, 15)) in [(m.key, m.due_at) for m in life.planned]
    life.moves(date(2026, 3, 26))
    assert ("payment:2026-03", "date_moved") in life.reasons
    life.moves(date(2026, 4, 20))
    life.until(on(3, 21))
    assert asked(life) == [("payment:2026-03", on(3, 20, 12, 15))]


def test_it_is_not_asked_twice_for_one_card_but_again_for_another() -> None:
    life = paid_with(MARCH, date(2026, 4, 1))
    life.until(on(3, 18))
    life.moves(date(2026, 5, 10))
    life.until(on(3, 20))
    life.happens(card=APRIL)
    life.until(on(5, 1))
    assert asked(life) == [("payment:2026-03", on(3, 17, 9)), ("payment:2026-04", on(4, 16, 9))]


def test_another_card_in_time_ends_it() -> None:
    life = paid_with(MARCH, date(2026, 4, 1))
    life.until(on(3, 10))
    life.happens(card=replace(MARCH, last_day=date(2029, 3, 31)))
    life.until(on(5, 1))
    assert asked(life) == []
    assert ("payment:2026-03", "card_changed") in life.reasons


@pytest.mark.parametrize("end", ["ships", "cancels"])
def test_nobody_is_asked_for_a_card_when_the_order_is_done(end: str) -> None:
    life = paid_with(MARCH)
    life.until(on(3, 10))
    getattr(life, end)()
    life.until(on(5, 1))
    assert asked(life) == []


def test_a_card_is_good_to_the_last_day_of_its_month() -> None:
    assert card({"expires": "2028-02"}) == Card(date(2028, 2, 29))
    assert card({"paid": "9.50"}) is None
    assert card(None) is None
