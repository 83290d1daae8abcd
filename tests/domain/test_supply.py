"""Sharing arrived units: oldest first, never more than needed, nothing lost."""

from datetime import timedelta
from typing import Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.supply import Share, Waiting, share
from tests.domain.builders import PLACED

Rule = Literal["fifo", "fair"]
RULES: tuple[Rule, ...] = ("fifo", "fair")


def waits(order: str, needed: int, day: int = 0, line: str = "a") -> Waiting:
    return Waiting(order, line, needed, PLACED + timedelta(days=day))


ALICE, BOB, CARLA = waits("alice", 3, day=0), waits("bob", 2, day=1), waits("carla", 1, day=2)

lines = st.builds(
    waits, st.sampled_from("abcdef"), st.integers(0, 9), st.integers(0, 3), st.sampled_from("xyz")
)
some_waiting = st.lists(lines, max_size=12, unique_by=lambda line: (line.backorder_id, line.line_id))


def given_to(shares: tuple[Share, ...]) -> dict[str, int]:
    return {each.backorder_id: each.quantity for each in shares}


@pytest.mark.parametrize(
    ("rule", "arrived", "expected"),
    [
        ("fifo", 4, {"alice": 3, "bob": 1}),
        ("fair", 4, {"alice": 2, "bob": 1, "carla": 1}),
        ("fair", 2, {"alice": 1, "bob": 1}),
        ("fifo", 9, {"alice": 3, "bob": 2, "carla": 1}),
        ("fair", 9, {"alice": 3, "bob": 2, "carla": 1}),
        ("fifo", 0, {}),
        ("fair", 0, {}),
    ],
)
def test_units_go_to_the_oldest_first(rule: Rule, arrived: int, expected: dict[str, int]) -> None:
    assert given_to(share(arrived, [CARLA, ALICE, BOB], rule)) == expected


def test_a_share_says_what_is_still_waited_for() -> None:
    assert share(1, [ALICE], "fifo") == (Share("alice", "a", quantity=1, still_waiting=2),)


@pytest.mark.parametrize("rule", RULES)
def test_orders_of_one_instant_go_by_id(rule: Rule) -> None:
    assert given_to(share(1, [waits("b", 1), waits("a", 1)], rule)) == {"a": 1}


def test_fair_is_fair_to_orders_not_to_lines() -> None:
    two_lines = [waits("alice", 2, line="x"), waits("alice", 2, line="y"), waits("bob", 3, day=1)]
    assert share(5, two_lines, "fair") == (
        Share("alice", "x", 2, 0),
        Share("alice", "y", 1, 1),
        Share("bob", "a", 2, 1),
    )


def one_by_one(arrived: int, waiting: list[Waiting]) -> dict[tuple[str, str], int]:
    """The rule of `fair` as it is told to people: round after round, a unit at a time."""
    given: dict[tuple[str, str], int] = {}
    ordered = sorted(waiting, key=lambda line: (line.placed_at, line.backorder_id, line.line_id))
    orders = list(dict.fromkeys(line.backorder_id for line in ordered))
    while arrived:
        before = arrived
        for order in orders:
            for line in ordered:
                key = (line.backorder_id, line.line_id)
                if arrived and line.backorder_id == order and given.get(key, 0) < line.needed:
                    given[key] = given.get(key, 0) + 1
                    arrived -= 1
                    break
        if arrived == before:
            break
    return given


@given(st.integers(0, 60), some_waiting)
def test_fair_is_what_dealing_one_by_one_gives(arrived: int, waiting: list[Waiting]) -> None:
    shares = share(arrived, waiting, "fair")
    assert {(each.backorder_id, each.line_id): each.quantity for each in shares} == one_by_one(
        arrived, waiting
    )


@given(st.integers(0, 60), some_waiting, st.sampled_from(RULES))
def test_nobody_gets_more_than_needed_and_nothing_is_kept_back(
    arrived: int, waiting: list[Waiting], rule: Rule
) -> None:
    needed = {(line.backorder_id, line.line_id): line.needed for line in waiting}
    shares = share(arrived, waiting, rule)
    assert all(0 < each.quantity <= needed[each.backorder_id, each.line_id] for each in shares)
    assert all(
        each.quantity + each.still_waiting == needed[each.backorder_id, each.line_id] for each in shares
    )
    assert sum(each.quantity for each in shares) == min(arrived, sum(needed.values()))


@given(st.integers(0, 60), some_waiting, st.sampled_from(RULES), st.data())
def test_the_order_of_the_lines_does_not_matter(
    arrived: int, waiting: list[Waiting], rule: Rule, data: st.DataObject
) -> None:
    assert share(arrived, data.draw(st.permutations(waiting)), rule) == share(arrived, waiting, rule)


def test_a_million_units_are_shared_over_a_hundred_thousand_lines() -> None:
    waiting = [waits(f"{n:06}", n % 40, day=n % 50) for n in range(100_000)]
    assert sum(each.quantity for each in share(10**6, waiting, "fair")) == 10**6


@pytest.mark.parametrize(
    ("arrived", "waiting", "rule", "problem"),
    [
        (-1, [], "fifo", "arrived must be 0 or more, not -1"),
        (1, [waits("a", -2)], "fifo", r"needed must be 0 or more, not -2 \(line a\)"),
        (1, [], "random", 'rule must be "fifo" or "fair", not \'random\''),
    ],
)
def test_nonsense_is_refused(arrived: int, waiting: list[Waiting], rule: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        share(arrived, waiting, cast(Rule, rule))
