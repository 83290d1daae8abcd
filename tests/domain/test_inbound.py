"""Goods on their way are dealt to the oldest orders, never twice, and give the dates that they have."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.inbound import Coming, Expected, Held, Place, Shares, Wanting, by_line, cover, expected

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
OWN = Eta(date(2026, 12, 20))


def day(number: int) -> Eta:
    return Eta(date(2027, 1, number))


def ship(name: str, units: int, eta: Eta = UNKNOWN) -> Coming:
    return Coming(name, units, eta, START, f"by {name}")


def line(age: int, needed: int = 1, eta: Eta = OWN) -> Wanting:
    """The line of the order that came on that day."""
    return Wanting(f"bo_{age}", f"l{age}", START + timedelta(days=age), needed, eta, "its own")


def units(shares: Shares) -> dict[Place, int]:
    return {place: share.units for place, share in shares.items()}


def test_the_oldest_orders_are_covered_first() -> None:
    dealt = cover([ship("s", 4)], [line(3, 2), line(1, 3), line(2, 2)], {}, NOW)
    assert units(dealt) == {("s", "l1"): 3, ("s", "l2"): 1}


def test_the_next_shipment_is_dealt_first_and_one_without_a_date_last() -> None:
    coming = [ship("a", 1), ship("b", 1, day(9)), ship("c", 1, day(3))]
    dealt = cover(coming, [line(1), line(2), line(3)], {}, NOW)
    assert units(dealt) == {("c", "l1"): 1, ("b", "l2"): 1, ("a", "l3"): 1}


def test_a_share_stays_though_a_sooner_shipment_is_announced() -> None:
    before = cover([ship("late", 1, day(20))], [line(1), line(2)], {}, START)
    dealt = cover([ship("late", 1, day(20)), ship("soon", 1, day(2))], [line(1), line(2)], before, NOW)
    assert units(dealt) == {("late", "l1"): 1, ("soon", "l2"): 1}
    assert dealt["late", "l1"].since == START
    assert dealt["soon", "l2"].since == NOW


def test_a_line_that_needs_less_gives_back_what_comes_last() -> None:
    both = [ship("a", 2, day(2)), ship("b", 2, day(9))]
    before = cover(both, [line(1, 4)], {}, START)
    dealt = cover(both, [line(1, 2), line(2, 1)], before, NOW)
    assert units(dealt) == {("a", "l1"): 2, ("b", "l2"): 1}


def test_a_shipment_that_brings_less_leaves_the_youngest_without() -> None:
    before = cover([ship("s", 3)], [line(1), line(2), line(3)], {}, START)
    assert units(cover([ship("s", 2)], [line(1), line(2), line(3)], before, NOW)) == {
        ("s", "l1"): 1,
        ("s", "l2"): 1,
    }


def test_a_line_has_the_latest_date_of_its_shares() -> None:
    both = [ship("a", 1, day(2)), ship("b", 1, day(9))]
    waits = line(1, 2)
    (shares,) = by_line(both, cover(both, [waits], {}, NOW)).values()
    assert expected(waits, shares) == Expected(day(9), "by b", NOW)


def test_of_a_line_covered_in_part_the_rest_keeps_its_own_estimate() -> None:
    share = [(ship("s", 1, day(9)), Held(1, NOW))]
    sooner, later, never = line(1, 2), line(1, 2, day(20)), line(1, 2, UNKNOWN)
    assert expected(sooner, share) == Expected(day(9), "by s", NOW)
    assert expected(later, share) == Expected(day(20), "its own", NOW)
    assert expected(never, share) == Expected(UNKNOWN, "its own", NOW)
    assert expected(line(1, 1, day(20)), share) == Expected(day(9), "by s", NOW)


def test_a_shipment_without_a_date_leaves_its_lines_without_one() -> None:
    assert expected(line(1), [(ship("s", 1), Held(1, START))]) == Expected(UNKNOWN, "by s", START)
    assert expected(line(1), []) is None


etas = st.sampled_from([UNKNOWN, *map(day, range(1, 6))])
ships = st.lists(st.integers(1, 6), max_size=4).flatmap(
    lambda counts: st.tuples(
        *[st.builds(ship, st.just(f"s{n}"), st.just(c), etas) for n, c in enumerate(counts)]
    )
)
lines = st.lists(st.integers(0, 4), max_size=8).map(lambda needs: [line(n, c) for n, c in enumerate(needs)])
needs = st.lists(st.integers(0, 4), min_size=8, max_size=8)


@given(ships, lines, needs, st.lists(st.integers(1, 6), min_size=4, max_size=4))
def test_nothing_is_dealt_twice_and_nobody_loses_what_it_needs(
    coming: tuple[Coming, ...], waiting: list[Wanting], fewer: list[int], brings: list[int]
) -> None:
    before = cover(coming, waiting, {}, START)
    now = [line(n, min(it.needed, fewer[n])) for n, it in enumerate(waiting)]
    less = [ship(it.shipment_id, min(it.units, brings[n]), it.eta) for n, it in enumerate(coming)]
    after = cover(less, now, before, NOW)
    for shares, bring, need in ((before, coming, waiting), (after, less, now)):
        of_ship: Counter[str] = Counter()
        of_line: Counter[str] = Counter()
        for (shipment_id, line_id), share in shares.items():
            assert share.units > 0
            of_ship[shipment_id] += share.units
            of_line[line_id] += share.units
        open_units = {it.line_id: it.needed - of_line[it.line_id] for it in need}
        spare = {it.shipment_id: it.units - of_ship[it.shipment_id] for it in bring}
        assert min([*open_units.values(), *spare.values()], default=0) >= 0
        # Units go begging only when every line is covered.
        assert not any(spare.values()) or not any(open_units.values())
        # Covering again changes nothing.
        assert cover(bring, need, shares, NOW + timedelta(days=1)) == shares
    if [it.units for it in less] == [it.units for it in coming]:
        for it in now:
            kept = sum(share.units for (_, line_id), share in after.items() if line_id == it.line_id)
            had = sum(share.units for (_, line_id), share in before.items() if line_id == it.line_id)
            assert kept >= min(had, it.needed)
