"""Registrations that come at once share a transaction, and are answered as if each had come alone."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlmodel import select

from notifier.api.deps import Call, Once
from notifier.api.gather import Gathered, Turns, Waits
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


class Slow:
    """Takes its time until it is let go, and doubles numbers; an odd one is an error."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, numbers: Sequence[int], _waits: Waits) -> list[int | Exception]:
        self.groups.append(list(numbers))
        self.begun.set()
        assert self.go.wait(10)
        return [ValueError(number) if number % 2 else number * 2 for number in numbers]


def test_what_is_asked_for_meanwhile_is_done_together_and_answered_each_by_itself() -> None:
    slow = Slow()

    async def ask() -> list[int | BaseException]:
        gathered = Gathered(slow)
        first = asyncio.create_task(gathered(2))
        assert await asyncio.to_thread(slow.begun.wait, 10)
        others = [asyncio.create_task(gathered(number)) for number in (4, 5, 6, 8)]
        await asyncio.sleep(0)
        others[3].cancel()
        slow.go.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        assert await gathered(10) == 20
        return answers

    two, four, five, six, gone = asyncio.run(ask())
    assert (two, four, six) == (4, 8, 12)
    assert isinstance(five, ValueError)
    assert isinstance(gone, asyncio.CancelledError)
    assert slow.groups == [[2], [4, 5, 6, 8], [10]]


def test_what_breaks_all_is_everybodys_error_and_the_next_is_served_again() -> None:
    broken = [True]

    def do(numbers: Sequence[int], _waits: Waits) -> list[int]:
        if broken[0]:
            raise RuntimeError("no database")
        return list(numbers)

    async def ask() -> list[int | BaseException]:
        gathered = Gathered(do)
        answers = await asyncio.gather(gathered(1), gathered(2), return_exceptions=True)
        broken[0] = False
        return [*answers, await gathered(3)]

    one, two, three = asyncio.run(ask())
    assert isinstance(one, RuntimeError)
    assert isinstance(two, RuntimeError)
    assert three == 3


def test_more_than_fit_into_one_transaction_are_written_by_several() -> None:
    sizes = []

    def do(numbers: Sequence[int], _waits: Waits) -> list[int]:
        sizes.append(len(numbers))
        return list(numbers)

    async def ask() -> list[int]:
        gathered = Gathered(do)
        return await asyncio.gather(*(gathered(number) for number in range(250)))

    assert asyncio.run(ask()) == list(range(250))
    assert max(sizes) == 100


class Staged:
    """Prepares each group, and then waits for it, until it is let go."""

    def __init__(self, groups: int) -> None:
        self.groups: list[list[int]] = []
        self.began = [threading.Event() for _ in range(groups)]
        self.prepared = [threading.Event() for _ in range(groups)]
        self.written = [threading.Event() for _ in range(groups)]

    def __call__(self, numbers: Sequence[int], waits: Waits) -> list[int]:
        mine = len(self.groups)
        self.groups.append(list(numbers))
        self.began[mine].set()
        assert self.prepared[mine].wait(10)
        waits()
        assert self.written[mine].wait(10)
        return list(numbers)

    async def begins(self, group: int) -> list[int]:
        assert await asyncio.to_thread(self.began[group].wait, 10)
        return self.groups[group]


def test_while_a_group_only_waits_a_second_is_prepared_unless_it_is_much_smaller() -> None:
    staged = Staged(3)

    async def ask() -> None:
        gathered = Gathered(staged)

        def asks(*numbers: int) -> list[asyncio.Task[int]]:
            return [asyncio.create_task(gathered(number)) for number in numbers]

        asked = asks(0)
        assert await staged.begins(0) == [0]
        asked += asks(1, 2, 3, 4)
        await asyncio.sleep(0.05)
        assert len(staged.groups) == 1  # the first is being prepared
        staged.prepared[0].set()
        assert await staged.begins(1) == [1, 2, 3, 4]
        asked += asks(5)
        staged.prepared[1].set()
        await asyncio.sleep(0.05)
        assert len(staged.groups) == 2  # two wait already
        staged.written[0].set()
        assert await asked[0] == 0
        await asyncio.sleep(0.05)
        assert len(staged.groups) == 2  # one is too few beside four
        asked += asks(6)
        assert await staged.begins(2) == [5, 6]
        for event in (*staged.prepared, *staged.written):
            event.set()
        assert await asyncio.gather(*asked) == list(range(7))

    asyncio.run(ask())


# --- gathering -------------------------------------------------------------------------------------------


def echo(sizes: list[int]) -> Gathered[int, int]:
    """Answers what is asked, and notes how many are answered together."""

    def do(asked: Sequence[int], _waits: Waits) -> Sequence[int | Exception]:
        sizes.append(len(asked))
        return asked

    return Gathered(do)


def test_those_who_were_answered_together_ask_again_together() -> None:
    sizes: list[int] = []
    gathered = echo(sizes)

    async def twice(number: int) -> None:
        assert await gathered(number) == number
        assert await gathered(-number) == -number

    async def ask() -> None:
        await asyncio.gather(*(twice(number) for number in range(8)))

    asyncio.run(ask())
    assert sizes == [1, 7, 8]


def test_nobody_is_waited_for_who_does_not_ask_again() -> None:
    sizes: list[int] = []
    gathered = echo(sizes)

    async def ask() -> int:
        await asyncio.gather(*(gathered(number) for number in range(8)))
        return await asyncio.wait_for(gathered(9), 10)

    assert asyncio.run(ask()) == 9
    assert sizes == [1, 7, 1]


# --- turns -----------------------------------------------------------------------------------------------


def test_the_next_turn_begins_where_the_one_before_only_waits_and_not_sooner() -> None:
    turns, seen, waiting = Turns(), list[str](), threading.Event()

    def second() -> None:
        with turns.one() as over:
            seen.append("second begins")
            over()
            over()  # again, without harm
        waiting.set()

    with ThreadPoolExecutor(1) as pool, turns.one() as over:
        done = pool.submit(second)
        assert not waiting.wait(0.1)
        seen.append("first waits")
        over()
        assert waiting.wait(10)
        done.result()
    assert seen == ["first waits", "second begins"]


def test_a_turn_that_fails_ends() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="broken"), turns.one():
        raise ValueError("broken")
    with turns.one():
        pass


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
