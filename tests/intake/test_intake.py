"""A fact arrives: it is checked, kept, and the order is planned again, all or nothing."""

from datetime import date, timedelta

import pytest
from sqlmodel import func, select

from notifier import answering, intake
from notifier.db.engine import reading
from notifier.db.tables import Backorder, Fact, Store
from notifier.errors import Conflict, Invalid, NotFound, NotifierError
from notifier.intake import Registered
from tests.house import NOON, House, at_once, order

TWO = [
    {"sku": "A", "name": "A", "quantity": 3, "eta": "2026-12-20", "unit_price": "5.00"},
    {"sku": "B", "name": "B", "quantity": 1, "eta": "2026-12-28", "unit_price": "7.00"},
]


def facts(house: House, backorder_id: str) -> list[str]:
    with reading(house.engine) as session:
        query = select(Fact.kind).where(Fact.backorder_id == backorder_id).order_by(Fact.id)
        return list(session.exec(query))


def orders(house: House) -> int:
    with reading(house.engine) as session:
        return session.exec(select(func.count()).select_from(Backorder)).one()


# --- registering -------------------------------------------------------------------------------------------


def register_many(house: House, *news: str, **changes: object) -> list[Registered | NotifierError]:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return intake.register_many(
            session, shop, [order(order_id, **changes) for order_id in news], house.clock.now
        )


def test_registering_plans_the_welcome_at_once_and_the_countdowns(house: House) -> None:
    backorder_id = house.register()
    assert facts(house, backorder_id) == ["registered"]
    assert house.message().due_at == house.clock.now
    assert [row.key for row in house.messages()] == [
        "expectation",
        "countdown:2026-12-06",
        "countdown:2026-12-13",
        "countdown:2026-12-17",
        "countdown:2026-12-19",
    ]


def test_registering_the_same_again_answers_the_first_and_changes_nothing(house: House) -> None:
    first = house.register()
    before = house.messages()
    house.clock.pass_time(days=1)
    (again,) = register_many(house, "1042")
    assert again == Registered(first, created=False)
    assert (house.messages(), facts(house, first)) == (before, ["registered"])


def test_registering_other_content_under_one_order_id_is_refused_and_says_how_to_change_it(
    house: House,
) -> None:
    first = house.register()
    with pytest.raises(Conflict, match=f"'1042' is registered already.*PATCH /v1/backorders/{first}"):
        house.register(lines=TWO, currency="USD")
    assert orders(house) == 1


def test_a_batch_keeps_the_good_and_names_the_refused_in_order(house: House) -> None:
    known = house.register("known")
    house.register("taken", currency="USD")
    one, two, three, four = register_many(house, "new", "known", "taken", "new")
    assert isinstance(one, Registered)
    assert one.created
    assert two == Registered(known, created=False)
    assert isinstance(three, Conflict)
    assert four == Registered(one.backorder_id, created=False)


def test_one_order_registered_by_many_at_once_exists_once(house: House) -> None:
    answers = at_once(*[lambda: register_many(house, "1042")[0]] * 6)
    assert all(isinstance(answer, Registered) for answer in answers), answers
    assert len({answer.backorder_id for answer in answers if isinstance(answer, Registered)}) == 1
    assert sum(answer.created for answer in answers if isinstance(answer, Registered)) == 1
    assert orders(house) == 1
    assert [row.key for row in house.messages()].count("expectation") == 1


def test_two_batches_with_the_same_orders_in_opposite_order_do_not_wait_for_each_other(house: House) -> None:
    ids = [str(number) for number in range(80)]
    answers = at_once(
        lambda: register_many(house, *ids),
        lambda: register_many(house, *reversed(ids)),
        lambda: register_many(house, *ids[40:], *ids[:40]),
    )
    assert all(isinstance(answer, list) for answer in answers), answers
    results = [result for answer in answers if isinstance(answer, list) for result in answer]
    assert sum(result.created for result in results) == 80
    assert orders(house) == 80


# --- shipping and cancelling -------------------------------------------------------------------------------


def test_shipping_all_that_is_left_ends_the_waiting_and_tells_of_the_parcel(house: House) -> None:
    backorder_id = house.register()
    house.dispatch()
    house.ship(backorder_id, carrier="UPS", tracking_number="1Z")
    assert house.order(backorder_id).status == "shipped"
    assert set(house.statuses().values()) == {"sent", "cancelled", "planned"}
    house.dispatch()
    assert [e.kind for e in house.provider.taken] == ["expectation", "shipped"]


def test_shipping_a_part_leaves_the_rest_waiting(house: House) -> None:
    backorder_id = house.register(lines=TWO, currency="USD")
    house.ship(backorder_id, lines=[{"sku": "A", "quantity": 2}])
    line = house.line(backorder_id, "A")
    assert (line.shipped, line.waiting) == (2, 1)
    assert house.order(backorder_id).status == "partly_shipped"


@pytest.mark.parametrize(
    "lines",
    [
        [{"sku": "A", "quantity": 4}],
        [{"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 2}],
        [{"sku": "B", "quantity": 1}, {"sku": "A", "quantity": 4}],
    ],
)
def test_more_than_is_left_can_be_neither_shipped_nor_cancelled(
    house: House, lines: list[dict[str, object]]
) -> None:
    backorder_id = house.register(lines=TWO, currency="USD")
    before = (house.messages(), house.line(backorder_id, "A"), house.line(backorder_id, "B"))
    with pytest.raises(Conflict, match="line 'A' of order '1042' has") as refusal:
        house.ship(backorder_id, lines=lines)
    assert refusal.value.faults[0].pointer == f"/lines/{len(lines) - 1}/quantity"
    with pytest.raises(Conflict, match="line 'A' of order '1042' has"):
        house.cancel(backorder_id, lines=lines)
    assert (house.messages(), house.line(backorder_id, "A"), house.line(backorder_id, "B")) == before
    assert facts(house, backorder_id) == ["registered"]


def test_an_order_that_has_shipped_can_be_neither_shipped_nor_cancelled_nor_moved(house: House) -> None:
    backorder_id = house.register()
    house.ship(backorder_id)
    with pytest.raises(Conflict, match="has shipped already"):
        house.ship(backorder_id)
    with pytest.raises(Conflict, match="has shipped already"):
        house.cancel(backorder_id)
    with pytest.raises(Conflict, match="nothing left to wait for"):
        house.move(backorder_id, "2027-01-01")
    with pytest.raises(Conflict, match="nothing left to wait for"):
        house.answer(backorder_id, "keep")


def test_a_line_that_the_order_does_not_have_is_named_with_those_it_has(house: House) -> None:
    backorder_id = house.register(lines=TWO, currency="USD")
    with pytest.raises(Invalid, match="no line 'C'; it has 'A', 'B'"):
        house.ship(backorder_id, lines=[{"sku": "C", "quantity": 1}])
    with pytest.raises(Invalid, match="no line 'C'; it has 'A', 'B'"):
        house.move(backorder_id, "2027-01-01", sku="C")


def test_a_shipment_of_tomorrow_is_refused(house: House) -> None:
    backorder_id = house.register()
    with pytest.raises(Invalid, match="lies ahead"):
        house.ship(backorder_id, shipped_at=house.clock.now + timedelta(hours=1))
    house.ship(backorder_id, shipped_at=house.clock.now + timedelta(minutes=4))


def test_orders_of_another_store_do_not_exist(house: House) -> None:
    backorder_id = house.register()
    other = House(house.engine, house.clock, store_id="store_2")
    with pytest.raises(NotFound, match="in this store"):
        other.ship(backorder_id)
    with pytest.raises(NotFound, match="in this store"):
        other.move(backorder_id, "2027-01-01")


def test_units_shipped_by_many_at_once_never_exceed_what_was_ordered(house: House) -> None:
    backorder_id = house.register(lines=TWO, currency="USD")

    def ship_one() -> None:
        house.ship(backorder_id, lines=[{"sku": "A", "quantity": 1}])

    answers = at_once(*[ship_one] * 5)
    assert sum(answer is None for answer in answers) == 3
    assert sum(isinstance(answer, Conflict) for answer in answers) == 2, answers
    assert house.line(backorder_id, "A").shipped == 3


# --- changing ----------------------------------------------------------------------------------------------


def test_two_changes_at_once_to_one_order_are_both_kept(house: House) -> None:
    backorder_id = house.register(lines=TWO, currency="USD")
    answers = at_once(
        lambda: house.move(backorder_id, "2027-01-10", sku="A"),
        lambda: house.move(backorder_id, "2027-01-11", sku="B"),
        lambda: house.change(backorder_id, customer={"email": "new@example.com"}),
    )
    assert answers == [None, None, None]
    assert house.line(backorder_id, "A").eta == date(2027, 1, 10)
    assert house.line(backorder_id, "B").eta == date(2027, 1, 11)
    assert house.order(backorder_id).email == "new@example.com"
    assert house.order(backorder_id).version == 4


def test_the_same_date_again_is_no_fact_and_no_email(house: House) -> None:
    backorder_id = house.register()
    before = house.messages()
    house.move(backorder_id, "2026-12-20")
    assert facts(house, backorder_id) == ["registered"]
    assert (house.messages(), house.order(backorder_id).version) == (before, 1)


def test_a_new_address_is_where_the_next_email_goes(house: House) -> None:
    backorder_id = house.register()
    house.change(backorder_id, customer={"email": "new@example.com"})
    house.dispatch()
    assert [e.to for e in house.provider.taken] == ["new@example.com"]
    assert facts(house, backorder_id) == ["registered", "customer_changed"]


def test_a_change_of_which_one_line_is_wrong_changes_nothing(house: House) -> None:
    backorder_id = house.register(lines=TWO, currency="USD")
    with pytest.raises(Invalid):
        house.change(
            backorder_id,
            customer={"name": "New"},
            lines=[{"sku": "A", "eta": "2027-01-10"}, {"sku": "C", "eta": "2027-01-10"}],
        )
    assert house.order(backorder_id).name == "Jane"
    assert house.line(backorder_id, "A").eta == date(2026, 12, 20)


# --- answers and refunds -----------------------------------------------------------------------------------


def test_a_customer_who_cancels_gets_word_of_it_and_nothing_more(house: House) -> None:
    backorder_id = house.register()
    house.dispatch()
    house.answer(backorder_id, "cancel")
    house.dispatch()
    assert facts(house, backorder_id) == ["registered", "answered", "cancelled"]
    assert house.order(backorder_id).status == "cancelled"
    assert set(house.statuses().values()) == {"sent", "cancelled"}


def test_a_customer_may_cancel_one_line_and_keep_another(house: House) -> None:
    backorder_id = house.register(lines=TWO, currency="USD")
    house.answer(backorder_id, "cancel", ["B"])
    assert house.line(backorder_id, "A").waiting == 3
    assert house.line(backorder_id, "B").cancelled == 1


def test_a_customer_who_wants_no_countdowns_gets_none_but_all_else(house: House) -> None:
    backorder_id = house.register()

    def wants(series: bool) -> None:
        with house.writing() as session:
            answering.set_waiting_series(session, house.store_id, backorder_id, series, house.clock.now)

    wants(False)
    wants(False)
    assert facts(house, backorder_id) == ["registered", "unsubscribed"]
    assert house.statuses()["expectation"] == "planned"
    assert house.statuses()["countdown:2026-12-06"] == "cancelled"
    wants(True)
    assert house.statuses()["countdown:2026-12-06"] == "planned"
    assert house.history(house.message("countdown:2026-12-06"))[-1] == (
        "cancelled",
        "planned",
        "wanted_again",
    )


def test_a_refund_in_another_currency_or_of_tomorrow_is_refused(house: House) -> None:
    backorder_id = house.register(currency="USD")
    with pytest.raises(Invalid, match="the order is in USD, the refund in EUR"):
        house.refund(backorder_id, currency="EUR")
    with pytest.raises(Invalid, match="lies ahead"):
        house.refund(backorder_id, refunded_at=house.clock.now + timedelta(days=1))
    house.refund(backorder_id)
    assert facts(house, backorder_id) == ["registered", "refunded"]


def test_a_refusal_in_the_middle_leaves_nothing_of_its_transaction(house: House) -> None:
    def both() -> None:
        with house.writing() as session:
            shop = session.get_one(Store, house.store_id)
            assert intake.register(session, shop, order("1"), house.clock.now).created
            intake.register(session, shop, order("1", currency="USD"), house.clock.now)

    with pytest.raises(Conflict):
        both()
    assert orders(house) == 0
    assert house.messages() == []


# --- the card, and promises that can't be ---------------------------------------------------------------------


def paid_with(house: House, expires: str, eta: str = "2027-01-20") -> str:
    return house.register(
        payment={"expires": expires, "update_url": "https://shop.example/pay"},
        lines=[{"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "eta": eta}],
    )


def test_a_card_that_runs_out_first_is_told_with_where_to_name_another(house: House) -> None:
    paid_with(house, "2026-12")
    house.turn()
    house.clock.now = NOON.replace(day=17, hour=9)
    house.turn()
    (email,) = (it for it in house.provider.taken if it.kind == "payment")
    assert email.subject == "Order 1042: your card runs out before it ships"
    assert "https://shop.example/pay" in email.text
    assert "List-Unsubscribe" not in email.headers


def test_another_card_ends_it_and_none_that_runs_out_does_too(house: House) -> None:
    backorder_id = paid_with(house, "2026-12")
    house.change(backorder_id, payment={"expires": "2029-03"})
    assert house.message("payment:2026-12").reason == "card_changed"
    assert house.order(backorder_id).payment == {
        "expires": "2029-03",
        "update_url": "https://shop.example/pay",
    }
    house.change(backorder_id, payment={"expires": "2026-12"})
    assert house.message("payment:2026-12").status == "planned"
    house.change(backorder_id, payment={"expires": None, "update_url": None})
    assert house.message("payment:2026-12").status == "cancelled"
    assert house.order(backorder_id).payment is None


def test_where_to_name_a_card_needs_to_know_when_one_runs_out(house: House) -> None:
    backorder_id = paid_with(house, "2026-12")
    with pytest.raises(Invalid) as refused:
        house.change(backorder_id, payment={"expires": None})
    assert [fault.pointer for fault in refused.value.faults] == ["/payment/expires"]
    assert house.message("payment:2026-12").status == "planned"


def test_a_promise_from_before_the_order_is_refused_by_its_line(house: House) -> None:
    early = {"sku": "B", "name": "B", "quantity": 1, "eta": "2026-12-20", "promised": "2026-11-19"}
    with pytest.raises(Invalid) as refused:
        house.register(placed_at="2026-11-20T10:00:00Z", lines=[early])
    (fault,) = refused.value.faults
    assert fault.pointer == "/lines/0/promised"
    assert "2026-11-19 lies before the order was placed, on 2026-11-20" in fault.detail
    house.register(placed_at="2026-11-20T10:00:00Z", lines=[early | {"promised": "2026-11-20"}])


def test_the_reminder_after_one_that_left_is_planned_the_day_after(house: House) -> None:
    line = {"sku": "A", "name": "A", "quantity": 1, "eta": "2027-03-20"}
    backorder_id = house.register(lines=[line])
    for day in range(1, 18):
        house.clock.now = NOON.replace(day=day)
        house.turn()
    sent = [
        (row.key, row.sent_at)
        for row in house.messages(backorder_id)
        if row.kind == "waiting" and row.sent_at
    ]
    assert sent == [("waiting:1", NOON.replace(day=8)), ("waiting:2", NOON.replace(day=15))]
    assert house.message("waiting:3").status == "planned"
