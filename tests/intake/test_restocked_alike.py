"""Units for orders of one shape, which are planned once: what is written, and foretold, is as if each were planned."""

from functools import partial
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier import skus
from notifier.db import facts as store
from notifier.db.alike import Shapes
from notifier.db.engine import reading
from notifier.db.facts import record
from notifier.db.gathered import orders, read
from notifier.db.tables import Store
from notifier.domain.policy import Policy
from notifier.domain.supply import Rule
from notifier.planning import write
from notifier.restocking import RULES, Outcome, chunks, foretell, hand_over
from notifier.restocking.giving import heap, sharing
from tests.house import House
from tests.intake.test_alike import SKU, a_house, hand_out, happenings, ids, kinds_of_order, live, whole

restocks = st.tuples(st.just("restocks"), st.tuples(st.integers(1, 12), st.sampled_from(RULES)))
stories = st.lists(st.one_of(happenings, restocks), min_size=6, max_size=16)


def in_chunks(house: House, units: int, rule: Rule) -> None:
    with patch.object(skus, "AT_ONCE", -1), house.writing() as session:
        hand_over(session, house.store_id, {SKU: units}, rule, house.clock.now)
    while chunks.carry_on(house.engine, house.clock):
        pass


def by_hand(house: House, units: int, rule: Rule) -> None:
    """The same by the road of a single fact: rows as objects, each order planned by itself."""
    now = house.clock.now
    with house.writing() as session:
        start = heap(session, house.store_id, SKU, units, rule)
        shares = list(sharing(session, house.store_id, SKU, start))
        loaded = store.load(session, [it.backorder_id for it in shares], lock=True)
        happened = []
        for it in shares:
            order = loaded[it.backorder_id]
            row = next(row for row in order.lines if row.id == it.line_id)
            row.allocated += it.quantity
            data = {"line": row.id, "sku": SKU, "quantity": it.quantity}
            happened.append((order, [record(order, "allocated", now, now, data)]))
        write(session, happened, now)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(kinds=st.lists(kinds_of_order, min_size=1, max_size=2), story=stories)
def test_what_a_restock_writes_is_what_giving_each_order_its_units_would_write(
    kinds: list[Any], story: list[Any]
) -> None:
    chunk_by_chunk, small, each = a_house(), a_house(), a_house()
    live(chunk_by_chunk, kinds, story, give=in_chunks)
    live(small, kinds, story, give=hand_out)
    live(each, kinds, story, give=by_hand)
    assert whole(chunk_by_chunk) == whole(small) == whole(each)
    for house in (chunk_by_chunk, small, each):
        house.engine.dispose()


def foretold(house: House, units: int) -> dict[Rule, Outcome]:
    with reading(house.engine) as session:
        shop = session.get_one(Store, house.store_id)
        return {
            rule: told.outcome
            for rule, told in foretell(session, shop, {SKU: units}, RULES, house.clock.now).items()
        }


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(kinds=st.lists(kinds_of_order, min_size=1, max_size=2), story=stories, units=st.integers(1, 20))
def test_what_is_foretold_is_what_planning_each_order_would_foretell(
    kinds: list[Any], story: list[Any], units: int
) -> None:
    house = a_house()
    live(house, kinds, story)
    together = foretold(house, units)
    with patch("notifier.restocking.foretelling.Shapes", partial(Shapes, alone=True)):
        assert together == foretold(house, units)
    house.engine.dispose()


def test_orders_that_get_all_they_lack_are_of_one_shape_however_near_their_date(house: House) -> None:
    """No reminder of a date is left to be spaced from the hours in which others went; with a unit short, one is."""
    for number in range(3):
        house.register(
            f"{number}", lines=[{"sku": SKU, "name": "Ornament", "quantity": 2, "eta": "2026-12-20"}]
        )
        house.turn()
        house.clock.pass_time(minutes=5)
    house.clock.pass_time(days=9)
    house.turn()
    shapes = Shapes(Policy(), ZoneInfo("UTC"))
    with reading(house.engine) as session:
        found = orders(read(session, ids(house), SKU, ()))
    filled, short = (
        {shapes.sketch(order, order.eta, here=here).shape for order in found} for here in (True, False)
    )
    assert (len(filled), len(short)) == (1, 3)
    assert None not in filled | short
