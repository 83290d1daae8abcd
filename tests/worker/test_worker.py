"""The metronome: it turns the engine, survives what it turns, and stops cleanly."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from notifier import endpoints
from notifier import worker as module
from notifier.bootstrap import Pulse, Services, build, system_clock
from notifier.config import Settings
from notifier.db.engine import make_engine, transaction
from notifier.db.migrate import upgrade
from notifier.db.stores import create_store
from notifier.errors import Unavailable
from notifier.inputs import NewEndpoint
from notifier.providers.base import Accepted, Envelope
from notifier.worker import Worker
from tests.house import NOON, TEMPLATES, House
from tests.webhooks.receiver import receiving


def soon(true: Callable[[], bool]) -> None:
    """Wait until something is true that another thread is about to make so."""
    for _ in range(2000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass within twenty seconds")


def services(house: House) -> Services:
    settings = Settings(
        _env_file=None,
        templates_dir=TEMPLATES,
        outbox_dir=Path("unused"),
        tick_seconds=0.02,
        send_threads=1,
    )
    built = build(settings, engine=house.engine, clock=house.clock, provider_for=lambda _name: house.provider)
    return replace(built, post=house.post)


@contextmanager
def at_work(house: House) -> Iterator[Worker]:
    worker = Worker(services(house))
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def test_what_is_due_leaves_by_itself(house: House) -> None:
    house.register("1")
    with at_work(house):
        soon(lambda: len(house.provider.taken) == 1)
        house.register("2")
        soon(lambda: len(house.provider.taken) == 2)


def test_what_is_overdue_is_swept_and_orders_are_planned_again_when_their_time_comes(house: House) -> None:
    backorder_id = house.register(
        customer={"email": "jane@example.com", "country": "US"},
        lines=[{"sku": "A", "name": "A", "quantity": 1, "eta": "2026-12-04", "promised": "2026-12-04"}],
    )
    house.dispatch()
    assert house.line(backorder_id, "A").law_state == "on_time"
    house.clock.pass_time(days=120)
    with at_work(house):
        soon(lambda: house.line(backorder_id, "A").law_state != "on_time")


def test_a_store_is_told_by_itself(house: House) -> None:
    with receiving() as receiver:
        running = services(house)
        with house.writing() as session:
            new = NewEndpoint.model_validate({"url": receiver.url, "events": ["backorder.registered"]})
            endpoints.create(session, running.hooks, house.store_id, new, house.clock.now)
        with at_work(house):
            house.register("1")
            soon(lambda: len(receiver.told) == 1)
            house.register("2")
            soon(lambda: len(receiver.told) == 2)


def test_a_clean_stop_finishes_what_is_in_hand_and_takes_up_no_more(house: House) -> None:
    sending, go_on = threading.Event(), threading.Event()

    def slowly(_envelope: Envelope, _now: object) -> Accepted:
        sending.set()
        assert go_on.wait(20)
        return Accepted()

    house.provider.script = [slowly]
    house.register("1")
    worker = Worker(services(house))
    worker.start()
    assert sending.wait(20)
    house.register("2")
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive(), "it must wait for what is in hand"
    go_on.set()
    stopping.join(20)
    assert not stopping.is_alive()
    found = sorted(row.status for row in house.messages() if row.key == "expectation")
    assert found == ["planned", "sent"]


def test_a_job_that_raises_is_not_the_end_of_the_metronome(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    turns = []

    def raises_twice(post: object) -> int:
        turns.append(post)
        if len(turns) <= 2:
            raise RuntimeError("a fault of ours")
        return 0

    monkeypatch.setattr(module, "dispatch", raises_twice)
    with at_work(house):
        soon(lambda: len(turns) >= 4)
    assert "a fault of ours" in caplog.text


def test_a_database_that_goes_away_is_said_once_and_waited_for(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'here.db'}")
    upgrade(engine)
    house = House(engine)
    away = threading.Event()
    turns: list[bool] = []
    worker = Worker(services(house))

    def job() -> None:
        turns.append(away.is_set())
        if away.is_set():
            raise Unavailable("locked")

    with structlog.testing.capture_logs() as logs:
        for gone in (False, True, True, True, False, False):
            away.set() if gone else away.clear()
            worker._beating("dispatch", job)
    said = [entry["event"] for entry in logs]
    assert said == ["the database is away; waiting for it", "the database is back"]
    assert turns == [False, True, True, True, False, False]
    engine.dispose()


def test_the_pulse_tells_which_job_is_late() -> None:
    pulse = Pulse(expected={"dispatch": 0.5, "sweep": 10.0})
    pulse.beat("dispatch", NOON)
    pulse.beat("sweep", NOON)
    assert pulse.late(NOON + timedelta(seconds=60)) == []
    assert pulse.late(NOON + timedelta(seconds=61)) == ["dispatch"]
    assert pulse.late(NOON + timedelta(seconds=101)) == ["dispatch", "sweep"]
    pulse.beat("dispatch", NOON + timedelta(seconds=100))
    assert pulse.late(NOON + timedelta(seconds=101)) == ["sweep"]


def test_every_job_beats(house: House) -> None:
    with at_work(house) as worker:
        beats = worker._services.pulse.last
        start = dict(beats)
        assert set(start) == {
            "dispatch",
            "sweep",
            "restocks",
            "webhooks",
            "shops",
            "confirm",
            "digest",
            "prune",
        }
        house.clock.pass_time(seconds=5)
        soon(lambda: beats["dispatch"] > start["dispatch"])
        soon(lambda: beats["sweep"] > start["sweep"])


def test_a_worker_has_sqlite_count_what_it_holds(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/counted.db")
    upgrade(engine)
    with transaction(engine) as session:
        create_store(session, NOON, name="Counted", timezone="UTC")
    settings = Settings(_env_file=None, templates_dir=TEMPLATES, outbox_dir=tmp_path)
    Worker(build(settings, engine=engine))._prune()
    with engine.connect() as connection:
        assert "store" in connection.exec_driver_sql("SELECT tbl FROM sqlite_stat1").scalars().all()
    engine.dispose()


def test_a_worker_that_never_gets_done_is_not_late(house: House) -> None:
    """A job that ends only when nothing is left must not pass for one that hangs."""
    late: list[str] = []

    def slow(_envelope: Envelope, _now: datetime) -> Accepted:
        house.clock.pass_time(seconds=20)
        late.extend(worker._services.pulse.late(house.clock.now))
        if len(house.provider.taken) < 6:
            house.register(str(len(house.provider.taken)))
        return Accepted()

    house.provider.always = slow
    house.register()
    with at_work(house) as worker:
        soon(lambda: len(house.provider.taken) == 7)
    assert "dispatch" not in late


def test_two_workers_on_one_database_send_each_message_once(house: House) -> None:
    for number in range(20):
        house.register(str(number))
    with at_work(house), at_work(house):
        soon(lambda: len(house.provider.taken) >= 20)
    assert len(house.provider.taken) == 20
    assert set(house.provider.counts().values()) == {1}


def test_the_real_clock_is_aware() -> None:
    assert system_clock().utcoffset() == timedelta(0)
