"""What another policy would do to one order's emails, and which of its fields does it."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.effect import How, effect, reasons
from notifier.domain.order import Facts
from notifier.domain.policy import Policy, SkuPolicy, Window
from tests.domain.builders import a_line, an_order, on
from tests.domain.life import Life
from tests.domain.strategies import orders, policies

OLD = Policy(countdown_days=(7, 3), jurisdiction="none", waiting_every_days=None)
NOW = on(3, 2)

CASES: list[tuple[dict[str, Any], dict[How, list[str]]]] = [
    ({}, {}),
    ({"max_messages_per_change": 5}, {}),
    ({"countdown_days": (3,)}, {How.CANCELLED: ["countdown:2026-03-13"]}),
    ({"countdown_days": (7, 3, 1)}, {How.ADDED: ["countdown:2026-03-19"]}),
    ({"send_window": Window(time(10), time(20))}, {How.MOVED: ["countdown:2026-03-13", "countdown:2026-03-17"]}),
    ({"skus": {"A": SkuPolicy(countdown_days=(3,))}}, {How.CANCELLED: ["countdown:2026-03-13"]}),
    ({"skus": {"OTHER": SkuPolicy(countdown_days=(3,))}}, {}),
    (
        {"countdown_days": (4, 3)},
        {How.CANCELLED: ["countdown:2026-03-13"], How.ADDED: ["countdown:2026-03-16"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_what_becomes_of_the_countdowns(changes: dict[str, Any], expected: dict[How, list[str]]) -> None:
    found = effect(an_order(), OLD, replace(OLD, **changes), NOW)
    shifts: dict[How, list[str]] = {}
    for shift in found.shifts:
        shifts.setdefault(shift.how, []).append(shift.key)
    assert shifts == expected
    assert len(found.after) - len(found.before) == len(expected.get(How.ADDED, ())) - len(
        expected.get(How.CANCELLED, ())
    )


def test_a_countdown_of_two_lines_of_which_one_goes_its_own_way_is_reworded() -> None:
    facts = an_order(a_line(date(2026, 3, 20)), a_line(date(2026, 3, 20), line_id="b"))
    new = replace(OLD, skus={"B": SkuPolicy(countdown_days=(7,))})
    (shift,) = effect(facts, OLD, new, NOW).shifts
    assert (shift.how, shift.key) == (How.REWORDED, "countdown:2026-03-17")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"countdown_days": (7,), "settle_minutes": 5}, ("countdown_days",)),
        ({"countdown_days": (7,), "skus": {"A": SkuPolicy(countdown_days=(7,))}}, ("countdown_days", "skus")),
        # Neither alone: the gap leaves no room only between milestones that are new.
        ({"countdown_days": (4, 3), "min_gap_hours": 40}, ("countdown_days", "min_gap_hours")),
    ],
)
def test_the_reason_names_the_fields_that_do_it(changes: dict[str, Any], why: tuple[str, ...]) -> None:
    new = replace(OLD, **changes)
    shift = next(
        shift for shift in effect(an_order(), OLD, new, NOW).shifts if shift.key == "countdown:2026-03-17"
    )
    assert (shift.how, reasons(an_order(), OLD, new, shift, NOW)) == (How.CANCELLED, why)


@given(facts=orders(), old=policies, new=policies, hours=st.sampled_from([0, 1, 30, 200]))
def test_the_effect_is_what_planning_again_does(facts: Facts, old: Policy, new: Policy, hours: int) -> None:
    life = Life(facts, old)
    life.until(life.now + timedelta(hours=hours))
    life.replan()
    found = effect(life.facts, old, new, life.now)
    assert sorted(found.before) == sorted(message.kind for message in life.planned)
    life.policy = new
    changes = life.changes()
    keys = {how: {shift.key for shift in found.shifts if shift.how is how} for how in How}
    assert keys[How.ADDED] == {it.key for it in changes.add} | {
        it.draft.key for it in changes.move if it.restored
    }
    assert keys[How.CANCELLED] == {it.message.key for it in changes.stop}
    assert keys[How.MOVED] | keys[How.REWORDED] <= {it.draft.key for it in changes.move if not it.restored}
    life.apply(changes)
    assert sorted(found.after) == sorted(message.kind for message in life.planned)
