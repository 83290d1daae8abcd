from concurrent.futures import ThreadPoolExecutor

from tests.api.client import Api, Json, a_backorder, a_line


def lines(**units: int) -> Json:
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]}


# --- PATCH -----------------------------------------------------------------------------------------------


def test_a_later_date_plans_a_delay_email(api: Api) -> None:
    backorder = api.register()["id"]
    api.deliver()
    change = {
        "lines": [{"sku": "ORN-RED", "eta": "2026-12-30", "eta_earliest": "2026-12-28", "reason": "fog"}]
    }
    got = api("PATCH", f"/v1/backorders/{backorder}", json=change)
    line = got["lines"][0]
    assert (line["eta"], line["eta_earliest"], line["reason"]) == ("2026-12-30", "2026-12-28", "fog")
    assert line["promised"] == "2026-12-12"
    assert api.message(backorder, "delay")["status"] == "planned"


def test_customer_details_change_and_the_rest_stays(api: Api) -> None:
    before = api.register()
    change = {"customer": {"email": "jane.doe@example.com", "timezone": "Europe/Berlin"}}
    after = api("PATCH", f"/v1/backorders/{before['id']}", json=change)
    assert after["customer"] == before["customer"] | change["customer"]


def test_a_date_may_become_unknown(api: Api) -> None:
    backorder = api.register()["id"]
    change = {"lines": [{"sku": "ORN-RED", "eta": None, "reason": "the kiln broke"}]}
    assert api("PATCH", f"/v1/backorders/{backorder}", json=change)["lines"][0]["eta"] is None


def test_what_has_shipped_can_not_get_another_date(api: Api) -> None:
    backorder = api.register()["id"]
    api("POST", f"/v1/backorders/{backorder}/shipments", 201, json={})
    change = {"lines": [{"sku": "ORN-RED", "eta": "2026-12-30"}]}
    problem = api.problem(409, "PATCH", f"/v1/backorders/{backorder}", json=change)
    assert "ORN-RED" in problem["detail"]


def test_a_line_that_is_not_there_is_named(api: Api) -> None:
    backorder = api.register()["id"]
    change = {"lines": [{"sku": "ORN-RED", "eta": None}, {"sku": "GREEN", "eta": None}]}
    problem = api.problem(422, "PATCH", f"/v1/backorders/{backorder}", json=change)
    assert problem["errors"] == [{"pointer": "/lines/1/sku", "detail": "no line 'GREEN'"}]


def test_a_change_of_nothing_is_refused(api: Api) -> None:
    backorder = api.register()["id"]
    nothing: list[Json] = [{}, {"lines": []}, {"lines": [{"sku": "ORN-RED"}]}, {"status": "shipped"}]
    for change in nothing:
        api.problem(422, "PATCH", f"/v1/backorders/{backorder}", json=change)


# --- shipments -------------------------------------------------------------------------------------------


def test_a_part_shipment_leaves_the_rest_waiting(api: Api) -> None:
    backorder = api.register()["id"]
    shipment = lines(**{"ORN-RED": 2}) | {
        "carrier": "UPS",
        "tracking_number": "1Z",
        "tracking_url": "https://ups.example/1Z",
        "shipped_at": "2026-12-01T08:00:00-05:00",
    }
    got = api("POST", f"/v1/backorders/{backorder}/shipments", 201, json=shipment)
    assert (got["status"], got["lines"][0]["shipped"]) == ("partly_shipped", 2)
    (reported,) = got["shipments"]
    assert reported | {"id": ...} == shipment | {"id": ..., "shipped_at": "2026-12-01T13:00:00Z"}
    got = api("POST", f"/v1/backorders/{backorder}/shipments", 201, json={})
    assert (got["status"], got["lines"][0]["shipped"]) == ("shipped", 3)
    api.deliver()
    assert {
        m["kind"] for m in api("GET", f"/v1/backorders/{backorder}")["messages"] if m["status"] == "sent"
    } == {"shipped"}


IMPOSSIBLE: list[tuple[Json, int]] = [
    (lines(**{"ORN-RED": 4}), 409),
    (lines(GREEN=1), 422),
    (lines(**{"ORN-RED": 0}), 422),
    ({"shipped_at": "2026-12-02T15:00:00Z"}, 422),
    ({"shipped_at": "2026-11-30"}, 422),
    ({"lines": []}, 422),
    ({"tracking_url": "javascript:alert(1)"}, 422),
    ({"carrier": "UPS\nBcc: all@example.com"}, 422),
]


def test_a_line_that_stands_twice_in_a_shipment_or_cancellation_counts_as_their_sum(api: Api) -> None:
    backorder = api.register(lines=[a_line(quantity=3), a_line("GREEN", quantity=2)])["id"]
    one = {"sku": "ORN-RED", "quantity": 1}
    boxes = [one, one, {"sku": "ORN-RED", "quantity": 1}]
    got = api("POST", f"/v1/backorders/{backorder}/shipments", 201, json={"lines": boxes})
    assert got["shipments"][0]["lines"] == [{"sku": "ORN-RED", "quantity": 3}]
    assert (got["lines"][0]["shipped"], got["lines"][0]["law_state"]) == (3, "shipped")
    green = {"sku": "GREEN", "quantity": 1}
    got = api("POST", f"/v1/backorders/{backorder}/cancel", json={"lines": [green, {"sku": "GREEN"}]})
    assert got["cancellations"][0]["lines"] == [{"sku": "GREEN", "quantity": 2}]
    assert got["lines"][1]["law_state"] == "cancelled"


def test_an_impossible_shipment_changes_nothing(api: Api) -> None:
    backorder = api.register()
    for body, status in IMPOSSIBLE:
        api.problem(status, "POST", f"/v1/backorders/{backorder['id']}/shipments", json=body)
    assert api("GET", f"/v1/backorders/{backorder['id']}") == backorder


def test_nothing_ships_twice(api: Api) -> None:
    backorder = api.register()["id"]
    api("POST", f"/v1/backorders/{backorder}/shipments", 201, json={})
    problem = api.problem(409, "POST", f"/v1/backorders/{backorder}/shipments", json={})
    assert "has shipped already" in problem["detail"]


# --- cancelling and refunds ------------------------------------------------------------------------------


def test_units_are_cancelled_one_line_at_a_time(api: Api) -> None:
    backorder = api.register(lines=[a_line(), a_line("B")])["id"]
    body = lines(**{"ORN-RED": 1}) | {"reason": "broken", "by": "customer"}
    got = api("POST", f"/v1/backorders/{backorder}/cancel", json=body)
    assert (got["status"], [line["cancelled"] for line in got["lines"]]) == ("open", [1, 0])
    assert got["cancellations"][0] | {"id": ...} == body | {"id": ..., "cancelled_at": "2026-12-01T15:00:00Z"}
    got = api("POST", f"/v1/backorders/{backorder}/cancel", json={})
    assert (got["status"], [line["cancelled"] for line in got["lines"]]) == ("cancelled", [3, 3])
    planned = [m["kind"] for m in got["messages"] if m["status"] == "planned"]
    assert set(planned) == {"cancelled"}


def test_more_than_is_left_is_not_cancelled(api: Api) -> None:
    backorder = api.register()["id"]
    problem = api.problem(409, "POST", f"/v1/backorders/{backorder}/cancel", json=lines(**{"ORN-RED": 4}))
    assert problem["errors"][0]["pointer"] == "/lines/0/quantity"


def test_a_refund_is_kept_with_its_amount(api: Api) -> None:
    backorder = api.register()["id"]
    api("POST", f"/v1/backorders/{backorder}/cancel", json={})
    body = {"amount": "28.50", "currency": "USD", "refunded_at": "2026-12-01T15:00:00Z"}
    got = api("POST", f"/v1/backorders/{backorder}/refunds", 201, json=body)
    assert got["refunds"] == [body]
    assert got["lines"][0]["law_state"] == "refunded"


def test_an_impossible_refund_is_refused(api: Api) -> None:
    backorder = api.register()["id"]
    faults: list[Json] = [
        {"currency": "EUR"},
        {"currency": "usd"},
        {"amount": 9.5},
        {"amount": "-1"},
        {"amount": "NaN"},
        {"amount": "1e40"},
    ]
    cases = [({"amount": "9.50", "currency": "USD"} | fault, f"/{next(iter(fault))}") for fault in faults]
    assert api.faults("POST", f"/v1/backorders/{backorder}/refunds", cases) == []


# --- at once ---------------------------------------------------------------------------------------------


def test_of_two_shipments_at_once_only_what_is_left_is_taken(api: Api) -> None:
    backorder = api.register()["id"]
    path = f"/v1/backorders/{backorder}/shipments"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.request("POST", path, json=lines(**{"ORN-RED": 1})), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["shipped"] == 3


def test_changes_at_once_are_all_kept_one_after_the_other(api: Api) -> None:
    backorder = api.register()["id"]
    dates = [f"2026-12-{day}" for day in range(14, 22)]

    def move(eta: str) -> int:
        change = {"lines": [{"sku": "ORN-RED", "eta": eta}]}
        return api.request("PATCH", f"/v1/backorders/{backorder}", json=change).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(move, dates)) == {200}
    events = api("GET", f"/v1/backorders/{backorder}/timeline")["data"]
    moves = {
        event["data"]["before"]: event["data"]["eta"] for event in events if event["what"] == "eta_changed"
    }
    assert len(moves) == len(dates)
    at = "2026-12-12"
    for _ in dates:
        at = moves[at]
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["eta"] == at


def test_the_same_order_registered_at_once_is_registered_once(api: Api) -> None:
    def register(_: int) -> tuple[int, str]:
        response = api.request("POST", "/v1/backorders", json=a_backorder())
        return response.status_code, response.json()["id"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(register, range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({backorder_id for _, backorder_id in answers}) == 1


def test_what_a_change_answers_is_what_a_read_then_tells(api: Api) -> None:
    backorder = api.register(lines=[a_line(), a_line("B", eta="2026-12-05")])["id"]
    api.deliver()
    path = f"/v1/backorders/{backorder}"
    changes: list[tuple[str, str, int, Json]] = [
        ("PATCH", path, 200, {"lines": [{"sku": "B", "eta": "2027-03-01"}]}),
        ("PATCH", path, 200, {"lines": [{"sku": "ORN-RED", "eta": None}], "customer": {"country": "DE"}}),
        ("POST", f"{path}/shipments", 201, lines(B=2)),
        ("POST", f"{path}/cancel", 200, lines(**{"ORN-RED": 3})),
        ("POST", f"{path}/refunds", 201, {"amount": "28.50", "currency": "USD"}),
        ("POST", f"{path}/shipments", 201, {}),
    ]
    for method, where, status, body in changes:
        answered = api(method, where, status, json=body)
        assert answered == api("GET", path)
        api.clock.pass_by(minutes=1)
        api.deliver()
