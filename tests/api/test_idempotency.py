from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.client import Api, Json, a_backorder, a_line


def key(value: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": value}}


def test_a_repeat_gets_the_first_answer_again_and_has_no_effect(api: Api) -> None:
    backorder = api.register()["id"]
    path, body = f"/v1/backorders/{backorder}/shipments", {"lines": [{"sku": "ORN-RED", "quantity": 1}]}
    first = api.request("POST", path, json=body, **key("one"))
    again = api.request("POST", path, json=body, **key("one"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["shipped"] == 1


def test_a_repeat_of_a_registration_is_answered_201_again(api: Api) -> None:
    for _ in range(2):
        api("POST", "/v1/backorders", 201, json=a_backorder(), **key("one"))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/backorders", a_backorder(order_id="2")),
        ("/v1/backorders/batch", {"backorders": [a_backorder(order_id="2")]}),
        ("/v1/backorders/{id}/shipments", {}),
        ("/v1/backorders/{id}/cancel", {}),
        ("/v1/backorders/{id}/refunds", {"amount": "1.00", "currency": "USD"}),
        ("/v1/restocks", {"sku": "ORN-RED", "quantity": 1}),
    ],
)
def test_every_post_honours_the_key(api: Api, path: str, body: Json) -> None:
    path = path.format(id=api.register()["id"])
    first = api.request("POST", path, json=body, **key("one"))
    again = api.request("POST", path, json=body, **key("one"))
    assert first.is_success
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    api("POST", "/v1/backorders", 201, json=a_backorder(), **key("one"))
    other = a_backorder(order_id="2")
    problem = api.problem(422, "POST", "/v1/backorders", json=other, **key("one"))
    assert "needs a new key" in problem["detail"]
    api.problem(422, "POST", "/v1/backorders/batch", json={"backorders": [other]}, **key("one"))
    assert len(api("GET", "/v1/backorders")["data"]) == 1


def test_a_refused_request_may_be_put_right_under_the_same_key(api: Api) -> None:
    api.problem(422, "POST", "/v1/backorders", json=a_backorder(lines=[a_line(quantity=0)]), **key("one"))
    api("POST", "/v1/backorders", 201, json=a_backorder(), **key("one"))


def test_a_key_is_forgotten_after_a_day(api: Api) -> None:
    api.register()
    body = {"sku": "ORN-RED", "quantity": 1}
    api("POST", "/v1/restocks", json=body, **key("one"))
    api.clock.pass_by(hours=23)
    assert "idempotent-replayed" in api.request("POST", "/v1/restocks", json=body, **key("one")).headers
    api.clock.pass_by(hours=2)
    assert "idempotent-replayed" not in api.request("POST", "/v1/restocks", json=body, **key("one")).headers


def test_stores_may_use_the_same_key(api: Api, other: Api) -> None:
    for store in (api, other):
        response = store.request("POST", "/v1/backorders", json=a_backorder(), **key("one"))
        assert "idempotent-replayed" not in response.headers


def test_repeats_at_once_have_one_effect(api: Api) -> None:
    backorder = api.register()["id"]
    path, body = f"/v1/backorders/{backorder}/shipments", {"lines": [{"sku": "ORN-RED", "quantity": 1}]}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.request("POST", path, json=body, **key("one")), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 5
    assert api("GET", f"/v1/backorders/{backorder}")["lines"][0]["shipped"] == 1


@pytest.mark.parametrize("value", ["", "x" * 256, "é", "a\tb"])
def test_a_key_that_makes_no_sense_is_named(api: Api, value: str) -> None:
    headers = {"Idempotency-Key": value.encode("latin-1")}
    problem = api.problem(422, "POST", "/v1/backorders", json=a_backorder(), headers=headers)
    assert problem["errors"][0]["in"] == "header"
