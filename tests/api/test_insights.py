"""A store's figures are those that one gets by counting its history by hand."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from notifier import advising, answering
from notifier.db.engine import transaction
from notifier.inputs import NewAnswer
from tests.api.client import START, Api, Json, a_line

PATH = "/v1/insights"


def learn(api: Api) -> None:
    while advising.learn(api.services.engine, api.clock()):
        pass


def figures(api: Api, **period: str) -> Json:
    answer: Json = api("GET", PATH, params=period)
    return answer


def worth(orders: int, units: int, unpriced: int = 0, **value: str) -> Json:
    sums = [{"amount": amount, "currency": currency} for currency, amount in sorted(value.items())]
    return {"orders": orders, "units": units, "value": sums, "unpriced": unpriced}


def register(api: Api, order_id: str, *lines: Json, days_ago: int = 0, **changes: Any) -> str:
    """An order of a customer of its own, placed that many days before `START`."""
    api.clock.now = START - timedelta(days=days_ago)
    customer = {"email": f"{order_id}@example.com", "country": "CH"}
    made = api.register(
        order_id=order_id,
        **{"placed_at": api.clock.now.isoformat(), "customer": customer, "lines": list(lines)} | changes,
    )
    api.deliver()
    return str(made["id"])


def test_a_store_without_a_past_has_figures_too(api: Api) -> None:
    told = figures(api)
    assert (told["from"], told["to"]) == ("2026-09-03", "2026-12-01")
    assert told["waiting"] == worth(0, 0)
    assert told["waiting_by_sku"] == []
    assert [(it["from_days"], it["to_days"], it["orders"]) for it in told["age"]] == [
        (0, 7, 0), (8, 30, 0), (31, 60, 0), (61, 90, 0), (91, None, 0),
    ]  # fmt: skip
    assert told["slips"] == []
    assert told["lost_after_delay"]["total"] == worth(0, 0)
    assert told["emails"]["per_order"] is None
    assert told["deadlines"] == []


def test_what_waits_is_told_by_sku_and_age_in_each_currency(api: Api) -> None:
    register(api, "old", a_line("A", eta="2027-01-10"), days_ago=100)
    register(api, "young", a_line("A", eta="2027-01-10"), a_line("B", quantity=5, unit_price=..., eta="2027-01-10"),
             days_ago=7)  # fmt: skip
    euro = a_line("A", quantity=2, unit_price="0.10", eta="2027-01-10")
    register(api, "euro", euro, days_ago=8, currency="EUR")
    partly = register(
        api, "partly", a_line("A", quantity=4, unit_price="1.255", eta="2027-01-10"), days_ago=30
    )
    gone = register(api, "gone", a_line("A", eta="2027-01-10"), days_ago=3)
    api.clock.now = START
    shipped = {"lines": [{"sku": "A", "quantity": 1}]}
    api("POST", f"/v1/backorders/{partly}/shipments", 201, json=shipped)
    api("POST", f"/v1/backorders/{gone}/shipments", 201, json={})
    api("POST", "/v1/restocks", json={"sku": "A", "quantity": 4})
    told = figures(api)
    # A: 3 x 9.50 + 3 x 9.50 + 3 x 1.255 dollars and 2 x 0.10 euros; B has no price.
    assert told["waiting"] == worth(4, 16, 5, USD="60.765", EUR="0.20")
    assert told["waiting_by_sku"] == [
        worth(4, 11, USD="60.765", EUR="0.20") | {"sku": "A", "name": "Red glass ornament", "allocated": 4},
        worth(1, 5, 5) | {"sku": "B", "name": "Red glass ornament", "allocated": 0},
    ]
    ages = {(it["from_days"], it["to_days"]): worth_of(it) for it in told["age"]}
    assert ages == {
        (0, 7): worth(1, 8, 5, USD="28.50"),
        (8, 30): worth(2, 5, USD="3.765", EUR="0.20"),
        (31, 60): worth(0, 0),
        (61, 90): worth(0, 0),
        (91, None): worth(1, 3, USD="28.50"),
    }


def worth_of(it: Json) -> Json:
    return {name: it[name] for name in ("orders", "units", "value", "unpriced")}


def test_slips_are_counted_once_however_many_orders_had_the_date(api: Api) -> None:
    for number in range(3):
        register(api, str(number), a_line("A", eta="2026-12-12"), days_ago=10)
    register(api, "b", a_line("B", eta="2026-12-12"), days_ago=10)
    api.clock.now = START - timedelta(days=9)
    api("PUT", "/v1/skus/A/eta", json={"eta": "2026-12-19"})
    api.clock.pass_by(days=4)
    api("PUT", "/v1/skus/A/eta", json={"eta": "2026-12-22"})
    api("PUT", "/v1/skus/B/eta", json={"eta": "2026-12-10"})
    api.clock.pass_by(days=4)
    api("PUT", "/v1/skus/A/eta", json={"eta": None, "reason": "nobody knows"})
    learn(api)
    api.clock.now = START
    a, b = figures(api)["slips"]
    assert a == {
        "sku": "A", "later": 2, "days_later": 10, "most_days": 7, "earlier": 0, "lost": 1, "lines": 9,
        "missed": None, "dates": None,
    }  # fmt: skip
    assert (b["sku"], b["later"], b["earlier"], b["lost"]) == ("B", 0, 1, 0)
    first = figures(api, **{"from": "2026-11-22", "to": "2026-11-22"})["slips"]
    assert [(it["sku"], it["later"], it["days_later"]) for it in first] == [("A", 1, 7)]


def test_cancellations_within_a_week_of_word_of_a_delay_are_the_lost_sales(api: Api) -> None:
    ids = {
        name: register(api, name, a_line("A", quantity=2, unit_price="10.00", eta="2026-12-12"),
                       a_line("B", quantity=1, unit_price="5.00", eta="2026-12-12"), days_ago=40)
        for name in ("soon", "late", "store", "part", "kept", "untold")
    }  # fmt: skip
    api.clock.now = START - timedelta(days=20)
    for name in ids.keys() - {"untold"}:
        change = {"lines": [{"sku": "A", "eta": "2026-12-30"}]}
        api("PATCH", f"/v1/backorders/{ids[name]}", json=change)
    api.clock.pass_by(hours=1)
    api.deliver()

    def cancel(name: str, **body: Any) -> None:
        api("POST", f"/v1/backorders/{ids[name]}/cancel", json=body)

    api.clock.pass_by(days=2)
    cancel("soon", by="customer")
    cancel("untold", by="customer")
    cancel("part", by="customer", lines=[{"sku": "A", "quantity": 1}])
    cancel("store", lines=[{"sku": "B"}])
    api.clock.pass_by(days=6)
    cancel("late", by="customer")
    api.clock.now = START
    lost = figures(api)["lost_after_delay"]
    assert lost["delay_emails"] == 5
    assert lost["total"] == worth(3, 5, USD="40.00")  # 2 x 10 + 5, 10, 5
    assert lost["by_customer"] == worth(2, 4, USD="35.00")
    assert lost["by_sku"] == [
        worth(2, 3, USD="30.00") | {"sku": "A"},
        worth(2, 2, USD="10.00") | {"sku": "B"},
    ]
    # The delay was told before the period, and the cancellation still came of it.
    later = figures(api, **{"from": "2026-11-12"})["lost_after_delay"]
    assert later["delay_emails"] == 0
    assert later["total"] == lost["total"]


def test_who_keeps_waiting_is_counted_by_order_and_by_customer(api: Api) -> None:
    jane = {"email": "jane@example.com", "country": "US"}
    ids = [register(api, name, a_line(eta="2026-12-05"), days_ago=3, customer=jane) for name in "ab"]
    ids.append(register(api, "c", a_line(eta="2026-12-05"), days_ago=3))
    api.clock.now = START
    for id_ in ids:
        api("PATCH", f"/v1/backorders/{id_}", json={"lines": [{"sku": "ORN-RED", "eta": "2027-02-20"}]})
    api.clock.pass_by(hours=1)
    api.deliver()
    answer(api, ids[0], "keep")
    answer(api, ids[0], "keep")
    answer(api, ids[1], "keep")
    answer(api, ids[2], "cancel")
    told = figures(api)
    assert told["answers"] == {"kept_orders": 2, "kept_customers": 1, "cancelled_orders": 1}
    assert figures(api, to="2026-11-30")["answers"]["kept_orders"] == 0


def answer(api: Api, backorder_id: str, choice: str) -> None:
    with transaction(api.services.engine) as session:
        new = NewAnswer.model_validate({"answer": choice})
        answering.answer(session, api.store.store.id, backorder_id, new, api.clock())


def test_emails_are_counted_by_kind_by_state_and_by_order(api: Api) -> None:
    one = register(api, "1", a_line(eta="2026-12-08"))
    register(api, "2", a_line(eta="2026-12-20"))
    api("POST", "/v1/suppressions", 201, json={"address": "3@example.com"})
    register(api, "3", a_line(eta="2026-12-20"))
    api.clock.pass_by(hours=1)
    api("POST", f"/v1/backorders/{one}/shipments", 201, json={})
    api.deliver()
    told = figures(api)["emails"]
    assert told == {
        "sent": 3, "orders": 2, "per_order": "1.50", "by_kind": {"expectation": 2, "shipped": 1},
        "by_status": {"sent": 3}, "not_sent": {"held": 1},
    }  # fmt: skip
    counted = [
        message["status"]
        for order in api("GET", "/v1/backorders")["data"]
        for message in order["messages"]
        if message["sent_at"]
    ]
    assert len(counted) == told["sent"]
    assert Decimal(told["per_order"]) == Decimal(len(counted)) / 2


def test_deadlines_near_are_those_of_the_list_of_duties(api: Api) -> None:
    us = {"email": "u@example.com", "country": "US"}
    for number, eta in enumerate(("2026-12-02", "2026-12-02", "2026-12-05", "2027-03-01")):
        register(api, str(number), a_line(eta=eta, promised=eta), days_ago=1, customer=us)
    api.clock.now = START
    told = figures(api)["deadlines"]
    listed = api("GET", "/v1/duties", params={"due_before": "2026-12-15"})["data"]
    counted = Counter((it["duty"], it["due"]) for it in listed)
    assert {(it["duty"], it["due"]): it["lines"] for it in told} == counted
    assert counted["notice", "2026-12-02"] == 2


@pytest.mark.parametrize(
    ("period", "pointer"),
    [
        ({"from": "2026-12-02", "to": "2026-12-01"}, "/from"),
        ({"from": "yesterday"}, "/from"),
        ({"to": "2026-02-30"}, "/to"),
        ({"from": "1999-01-01"}, "/from"),
        ({"sku": "A"}, "/sku"),
    ],
    ids=str,
)
def test_a_period_that_is_none_is_refused_by_name(api: Api, period: Json, pointer: str) -> None:
    fault = api.problem(422, "GET", PATH, params=period)["errors"][0]
    assert fault["pointer"] == pointer
    assert fault["detail"]


def test_another_stores_figures_are_its_own(api: Api, other: Api) -> None:
    register(api, "1", a_line("A"))
    api("PUT", "/v1/skus/A/eta", json={"eta": "2027-02-19"})
    learn(api)
    api.deliver()
    told = figures(other)
    assert told["waiting"] == worth(0, 0)
    assert told["slips"] == []
    assert told["emails"]["sent"] == 0
