"""A shipment that arrives for very many orders: its units are set aside in chunks, and others wait for that."""

import pytest

from notifier import skus
from notifier.db import restocks
from notifier.db.engine import reading
from notifier.inbound import dealing
from notifier.restocking import chunks
from tests.house import House
from tests.intake.coming import SKU, change, expect, orders, preview, shares, work


def hand_out_the_rest(house: House) -> None:
    while chunks.carry_on(house.engine, house.clock):
        pass


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 2)
    monkeypatch.setattr(chunks, "CHUNK", 2)
    monkeypatch.setattr(chunks, "CHUNKS", 1)


@pytest.mark.usefixtures("few_at_once")
def test_what_arrives_for_very_many_is_set_aside_in_chunks_as_one_restock_for_each_sku(house: House) -> None:
    both = [{"sku": sku, "name": sku, "quantity": 2, "eta": "2026-12-20"} for sku in (SKU, "LAMP")]
    ids = [house.register(f"{n}", lines=both) for n in range(3)]
    shipment = expect(house, lines=[{"sku": SKU, "quantity": 5}, {"sku": "LAMP", "quantity": 7}])
    foretold = preview(house, shipment.row.id, stage="arrived")
    done = change(house, shipment.row.id, stage="arrived")
    assert (done.large, done.effect, shares(house)) == (True, None, {})
    again = change(house, shipment.row.id, stage="arrived")
    assert (again.large, again.effect) == (False, None)
    with reading(house.engine) as session:
        found = restocks.of_shipments(session, house.store_id, [shipment.row.id])
    assert [(it.sku, it.quantity, it.total) for it in found] == [(SKU, 5, 3), ("LAMP", 7, 3)]
    hand_out_the_rest(house)
    assert foretold.outcome is not None
    assert (foretold.outcome.filled, dict(foretold.outcome.freed)) == (2, {})
    assert {sku: [it.quantity for it in told.allocated] for sku, told in foretold.restocked.items()} == {
        SKU: [2, 2, 1],
        "LAMP": [2, 2, 2],
    }
    assert [told.left_over for told in foretold.restocked.values()] == [0, 1]
    assert [[house.line(id_, sku).allocated for id_ in ids] for sku in (SKU, "LAMP")] == [
        [2, 2, 1],
        [2, 2, 2],
    ]


@pytest.mark.usefixtures("few_at_once")
def test_nothing_is_dealt_out_again_before_it_is_known_who_gets_units(house: House) -> None:
    ids = orders(house, 1, 1, 1, 1, 1)
    first = expect(house, reference="first", lines=[{"sku": SKU, "quantity": 4}])
    second = expect(house, reference="second", lines=[{"sku": SKU, "quantity": 1}])
    work(house)
    assert change(house, first.row.id, stage="arrived").large
    assert chunks.carry_on(house.engine, house.clock)
    third = expect(house, reference="third", lines=[{"sku": SKU, "quantity": 9}], eta="2027-02-01")
    while dealing.carry_on(house.engine, house.clock.now):
        pass
    # Who had a share keeps it; the two in front that have nothing yet are not to wait for what is not for them.
    assert shares(house) == {(second.row.id, ids[4], SKU): 1}
    hand_out_the_rest(house)
    late = house.register("late", lines=[{"sku": SKU, "name": "Late", "quantity": 1, "eta": "2026-12-20"}])
    work(house)
    assert shares(house) == {(second.row.id, ids[4], SKU): 1, (third.row.id, late, SKU): 1}
    assert [house.line(id_).allocated for id_ in ids] == [1, 1, 1, 1, 0]
    assert {house.line(id_).eta for id_ in ids[:4]} == {first.row.eta}
