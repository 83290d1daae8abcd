from tests.api.client import Api, a_backorder, a_line


def test_a_backorder_is_answered_with_all_that_was_said_and_what_follows(api: Api) -> None:
    said = a_backorder(
        order_url="https://shop.example/orders/1042",
        payment={"expires": "2026-12", "update_url": "https://shop.example/pay"},
        lines=[
            a_line(
                eta_earliest="2026-12-08",
                image_url="https://shop.example/red.jpg",
                product_url="https://shop.example/red",
                highlights=["Mouth-blown"],
                related=[{"name": "Hooks", "url": "https://shop.example/hooks"}],
            )
        ],
    )
    got = api("POST", "/v1/backorders", 201, json=said)
    assert {name: got[name] for name in ("order_id", "currency", "order_url", "customer", "payment")} == {
        name: said[name] for name in ("order_id", "currency", "order_url", "customer", "payment")
    }
    (line,) = got["lines"]
    assert line == said["lines"][0] | {
        "promised": "2026-12-12",
        "reason": None,
        "related": [{"name": "Hooks", "url": "https://shop.example/hooks", "image_url": None}],
        "shipped": 0,
        "cancelled": 0,
        "allocated": 0,
        "law_state": "on_time",
        "answer_by": None,
    }
    assert got["status"] == "open"
    assert got["status_url"].startswith("http://127.0.0.1:8000/o/")
    assert got["placed_at"] == "2026-12-01T14:00:00Z"
    assert got["messages"][0]["kind"] == "expectation"
    assert {message["status"] for message in got["messages"]} == {"planned"}


def test_the_least_that_can_be_said_is_enough(api: Api) -> None:
    least = {
        "order_id": "1",
        "customer": {"email": "jane@example.com"},
        "lines": [{"sku": "A", "name": "A thing", "quantity": 1}],
    }
    got = api("POST", "/v1/backorders", 201, json=least)
    assert got["customer"] == {
        "email": "jane@example.com",
        "name": "",
        "locale": "en-US",
        "timezone": "America/New_York",
        "country": "US",
    }
    assert got["lines"][0]["eta"] is None


def test_the_same_order_again_answers_the_first_one_unchanged(api: Api) -> None:
    first = api.register()
    assert api.register(status=200) == first
    assert len(api("GET", "/v1/backorders")["data"]) == 1


def test_the_same_order_id_with_other_content_is_a_conflict_that_names_the_first(api: Api) -> None:
    first = api.register()
    problem = api.problem(409, "POST", "/v1/backorders", json=a_backorder(lines=[a_line(quantity=4)]))
    assert first["id"] in problem["detail"]


def test_a_promise_left_out_is_the_first_estimate(api: Api) -> None:
    got = api.register(lines=[a_line(eta="2026-12-20"), a_line("B", promised="2026-12-18", eta="2026-12-20")])
    assert [line["promised"] for line in got["lines"]] == ["2026-12-20", "2026-12-18"]


def test_emoji_are_fine_in_order_ids_and_skus(api: Api) -> None:
    got = api.register(order_id="order 🎁/1", lines=[a_line("🎄/red & gold?")])
    assert (got["order_id"], got["lines"][0]["sku"]) == ("order 🎁/1", "🎄/red & gold?")
    found = api("GET", "/v1/backorders", params={"order_id": "order 🎁/1", "sku": "🎄/red & gold?"})
    assert [it["id"] for it in found["data"]] == [got["id"]]


def test_the_expectation_email_lands_in_the_outbox(api: Api) -> None:
    backorder = api.register()
    api.deliver()
    message = api.message(backorder["id"], "expectation")
    assert (message["status"], message["to"], message["provider"]) == ("sent", "jane@example.com", "outbox")
    assert len(list(api.services.settings.outbox_dir.rglob("*.eml"))) == 1


def test_what_is_answered_at_once_is_to_the_letter_what_is_read_later(api: Api) -> None:
    bodies = [
        a_backorder(order_id="plain"),
        a_backorder(order_id="awkward", placed_at="2026-11-20T23:30:00.001-05:00", lines=[
            a_line('"quoted" \\ 🎁', name="Zoë’s", unit_price="10.00", eta="2027-02-01", eta_earliest="2027-01-20",
                   promised="2026-12-12", reason="held", highlights=["“Signed”"], essential_date=True,
                   related=[{"name": "Hooks", "url": "https://shop.example/hooks?a=1&b=2"}]),
            a_line("B", eta=None, unit_price=...),
        ]),
        a_backorder(order_id="paid", payment={"expires": "2026-12", "paid": "20.00", "seller_credit": True}),
        a_backorder(order_id="owed", payment={"paid": "0"}),
    ]  # fmt: skip
    texts = [api.request("POST", "/v1/backorders", json=body).text for body in bodies]
    batch = [body | {"order_id": f"{body['order_id']} together"} for body in bodies]
    answer = api.request("POST", "/v1/backorders/batch", json={"backorders": batch}).text
    for entry in api("GET", "/v1/backorders")["data"]:
        text = api.request("GET", f"/v1/backorders/{entry['id']}").text
        assert text in texts or f'{{"status":201,"backorder":{text}}}' in answer


# --- batches ---------------------------------------------------------------------------------------------


def test_a_batch_keeps_the_good_ones_and_says_what_is_wrong_with_the_others(api: Api) -> None:
    api.register(order_id="old")
    entries = [
        a_backorder(order_id="good"),
        a_backorder(order_id="old"),
        a_backorder(order_id="old", lines=[a_line(quantity=9)]),
        a_backorder(order_id="bad", lines=[a_line(quantity=0)]),
        "not even an object",
        a_backorder(order_id="good, too"),
    ]
    results = api("POST", "/v1/backorders/batch", json={"backorders": entries})["results"]
    assert [result["status"] for result in results] == [201, 200, 409, 422, 422, 201]
    assert [result["backorder"]["order_id"] for result in results if "backorder" in result] == [
        "good",
        "old",
        "good, too",
    ]
    assert {tuple(result) for result in results} == {("status", "backorder"), ("status", "problem")}
    assert results[3]["problem"]["errors"][0]["pointer"] == "/backorders/3/lines/0/quantity"
    fault = {"pointer": "/backorders/4", "detail": "Input should be an object, not 'not even an object'"}
    assert results[4]["problem"] == {
        "type": "/problems/invalid",
        "title": "Invalid input",
        "status": 422,
        "detail": f"the request has 1 fault; the first: {fault['pointer']}: {fault['detail']}",
        "instance": "/v1/backorders/batch",
        "errors": [fault],
    }
    kept = {it["order_id"] for it in api("GET", "/v1/backorders")["data"]}
    assert kept == {"old", "good", "good, too"}


def test_the_same_order_twice_in_a_batch_is_registered_once(api: Api) -> None:
    entries = [a_backorder(), a_backorder(), a_backorder(lines=[a_line("B")])]
    results = api("POST", "/v1/backorders/batch", json={"backorders": entries})["results"]
    assert [result["status"] for result in results] == [201, 200, 409]


def test_a_batch_takes_a_thousand_and_no_more(api: Api) -> None:
    entries = [a_backorder(order_id=str(number)) for number in range(1001)]
    api.problem(422, "POST", "/v1/backorders/batch", json={"backorders": entries})
    results = api("POST", "/v1/backorders/batch", json={"backorders": entries[:1000]})["results"]
    assert {result["status"] for result in results} == {201}


def test_an_empty_batch_is_refused(api: Api) -> None:
    problem = api.problem(422, "POST", "/v1/backorders/batch", json={"backorders": []})
    assert problem["errors"][0]["pointer"] == "/backorders"
