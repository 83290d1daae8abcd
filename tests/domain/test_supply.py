"""Sharing arrived units: oldest first, never more than needed, nothing lost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.supply import Pile, Rule, Share, Waiting, along, pile, served
from tests.domain.builders import PLACED

RULES: tuple[Rule, ...] = ("fifo", "fair")


def waits(order: str, needed: int, day: int = 0, line: str = "a") -> Waiting:
    return Waiting(order, line, needed, PLACED + timedelta(days=day))


ALICE, BOB, CARLA = waits("alice", 3, day=0), waits("bob", 2, day=1), waits("carla", 1, day=2)

lines = st.builds(waits, st.sampled_from("abcdefghijklm"), st.integers(0, 9), st.integers(0, 3))
some_waiting = st.lists(lines, max_size=12, unique_by=lambda line: line.backorder_id)
units = st.integers(0, 60)


def queue(waiting: Sequence[Waiting]) -> list[Waiting]:
    return sorted(waiting, key=lambda line: (line.placed_at, line.backorder_id))


def heap(arrived: int, waiting: Sequence[Waiting], rule: Rule) -> Pile:
    return pile(arrived, rule, Counter(line.needed for line in waiting))


def share(arrived: int, waiting: Sequence[Waiting], rule: Rule) -> tuple[Share, ...]:
    """Who gets what, when all is done at once."""
    return tuple(given for given, _ in along(heap(arrived, waiting, rule), queue(waiting)))


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


def one_by_one(arrived: int, waiting: list[Waiting]) -> dict[str, int]:
    """The rule of `fair` as it is told to people: round after round, a unit at a time."""
    given: Counter[str] = Counter()
    while arrived:
        before = arrived
        for line in queue(waiting):
            if arrived and given[line.backorder_id] < line.needed:
                given[line.backorder_id] += 1
                arrived -= 1
        if arrived == before:
            break
    return given


@given(units, some_waiting)
def test_fair_is_what_dealing_one_by_one_gives(arrived: int, waiting: list[Waiting]) -> None:
    assert given_to(share(arrived, waiting, "fair")) == one_by_one(arrived, waiting)


@given(units, some_waiting, st.sampled_from(RULES))
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


@given(units, some_waiting, st.sampled_from(RULES))
def test_how_many_get_units_is_told_from_needs_alone_but_where_the_oldest_leave_too_few(
    arrived: int, waiting: list[Waiting], rule: Rule
) -> None:
    needs = Counter(line.needed for line in waiting)
    count = served(pile(arrived, rule, needs), needs)
    short = arrived < sum(line.needed for line in waiting)
    assert count == (None if rule == "fifo" and short else len(share(arrived, waiting, rule)))


@given(units, some_waiting, st.sampled_from(RULES), st.data())
def test_the_order_of_the_lines_does_not_matter(
    arrived: int, waiting: list[Waiting], rule: Rule, data: st.DataObject
) -> None:
    assert share(arrived, data.draw(st.permutations(waiting)), rule) == share(arrived, waiting, rule)


@given(units, some_waiting, st.sampled_from(RULES), st.lists(st.integers(1, 5)))
def test_who_stops_and_goes_on_shares_as_who_does_it_all_at_once(
    arrived: int, waiting: list[Waiting], rule: Rule, sizes: list[int]
) -> None:
    rest, todo, shares = heap(arrived, waiting, rule), queue(waiting), []
    for size in [*sizes, len(todo)]:
        for each, left in along(rest, todo[:size]):
            shares.append(each)
            rest = Pile(*astuple(left))  # all that is kept from one chunk to the next
        todo = todo[size:]
    assert tuple(shares) == share(arrived, waiting, rule)
    assert rest.left == arrived - sum(each.quantity for each in shares)


@given(units, some_waiting, st.sampled_from(RULES), st.data())
def test_what_changes_between_chunks_leaves_no_unit_lying_while_somebody_needs_it(
    arrived: int, waiting: list[Waiting], rule: Rule, data: st.DataObject
) -> None:
    needed = {line.backorder_id: line.needed for line in waiting}
    places = {line.backorder_id: line.placed_at for line in waiting}
    got: Counter[str] = Counter()

    def now() -> list[Waiting]:
        """Somebody needs less than before, or comes new."""
        id_ = data.draw(st.sampled_from("abcdefghijklmnop"))
        if id_ not in needed and len(needed) < 14:
            needed[id_], places[id_] = data.draw(st.integers(0, 4)), PLACED
        elif id_ in needed:
            needed[id_] = max(got[id_], needed[id_] - data.draw(st.integers(0, 3)))
        return [Waiting(it, "a", needed[it] - got[it], places[it]) for it in needed]

    todo, rest = queue(waiting), heap(arrived, waiting, rule)
    while todo:
        line, todo = todo[0], todo[1:]
        here = [it for it in now() if it.backorder_id == line.backorder_id]
        for share_, left in along(rest, here):
            got[share_.backorder_id] += share_.quantity
            rest = left
        if not todo and rest.left:
            todo = [it for it in queue(now()) if it.needed]
            rest = heap(rest.left, todo, rule)
    lacking = sum(needed[it] - got[it] for it in needed)
    assert rest.left + got.total() == arrived
    assert all(got[it] <= needed[it] for it in got)
    assert not (rest.left and lacking)


def test_a_million_units_are_shared_over_a_hundred_thousand_lines() -> None:
    waiting = [waits(f"{n:06}", n % 40, day=n % 50) for n in range(100_000)]
    assert sum(each.quantity for each in share(10**6, waiting, "fair")) == 10**6


@pytest.mark.parametrize(
    ("arrived", "waiting", "rule", "problem"),
    [
        (-1, [], "fifo", "arrived must be 0 or more, not -1"),
        (1, [], "random", 'rule must be "fifo" or "fair", not \'random\''),
    ],
)
def test_nonsense_is_refused(arrived: int, waiting: list[Waiting], rule: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        share(arrived, waiting, cast(Rule, rule))
