"""Goods on their way, through the API."""

from typing import Any

import pytest

from notifier import skus
from notifier.inbound import dealing
from notifier.restocking import chunks
from tests.api.client import Api, Json, a_line, without

PATH = "/v1/inbound-shipments"


def a_shipment(**changes: Any) -> Json:
    shipment = {"reference": "PO-7", "lines": [{"sku": "ORN-RED", "quantity": 5}], "eta": "2026-12-20"}
    return without(shipment | changes)


def registered(api: Api, count: int) -> list[str]:
    return [
        api.register(order_id=f"{number}", placed_at=f"2026-11-{10 + number}T09:00:00Z", lines=[a_line()])[
            "id"
        ]
        for number in range(count)
    ]


def carry_on(api: Api) -> None:
    engine = api.services.engine
    while dealing.carry_on(engine, api.clock.now) or skus.carry_on(engine, api.clock.now):
        pass


def test_the_oldest_orders_wait_for_it_and_get_its_date(api: Api) -> None:
    first, second, third = registered(api, 3)
    added = api("POST", PATH, 201, json=a_shipment(reason="by sea", eta_earliest="2026-12-18"))
    assert without(added | {"id": ..., "effect": ...}) == {
        "reference": "PO-7",
        "supplier": None,
        "supplier_eta": "2026-12-20",
        "stage": "ordered",
        "eta": "2026-12-20",
        "eta_earliest": "2026-12-18",
        "reason": "by sea",
        "lines": [{"sku": "ORN-RED", "quantity": 5, "covered": 5, "backorders": 2}],
        "moving": [],
        "restocking": [],
        "created_at": "2026-12-01T15:00:00Z",
        "arrived_at": None,
    }
    assert added["effect"]["backorders"] == 2
    dates = [api("GET", f"/v1/backorders/{each}")["lines"][0]["eta"] for each in (first, second, third)]
    assert dates == ["2026-12-20", "2026-12-20", "2026-12-12"]
    where = f"{PATH}/{added['id']}"
    assert api("GET", where) == added | {"effect": None}
    page = api("GET", f"{where}/backorders", params={"limit": 1})
    rest = api("GET", f"{where}/backorders", params={"limit": 1, "after": page["next"]})
    assert [it["backorder_id"] for it in page["data"] + rest["data"]] == [first, second]
    assert [it["quantity"] for it in page["data"] + rest["data"]] == [3, 2]
    assert rest["next"] is None


def test_a_dry_run_shows_the_radius_of_a_new_date(api: Api) -> None:
    registered(api, 2)
    shipment = api("POST", PATH, 201, json=a_shipment())["id"]
    api.deliver()
    told = api(
        "PATCH", f"{PATH}/{shipment}", json={"eta": "2027-03-01", "reason": "lost at sea", "dry_run": True}
    )
    assert (told["backorders"], told["messages"]["consent"], told["needs_consent"]) == (2, 2, 2)
    (must,) = told["must_answer"]
    assert (must["answer_by"], must["backorders"], len(must["first"])) == ("2027-01-11", 2, 2)
    assert told["value_at_risk"] == [{"amount": "57.00", "currency": "USD"}]
    assert told["samples"][0]["html"]
    assert api("GET", f"{PATH}/{shipment}")["eta"] == "2026-12-20"
    moved = api("PATCH", f"{PATH}/{shipment}", json={"eta": "2027-03-01", "reason": "lost at sea"})
    assert moved["effect"]["messages"] == told["messages"]
    assert moved["eta"] == "2027-03-01"


def test_a_dry_run_of_a_new_shipment_keeps_nothing(api: Api) -> None:
    registered(api, 2)
    told = api("POST", PATH, json=a_shipment(dry_run=True))
    assert told["backorders"] == 2
    assert api("GET", PATH) == {"data": [], "next": None}


def test_what_arrives_is_set_aside_and_tells_so_first(api: Api) -> None:
    first, second = registered(api, 2)
    shipment = api("POST", PATH, 201, json=a_shipment())["id"]
    told = api("PATCH", f"{PATH}/{shipment}", json={"stage": "arrived", "dry_run": True})
    assert told["restocked"] == [
        {
            "sku": "ORN-RED",
            "allocated": [
                {"backorder_id": first, "quantity": 3, "still_waiting": 0},
                {"backorder_id": second, "quantity": 2, "still_waiting": 1},
            ],
            "left_over": 0,
        }
    ]
    assert told["value_freed"] == [{"amount": "47.50", "currency": "USD"}]
    done = api("PATCH", f"{PATH}/{shipment}", json={"stage": "arrived"})
    assert done["effect"]["restocked"] == told["restocked"]
    assert done["arrived_at"] == "2026-12-01T15:00:00Z"
    assert api("GET", f"/v1/backorders/{first}")["lines"][0]["allocated"] == 3
    assert api("PATCH", f"{PATH}/{shipment}", json={"stage": "arrived"})["effect"] is None
    problem = api.problem(409, "PATCH", f"{PATH}/{shipment}", json={"stage": "customs"})
    assert problem["errors"][0]["pointer"] == "/stage"
    assert api("GET", f"/v1/backorders/{second}")["lines"][0]["allocated"] == 2


def test_a_shipment_or_a_restock_delivered_twice_counts_once(api: Api) -> None:
    (backorder,) = registered(api, 1)
    once = {"Idempotency-Key": "shipment-7"}
    first = api.request("POST", PATH, json=a_shipment(stage="arrived", reference="A"), headers=once)
    again = api.request("POST", PATH, json=a_shipment(stage="arrived", reference="A"), headers=once)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert api("POST", PATH, 200, json=a_shipment(stage="arrived", reference="A"))["id"] == first.json()["id"]
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["allocated"] == 3
    other = api.register(order_id="other", lines=[a_line(quantity=9)])["id"]
    restock = {"sku": "ORN-RED", "quantity": 4}
    for _ in range(2):
        api("POST", "/v1/restocks", json=restock, headers={"Idempotency-Key": "restock-7"})
    assert api("GET", f"/v1/backorders/{other}")["lines"][0]["allocated"] == 4


def test_what_arrives_for_very_many_orders_tells_how_far_it_is(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 2)
    waiting = registered(api, 3)
    lines = [{"sku": "ORN-RED", "quantity": 10}]
    handed_in = api("POST", PATH, 201, json=a_shipment(lines=lines))["id"]
    carry_on(api)
    told = api("PATCH", f"{PATH}/{handed_in}", json={"stage": "arrived", "dry_run": True})["restocked"]
    response = api.request("PATCH", f"{PATH}/{handed_in}", json={"stage": "arrived"})
    assert (response.status_code, response.headers["location"]) == (202, f"{PATH}/{handed_in}")
    assert response.json()["effect"] is None
    (job,) = api("GET", f"{PATH}/{handed_in}")["restocking"]
    assert (job["shipment_id"], job["total"], job["done"]) == (handed_in, 3, 0)
    while chunks.carry_on(api.services.engine, api.clock):
        pass
    (job,) = api("GET", f"{PATH}/{handed_in}")["restocking"]
    assert (job["done"], job["units"], job["left_over"]) == (3, 9, 1)
    listed = api("GET", f"/v1/restocks/{job['id']}/allocated")["data"]
    assert told == [{"sku": "ORN-RED", "allocated": listed, "left_over": 1}]
    assert [it["backorder_id"] for it in listed] == waiting
    one_more = api("POST", PATH, 201, json=a_shipment(reference="PO-8", stage="arrived"))
    assert one_more["restocking"] == []


FAULTS: list[tuple[Json, str]] = [
    ({"reference": ...}, "/reference"),
    ({"reference": " "}, "/reference"),
    ({"lines": []}, "/lines"),
    ({"lines": [{"sku": "A", "quantity": 0}]}, "/lines/0/quantity"),
    ({"lines": [{"sku": "A", "quantity": -4}]}, "/lines/0/quantity"),
    ({"lines": [{"sku": "A", "quantity": 1}, {"sku": "A", "quantity": 2}]}, "/lines/1/sku"),
    ({"eta": ...}, "/eta"),
    ({"eta": "2026-11-30"}, "/eta"),
    ({"eta": "2026-12-20T00:00:00Z"}, "/eta"),
    ({"eta_earliest": "2026-12-21"}, "/eta_earliest"),
    ({"eta": None, "eta_earliest": "2026-12-21"}, "/eta_earliest"),
    ({"stage": "lost"}, "/stage"),
    ({"carrier": "Maersk"}, "/carrier"),
]


def test_an_impossible_shipment_is_refused(api: Api) -> None:
    assert api.faults("POST", PATH, [(a_shipment(**change), pointer) for change, pointer in FAULTS]) == []
    assert api("GET", PATH)["data"] == []


CHANGE_FAULTS: list[tuple[Json, str]] = [
    ({}, ""),
    ({"dry_run": True}, ""),
    ({"eta": "2026-11-30"}, "/eta"),
    ({"eta": "2026-12-20", "eta_earliest": "2026-12-21"}, "/eta_earliest"),
    ({"eta_earliest": "2026-12-21"}, "/eta_earliest"),
    ({"stage": "lost"}, "/stage"),
    ({"stage": None}, "/stage"),
    ({"lines": [{"sku": "A", "quantity": 1}, {"sku": "A", "quantity": 2}]}, "/lines/1/sku"),
]


def test_an_impossible_change_is_refused(api: Api) -> None:
    shipment = api("POST", PATH, 201, json=a_shipment())["id"]
    assert api.faults("PATCH", f"{PATH}/{shipment}", CHANGE_FAULTS) == []


def test_a_reference_is_taken_once(api: Api, other: Api) -> None:
    first = api("POST", PATH, 201, json=a_shipment())
    problem = api.problem(409, "POST", PATH, json=a_shipment(eta="2026-12-21"))
    assert first["id"] in problem["detail"]
    second = api("POST", PATH, 201, json=a_shipment(reference="PO-8"))
    assert api.problem(409, "PATCH", f"{PATH}/{second['id']}", json={"reference": "PO-7"})["errors"]
    assert other("POST", PATH, 201, json=a_shipment())["id"] != first["id"]


def test_another_stores_shipment_does_not_exist(api: Api, other: Api) -> None:
    registered(api, 1)
    shipment = api("POST", PATH, 201, json=a_shipment())["id"]
    for where in (shipment, f"{shipment}/backorders", "inb_nothing"):
        other.problem(404, "GET", f"{PATH}/{where}")
    for dry_run in (True, False):
        other.problem(404, "PATCH", f"{PATH}/{shipment}", json={"stage": "arrived", "dry_run": dry_run})
    assert other("GET", PATH)["data"] == []
    assert api("GET", f"{PATH}/{shipment}")["stage"] == "ordered"


def test_shipments_are_listed_by_page_and_filter(api: Api) -> None:
    ids = [api("POST", PATH, 201, json=a_shipment(reference=f"PO-{n}"))["id"] for n in range(3)]
    lamp = api("POST", PATH, 201, json=a_shipment(reference="L", lines=[{"sku": "LAMP", "quantity": 1}]))[
        "id"
    ]
    api("PATCH", f"{PATH}/{ids[0]}", json={"stage": "customs"})
    page = api("GET", PATH, params={"limit": 2})
    rest = api("GET", PATH, params={"limit": 2, "after": page["next"]})
    assert [it["id"] for it in page["data"] + rest["data"]] == [lamp, *reversed(ids)]
    assert rest["next"] is None
    assert [it["id"] for it in api("GET", PATH, params={"sku": "LAMP"})["data"]] == [lamp]
    assert [it["id"] for it in api("GET", PATH, params={"stage": "customs"})["data"]] == [ids[0]]
    assert api.problem(422, "GET", PATH, params={"stage": "lost"})["errors"][0]["pointer"] == "/stage"


def test_a_move_of_very_many_goes_on_by_itself_and_needs_a_second_yes_where_it_sends_too_much(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 2)
    waiting = registered(api, 3)
    shipment = api("POST", PATH, 201, json=a_shipment(lines=[{"sku": "ORN-RED", "quantity": 9}]))["id"]
    carry_on(api)
    api.deliver()
    api("PUT", "/v1/policy", json={"max_messages_per_change": 1})
    problem = api.problem(409, "PATCH", f"{PATH}/{shipment}", json={"eta": "2026-12-30"})
    assert "max_messages_per_change" in problem["detail"]
    assert problem["effect"]["backorders"] == 3
    assert problem["confirm"]["body"] == {"eta": "2026-12-30", "confirm": True}
    moved = api.request("PATCH", f"{PATH}/{shipment}", json={"eta": "2026-12-30", "confirm": True})
    assert moved.status_code == 202
    assert moved.headers["location"] == f"{PATH}/{shipment}"
    (job,) = api("GET", f"{PATH}/{shipment}")["moving"]
    assert (job["total"], job["done"], job["shipment_id"]) == (3, 0, shipment)
    assert api("GET", f"/v1/sku-changes/{job['id']}") == job
    carry_on(api)
    assert api("GET", f"{PATH}/{shipment}")["moving"] == []
    assert {api("GET", f"/v1/backorders/{it}")["lines"][0]["eta"] for it in waiting} == {"2026-12-30"}
