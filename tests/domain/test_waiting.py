"""That an order is not forgotten: when it is said, what of it, and that a word given is kept.

Unless said otherwise the order was placed on 1 March 2026 at ten in New York, and the law asks for nothing.
"""

from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.message import Kind, Said
from notifier.domain.policy import Window
from notifier.domain.waiting import look_after
from tests.domain.builders import a_line, on
from tests.domain.life import Life, a_life

WAITING = Kind.WAITING


def waits(life: Life) -> list[datetime]:
    return [m.sent_at for m in life.sent if m.kind is WAITING and m.sent_at]


def weekly(eta: date | Eta | None = None, **more: Any) -> Life:
    return a_life(a_line(eta), **({"waiting_every_days": 7} | more))


@pytest.mark.parametrize(
    ("eta", "policy", "days"),
    [
        (date(2026, 4, 1), {}, [on(3, 8, 9), on(3, 15, 9), on(3, 22, 9), on(3, 29, 9)]),
        (date(2026, 4, 1), {"waiting_every_days": 14}, [on(3, 15, 9), on(3, 29, 9)]),
        (date(2026, 4, 1), {"waiting_every_days": None}, []),
        # None near a countdown (18, 25, 29 and 31 March), and the days count from the last email of any kind.
        (date(2026, 4, 1), {"countdown_days": (14, 7, 3, 1)}, [on(3, 8, 9)]),
        (date(2026, 3, 8), {}, []),  # that day is the day itself
        (Eta(date(2026, 3, 10), date(2026, 3, 2)), {}, [on(3, 8, 9)]),
    ],
)
def test_a_long_wait_is_spoken_of_so_many_days_after_the_last_email(
    eta: date | Eta, policy: dict[str, Any], days: list[datetime]
) -> None:
    life = weekly(eta, **policy)
    life.until(on(4, 10))
    assert waits(life) == days


def test_only_the_next_one_is_planned_and_the_order_is_looked_at_after_it() -> None:
    life = weekly(date(2026, 6, 1))
    life.until(on(3, 2))
    assert [(m.key, m.due_at) for m in life.planned] == [("waiting:1", on(3, 8, 9))]
    assert look_after(_drafts(life), None, life.now) == on(3, 9, 9)
    assert look_after(_drafts(life), on(3, 5), life.now) == on(3, 5)
    life.until(on(3, 9))
    assert [(m.key, m.due_at) for m in life.planned] == [("waiting:2", on(3, 15, 9))]


def _drafts(life: Life) -> tuple[Any, ...]:
    from notifier.domain.plan import plan

    return plan(life.facts, life.policy, life.now)


def test_it_counts_from_word_of_a_move() -> None:
    life = weekly(date(2026, 5, 1))
    life.until(on(3, 12))
    life.moves(date(2026, 5, 20))
    life.until(on(3, 20))
    assert waits(life) == [on(3, 8, 9), on(3, 19, 9)]
    assert life.sent[-1].says == {"a": Said(Eta(date(2026, 5, 20)))}


@pytest.mark.parametrize(
    ("every", "days"),
    [
        (7, [on(3, 8, 9), on(3, 15, 9), on(3, 22, 9)]),  # more often than was promised
        (None, [on(3, 14, 9), on(3, 27, 9)]),  # 15 March was promised, then the 28th
        (30, [on(3, 14, 9), on(3, 27, 9)]),
    ],
)
def test_word_that_was_given_where_nobody_knows_the_date_is_kept(
    every: int | None, days: list[datetime]
) -> None:
    life = weekly(None, waiting_every_days=every)
    assert life.planned[0].says["a"] == Said(UNKNOWN, next_word=date(2026, 3, 15))
    life.until(on(3, 28))
    assert waits(life) == days


def test_each_word_names_the_next_and_a_date_that_is_found_ends_it() -> None:
    life = weekly(None, waiting_every_days=None, next_word_days=5)
    life.until(on(3, 5, 10))
    assert life.sent[-1].says["a"].next_word == date(2026, 3, 10)
    life.moves(date(2026, 4, 1))
    life.until(on(3, 30))
    assert life.kinds == [Kind.EXPECTATION, WAITING, Kind.EARLIER]


def test_a_promise_is_kept_though_the_policy_changes() -> None:
    life = weekly(None, waiting_every_days=None, next_word_days=10)
    life.until(on(3, 2))
    life.policy = replace(life.policy, next_word_days=60)
    life.replan()
    life.until(on(3, 12))
    assert waits(life) == [on(3, 10, 9)]


def test_word_is_kept_to_who_is_asked_for_an_answer_and_asks_again() -> None:
    life = a_life(a_line(), jurisdiction="us-ftc", waiting_every_days=7)
    life.until(on(3, 31))
    assert life.kinds[:2] == [Kind.EXPECTATION, Kind.CONSENT]
    word = next(m for m in life.sent if m.kind is WAITING)
    assert (word.sent_at, word.says["a"].answer_by) == (on(3, 15, 9), date(2026, 4, 30))


def test_who_wants_no_reminders_is_promised_none() -> None:
    life = a_life(a_line(), waiting_every_days=7, order={"unsubscribed": True})
    life.until(on(4, 30))
    assert [(m.kind, m.says["a"]) for m in life.sent] == [(Kind.EXPECTATION, Said(UNKNOWN))]


def test_a_countdown_too_close_to_a_promised_word_is_left_out() -> None:
    life = a_life(
        a_line(date(2026, 3, 21)), a_line(line_id="b"), countdown_days=(7, 1), waiting_every_days=None
    )
    life.until(on(3, 20, 12))
    assert [(m.kind, m.sent_at) for m in life.sent[1:]] == [
        (WAITING, on(3, 14, 9)),
        (Kind.COUNTDOWN, on(3, 20, 9)),
    ]
    assert set(life.sent[1].says) == {"a", "b"}


def test_a_date_that_is_past_is_not_still_to_come() -> None:
    life = weekly(date(2026, 3, 12))
    life.until(on(5, 1))
    assert waits(life) == [on(3, 8, 9)]


def test_nothing_is_said_of_what_has_shipped() -> None:
    life = weekly(date(2026, 6, 1))
    life.until(on(3, 3))
    life.ships()
    life.until(on(5, 1))
    assert life.kinds == [Kind.EXPECTATION, Kind.SHIPPED]
    assert ("waiting:1", "order_shipped") in life.reasons


def test_a_day_on_which_the_window_is_skipped_leaves_it_to_the_next() -> None:
    """At Troll in Antarctica the clocks go from one to three on 29 March 2026."""
    life = weekly(date(2026, 6, 1), send_window=Window(time(1), time(3)))
    life.happens(customer=replace(life.facts.customer, timezone="Antarctica/Troll"))
    life.until(on(4, 3))
    told = [at.astimezone(ZoneInfo("Antarctica/Troll")) for at in waits(life)]
    assert [(at.month, at.day, at.hour) for at in told] == [(3, 8, 1), (3, 15, 1), (3, 22, 1), (3, 30, 1)]
