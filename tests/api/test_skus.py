from urllib.parse import quote

import pytest

from notifier import skus
from notifier.api import streamed
from notifier.restocking import chunks
from tests.api.client import Api, Json, a_line


def registered(api: Api, count: int) -> list[str]:
    return [api.register(order_id=str(number))["id"] for number in range(1, count + 1)]


# --- a new estimate --------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_would_happen_and_changes_nothing(api: Api) -> None:
    one, _ = registered(api, 2)
    api.register(order_id="other", lines=[a_line("B")])
    api.deliver()
    before = api("GET", f"/v1/backorders/{one}")
    told = api("PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2026-12-30", "reason": "fog", "dry_run": True})
    assert (told["backorders"], told["messages"]["delay"], told["needs_consent"]) == (2, 2, 0)
    assert told["value_at_risk"] == [{"amount": "57.00", "currency": "USD"}]
    sample = told["samples"][0]
    assert sample["kind"] == "delay"
    assert "December 30" in sample["subject"]
    assert "fog" in sample["html"]
    assert "fog" in sample["text"]
    assert api("GET", f"/v1/backorders/{one}") == before


def test_every_order_that_waits_for_the_sku_moves(api: Api) -> None:
    moved = registered(api, 3)
    shipped = api.register(order_id="shipped")["id"]
    api("POST", f"/v1/backorders/{shipped}/shipments", 201, json={})
    api.deliver()
    radius = api("PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2026-12-30", "eta_earliest": "2026-12-28"})
    assert radius["backorders"] == 3
    for backorder in moved:
        line = api("GET", f"/v1/backorders/{backorder}")["lines"][0]
        assert (line["eta"], line["eta_earliest"], line["promised"]) == (
            "2026-12-30",
            "2026-12-28",
            "2026-12-12",
        )
        assert api.message(backorder, "delay")["status"] == "planned"
    assert api("GET", f"/v1/backorders/{shipped}")["lines"][0]["eta"] == "2026-12-12"


@pytest.mark.parametrize("sku", ["A/B", "A/eta", "a b?c#d", "🎄", "100%", "/leading/and/trailing/"])
def test_a_sku_may_contain_anything_that_can_be_printed(api: Api, sku: str) -> None:
    api.register(lines=[a_line(sku)])
    assert api("PUT", f"/v1/skus/{quote(sku, safe='')}/eta", json={"eta": "2027-01-20"})["backorders"] == 1


def test_a_sku_that_nobody_waits_for_moves_nobody(api: Api) -> None:
    radius = api("PUT", "/v1/skus/NONE/eta", json={"eta": None})
    assert radius == {
        "backorders": 0,
        "messages": {},
        "needs_consent": 0,
        "must_answer": [],
        "value_at_risk": [],
        "samples": [],
    }


FAULTS = [
    ("A", {}, "/eta"),
    ("A", {"eta": "2026-02-30"}, "/eta"),
    ("A", {"eta": "2026-12-12T00:00:00Z"}, "/eta"),
    ("A", {"eta": 20261212}, "/eta"),
    ("A", {"eta": "9999-12-31"}, "/eta"),
    ("A", {"eta": "2026-12-12", "eta_earliest": "2026-12-13"}, "/eta_earliest"),
    ("A", {"eta": "2026-12-12", "dry-run": True}, "/dry-run"),
    ("A%00", {"eta": None}, "/sku"),
    ("A" * 201, {"eta": None}, "/sku"),
]


def test_an_impossible_estimate_is_refused(api: Api) -> None:
    assert [api.faults("PUT", f"/v1/skus/{sku}/eta", [(body, pointer)]) for sku, body, pointer in FAULTS] == [
        []
    ] * len(FAULTS)


def test_a_change_that_sends_very_much_needs_a_second_yes(api: Api) -> None:
    backorder, _ = registered(api, 2)
    api.deliver()
    api("PUT", "/v1/policy", json={"max_messages_per_change": 1})
    problem = api.problem(409, "PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2026-12-30"})
    assert problem["type"] == "/problems/needs-confirmation"
    assert "max_messages_per_change" in problem["detail"]
    assert problem["effect"] == api(
        "PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2026-12-30", "dry_run": True}
    )
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["eta"] == "2026-12-12"
    again = problem["confirm"]
    assert again["body"] == {"eta": "2026-12-30", "confirm": True}
    api(again["method"], again["path"], json=again["body"])
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["eta"] == "2026-12-30"


def test_a_very_large_change_goes_on_by_itself_and_tells_how_far_it_is(
    api: Api, other: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 2)
    waiting = registered(api, 3)
    response = api.request("PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2026-12-30"})
    assert response.status_code == 202
    where = response.headers["location"]
    begun = api("GET", where)
    assert begun == response.json()
    assert (begun["total"], begun["done"], begun["finished_at"]) == (3, 0, None)
    other.problem(404, "GET", where)
    while skus.carry_on(api.services.engine, api.clock.now):
        pass
    finished = api("GET", where)
    assert (finished["done"], finished["finished_at"]) == (3, "2026-12-01T15:00:00Z")
    assert {api("GET", f"/v1/backorders/{it}")["lines"][0]["eta"] for it in waiting} == {"2026-12-30"}


# --- goods that arrived ----------------------------------------------------------------------------------


def test_the_oldest_order_is_filled_first(api: Api) -> None:
    first, second = registered(api, 2)
    got = api("POST", "/v1/restocks", json={"sku": "ORN-RED", "quantity": 4})
    assert got == {
        "allocated": [
            {"backorder_id": first, "quantity": 3, "still_waiting": 0},
            {"backorder_id": second, "quantity": 1, "still_waiting": 2},
        ],
        "left_over": 0,
    }
    assert api("GET", f"/v1/backorders/{second}")["lines"][0]["allocated"] == 1


def test_fairly_each_order_gets_one_in_turn(api: Api) -> None:
    registered(api, 2)
    got = api("POST", "/v1/restocks", json={"sku": "ORN-RED", "quantity": 7, "rule": "fair"})
    assert ([share["quantity"] for share in got["allocated"]], got["left_over"]) == ([3, 3], 1)


def test_a_dry_run_sets_nothing_aside(api: Api) -> None:
    (backorder,) = registered(api, 1)
    restock = {"sku": "ORN-RED", "quantity": 2, "dry_run": True}
    assert api("POST", "/v1/restocks", json=restock)["allocated"][0]["quantity"] == 2
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["allocated"] == 0


def test_a_restock_for_very_many_orders_goes_on_by_itself_and_tells_how_far_it_is(
    api: Api, other: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 2)
    first, second, third = registered(api, 3)
    asked = {"json": {"sku": "ORN-RED", "quantity": 8}, "headers": {"Idempotency-Key": "restock-8"}}
    response = api.request("POST", "/v1/restocks", **asked)
    assert response.status_code == 202
    where = response.headers["location"]
    begun = api("GET", where)
    assert begun == response.json()
    assert (begun["total"], begun["done"], begun["units"]) == (3, 0, 0)
    assert (begun["left_over"], begun["finished_at"]) == (None, None)
    again = api.request("POST", "/v1/restocks", **asked)
    assert (again.status_code, again.headers["location"], again.json()) == (202, where, begun)
    other.problem(404, "GET", where)
    other.problem(404, "GET", f"{where}/allocated")
    assert api("GET", f"{where}/allocated") == {"data": [], "next": None}
    while chunks.carry_on(api.services.engine, api.clock):
        pass
    finished = api("GET", where)
    assert (finished["done"], finished["units"], finished["left_over"]) == (3, 8, 0)
    assert finished["finished_at"] == "2026-12-01T15:00:00Z"
    page = api("GET", f"{where}/allocated", params={"limit": 2})
    rest = api("GET", f"{where}/allocated", params={"limit": 2, "after": page["next"]})
    assert page["data"] + rest["data"] == [
        {"backorder_id": first, "quantity": 3, "still_waiting": 0},
        {"backorder_id": second, "quantity": 3, "still_waiting": 0},
        {"backorder_id": third, "quantity": 2, "still_waiting": 1},
    ]
    assert rest["next"] is None
    assert api("GET", f"/v1/backorders/{third}")["lines"][0]["allocated"] == 2


def test_a_dry_run_answers_long_lists_piece_by_piece(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "PIECE", 2)
    ids = registered(api, 5)
    told = api("POST", "/v1/restocks", json={"sku": "ORN-RED", "quantity": 14, "dry_run": True})
    assert [it["backorder_id"] for it in told["allocated"]] == ids
    assert [[it["quantity"] for it in told["rules"][rule]["allocated"]] for rule in ("fifo", "fair")] == [
        [3, 3, 3, 3, 2],
        [3, 3, 3, 3, 2],
    ]
    assert told["left_over"] == 0


RESTOCK_FAULTS: list[tuple[Json, str]] = [
    ({"quantity": 0}, "/quantity"),
    ({"quantity": -4}, "/quantity"),
    ({"quantity": 10**30}, "/quantity"),
    ({"quantity": "4"}, "/quantity"),
    ({"quantity": True}, "/quantity"),
    ({"rule": "lifo"}, "/rule"),
    ({"sku": ""}, "/sku"),
]


def test_an_impossible_restock_is_refused(api: Api) -> None:
    cases = [({"sku": "A", "quantity": 1} | change, pointer) for change, pointer in RESTOCK_FAULTS]
    assert api.faults("POST", "/v1/restocks", cases) == []


def test_a_restock_of_what_nobody_waits_for_is_refused(api: Api) -> None:
    (backorder,) = registered(api, 1)
    for dry_run in (True, False):
        problem = api.problem(
            422, "POST", "/v1/restocks", json={"sku": "NONE", "quantity": 4, "dry_run": dry_run}
        )
        assert [fault["pointer"] for fault in problem["errors"]] == ["/sku"]
        assert "no order of this store waits for SKU 'NONE'" in problem["detail"]
    api("POST", "/v1/restocks", json={"sku": "ORN-RED", "quantity": 3})
    assert api("POST", "/v1/restocks", json={"sku": "ORN-RED", "quantity": 1})["left_over"] == 1
    api("POST", f"/v1/backorders/{backorder}/cancel", json={})
    api.problem(422, "POST", "/v1/restocks", json={"sku": "ORN-RED", "quantity": 1})


def test_a_dry_run_tells_what_either_rule_would_do(api: Api) -> None:
    first, second = registered(api, 2)
    asked = {"sku": "ORN-RED", "quantity": 4, "rule": "fair", "dry_run": True}
    told = api("POST", "/v1/restocks", json=asked)
    fifo, fair = told["rules"]["fifo"], told["rules"]["fair"]
    assert told["allocated"] == fair["allocated"]
    assert [(it["backorder_id"], it["quantity"]) for it in fifo["allocated"]] == [(first, 3), (second, 1)]
    assert [it["quantity"] for it in fair["allocated"]] == [2, 2]
    assert (fifo["filled"], fair["filled"]) == (1, 0)
    assert fifo["value_freed"] == fair["value_freed"] == [{"amount": "38.00", "currency": "USD"}]
    assert "rules" not in api("POST", "/v1/restocks", json=asked | {"dry_run": False})


def test_a_restock_tells_which_emails_go_no_more_and_then_they_do_not(api: Api) -> None:
    first, second = registered(api, 2)
    api.deliver()
    asked = {"sku": "ORN-RED", "quantity": 3}
    told = api("POST", "/v1/restocks", json=asked | {"dry_run": True})["rules"]
    planned = [
        m
        for m in api("GET", f"/v1/backorders/{first}")["messages"]
        if m["kind"] == "countdown" and m["status"] == "planned"
    ]
    assert planned
    assert (told["fifo"]["messages"], told["fifo"]["stopped"]) == ({}, {"countdown": len(planned)})
    assert (told["fair"]["messages"], told["fair"]["stopped"]) == ({}, {})
    api("POST", "/v1/restocks", json=asked)
    after = {m["id"]: m for m in api("GET", f"/v1/backorders/{first}")["messages"]}
    assert {(after[m["id"]]["status"], after[m["id"]]["reason"]) for m in planned} == {
        ("cancelled", "set_aside")
    }
    kept = api("GET", f"/v1/backorders/{second}")["messages"]
    assert any(m["kind"] == "countdown" and m["status"] == "planned" for m in kept)
