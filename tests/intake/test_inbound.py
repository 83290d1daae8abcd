"""Goods on their way: the oldest orders wait for them, get their date, and are set their units aside on arrival."""

import threading
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from notifier import inbound, intake, restocking, skus
from notifier.db import supply
from notifier.db.engine import reading
from notifier.db.inbound_tables import InboundLine, InboundShare, InboundShipment
from notifier.db.tables import BackorderLine, SkuChange, Store
from notifier.domain.message import Kind
from notifier.errors import Conflict, Invalid
from notifier.inbound import Done, Effect, dealing
from notifier.inbound.wishes import InboundChange, NewInbound
from notifier.inputs import NewRestock
from tests.house import NOON, House, at_once, order

SKU = "ORN-RED"
LAMP = "LAMP"


def wish(**changes: Any) -> NewInbound:
    body = {"reference": "PO-7", "lines": [{"sku": SKU, "quantity": 4}], "eta": "2026-12-28"}
    return NewInbound.model_validate(body | changes)


def expect(house: House, **changes: Any) -> Done:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return inbound.register(session, shop, wish(**changes), house.clock.now)


def change(house: House, shipment_id: str, **wanted: Any) -> Done:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return inbound.change(
            session, shop, shipment_id, InboundChange.model_validate(wanted), house.clock.now
        )


def preview(house: House, shipment_id: str | None = None, **wanted: Any) -> Effect:
    with reading(house.engine) as session:
        shop = session.get_one(Store, house.store_id)
        if shipment_id is None:
            return inbound.preview_new(session, shop, wish(**wanted), house.clock.now)
        return inbound.preview_change(
            session, shop, shipment_id, InboundChange.model_validate(wanted), house.clock.now
        )


def work(house: House) -> None:
    """What workers carry on."""
    while dealing.carry_on(house.engine, house.clock.now) or skus.carry_on(house.engine, house.clock.now):
        pass


def shares(house: House) -> dict[tuple[str, str, str], int]:
    """By shipment, order and SKU: the units that are waited for."""
    with reading(house.engine) as session:
        rows = session.exec(select(InboundShare)).all()
        return {(row.shipment_id, row.backorder_id, row.sku): row.units for row in rows}


def spare(house: House, shipment_id: str) -> dict[str, int]:
    with reading(house.engine) as session:
        return {row.sku: row.spare for row in supply.lines(session, [shipment_id])[shipment_id]}


def orders(house: House, *quantities: int, eta: str | None = "2026-12-20", **changes: Any) -> list[str]:
    """Orders that wait for so many units each, the oldest first."""
    return [
        house.register(
            f"{number}",
            placed_at=NOON - timedelta(days=20 - number),
            lines=[{"sku": SKU, "name": "Ornament", "quantity": quantity, "eta": eta}],
            **changes,
        )
        for number, quantity in enumerate(quantities)
    ]


def eta(house: House, backorder_id: str, sku: str = SKU) -> date | None:
    return house.line(backorder_id, sku).eta


# --- a new shipment ----------------------------------------------------------------------------------------


def test_the_oldest_orders_wait_for_a_shipment_and_get_its_date(house: House) -> None:
    first, second, third = orders(house, 3, 2, 1)
    done = expect(house, lines=[{"sku": SKU, "quantity": 5}], reason="by sea", eta_earliest="2026-12-26")
    assert done.created
    assert shares(house) == {(done.row.id, first, SKU): 3, (done.row.id, second, SKU): 2}
    line = house.line(first)
    assert (line.eta, line.eta_earliest, line.eta_reason) == (
        date(2026, 12, 28),
        date(2026, 12, 26),
        "by sea",
    )
    assert eta(house, second) == date(2026, 12, 28)
    assert eta(house, third) == date(2026, 12, 20)
    assert done.effect is not None
    assert done.effect.radius is not None
    assert done.effect.radius.backorders == 2


def test_a_line_over_two_shipments_has_the_later_date_and_one_covered_in_part_its_own(house: House) -> None:
    first, second = orders(house, 4, 4)
    expect(house, reference="A", eta="2026-12-10", lines=[{"sku": SKU, "quantity": 3}])
    assert eta(house, first) == date(2026, 12, 20)  # one unit of it comes with nothing yet
    expect(house, reference="B", eta="2026-12-15", lines=[{"sku": SKU, "quantity": 3}])
    assert eta(house, first) == date(2026, 12, 15)
    assert eta(house, second) == date(2026, 12, 20)
    expect(house, reference="C", eta="2027-02-01", lines=[{"sku": SKU, "quantity": 1}])
    assert eta(house, second) == date(2027, 2, 1)


def test_a_shipment_of_two_skus_moves_an_order_of_both_with_one_email(house: House) -> None:
    both = [{"sku": sku, "name": sku, "quantity": 1, "eta": "2026-12-20"} for sku in (SKU, LAMP)]
    backorder_id = house.register("1", lines=both)
    house.dispatch()
    goods = [{"sku": SKU, "quantity": 2}, {"sku": LAMP, "quantity": 2}]
    foretold = preview(house, lines=goods, eta="2027-01-20").radius
    assert foretold is not None
    assert (foretold.backorders, foretold.messages[Kind.DELAY]) == (1, 1)
    expect(house, lines=goods, eta="2027-01-20")
    house.clock.pass_time(minutes=20)
    house.dispatch()
    assert [eta(house, backorder_id, sku) for sku in (SKU, LAMP)] == [date(2027, 1, 20)] * 2
    (delay,) = [row for row in house.messages(backorder_id) if row.kind == "delay"]
    assert len(delay.says) == 2


def test_a_dry_run_tells_what_then_happens_and_changes_nothing(house: House) -> None:
    orders(house, 3, 2, 1, customer={"email": "a@example.com", "country": "US"})
    house.dispatch()
    before = (house.messages(), shares(house))
    foretold = preview(house, eta="2027-03-15").radius
    assert (house.messages(), shares(house)) == before
    done = expect(house, eta="2027-03-15")
    assert foretold is not None
    assert done.effect is not None
    assert done.effect.radius is not None
    assert foretold.messages[Kind.CONSENT] == 2
    assert foretold.needs_consent == 2
    ((day, who),) = foretold.answer_by.items()
    assert day == date(2027, 1, 19)
    assert (who.backorders, len(who.first)) == (2, 2)
    assert (foretold.messages, foretold.answer_by) == (
        done.effect.radius.messages,
        done.effect.radius.answer_by,
    )
    made = Counter(row.kind for row in house.messages() if row.key.startswith("consent"))
    assert made == {"consent": 2}


def test_a_shipment_that_would_send_too_much_is_refused_until_confirmed(house: House) -> None:
    orders(house, 1, 1, 1)
    house.dispatch()
    with house.writing() as session:
        session.get_one(Store, house.store_id).policy = {"max_messages_per_change": 2}
    with pytest.raises(Conflict, match=r"would send \d+ messages to 3 orders.*confirm: true"):
        expect(house, eta="2027-03-15")
    with reading(house.engine) as session:
        assert session.exec(select(InboundShipment)).all() == []
    assert shares(house) == {}
    expect(house, eta="2027-03-15", confirm=True)
    assert len(shares(house)) == 3


@pytest.mark.parametrize(
    "wanted", [{"eta": "2026-11-30"}, {"eta": "2026-11-30", "eta_earliest": "2026-11-20"}]
)
def test_a_date_in_the_past_is_refused(house: House, wanted: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="2026-11-30 has passed: it is 2026-12-01") as refused:
        expect(house, **wanted)
    assert [fault.pointer for fault in refused.value.faults] == ["/eta"]
    done = expect(house, eta="2026-12-01")
    with pytest.raises(Invalid, match="has passed"):
        change(house, done.row.id, **wanted)
    house.clock.pass_time(days=3)  # the day that stands has passed by now, and may stay
    assert change(house, done.row.id, stage="customs", eta="2026-12-01").row.stage == "customs"


def test_the_same_shipment_again_is_the_first_one_and_another_of_its_name_is_refused(house: House) -> None:
    orders(house, 3)
    first = expect(house)
    again = expect(house)
    assert (again.row.id, again.created) == (first.row.id, False)
    assert len(shares(house)) == 1
    with pytest.raises(Conflict, match="'PO-7' stands for another shipment already, as inb_"):
        expect(house, eta="2026-12-29")


# --- a new date --------------------------------------------------------------------------------------------


def test_a_new_date_moves_the_lines_that_wait_for_it_and_no_others(house: House) -> None:
    first, second, third = orders(house, 2, 2, 2)
    done = expect(house)
    house.dispatch()
    moved = change(house, done.row.id, eta="2027-01-10", reason="fog")
    assert moved.effect is not None
    assert moved.effect.radius is not None
    assert moved.effect.radius.backorders == 2
    assert [eta(house, each) for each in (first, second, third)] == [
        date(2027, 1, 10),
        date(2027, 1, 10),
        date(2026, 12, 20),
    ]
    assert house.line(first).eta_reason == "fog"


def test_a_date_that_moves_back_within_the_settling_time_sends_nothing(house: House) -> None:
    orders(house, 2, 2)
    done = expect(house)
    house.dispatch()
    house.clock.pass_time(hours=1)
    house.dispatch()
    sent = len(house.provider.taken)
    change(house, done.row.id, eta="2027-02-10")
    house.clock.pass_time(minutes=5)
    change(house, done.row.id, eta="2026-12-28")
    house.clock.pass_time(minutes=30)
    house.dispatch()
    assert len(house.provider.taken) == sent


def test_a_date_set_by_hand_stays_until_the_shipment_moves_again(house: House) -> None:
    (first,) = orders(house, 2)
    done = expect(house)
    house.clock.pass_time(minutes=1)
    house.move(first, "2027-01-03")
    house.clock.pass_time(minutes=1)
    change(house, done.row.id, stage="customs")
    work(house)
    assert eta(house, first) == date(2027, 1, 3)
    change(house, done.row.id, eta="2027-01-08")
    assert eta(house, first) == date(2027, 1, 8)


def test_a_shipment_without_a_date_any_more_leaves_its_lines_without_one(house: House) -> None:
    (first,) = orders(house, 2)
    done = expect(house)
    change(house, done.row.id, eta=None, reason="the ship is lost")
    assert eta(house, first) is None


def test_orders_that_came_later_are_covered_when_it_is_changed_or_when_workers_look(house: House) -> None:
    (first,) = orders(house, 2)
    done = expect(house)
    second = house.register("second", lines=[{"sku": SKU, "name": "O", "quantity": 1, "eta": "2026-12-20"}])
    assert (done.row.id, second, SKU) not in shares(house)
    work(house)
    assert shares(house) == {(done.row.id, first, SKU): 2, (done.row.id, second, SKU): 1}
    assert eta(house, second) == date(2026, 12, 28)
    assert spare(house, done.row.id) == {SKU: 1}
    third = house.register("third", lines=[{"sku": SKU, "name": "O", "quantity": 1, "eta": "2026-12-20"}])
    change(house, done.row.id, stage="in_transit")
    assert eta(house, third) == date(2026, 12, 28)
    assert spare(house, done.row.id) == {SKU: 0}


def test_what_it_brings_may_become_less_and_more(house: House) -> None:
    first, second, third = orders(house, 2, 2, 2)
    done = expect(house)
    change(house, done.row.id, lines=[{"sku": SKU, "quantity": 3}, {"sku": LAMP, "quantity": 9}])
    assert shares(house) == {(done.row.id, first, SKU): 2, (done.row.id, second, SKU): 1}
    assert spare(house, done.row.id) == {SKU: 0, LAMP: 9}
    change(house, done.row.id, lines=[{"sku": SKU, "quantity": 30}])
    assert shares(house)[done.row.id, third, SKU] == 2
    assert spare(house, done.row.id) == {SKU: 24}


# --- units that become free --------------------------------------------------------------------------------


def test_units_of_lines_that_ship_or_are_cancelled_go_to_the_next_oldest(house: House) -> None:
    first, second, third, fourth = orders(house, 2, 2, 2, 2)
    done = expect(house)
    house.cancel(first)
    work(house)
    assert shares(house) == {(done.row.id, second, SKU): 2, (done.row.id, third, SKU): 2}
    assert eta(house, third) == date(2026, 12, 28)
    house.ship(second, lines=[{"sku": SKU, "quantity": 1}])
    work(house)
    assert shares(house)[done.row.id, second, SKU] == 1
    assert shares(house)[done.row.id, fourth, SKU] == 1


def test_goods_from_stock_free_what_their_orders_waited_for(house: House) -> None:
    first, second, third = orders(house, 2, 2, 2)
    done = expect(house)
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        restocking.restock(session, shop, NewRestock(sku=SKU, quantity=2), house.clock.now)
    work(house)
    assert house.line(first).allocated == 2
    assert shares(house) == {(done.row.id, second, SKU): 2, (done.row.id, third, SKU): 2}


# --- arriving ----------------------------------------------------------------------------------------------


def got(effect: Effect) -> dict[str, tuple[list[restocking.Allocation], int]]:
    """By SKU who gets what, and what is left over."""
    return {sku: ([*it.allocated], it.left_over) for sku, it in effect.restocked.items()}


def test_a_shipment_that_arrives_is_set_aside_for_the_oldest_once(house: House) -> None:
    first, second, third = orders(house, 3, 2, 1)
    done = expect(house)
    foretold = preview(house, done.row.id, stage="arrived")
    arrived = change(house, done.row.id, stage="arrived")
    assert arrived.effect is not None
    assert got(arrived.effect) == got(foretold)
    assert [house.line(each).allocated for each in (first, second, third)] == [3, 1, 0]
    assert shares(house) == {}
    assert arrived.row.arrived_at == NOON
    again = change(house, done.row.id, stage="arrived")
    assert again.effect is None
    assert [house.line(each).allocated for each in (first, second, third)] == [3, 1, 0]


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ({"stage": "customs"}, "stage"),
        ({"eta": "2027-01-01"}, "eta"),
        ({"lines": [{"sku": SKU, "quantity": 5}]}, "lines"),
        ({"reference": "PO-8"}, "reference"),
    ],
)
def test_nothing_of_a_shipment_that_has_arrived_changes(
    house: House, wanted: dict[str, Any], what: str
) -> None:
    done = expect(house, stage="arrived")
    with pytest.raises(Conflict, match=f"has arrived.*its {what} can't change") as refused:
        change(house, done.row.id, **wanted)
    assert [fault.pointer for fault in refused.value.faults] == [f"/{what}"]


def test_a_shipment_may_be_handed_in_when_it_is_here(house: House) -> None:
    (first,) = orders(house, 3)
    done = expect(house, stage="arrived", eta="2026-11-20")
    assert house.line(first).allocated == 3
    assert done.effect is not None
    assert done.effect.restocked[SKU].left_over == 1


def test_who_waited_for_a_shipment_that_older_orders_got_waits_for_the_next(house: House) -> None:
    first, second = orders(house, 2, 2)
    late = expect(house, reference="late", eta="2027-02-01", lines=[{"sku": SKU, "quantity": 2}])
    soon = expect(house, reference="soon", eta="2026-12-10", lines=[{"sku": SKU, "quantity": 2}])
    assert shares(house) == {(late.row.id, first, SKU): 2, (soon.row.id, second, SKU): 2}
    change(house, soon.row.id, stage="arrived")
    work(house)
    assert house.line(first).allocated == 2
    assert shares(house) == {(late.row.id, second, SKU): 2}
    assert eta(house, second) == date(2027, 2, 1)


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
