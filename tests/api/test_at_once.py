"""Registrations that come at once share a transaction, and are answered as if each had come alone."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
from sqlalchemy import text
from sqlmodel import select

from notifier.api.deps import Call, Once
from notifier.api.gather import Gathered
from notifier.api.registering import Registration, register_together
from notifier.db import registering
from notifier.db.engine import reading, transaction
from notifier.db.stores import key_digest
from notifier.db.tables import Backorder, BackorderLine, Fact, MessageRow
from notifier.errors import Conflict, Unauthorized
from notifier.inputs import NewBackorder
from tests.api.client import Api, Json, a_backorder, a_line


def post_all(api: Api, bodies: Sequence[Json], keys: Sequence[str | None] = ()) -> list[httpx2.Response]:
    """Register all at the same time; `keys` are their idempotency keys."""
    start = threading.Barrier(len(bodies))

    def post(body: Json, key: str | None) -> httpx2.Response:
        start.wait()
        headers = {"Idempotency-Key": key} if key else {}
        return api.request("POST", "/v1/backorders", json=body, headers=headers)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(post, bodies, keys or [None] * len(bodies)))


def asked(
    api: Api, body: Json, key: str | None = None, api_key: str | None = None, **odd: Any
) -> Registration:
    """A request as the route hands it on; `odd` are values of the line that no check would let pass."""
    new = NewBackorder.model_validate(body)
    if odd:
        new = new.model_copy(update={"lines": [new.lines[0].model_copy(update=odd)]})
    opens = key_digest(api_key or api.store.api_key)
    call = Call(
        api.services, opens, api.store.store.id, "/v1/backorders", api.clock(), Gathered(register_together)
    )
    return Registration(new, Once(call, key, str(body)))


def rows(api: Api) -> dict[str, set[str]]:
    """By table, the orders that have rows in it."""
    with reading(api.services.engine) as session:
        return {
            table: set(session.exec(select(column)))
            for table, column in (
                ("backorder", Backorder.id),
                ("line", BackorderLine.backorder_id),
                ("fact", Fact.backorder_id),
                ("message", MessageRow.backorder_id),
            )
        }


# --- over HTTP -------------------------------------------------------------------------------------------


def test_orders_that_come_at_once_are_all_kept_and_each_is_answered_with_its_own(api: Api) -> None:
    bodies = [a_backorder(order_id=f"order {number}") for number in range(24)]
    answers = post_all(api, bodies)
    assert {answer.status_code for answer in answers} == {201}
    assert [answer.json()["order_id"] for answer in answers] == [body["order_id"] for body in bodies]
    for answer in answers[::6]:
        assert api("GET", f"/v1/backorders/{answer.json()['id']}") == answer.json()
    ids = {answer.json()["id"] for answer in answers}
    assert all(of_table == ids for of_table in rows(api).values()), rows(api)


def test_one_order_that_comes_many_times_at_once_is_registered_once(api: Api) -> None:
    answers = post_all(api, [a_backorder()] * 12)
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert len(rows(api)["backorder"]) == 1


def test_of_two_contents_for_one_order_id_one_is_kept_and_the_other_refused(api: Api) -> None:
    bodies = [a_backorder(lines=[a_line(quantity=1 + number % 2)]) for number in range(8)]
    answers = post_all(api, [*bodies, a_backorder(order_id="another")])
    assert answers.pop().status_code == 201
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [201] + [409] * 4
    kept = {answer.json()["lines"][0]["quantity"] for answer in answers if answer.is_success}
    assert len(kept) == 1


def test_one_key_used_many_times_at_once_has_one_effect_and_one_answer(api: Api) -> None:
    answers = post_all(api, [a_backorder()] * 8, ["one"] * 8)
    assert {answer.status_code for answer in answers} == {201}
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert all(answer.json() == answers[0].json() for answer in answers)


def test_one_key_for_two_requests_at_once_serves_one_of_them(api: Api) -> None:
    answers = post_all(api, [a_backorder(order_id=str(number)) for number in range(6)], ["one"] * 6)
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 5
    assert len(rows(api)["backorder"]) == 1


def test_stores_share_a_transaction_and_nothing_else(api: Api, other: Api) -> None:
    with ThreadPoolExecutor(2) as pool:
        mine, theirs = pool.map(lambda store: post_all(store, [a_backorder()] * 6), (api, other))
    for answers in (mine, theirs):
        assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert mine[0].json()["id"] != theirs[0].json()["id"]
    api("GET", f"/v1/backorders/{mine[0].json()['id']}")
    api.problem(404, "GET", f"/v1/backorders/{theirs[0].json()['id']}")


def test_a_key_that_is_revoked_opens_nothing_from_then_on(api: Api) -> None:
    backorder = api.register()
    with transaction(api.services.engine) as session:
        session.connection().execute(text("UPDATE api_key SET revoked_at = created_at"))
    api.problem(401, "POST", "/v1/backorders", json=a_backorder(order_id="2"))
    api.problem(401, "POST", "/v1/backorders/batch", json={"backorders": [a_backorder(order_id="3")]})
    api.problem(401, "GET", f"/v1/backorders/{backorder['id']}")
    assert len(rows(api)["backorder"]) == 1


def test_it_makes_no_difference_in_which_kind_of_json_an_order_comes(api: Api) -> None:
    body = a_backorder(
        order_url="https://shop.example/orders/1042", lines=[a_line(eta_earliest="2026-12-08")]
    )
    first = api.register(**body)
    for kind in ("application/json; charset=utf-8", "application/vnd.shop+json"):
        assert api("POST", "/v1/backorders", 200, json=body, headers={"Content-Type": kind}) == first
    assert (
        api("POST", "/v1/backorders/batch", json={"backorders": [body]})["results"][0]["backorder"] == first
    )
    mixed = api("POST", "/v1/backorders/batch", json={"backorders": [body, "no order"]})["results"]
    assert [result["status"] for result in mixed] == [200, 422]


# --- one transaction -------------------------------------------------------------------------------------


def test_what_the_database_refuses_takes_no_other_with_it(api: Api) -> None:
    group = [
        asked(api, a_backorder(order_id="good")),
        asked(api, a_backorder(order_id="bad"), key="bad", quantity=2**70),
        asked(api, a_backorder(order_id="good, too"), key="good"),
    ]
    one, two, three = register_together(group)
    assert isinstance(two, Exception)
    for answer in (one, three):
        assert not isinstance(answer, Exception)
        assert answer.status_code == 201
    assert {len(of_table) for of_table in rows(api).values()} == {2}
    (again,) = register_together([asked(api, a_backorder(order_id="bad"), key="bad")])
    assert not isinstance(again, Exception)


def test_a_refused_registration_gives_its_key_back_to_the_next_in_the_same_transaction(api: Api) -> None:
    api.register(order_id="taken")
    other = a_backorder(order_id="taken", lines=[a_line(quantity=1)])
    refused, served, repeated = register_together(
        [asked(api, other, "key"), asked(api, a_backorder(order_id="free"), "key"), asked(api, other, "key")]
    )
    assert isinstance(refused, Conflict)
    assert not isinstance(served, Exception)
    assert served.status_code == 201
    assert isinstance(repeated, Exception)
    assert "needs a new key" in str(repeated)


def test_a_wrong_key_is_refused_and_the_others_are_served(api: Api) -> None:
    wrong, right = register_together(
        [asked(api, a_backorder(order_id="1"), api_key="nk_wrong"), asked(api, a_backorder(order_id="2"))]
    )
    assert isinstance(wrong, Unauthorized)
    assert not isinstance(right, Exception)
    assert len(rows(api)["backorder"]) == 1


# --- gathering -------------------------------------------------------------------------------------------


def test_batches_at_once_are_all_kept_and_one_key_has_one_effect(api: Api) -> None:
    batches = [
        {"backorders": [a_backorder(order_id=f"{batch} {number}") for number in range(registering.FEW + 1)]}
        for batch in range(3)
    ]
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda number: api.request(
                    "POST",
                    "/v1/backorders/batch",
                    json=batches[number % 3],
                    headers={"Idempotency-Key": f"batch {number % 3}"},
                ),
                range(6),
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json() for answer in answers[:3]] == [answer.json() for answer in answers[3:]]
    assert {it["status"] for answer in answers for it in answer.json()["results"]} == {201}
    assert len(rows(api)["backorder"]) == 3 * (registering.FEW + 1)
