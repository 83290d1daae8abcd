"""Goods on their way, when much happens at once or a worker dies half way: no unit is given twice, none is lost."""

import threading
from collections import Counter
from datetime import date
from typing import Any

import pytest
from sqlmodel import col, select

from notifier import intake, restocking, skus
from notifier.db.engine import reading
from notifier.db.inbound_tables import InboundLine
from notifier.db.tables import BackorderLine, SkuChange, Store
from notifier.inbound import Done
from notifier.inputs import NewRestock
from tests.house import House, at_once, order
from tests.intake.coming import (
    SKU,
    change,
    expect,
    orders,
    shares,
    work,
)

# --- at once, and after a crash ----------------------------------------------------------------------------


def test_two_shipments_at_once_give_no_line_more_than_it_needs(house: House) -> None:
    ids = orders(house, *[2] * 20)
    acts = [
        lambda name=name: expect(house, reference=name, lines=[{"sku": SKU, "quantity": 16}])
        for name in "abc"
    ]
    assert all(isinstance(it, Done) for it in at_once(*acts))
    got: Counter[str] = Counter()
    for (_, backorder_id, _), units in shares(house).items():
        got[backorder_id] += units
    assert got == dict.fromkeys(ids, 2)


def test_two_restocks_at_once_give_nothing_twice(house: House) -> None:
    ids = orders(house, *[3] * 12)

    def restock() -> int:
        with house.writing() as session:
            shop = session.get_one(Store, house.store_id)
            new = NewRestock(sku=SKU, quantity=10, rule="fair")
            done = restocking.restock(session, shop, new, house.clock.now)
            assert isinstance(done, restocking.Restocked)
            return done.left_over

    assert sorted(map(str, at_once(*[restock] * 4))) == ["0", "0", "0", "4"]
    assert [house.line(each).allocated for each in ids] == [3] * 12


def test_shipments_arriving_while_orders_ship_and_cancel_come_out_even(house: House) -> None:
    ids = orders(house, *[2] * 12)
    done = [expect(house, reference=name, lines=[{"sku": SKU, "quantity": 8}]) for name in "ab"]
    stop = threading.Event()

    def carry_on() -> None:
        while not stop.is_set():
            work(house)

    carrying = threading.Thread(target=carry_on)
    carrying.start()
    acts: list[Any] = [lambda: change(house, done[0].row.id, stage="arrived")]
    acts += [lambda: change(house, done[1].row.id, eta="2027-01-10")]
    acts += [lambda each=each: house.cancel(each) for each in ids[:4]]
    acts += [lambda each=each: house.ship(each) for each in ids[6:8]]
    acts += [lambda: expect(house, reference="c", lines=[{"sku": SKU, "quantity": 50}])]
    try:
        outcomes = at_once(*acts)
    finally:
        stop.set()
        carrying.join()
    assert [it for it in outcomes if isinstance(it, Exception)] == []
    work(house)
    got: Counter[str] = Counter()
    for (_, backorder_id, _), units in shares(house).items():
        got[backorder_id] += units
    with reading(house.engine) as session:
        lines = session.exec(select(BackorderLine).order_by(col(BackorderLine.backorder_id))).all()
        content = session.exec(select(InboundLine).where(col(InboundLine.arrived_at).is_(None))).all()
    # Everybody is covered for just what is neither here nor gone, for there is enough on its way.
    assert {row.backorder_id: row.waiting - row.allocated for row in lines} == {
        row.backorder_id: got[row.backorder_id] for row in lines
    }
    assert sum(row.quantity - row.spare for row in content) == sum(got.values())


@pytest.fixture
def large(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A store where a move of more than ten orders is large, and a chunk is twenty orders."""
    monkeypatch.setattr(skus, "AT_ONCE", 10)
    monkeypatch.setattr(skus, "CHUNK", 20)
    monkeypatch.setattr(skus, "CHUNKS", 1)
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        intake.register_many(session, shop, [order(f"{n:05}") for n in range(70)], house.clock.now)
    house.dispatch()
    return house


def etas(house: House) -> Counter[date | None]:
    with reading(house.engine) as session:
        return Counter(row.eta for row in session.exec(select(BackorderLine)))


def test_a_move_of_very_many_orders_survives_a_kill_half_way(
    large: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = expect(large, lines=[{"sku": SKU, "quantity": 181}])
    work(large)
    assert etas(large) == {date(2026, 12, 28): 61, date(2026, 12, 20): 9}
    large.clock.pass_time(hours=1)
    large.dispatch()
    moved = change(large, done.row.id, eta="2027-01-15", reason="fog")
    assert moved.large
    assert etas(large)[date(2027, 1, 15)] == 0
    assert skus.carry_on(large.engine, large.clock.now)

    class Killed(BaseException):
        """As a kill looks from inside."""

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(skus, "replan_alike", dies)
        with pytest.raises(Killed):
            skus.carry_on(large.engine, large.clock.now)
    assert etas(large) == {date(2027, 1, 15): 20, date(2026, 12, 28): 41, date(2026, 12, 20): 9}
    with reading(large.engine) as session:  # plainly unfinished, with what is left
        (job,) = session.exec(select(SkuChange).where(col(SkuChange.finished_at).is_(None))).all()
        assert (job.shipment_id, job.done, job.total) == (done.row.id, 20, 61)
    work(large)
    # The last of them waits for a unit that comes with nothing yet, and no sooner than the rest.
    assert etas(large) == {date(2027, 1, 15): 61, date(2026, 12, 20): 9}
    large.clock.pass_time(minutes=20)
    large.dispatch()
    assert Counter(row.key for row in large.messages() if row.kind == "delay")["delay:2"] >= 60
