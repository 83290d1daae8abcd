"""Deliveries: each event at least once, none for ever, and no endpoint at the cost of others."""

import multiprocessing
import signal
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from notifier import endpoints
from notifier.calling import KEPT, LEASE, PATIENCE, SCHEDULE, Courier, Hooks, forget, rest
from notifier.db.deliveries import claim
from notifier.db.engine import transaction
from notifier.db.stores import create_store
from notifier.db.webhook_tables import WebhookDelivery
from tests.house import House, at_once
from tests.webhooks import runner
from tests.webhooks.receiver import Receiver, hangs_up, receiving, says
from tests.webhooks.stage import Stage


@pytest.fixture
def stage(house: House, plain_receiver: Receiver) -> Stage:
    return Stage(house, plain_receiver)


def test_an_event_is_delivered_signed_and_once(stage: Stage) -> None:
    endpoint_id = stage.listen()
    stage.test(endpoint_id)
    stage.call()
    stage.pass_and_call(days=4)
    (told,) = stage.receiver.told
    (row,) = stage.deliveries()
    assert told.id == row.event_id
    assert told.body.decode() == row.body
    assert (row.status, row.attempts, row.response_status, row.error) == ("delivered", 1, 204, None)
    assert stage.counted == ["delivered"]


def test_the_signature_is_that_of_the_endpoint_s_secret(house: House, receiver: Receiver) -> None:
    stage = Stage(house, receiver)
    house.clock.now = datetime.now(UTC)
    endpoint_id = stage.listen()
    stage.test(endpoint_id)
    stage.call()
    (told,) = receiver.told
    said = told.verified(stage.secrets[endpoint_id])
    assert said["type"] == "endpoint.test"
    assert said["data"]["endpoint_id"] == endpoint_id
    assert datetime.fromisoformat(said["timestamp"]) == house.clock.now


def test_a_failed_delivery_is_tried_by_the_schedule_and_given_up_after_ten_tries(stage: Stage) -> None:
    stage.receiver.answers = [says(500, "no")]
    stage.test(stage.listen())
    stage.call()
    for number, pause in enumerate(SCHEDULE, start=1):
        assert len(stage.receiver.told) == number
        stage.pass_and_call(seconds=pause.total_seconds() * 0.99 - 1)
        assert len(stage.receiver.told) == number, "too early"
        stage.pass_and_call(seconds=pause.total_seconds() * 0.12 + 301)
    assert len(stage.receiver.told) == 10
    stage.pass_and_call(days=9)
    (row,) = stage.deliveries()
    assert (row.status, row.attempts, row.response_status) == ("failed", 10, 500)
    assert row.error == "it answered 500: no"
    assert [entry["status"] for entry in row.tries] == [500] * 10
    assert len({told.id for told in stage.receiver.told}) == 1
    assert len({told.headers["webhook-timestamp"] for told in stage.receiver.told}) == 10
    assert stage.counted == ["retried"] * 9 + ["failed"]


def test_an_endpoint_that_is_well_again_gets_what_waited(stage: Stage) -> None:
    stage.receiver.answers = [says(503), hangs_up, says(200)]
    endpoint_id = stage.listen()
    stage.test(endpoint_id)
    stage.call()
    failing = stage.endpoint(endpoint_id)
    assert failing.failing_since == stage.house.clock.now
    assert failing.last_error == "it answered 503"
    stage.pass_and_call(seconds=6)
    assert stage.endpoint(endpoint_id).last_error == "it hung up without an answer"
    stage.pass_and_call(minutes=6)
    well = stage.endpoint(endpoint_id)
    assert (well.failing_since, well.last_error, well.failures, well.rest_until) == (None, None, 0, None)
    assert [row.status for row in stage.deliveries()] == ["delivered"]


def test_who_asks_to_be_left_alone_is(stage: Stage) -> None:
    stage.receiver.answers = [says(429, Retry_After="600"), says(204)]
    stage.test(stage.listen())
    stage.call()
    stage.pass_and_call(seconds=599)
    assert len(stage.receiver.told) == 1
    stage.pass_and_call(seconds=2)
    assert len(stage.receiver.told) == 2


def test_an_endpoint_that_fails_for_five_days_is_paused_and_resumed_by_a_person(stage: Stage) -> None:
    stage.receiver.answers = [says(500)]
    endpoint_id = stage.listen("backorder.registered", "endpoint.test")
    stage.house.register("1")
    stage.call()
    for _ in range(6 * 12):
        stage.pass_and_call(hours=2)
    assert stage.endpoint(endpoint_id).status == "active"
    assert [row.status for row in stage.deliveries()] == ["failed"]
    stage.house.register("2")
    stage.call()
    assert stage.endpoint(endpoint_id).status == "paused"
    told = len(stage.receiver.told)
    stage.house.register("3")
    stage.pass_and_call(days=3)
    assert [row.status for row in stage.deliveries()] == ["failed", "held", "held"]
    assert len(stage.receiver.told) == told

    stage.receiver.answers = [says(204)]
    with stage.house.writing() as session:
        endpoints.resume(session, "store_1", endpoint_id, stage.house.clock.now)
    stage.call()
    assert [row.status for row in stage.deliveries()] == ["delivered"] * 3
    assert stage.endpoint(endpoint_id).status == "active"


def test_gone_pauses_at_once_and_a_test_still_goes(stage: Stage) -> None:
    stage.receiver.answers = [says(410), says(204)]
    endpoint_id = stage.listen("backorder.registered")
    stage.house.register("1")
    stage.call()
    stage.house.register("2")
    stage.pass_and_call(days=1)
    assert len(stage.receiver.told) == 1
    assert [row.status for row in stage.deliveries()] == ["held", "held"]
    paused = stage.endpoint(endpoint_id)
    assert paused.status == "paused"
    assert paused.last_error is not None
    assert "410" in paused.last_error
    stage.test(endpoint_id)
    stage.pass_and_call(minutes=10)
    assert [row.status for row in stage.deliveries()] == ["held", "held", "delivered"]
    assert stage.endpoint(endpoint_id).status == "paused"


def test_a_test_that_fails_at_a_paused_endpoint_is_held_with_the_rest(stage: Stage) -> None:
    stage.receiver.answers = [says(410)]
    endpoint_id = stage.listen()
    for _ in range(2):
        stage.test(endpoint_id)
        stage.pass_and_call(minutes=10)
    assert [row.status for row in stage.deliveries()] == ["held", "held"]
    stage.pass_and_call(days=1)
    assert len(stage.receiver.told) == 2


def test_redirects_count_as_failures_and_say_why(stage: Stage) -> None:
    with receiving() as elsewhere:
        stage.receiver.answers = [says(302, Location=elsewhere.url)]
        endpoint_id = stage.listen()
        stage.test(endpoint_id)
        stage.call()
        assert elsewhere.told == []
    error = stage.endpoint(endpoint_id).last_error
    assert error is not None
    assert "302: redirects are not followed" in error


def test_both_secrets_sign_for_a_day_after_a_change(stage: Stage) -> None:
    endpoint_id = stage.listen()
    old = stage.secrets[endpoint_id]
    with stage.house.writing() as session:
        _, new = endpoints.rotate(session, stage.hooks, "store_1", endpoint_id, stage.house.clock.now)
    assert new != old
    for hours, count in ((0, 2), (23, 2), (2, 1)):
        stage.test(endpoint_id)
        stage.pass_and_call(hours=hours)
        assert len(stage.receiver.told[-1].headers["webhook-signature"].split()) == count


def test_secrets_do_not_stand_in_the_database(stage: Stage) -> None:
    endpoint_id = stage.listen()
    row = stage.endpoint(endpoint_id)
    assert stage.secrets[endpoint_id].startswith("whsec_")
    assert stage.secrets[endpoint_id] not in str(row.model_dump())
    assert stage.secrets[endpoint_id].removeprefix("whsec_") not in str(row.model_dump())


def test_another_secret_key_delivers_nothing_and_says_so(stage: Stage) -> None:
    endpoint_id = stage.listen()
    stage.test(endpoint_id)
    stage.hooks = Hooks(
        stage.hooks.engine, "another secret key altogether", stage.hooks.caller, stage.house.clock
    )
    stage.call()
    assert stage.receiver.told == []
    error = stage.endpoint(endpoint_id).last_error
    assert error is not None
    assert "rotate it" in error


# --- whoever dies when ------------------------------------------------------------------------------------

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.webhooks.runner"])


@pytest.mark.parametrize(("point", "times"), [("claimed", 1), ("posted", 2), ("settled", 1)])
def test_a_killed_worker_loses_nothing_and_repeats_under_the_same_id(
    stage: Stage, database_url: str, point: str, times: int
) -> None:
    stage.test(stage.listen())

    def run(die_at: str) -> int | None:
        process = FORKS.Process(
            target=runner.main, args=(database_url, stage.house.clock.now.isoformat(), die_at)
        )
        process.start()
        process.join(60)
        return process.exitcode

    assert run(point) == -signal.SIGKILL
    assert run("never") == 0
    assert len(stage.receiver.told) <= 1, "while the lease lasts nobody else takes it"
    stage.house.clock.pass_time(seconds=LEASE.total_seconds() + 1)
    assert run("never") == 0
    assert [row.status for row in stage.deliveries()] == ["delivered"]
    assert len(stage.receiver.told) == times
    assert len({told.id for told in stage.receiver.told}) == 1


def test_an_event_that_kills_its_workers_is_given_up(stage: Stage) -> None:
    stage.test(stage.listen())
    for _ in range(10):
        with transaction(stage.house.engine) as session:
            assert claim(session, stage.house.clock.now, 1, LEASE, {}, 1)
        stage.house.clock.pass_time(seconds=LEASE.total_seconds() + 1)
    stage.call()
    (row,) = stage.deliveries()
    assert (row.status, row.error) == ("failed", "its last worker vanished")
    assert stage.receiver.told == []


def test_a_worker_that_slept_through_its_lease_changes_nothing(stage: Stage) -> None:
    endpoint_id = stage.listen()
    stage.test(endpoint_id)
    late = Stage(stage.house, stage.receiver)

    def meanwhile() -> None:
        stage.house.clock.pass_time(seconds=LEASE.total_seconds() + 1)
        late.call()

    stage.receiver.answers = [says(500), says(204)]
    stage.watch("posted", meanwhile)
    stage.call()
    assert len(stage.receiver.told) == 2
    (row,) = stage.deliveries()
    assert (row.status, row.attempts) == ("delivered", 2)
    assert stage.endpoint(endpoint_id).failing_since is None
    assert stage.counted == ["lost"]


def test_workers_at_once_post_each_delivery_once(stage: Stage) -> None:
    endpoint_id = stage.listen()
    for _ in range(30):
        stage.test(endpoint_id)
    assert at_once(*[Stage(stage.house, stage.receiver).call] * 3) == [None] * 3
    assert len(stage.receiver.told) == 30
    assert len({told.id for told in stage.receiver.told}) == 30


def test_deleting_an_endpoint_ends_its_deliveries_even_those_on_their_way(stage: Stage) -> None:
    endpoint_id = stage.listen()
    stage.test(endpoint_id)

    def delete() -> None:
        with stage.house.writing() as session:
            endpoints.remove(session, "store_1", endpoint_id)

    stage.receiver.answers = [says(500)]
    stage.watch("posted", delete)
    stage.call()
    assert stage.deliveries() == []
    stage.pass_and_call(days=1)
    assert len(stage.receiver.told) == 1


# --- nobody at the cost of others -------------------------------------------------------------------------


def test_a_slow_endpoint_keeps_no_other_waiting(house: House, plain_receiver: Receiver) -> None:
    with house.writing() as session:
        create_store(session, house.clock.now, name="Slow", store_id="store_2")
    stage = Stage(house, plain_receiver, seconds=60)
    go_on = threading.Event()

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        go_on.wait(60)
        says(204)(handler)

    with receiving() as slow:
        slow.answers = [slowly]
        busy = stage.listen(url=slow.url, store_id="store_2")
        for _ in range(100):
            with house.writing() as session:
                endpoints.test(session, "store_2", busy, house.clock.now)
        courier = Courier(stage.hooks)
        for _ in range(6):
            assert courier.turn()
        good = stage.listen()
        for _ in range(5):
            stage.test(good)
        while len(plain_receiver.told) < 5:
            courier.turn()
        assert len(slow.told) <= 4
        go_on.set()
        while len(slow.told) < 100:
            courier.turn()
        courier.close()


def test_an_endpoint_in_trouble_rests_and_burns_no_tries(stage: Stage) -> None:
    stage.receiver.answers = [says(500)]
    endpoint_id = stage.listen()
    for _ in range(50):
        stage.test(endpoint_id)
    stage.call()
    told = len(stage.receiver.told)
    assert told < 10, "after some failures in a row it is left alone"
    assert sum(row.attempts for row in stage.deliveries()) == told
    stage.receiver.answers = [says(204)]
    stage.pass_and_call(minutes=6)
    assert [row.status for row in stage.deliveries()] == ["delivered"] * 50


def test_rest_grows_up_to_five_minutes() -> None:
    rests = [rest(failures).total_seconds() for failures in range(1, 10)]
    assert rests == [0, 5, 10, 20, 40, 80, 160, 300, 300]
    assert rest(10_000) == timedelta(minutes=5)


# --- what is kept -----------------------------------------------------------------------------------------


def test_deliveries_are_forgotten_after_a_month_and_not_before(stage: Stage) -> None:
    stage.test(stage.listen())
    stage.call()
    stage.house.clock.pass_time(days=KEPT.days, hours=-1)
    forget(stage.hooks, threading.Event())
    assert len(stage.deliveries()) == 1
    stage.house.clock.pass_time(hours=2)
    forget(stage.hooks, threading.Event())
    assert stage.deliveries() == []


def test_what_an_endpoint_left_behind_is_swept_away(stage: Stage) -> None:
    endpoint_id = stage.listen()
    with transaction(stage.house.engine) as session:
        row = endpoints.test(session, "store_1", endpoint_id, stage.house.clock.now).model_dump()
    with stage.house.writing() as session:
        endpoints.remove(session, "store_1", endpoint_id)
        session.add(WebhookDelivery(**row))
    stage.call()
    assert stage.receiver.told == []
    forget(stage.hooks, threading.Event())
    assert stage.deliveries() == []


def test_patience_is_longer_than_the_schedule() -> None:
    assert sum(SCHEDULE, timedelta()) < PATIENCE
