import pytest

from tests.api.client import Api, Json, a_backorder, a_line


def ids(page: Json) -> list[str]:
    return [it["id"] for it in page["data"]]


# --- one backorder ---------------------------------------------------------------------------------------


def test_a_backorder_reads_as_it_was_registered(api: Api) -> None:
    registered = api.register()
    assert api("GET", f"/v1/backorders/{registered['id']}") == registered


def test_past_and_planned_emails_stand_in_the_order_in_which_they_are_due(api: Api) -> None:
    backorder = api.register()
    api.deliver()
    messages = api("GET", f"/v1/backorders/{backorder['id']}")["messages"]
    assert [message["due_at"] for message in messages] == sorted(message["due_at"] for message in messages)
    assert messages[0]["status"] == "sent"
    assert "countdown" in {message["kind"] for message in messages if message["status"] == "planned"}


def test_the_status_url_opens_the_customers_page(api: Api) -> None:
    url = api.register()["status_url"]
    page = api.http.get(url.removeprefix("http://127.0.0.1:8000"))
    assert page.status_code == 200
    assert "Red glass ornament" in page.text


@pytest.mark.parametrize(
    "backorder_id", ["bo_none", "x" * 5000, "%00", "%F0%9F%8E%81", "..%2F..", "'; --", "%ff"]
)
def test_what_is_no_backorder_is_not_found(api: Api, backorder_id: str) -> None:
    path = f"/v1/backorders/{backorder_id}"
    api.problem(404, "GET", path)
    api.problem(404, "GET", f"{path}/timeline")
    api.problem(404, "PATCH", path, json={"lines": [{"sku": "ORN-RED", "eta": None}]})
    api.problem(404, "POST", f"{path}/cancel", json={})


# --- lists -----------------------------------------------------------------------------------------------


def test_lists_are_newest_first(api: Api) -> None:
    made = [api.register(order_id=str(number))["id"] for number in range(3)]
    assert ids(api("GET", "/v1/backorders")) == made[::-1]


def test_every_filter_narrows_the_list(api: Api) -> None:
    jane = api.register(order_id="1")["id"]
    joe = api.register(order_id="2", customer={"email": "joe@example.com"}, lines=[a_line("B")])["id"]
    api("POST", f"/v1/backorders/{joe}/shipments", 201, json={})

    def found(**filters: str) -> list[str]:
        return ids(api("GET", "/v1/backorders", params=filters))

    assert found(order_id="1") == [jane]
    assert found(sku="B") == [joe]
    assert found(status="shipped") == [joe]
    assert found(email="joe@example.com") == [joe]
    assert found(email="JOE@Example.com") == [joe]
    assert found(law_state="on_time") == [jane]
    assert found(law_state="on_time", sku="B") == []
    assert found(order_id="none") == []


def test_one_line_must_match_both_sku_and_law_state(api: Api) -> None:
    backorder = api.register(lines=[a_line("A"), a_line("B")])["id"]
    api("POST", f"/v1/backorders/{backorder}/shipments", 201, json={"lines": [{"sku": "A", "quantity": 3}]})
    assert ids(api("GET", "/v1/backorders", params={"sku": "B", "law_state": "shipped"})) == []
    assert ids(api("GET", "/v1/backorders", params={"sku": "A", "law_state": "shipped"})) == [backorder]


SENSELESS = [
    ("status", "lost"),
    ("law_state", "outlawed"),
    ("email", "nobody"),
    ("sku", "a\0b"),
    ("order_id", "x" * 201),
    ("limit", "0"),
    ("limit", "201"),
    ("limit", "1e30"),
    ("after", "nonsense"),
    ("after", "é"),
    ("after", "AAAA\0"),
    ("after", "x" * 501),
]


def test_a_filter_that_makes_no_sense_is_named(api: Api) -> None:
    cases = [({name: value}, f"/{name}") for name, value in SENSELESS]
    assert api.faults("GET", "/v1/backorders", cases, as_="params") == []


def test_pages_hold_every_row_once_while_rows_arrive(api: Api) -> None:
    made = [api.register(order_id=str(number))["id"] for number in range(7)]
    seen: list[str] = []
    after = None
    while after is not None or not seen:
        params = {"limit": 3} | ({"after": after} if after else {})
        page = api("GET", "/v1/backorders", params=params)
        seen += ids(page)
        after = page["next"]
        api.register(order_id=f"meanwhile {len(seen)}")
    assert seen == made[::-1]


def test_the_last_page_says_so(api: Api) -> None:
    for number in range(4):
        api.register(order_id=str(number))
    first = api("GET", "/v1/backorders", params={"limit": 2})
    second = api("GET", "/v1/backorders", params={"limit": 2, "after": first["next"]})
    assert (len(second["data"]), second["next"]) == (2, None)


def test_a_cursor_from_elsewhere_is_refused(api: Api, other: Api) -> None:
    for store in (api, other):
        for number in range(2):
            store.register(order_id=str(number))
    cursor = api("GET", "/v1/backorders", params={"limit": 1})["next"]
    other.problem(422, "GET", "/v1/backorders", params={"after": cursor})
    api.problem(422, "GET", "/v1/messages", params={"after": cursor})
    api.problem(422, "GET", "/v1/backorders", params={"after": cursor, "sku": "ORN-RED"})
    api.problem(422, "GET", "/v1/backorders", params={"after": cursor[:-4] + "AAAA"})
    api("GET", "/v1/backorders", params={"after": cursor, "limit": 200})


# --- stores apart ----------------------------------------------------------------------------------------


def test_a_key_sees_only_its_own_store(api: Api, other: Api) -> None:
    backorder = api.register()
    message = backorder["messages"][0]["id"]
    assert other("GET", "/v1/backorders")["data"] == []
    assert other("GET", "/v1/messages")["data"] == []
    assert other("GET", "/v1/messages", params={"backorder_id": backorder["id"]})["data"] == []
    for method, path, body in (
        ("GET", f"/v1/backorders/{backorder['id']}", None),
        ("GET", f"/v1/backorders/{backorder['id']}/timeline", None),
        ("PATCH", f"/v1/backorders/{backorder['id']}", {"customer": {"name": "Mallory"}}),
        ("POST", f"/v1/backorders/{backorder['id']}/shipments", {}),
        ("POST", f"/v1/backorders/{backorder['id']}/cancel", {}),
        ("POST", f"/v1/backorders/{backorder['id']}/refunds", {"amount": "1", "currency": "USD"}),
        ("GET", f"/v1/messages/{message}", None),
        ("POST", f"/v1/messages/{message}/resolve", {"action": "drop"}),
    ):
        other.problem(404, method, path, json=body)
    assert api("GET", f"/v1/backorders/{backorder['id']}") == backorder


def test_two_stores_may_use_the_same_order_id(api: Api, other: Api) -> None:
    assert api.register()["id"] != other.register()["id"]


def test_a_change_of_a_sku_moves_only_its_own_store(api: Api, other: Api) -> None:
    api.register()
    theirs = other.register()
    assert api("PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2027-01-20"})["backorders"] == 1
    assert other("GET", f"/v1/backorders/{theirs['id']}") == theirs


@pytest.mark.parametrize("header", [None, "Bearer nk_wrong", "Bearer", "Basic bmtfOng=", "Bearer \u00e9"])
def test_the_wrong_key_opens_nothing(api: Api, header: str | None) -> None:
    del api.http.headers["authorization"]
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in ("/v1/backorders", "/v1/policy", "/v1/store", "/v1/messages/msg_1"):
        response = api.request("GET", path, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
    api.problem(401, "POST", "/v1/restocks", json={"sku": "A", "quantity": 1}, headers=headers)


# --- the timeline ----------------------------------------------------------------------------------------


def test_the_timeline_tells_all_that_happened_and_will_happen_with_why(api: Api) -> None:
    backorder = api.register()["id"]
    api.deliver()
    api.clock.pass_by(hours=1)
    move = {"lines": [{"sku": "ORN-RED", "eta": "2027-01-20", "reason": "held at customs"}]}
    api("PATCH", f"/v1/backorders/{backorder}", json=move)
    api.clock.pass_by(minutes=5)
    move["lines"][0] |= {"eta": "2026-12-12", "reason": "customs let it go"}
    api("PATCH", f"/v1/backorders/{backorder}", json=move)
    api.clock.pass_by(hours=1)
    shipment = {"lines": [{"sku": "ORN-RED", "quantity": 1}], "carrier": "UPS"}
    api("POST", f"/v1/backorders/{backorder}/shipments", 201, json=shipment)

    events = api("GET", f"/v1/backorders/{backorder}/timeline")["data"]
    told = [(event["what"], event["why"]) for event in events]
    for expected in (
        ("registered", "the store registered 1 line"),
        ("message_planned", "planned because the law asks for the customer's answer"),
        ("eta_changed", "the store moved ORN-RED from 2026-12-12 to 2027-01-20: held at customs"),
        ("message_cancelled", "not sent: the date moved back to what the customer knows"),
        ("shipped", "1 × ORN-RED shipped by UPS"),
    ):
        assert expected in told
    assert any(event["what"] == "message_sent" and event["kind"] == "expectation" for event in events)
    assert any(event["what"] == "message_due" and event["kind"] == "shipped" for event in events)
    happened = [event for event in events if not event["future"]]
    assert events[: len(happened)] == happened
    for part in (happened, events[len(happened) :]):
        assert [event["at"] for event in part] == sorted(event["at"] for event in part)


def test_a_filter_that_does_not_exist_is_refused_and_those_that_do_are_named(api: Api) -> None:
    problem = api.problem(422, "GET", "/v1/backorders?staus=open&limit=2")
    (fault,) = problem["errors"]
    assert (fault["pointer"], fault["in"]) == ("/staus", "query")
    assert "status" in fault["detail"]
    api.problem(422, "POST", "/v1/backorders?dry_run=true", json=a_backorder())
    assert api("GET", "/v1/backorders")["data"] == []
