"""Webhook endpoints, by the API."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from notifier.api.app import create_app
from notifier.calling import Courier
from notifier.db.engine import reading
from notifier.db.tables import IdempotencyKey
from notifier.domain.news import Type
from notifier.webhooks.call import Caller
from tests.api.client import Api, Json, Stage
from tests.webhooks.receiver import receiving, says

PATH = "/v1/webhook-endpoints"
URL = "https://shop.example/hooks"


def at(api: Api, stage: Stage, *, private: bool) -> Api:
    """The same service, in development or not."""
    hooks = replace(api.services.hooks, caller=Caller(private=private, seconds=10))
    services = replace(api.services, hooks=hooks)
    stage.app = create_app(services)
    return replace(api, services=services)


@pytest.fixture
def strict(api: Api, stage: Stage) -> Api:
    return at(api, stage, private=False)


@pytest.fixture
def local(api: Api, stage: Stage) -> Api:
    return at(api, stage, private=True)


def make(api: Api, **changes: Any) -> Json:
    made: Json = api("POST", PATH, 201, json={"url": URL} | changes)
    return made


def call(api: Api) -> None:
    """Let the worker post all that is due now."""
    courier = Courier(api.services.hooks)
    while courier.turn():
        courier.finish()
    courier.close()


def without_secret(made: Json) -> Json:
    return {name: value for name, value in made.items() if name != "secret"}


def test_a_new_endpoint_shows_its_secret_once(strict: Api) -> None:
    made = make(strict, events=["message.bounced", "backorder.delayed"], description="the till")
    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["backorder.delayed", "message.bounced"]
    assert (made["status"], made["failing_since"], made["last_error"]) == ("active", None, None)
    assert strict("GET", f"{PATH}/{made['id']}") == without_secret(made)
    assert strict("GET", PATH) == {"data": [without_secret(made)], "next": None}


def test_without_events_it_is_told_everything(strict: Api) -> None:
    assert make(strict)["events"] == list(Type)


def test_a_repeat_with_its_key_shows_the_secret_again_which_is_kept_sealed(strict: Api) -> None:
    headers = {"Idempotency-Key": "once"}
    made = strict("POST", PATH, 201, json={"url": URL}, headers=headers)
    assert strict("POST", PATH, 201, json={"url": URL}, headers=headers) == made
    with reading(strict.services.engine) as session:
        kept = session.exec(select(IdempotencyKey)).one()
    assert made["secret"] not in kept.body
    assert len(strict("GET", PATH)["data"]) == 1


def test_the_list_comes_in_pages(strict: Api) -> None:
    made = [make(strict, url=f"{URL}/{number}")["id"] for number in range(5)]
    first = strict("GET", PATH, params={"limit": 3})
    rest = strict("GET", PATH, params={"limit": 3, "after": first["next"]})
    assert [row["id"] for row in first["data"] + rest["data"]] == made[::-1]
    assert rest["next"] is None


def test_a_store_has_only_so_many(strict: Api) -> None:
    for number in range(20):
        make(strict, url=f"{URL}/{number}")
    assert "delete one first" in strict.problem(409, "POST", PATH, json={"url": URL})["detail"]


def test_a_url_that_no_webhook_can_go_to_is_refused_with_the_reason(strict: Api) -> None:
    cases = {
        "http://shop.example/hooks": "must start with https://",
        "http://127.0.0.1:9000/": "must start with https://",
        "https://127.0.0.1:9000/": "must lead to a public address",
        "https://2130706433/": "must lead to a public address",
        "https://0x7f.1/": "must lead to a public address",
        "https://[::1]/": "must lead to a public address",
        "https://[::ffff:7f00:1]/": "must lead to a public address",
        "https://169.254.169.254/latest": "must lead to a public address",
        "https://100.64.0.1/": "must lead to a public address",
        "https://localhost/": "must lead to a public address",
        "https://till/": "must lead to a public address",
        "https://jane:secret@shop.example/": "user name or password",
        "https://shop.example:0/": "port",
        "https://shop.example:99999/": "port",
        "https://shop.example/#part": "after #",
        "ftp://shop.example/": "scheme should be",
        "shop.example/hooks": "valid URL",
        "": "valid URL",
        "https://" + "x" * 3000: "2000",
    }
    for url, why in cases.items():
        problem = strict.problem(422, "POST", PATH, json={"url": url})
        (fault,) = problem["errors"]
        assert fault["pointer"] == "/url"
        assert why in fault["detail"], url
        assert "secret" not in problem["detail"]
    endpoint_id = make(strict)["id"]
    strict.problem(422, "PATCH", f"{PATH}/{endpoint_id}", json={"url": "http://shop.example/"})
    strict.problem(422, "PATCH", f"{PATH}/{endpoint_id}", json={"url": "https://10.0.0.1/"})


def test_a_name_with_other_letters_is_kept_in_its_ascii_form(strict: Api) -> None:
    assert make(strict, url="https://Bücher.example/hooks")["url"] == "https://xn--bcher-kva.example/hooks"


def test_what_makes_no_sense_is_refused_with_its_field(strict: Api) -> None:
    cases = [
        ({}, "/url"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["backorder.exploded"]}, "/events/0"),
        ({"url": URL, "description": "x" * 501}, "/description"),
        ({"url": URL, "secret": "mine"}, "/secret"),
    ]
    assert strict.faults("POST", PATH, cases) == []


def test_it_is_changed_and_deleted(strict: Api) -> None:
    made = make(strict)
    path = f"{PATH}/{made['id']}"
    changed = strict(
        "PATCH", path, json={"url": f"{URL}/2", "events": ["notice.lost"], "description": "till"}
    )
    assert (changed["url"], changed["events"], changed["description"]) == (
        f"{URL}/2",
        ["notice.lost"],
        "till",
    )
    assert strict("DELETE", path) == changed
    strict.problem(404, "GET", path)
    strict.problem(404, "DELETE", path)
    assert strict("GET", PATH)["data"] == []


def test_a_key_sees_only_its_own_store_s(strict: Api, other: Api) -> None:
    made = make(strict)
    path = f"{PATH}/{made['id']}"
    delivery = strict("POST", f"{path}/test", 202)
    assert other("GET", PATH)["data"] == []
    other.problem(404, "GET", path)
    other.problem(404, "PATCH", path, json={"description": "mine"})
    other.problem(404, "DELETE", path)
    other.problem(404, "GET", f"{path}/deliveries")
    for action in ("resume", "rotate", "test", f"deliveries/{delivery['id']}/redeliver"):
        other.problem(404, "POST", f"{path}/{action}")
    assert strict("GET", path) == without_secret(made)


def test_a_test_is_delivered_and_its_delivery_told(local: Api) -> None:
    with receiving() as receiver:
        receiver.answers = [says(503, "not yet"), says(200)]
        made = make(local, url=receiver.url)
        path = f"{PATH}/{made['id']}"
        sent = local("POST", f"{path}/test", 202)
        assert (sent["type"], sent["status"], sent["attempts"]) == ("endpoint.test", "pending", 0)
        call(local)
        (row,) = local("GET", f"{path}/deliveries", params={"status": "pending"})["data"]
        assert row["error"] == "it answered 503: not yet"
        assert row["response_status"] == 503
        assert local("GET", path)["last_error"] == row["error"]
        local.clock.pass_by(seconds=6)
        call(local)
        (row,) = local("GET", f"{path}/deliveries")["data"]
        assert (row["id"], row["status"], row["attempts"]) == (sent["id"], "delivered", 2)
        assert row["next_attempt_at"] is None
        assert [entry["status"] for entry in row["tries"]] == [503, 200]
        assert {told.id for told in receiver.told} == {row["event_id"]}
        assert local("GET", path)["failing_since"] is None


def test_a_delivery_goes_once_more_under_its_id(local: Api) -> None:
    with receiving() as receiver:
        made = make(local, url=receiver.url, events=["backorder.registered"])
        local.register()
        call(local)
        path = f"{PATH}/{made['id']}/deliveries"
        (row,) = local("GET", path)["data"]
        again = local("POST", f"{path}/{row['id']}/redeliver", 202)
        assert (again["status"], again["attempts"]) == ("pending", 0)
        call(local)
        assert len(receiver.told) == 2
        assert receiver.told[0].id == receiver.told[1].id
        assert receiver.told[0].body == receiver.told[1].body
        local.problem(404, "POST", f"{path}/del_none/redeliver")


def test_a_paused_endpoint_is_shown_and_resumed(local: Api) -> None:
    with receiving() as receiver:
        receiver.answers = [says(410), says(204)]
        made = make(local, url=receiver.url, events=["backorder.registered"])
        path = f"{PATH}/{made['id']}"
        local.register()
        call(local)
        paused = local("GET", path)
        assert paused["status"] == "paused"
        assert "410" in paused["last_error"]
        (row,) = local("GET", f"{path}/deliveries", params={"status": "held"})["data"]
        assert row["next_attempt_at"] is None
        resumed = local("POST", f"{path}/resume")
        assert (resumed["status"], resumed["last_error"]) == ("active", None)
        call(local)
        assert [row["status"] for row in local("GET", f"{path}/deliveries")["data"]] == ["delivered"]


def test_a_changed_secret_signs_beside_the_old_one(local: Api) -> None:
    with receiving() as receiver:
        made = make(local, url=receiver.url)
        path = f"{PATH}/{made['id']}"
        turned = local("POST", f"{path}/rotate")
        assert turned["secret"] != made["secret"]
        assert without_secret(turned) == without_secret(made)
        local("POST", f"{path}/test", 202)
        call(local)
        (told,) = receiver.told
        assert len(told.headers["webhook-signature"].split()) == 2


def test_deliveries_come_in_pages(local: Api) -> None:
    path = f"{PATH}/{make(local)['id']}"
    sent = [local("POST", f"{path}/test", 202)["id"] for _ in range(5)]
    first = local("GET", f"{path}/deliveries", params={"limit": 3})
    rest = local("GET", f"{path}/deliveries", params={"limit": 3, "after": first["next"]})
    assert [row["id"] for row in first["data"] + rest["data"]] == sent[::-1]
    local.problem(422, "GET", f"{path}/deliveries", params={"status": "lost"})
