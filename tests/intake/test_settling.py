"""Money that was sent back, duties that a person calls done, and what the law has cancelled: on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifier import settling
from notifier.db.codec import policy_to_json
from notifier.db.engine import reading
from notifier.db.facts import load
from notifier.db.tables import Store
from notifier.domain.policy import Policy
from notifier.errors import Conflict, Invalid, NotifierError
from notifier.inputs import NewSettlement
from notifier.timeline import timeline
from tests.house import House

AMERICAN = {"email": "jane@example.com", "country": "US"}
LINE = {"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "unit_price": "9.50", "eta": "2026-12-20"}
LAMP = {"sku": "LAMP", "name": "Lamp", "quantity": 1, "unit_price": "20.00", "eta": "2026-12-20"}
ENDS = datetime(2026, 12, 21, tzinfo=UTC)


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine)


def american(house: House, order_id: str = "1042", **changes: Any) -> str:
    return house.register(order_id, **({"customer": AMERICAN, "currency": "USD", "lines": [LINE]} | changes))


def choose(house: House, **policy: Any) -> None:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        shop.policy = policy_to_json(Policy(**policy))
        session.add(shop)


def state(house: House, backorder_id: str, sku: str = "ORN-RED") -> tuple[str, int, int, int]:
    line = house.line(backorder_id, sku)
    return line.law_state, line.waiting, line.cancelled, line.shipped


def refused(house: House, backorder_id: str, **refund: Any) -> tuple[type[NotifierError], str, str]:
    with pytest.raises(NotifierError) as caught:
        house.refund(backorder_id, **refund)
    (fault,) = caught.value.faults
    return type(caught.value), fault.pointer, fault.detail


# --- refunds


def test_a_refund_is_told_to_the_customer_with_amount_and_method(house: House) -> None:
    backorder_id = american(house)
    house.cancel(backorder_id)
    house.refund(backorder_id, amount="28.50", method="Visa ending 4242")
    house.dispatch()
    (message,) = [row for row in house.messages(backorder_id) if row.kind == "refund"]
    assert message.status == "sent"
    (envelope,) = [sent for sent in house.provider.taken if sent.kind == "refund"]
    assert envelope.subject == "We have sent $28.50 back for order 1042"
    assert "Visa ending 4242" in envelope.text
    assert "voucher" not in envelope.text.lower()


def test_a_refund_of_more_than_was_paid_names_what_is_left(house: House) -> None:
    backorder_id = american(house)
    house.cancel(backorder_id)
    assert refused(house, backorder_id, amount="28.51") == (Conflict, "/amount", "must be at most 28.50")
    house.refund(backorder_id, amount="20.00")
    assert refused(house, backorder_id, amount="9.00") == (Conflict, "/amount", "must be at most 8.50")
    house.refund(backorder_id, amount="8.50")


def test_a_refund_in_another_currency_is_refused(house: House) -> None:
    backorder_id = american(house)
    assert refused(house, backorder_id, currency="EUR") == (Invalid, "/currency", "must be 'USD'")
    without = house.register("2", customer=AMERICAN)
    house.refund(without, currency="EUR", amount="3.00")
    assert refused(house, without, currency="USD") == (Invalid, "/currency", "must be 'EUR'")


def test_the_same_refund_twice_is_refused(house: House) -> None:
    backorder_id = american(house)
    when = house.clock.now.isoformat()
    house.refund(backorder_id, amount="9.50", refunded_at=when)
    kind, pointer, detail = refused(house, backorder_id, amount="9.50", refunded_at=when)
    assert (kind, pointer) == (Conflict, "/refunded_at")
    assert "already" in detail
    house.clock.pass_time(hours=1)
    house.refund(backorder_id, amount="9.50", refunded_at=house.clock.now.isoformat())


def test_a_refund_of_an_order_with_nothing_paid_is_refused(house: House) -> None:
    backorder_id = american(house, payment={"paid": "0"})
    kind, pointer, detail = refused(house, backorder_id)
    assert (kind, pointer) == (Conflict, "/amount")
    assert "nothing was paid" in detail


@pytest.mark.parametrize("days", [-400, 2])
def test_a_refund_at_an_impossible_time_is_refused(house: House, days: int) -> None:
    backorder_id = american(house)
    at = (house.clock.now + timedelta(days=days)).isoformat()
    assert refused(house, backorder_id, refunded_at=at)[:2] == (Invalid, "/refunded_at")


# --- called done


def settle(house: House, backorder_id: str, duty: str, sku: str = "ORN-RED") -> None:
    new = NewSettlement(backorder_id=backorder_id, sku=sku, duty=duty, reason="paid in cash")
    with house.writing() as session:
        settling.call_done(session, house.store_id, new, house.clock.now)


def test_a_refund_that_a_person_calls_done_is_none_any_more_and_says_why(house: House) -> None:
    backorder_id = american(house)
    house.cancel(backorder_id)
    assert house.line(backorder_id).refund_by is not None
    settle(house, backorder_id, "refund")
    line = house.line(backorder_id)
    assert (line.law_state, line.refund_by) == ("refunded", None)
    with reading(house.engine) as session:
        whys = [entry.why for entry in timeline(session, backorder_id)]
    assert "the store says of the refund of ORN-RED that it is done: paid in cash" in whys


def test_a_cancellation_that_a_person_calls_done_leaves_the_money_owed(house: House) -> None:
    backorder_id = american(house)
    house.clock.now = ENDS
    house.turn()
    assert house.line(backorder_id).cancel_by is not None
    settle(house, backorder_id, "cancel")
    line = house.line(backorder_id)
    assert line.cancel_by is None
    assert line.refund_by is not None


def test_what_is_no_duty_can_t_be_called_done(house: House) -> None:
    backorder_id = american(house)
    with pytest.raises(Conflict) as caught:
        settle(house, backorder_id, "refund")
    assert [fault.pointer for fault in caught.value.faults] == ["/duty"]


# --- what the law has cancelled


def test_it_waits_for_a_person_unless_the_store_chose_otherwise(house: House) -> None:
    backorder_id = american(house)
    house.clock.now = ENDS
    house.turn()
    assert state(house, backorder_id) == ("cancelled", 3, 0, 0)
    assert not [row for row in house.messages(backorder_id) if row.kind == "cancelled"]


def test_it_is_carried_out_at_that_moment_and_told_where_the_store_chose_so(house: House) -> None:
    choose(house, deemed_cancellation="carry_out", auto_notice=False)
    backorder_id = american(house, lines=[LINE, LAMP | {"eta": "2027-01-05", "promised": "2027-01-05"}])
    house.clock.now = ENDS - timedelta(seconds=1)
    house.turn()
    assert state(house, backorder_id)[:2] == ("on_time", 3)
    house.clock.now = ENDS
    house.turn()
    assert state(house, backorder_id) == ("cancelled", 0, 3, 0)
    assert state(house, backorder_id, "LAMP")[:2] == ("on_time", 1)
    line = house.line(backorder_id)
    assert (line.cancel_by, line.refund_by.isoformat() if line.refund_by else None) == (None, "2026-12-31")
    (message,) = [row for row in house.messages(backorder_id) if row.kind == "cancelled"]
    assert message.status == "sent"
    house.turn()
    assert len([row for row in house.messages(backorder_id) if row.kind == "cancelled"]) == 1


def test_an_order_that_was_cancelled_before_it_came_to_us_is_carried_out_as_well(house: House) -> None:
    choose(house, deemed_cancellation="carry_out")
    lines = [LINE | {"promised": "2026-11-01", "eta": "2026-11-01"}]
    backorder_id = american(house, placed_at="2026-10-01T12:00:00Z", lines=lines)
    house.turn()
    assert state(house, backorder_id) == ("refund_overdue", 0, 3, 0)


def test_a_policy_that_changes_carries_out_what_waits(house: House) -> None:
    backorder_id = american(house)
    house.clock.now = ENDS
    house.turn()
    choose(house, deemed_cancellation="carry_out")
    house.change(backorder_id, customer={"name": "Jane Doe"})  # whatever plans it again
    house.turn()
    assert state(house, backorder_id) == ("cancelled", 0, 3, 0)


def test_a_shipment_reported_after_the_deemed_cancellation_is_kept_and_the_money_stays_owed(
    house: House,
) -> None:
    backorder_id = american(house)
    house.clock.now = ENDS
    house.turn()
    house.ship(backorder_id, carrier="UPS")
    line = house.line(backorder_id)
    assert (line.law_state, line.shipped) == ("shipped", 3)
    assert line.refund_by is not None


@pytest.mark.parametrize(("late", "owed"), [(False, False), (True, True)])
def test_a_shipment_reported_after_it_was_carried_out_is_kept(house: House, late: bool, owed: bool) -> None:
    choose(house, deemed_cancellation="carry_out", auto_notice=False)
    backorder_id = american(house)
    house.clock.now = ENDS
    house.turn()
    with pytest.raises(Conflict):
        house.ship(backorder_id)  # of what is left, there is nothing
    at = ENDS + timedelta(hours=1 if late else -3)
    house.clock.now = ENDS + timedelta(hours=2)
    house.ship(backorder_id, lines=[{"sku": "ORN-RED", "quantity": 3}], shipped_at=at.isoformat())
    assert state(house, backorder_id) == ("shipped", 0, 0, 3)
    assert bool(house.line(backorder_id).refund_by) is owed
    with pytest.raises(Conflict):
        house.ship(backorder_id, lines=[{"sku": "ORN-RED", "quantity": 1}])


def test_the_units_of_a_part_that_ships_after_all_are_counted_once(house: House) -> None:
    choose(house, deemed_cancellation="carry_out", auto_notice=False)
    backorder_id = american(house)
    house.clock.now = ENDS
    house.turn()
    house.ship(backorder_id, lines=[{"sku": "ORN-RED", "quantity": 1}])
    assert state(house, backorder_id)[1:] == (0, 2, 1)
    with reading(house.engine) as session:
        facts = load(session, [backorder_id])[backorder_id].facts
    assert facts.line(house.line(backorder_id).id).waiting == 0


def test_a_consent_after_its_limit_changes_nothing(house: House) -> None:
    backorder_id = american(house)
    house.dispatch()
    house.move(backorder_id, "2027-03-05", reason="held at customs")
    house.clock.pass_time(hours=4)
    house.turn()
    house.turn()
    assert house.line(backorder_id).law_state == "need_consent"
    house.clock.now = datetime(2027, 1, 20, tzinfo=UTC)
    house.turn()
    assert house.line(backorder_id).law_state == "cancelled"
    house.answer(backorder_id, "keep")
    assert house.line(backorder_id).law_state == "cancelled"
