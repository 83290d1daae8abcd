"""Addresses that must not get mail, by the API."""

from tests.api.client import Api

PATH = "/v1/suppressions"


def addresses(api: Api, **params: str) -> list[str]:
    return [row["address"] for row in api("GET", PATH, params=params)["data"]]


def test_an_address_is_suppressed_and_its_emails_are_held(api: Api) -> None:
    made = api("POST", PATH, 201, json={"address": "Jane@Example.com", "reason": "asked us by telephone"})
    assert (made["address"], made["scope"], made["source"]) == ("jane@example.com", "all", "api")
    backorder_id = api.register()["id"]
    api.deliver()
    message = api.message(backorder_id, "expectation")
    assert (message["status"], message["reason"]) == ("held", "suppressed: asked us by telephone")


def test_the_same_again_is_200_and_the_first_one(api: Api) -> None:
    made = api("POST", PATH, 201, json={"address": "jane@example.com"})
    assert api("POST", PATH, 200, json={"address": "JANE@example.com", "reason": "another"}) == made
    assert (
        api("POST", PATH, 201, json={"address": "jane@example.com", "scope": "waiting"})["id"] != made["id"]
    )


def test_lifting_one_sends_what_was_held(api: Api) -> None:
    made = api("POST", PATH, 201, json={"address": "jane@example.com"})
    backorder_id = api.register()["id"]
    api.deliver()
    assert api("DELETE", f"{PATH}/{made['id']}") == made
    api.deliver()
    assert api.message(backorder_id, "expectation")["status"] == "sent"
    api.problem(404, "DELETE", f"{PATH}/{made['id']}")


def test_all_of_an_address_are_lifted_by_its_name(api: Api) -> None:
    for scope in ("all", "waiting"):
        api("POST", PATH, 201, json={"address": "jane@example.com", "scope": scope})
    api("POST", PATH, 201, json={"address": "joe@example.com"})
    lifted = api("DELETE", PATH, params={"address": "Jane@example.com"})
    assert {row["scope"] for row in lifted["data"]} == {"all", "waiting"}
    assert addresses(api) == ["joe@example.com"]
    api.problem(404, "DELETE", PATH, params={"address": "jane@example.com"})
    api.problem(422, "DELETE", PATH)
    api.problem(404, "DELETE", f"{PATH}/jane@example.com")


def test_the_list_is_filtered_and_comes_in_pages(api: Api) -> None:
    for number in range(5):
        api("POST", PATH, 201, json={"address": f"jane+{number}@example.com", "scope": "waiting"})
    api("POST", PATH, 201, json={"address": "joe@example.com"})
    assert addresses(api, scope="all") == ["joe@example.com"]
    assert addresses(api, address="JANE+3@example.com") == ["jane+3@example.com"]
    first = api("GET", PATH, params={"limit": 4})
    rest = api("GET", PATH, params={"limit": 4, "after": first["next"]})
    assert [row["address"] for row in first["data"] + rest["data"]] == [
        "joe@example.com",
        *(f"jane+{number}@example.com" for number in reversed(range(5))),
    ]
    assert rest["next"] is None
    api.problem(422, "GET", PATH, params={"scope": "all", "after": first["next"]})


def test_what_makes_no_sense_is_refused_with_its_field(api: Api) -> None:
    cases = [
        ({}, "/address"),
        ({"address": "nobody"}, "/address"),
        ({"address": "jane@example.com", "scope": "some"}, "/scope"),
        ({"address": "jane@example.com", "reason": ""}, "/reason"),
        ({"address": "jane@example.com", "why": "x"}, "/why"),
    ]
    assert api.faults("POST", PATH, cases) == []


def test_another_store_sees_and_lifts_none_of_it(api: Api, other: Api) -> None:
    made = api("POST", PATH, 201, json={"address": "jane@example.com"})
    assert addresses(other) == []
    other.problem(404, "DELETE", f"{PATH}/{made['id']}")
    other.problem(404, "DELETE", PATH, params={"address": "jane@example.com"})
    assert addresses(api) == ["jane@example.com"]


def test_a_repeat_with_its_key_gets_the_first_answer(api: Api) -> None:
    headers = {"Idempotency-Key": "one"}
    made = api("POST", PATH, 201, json={"address": "jane@example.com"}, headers=headers)
    api("DELETE", f"{PATH}/{made['id']}")
    assert api("POST", PATH, 201, json={"address": "jane@example.com"}, headers=headers) == made
    assert addresses(api) == []
