"""Whatever is sent, the answer is a clear refusal, and nothing is kept."""

import json
from collections.abc import Iterator
from typing import Any

from tests.api.client import Api, Json, a_backorder, a_line, assert_problem, without

PATH = "/v1/backorders"
AS_JSON = {"Content-Type": "application/json"}


def customer(**changes: Any) -> Json:
    return {"customer": without({"email": "jane@example.com"} | changes)}


def line(**changes: Any) -> Json:
    return {"lines": [a_line(**changes)]}


FAULTS: list[tuple[Json, str]] = [
    ({"order_id": ...}, "/order_id"),
    ({"order_id": ""}, "/order_id"),
    ({"order_id": "   "}, "/order_id"),
    ({"order_id": 1042}, "/order_id"),
    ({"order_id": "10\x0042"}, "/order_id"),
    ({"order_id": "x" * 201}, "/order_id"),
    ({"order_id": "10\n42"}, "/order_id"),
    ({"order_id": "\ud800"}, "/order_id"),
    ({"orderid": "1042"}, "/orderid"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ({"\ud800": 1}, ""),
    ({"placed_at": "yesterday"}, "/placed_at"),
    ({"placed_at": "2026-12-01T10:00:00"}, "/placed_at"),
    ({"placed_at": "9999-12-31T23:59:59-23:59"}, "/placed_at"),
    ({"currency": "dollars"}, "/currency"),
    ({"currency": ...}, "/currency"),
    ({"currency": "usd"}, "/currency"),
    ({"currency": "XXQ"}, "/currency"),
    ({"order_url": "javascript:alert(1)"}, "/order_url"),
    ({"payment": {"expires": "12/26"}}, "/payment/expires"),
    ({"payment": {"expires": "2026-13"}}, "/payment/expires"),
    ({"customer": ...}, "/customer"),
    ({"customer": "jane@example.com"}, "/customer"),
    (customer(email=...), "/customer/email"),
    (customer(email="jane"), "/customer/email"),
    (customer(email="jane@example.com\nBcc: all@example.com"), "/customer/email"),
    (customer(email="jane\x00@example.com"), "/customer/email"),
    (customer(name="Jane\r\nBcc: all@example.com"), "/customer/name"),
    (customer(name="J" * 201), "/customer/name"),
    (customer(timezone="Mars/Olympus"), "/customer/timezone"),
    (customer(timezone="../../etc/passwd"), "/customer/timezone"),
    (customer(locale="xx-YY-zz-much"), "/customer/locale"),
    (customer(country="XX"), "/customer/country"),
    (customer(country="USA"), "/customer/country"),
    ({"lines": []}, "/lines"),
    ({"lines": {}}, "/lines"),
    ({"lines": [a_line(str(number)) for number in range(1000)]}, "/lines"),
    ({"lines": [a_line(), a_line()]}, "/lines/1/sku"),
    (line(sku="A\x00"), "/lines/0/sku"),
    (line(sku="A" * 201), "/lines/0/sku"),
    (line(name=...), "/lines/0/name"),
    (line(name="\u00a0"), "/lines/0/name"),
    (line(quantity=...), "/lines/0/quantity"),
    (line(quantity=0), "/lines/0/quantity"),
    (line(quantity=-1), "/lines/0/quantity"),
    (line(quantity=10**30), "/lines/0/quantity"),
    (line(quantity=1.5), "/lines/0/quantity"),
    (line(quantity="3"), "/lines/0/quantity"),
    (line(quantity=True), "/lines/0/quantity"),
    (line(quantity=None), "/lines/0/quantity"),
    (line(unit_price=9.5), "/lines/0/unit_price"),
    (line(unit_price="-1"), "/lines/0/unit_price"),
    (line(unit_price="1e400"), "/lines/0/unit_price"),
    (line(unit_price="Infinity"), "/lines/0/unit_price"),
    (line(eta="2026-02-30"), "/lines/0/eta"),
    (line(eta="2026-12-12T00:00:00Z"), "/lines/0/eta"),
    (line(eta="12/12/2026"), "/lines/0/eta"),
    (line(eta=1765497600), "/lines/0/eta"),
    (line(eta="1999-12-31"), "/lines/0/eta"),
    (line(eta="2026-12-12", eta_earliest="2026-12-13"), "/lines/0/eta_earliest"),
    (line(eta=None, eta_earliest="2026-12-13"), "/lines/0/eta_earliest"),
    (line(promissed="2026-12-12"), "/lines/0/promissed"),
    (line(highlights=["x"] * 11), "/lines/0/highlights"),
    (line(related=[{"name": "Hooks"}]), "/lines/0/related/0/url"),
    (line(image_url="data:image/png;base64,AAAA"), "/lines/0/image_url"),
]


def test_every_fault_is_named_by_its_place(api: Api) -> None:
    cases = [(json.dumps(a_backorder(**changes)).encode(), pointer) for changes, pointer in FAULTS]
    api.http.headers.update(AS_JSON)
    assert api.faults("POST", PATH, cases, as_="content") == []
    assert api("GET", PATH)["data"] == []


def test_all_faults_are_named_at_once(api: Api) -> None:
    body = a_backorder(currency="dollars", lines=[a_line(quantity=0), a_line(eta="soon")])
    problem = api.problem(422, "POST", PATH, json=body)
    pointers = [error["pointer"] for error in problem["errors"]]
    assert pointers == ["/currency", "/lines/0/quantity", "/lines/1/eta"]


def test_a_fault_tells_the_value_and_what_would_be_right(api: Api) -> None:
    problem = api.problem(422, "POST", PATH, json=a_backorder(**line(quantity=0)))
    assert problem["errors"][0]["detail"] == "Input should be greater than or equal to 1, not 0"
    problem = api.problem(422, "POST", PATH, json=a_backorder(**customer(timezone="Mars")))
    assert problem["errors"][0]["detail"] == "'Mars' is not an IANA time zone; write it like 'Europe/Berlin'"
    problem = api.problem(422, "POST", PATH, json=a_backorder(currency="usd"))
    assert (
        problem["errors"][0]["detail"] == "'usd' is not an ISO 4217 currency; write three letters like 'USD'"
    )
    problem = api.problem(422, "POST", PATH, json=a_backorder(**line(eta="2026-02-30")))
    assert problem["errors"][0]["detail"] == "2026-02-30 is not a day of the calendar"
    problem = api.problem(422, "PUT", "/v1/policy", json={"send_window": "9-17"})
    assert problem["errors"][0]["detail"] == "'9' is not a time of day; write it like '09:00'"


def test_a_long_value_is_not_echoed(api: Api) -> None:
    problem = api.problem(422, "POST", PATH, json=a_backorder(**line(quantity="9" * 100_000)))
    assert len(json.dumps(problem)) < 1000


# --- bodies that are no JSON, or too much of it ----------------------------------------------------------


def test_what_is_not_json_is_refused(api: Api) -> None:
    for body in (b"{", b'{"order_id": }', b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"order_id=1042"):
        api.problem(400, "POST", PATH, content=body, headers=AS_JSON)
    api.problem(422, "POST", PATH, content=b"", headers=AS_JSON)


def test_where_the_json_breaks_is_told(api: Api) -> None:
    problem = api.problem(400, "POST", PATH, content=b'{"order_id": oops}', headers=AS_JSON)
    assert problem["detail"] == "the body is not JSON: Expecting value at character 13"


def test_json_that_is_no_object_is_refused(api: Api) -> None:
    for body in (b"[]", b"null", b'"text"', b"3", b"NaN"):
        api.problem(422, "POST", PATH, content=body, headers=AS_JSON)


def test_a_form_is_told_to_be_json(api: Api) -> None:
    problem = api.problem(415, "POST", PATH, content=b"{}", headers={"Content-Type": "text/plain"})
    assert "application/json" in problem["detail"]


def ten_megabytes() -> Iterator[bytes]:
    for _ in range(10):
        yield b" " * 1_000_000


def test_a_body_of_ten_megabytes_is_refused_by_its_length(api: Api) -> None:
    api.problem(413, "POST", PATH, content=b" " * 10_000_000, headers=AS_JSON)


def test_a_body_of_ten_megabytes_is_refused_as_it_grows(api: Api) -> None:
    api.problem(413, "POST", PATH, content=ten_megabytes(), headers=AS_JSON)


# --- where there is nothing ------------------------------------------------------------------------------


def test_an_unknown_path_is_a_problem_like_all_others(api: Api) -> None:
    for path in ("/v1", "/v1/nothing", "/nothing", f"{PATH}/", "/v1/skus/A", f"{PATH}/a/b/c"):
        api.problem(404, "GET", path)


def test_an_impossible_method_tells_which_are_possible(api: Api) -> None:
    for method, path in (("DELETE", PATH), ("POST", "/v1/policy"), ("PUT", "/v1/store")):
        response = api.request(method, path)
        assert_problem(response, 405)
        assert response.headers["allow"]
