"""Goods on their way: the oldest orders wait for them, get their date, and are set their units aside on arrival."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from notifier import restocking
from notifier.db.engine import reading
from notifier.db.inbound_tables import InboundShipment
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.errors import Conflict, Invalid
from notifier.inbound import Effect
from notifier.inputs import NewRestock
from tests.house import NOON, House
from tests.intake.coming import (
    LAMP,
    SKU,
    change,
    eta,
    expect,
    orders,
    preview,
    shares,
    spare,
    work,
)

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
