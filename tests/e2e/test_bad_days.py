"""Bad days: the disk is full, the database is locked or restarts, the folder is gone. The engine waits and goes on."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event

from notifier.db import engine as engine_module
from notifier.db.account_tables import ProviderAccount
from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.dispatch import dispatch
from notifier.domain.pace import Pace
from notifier.errors import Unavailable
from notifier.providers import make
from tests import parts
from tests.conftest import started
from tests.dispatch.test_bundles import Bundles
from tests.house import LEASE, House, make_post


@pytest.fixture
def impatient(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A store on a SQLite file that waits for a lock only for a moment."""
    monkeypatch.setattr(engine_module, "LOCK_WAIT_SECONDS", 0.1)
    engine = make_engine(sqlite_url)
    yield House(engine)
    engine.dispose()


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Another process holds the write lock."""
    with sqlite3.connect(str(house.engine.url.database), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    other.close()


def test_a_database_that_is_locked_for_too_long_is_said_to_be_away_and_nothing_is_lost(
    impatient: House,
) -> None:
    impatient.register("1")
    with locked(impatient):
        with pytest.raises(Unavailable, match="database is locked"):
            dispatch(impatient.post)
        with pytest.raises(Unavailable):
            impatient.register("2")
        assert [row.status for row in impatient.messages() if row.key == "expectation"] == ["planned"]
    impatient.register("2")
    impatient.dispatch()
    assert len(impatient.provider.taken) == 2


def test_what_the_provider_said_is_not_forgotten_because_the_database_is_locked(impatient: House) -> None:
    """Without patience, an email that was accepted would have to be listed as doubtful."""
    impatient.register()
    lock = sqlite3.connect(str(impatient.engine.url.database), isolation_level=None, check_same_thread=False)

    def lock_for_a_while() -> None:
        lock.execute("BEGIN IMMEDIATE")
        threading.Timer(0.6, lock.execute, ["ROLLBACK"]).start()

    impatient.watch("accepted", lock_for_a_while)
    impatient.dispatch()
    lock.close()
    assert impatient.message().status == "sent"


def test_what_was_said_of_many_together_is_not_forgotten_either(impatient: House) -> None:
    """The budget that they did not use is given back first, which must not keep what was said from being settled."""
    service = Bundles(name="outbox")
    impatient.post = replace(
        make_post(impatient.engine, impatient.clock, service),
        paces={"outbox": Pace(per_second=1, burst=10)},
        bulk_paces={"outbox": Pace(per_second=1, burst=10)},
    )
    for number in range(3):
        impatient.register(str(number))
    lock = sqlite3.connect(str(impatient.engine.url.database), isolation_level=None, check_same_thread=False)

    def lock_for_a_while() -> None:
        lock.execute("BEGIN IMMEDIATE")
        threading.Timer(0.6, lock.execute, ["ROLLBACK"]).start()

    impatient.watch("accepted", lock_for_a_while)
    impatient.dispatch()
    lock.close()
    assert [len(bundle) for bundle in service.bundles] == [3]
    assert [row.status for row in impatient.messages() if row.key == "expectation"] == ["sent"] * 3


def test_a_database_that_goes_in_the_middle_leaves_what_was_sent_in_doubt(
    impatient: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.delivery.SETTLE_AGAIN_SECONDS", (0.01,))
    impatient.register()
    lock = locked(impatient)
    impatient.watch("accepted", lock.__enter__)
    with pytest.raises(Unavailable):
        dispatch(impatient.post)
    lock.__exit__(None, None, None)
    assert impatient.message().status == "sending"
    impatient.clock.now += LEASE
    impatient.turn()
    assert impatient.message().status == "unknown"
    assert len(impatient.provider.taken) == 1


def test_a_full_disk_is_said_and_nothing_is_lost(impatient: House) -> None:
    impatient.register("0")
    with impatient.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    impatient.engine.dispose()

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    event.listen(impatient.engine, "connect", limit)
    accepted: list[str] = []

    def register_many() -> None:
        for number in range(1, 50):
            impatient.register(str(number))
            accepted.append(str(number))

    with pytest.raises(Unavailable, match="full"):
        register_many()
    event.remove(impatient.engine, "connect", limit)
    impatient.engine.dispose()
    impatient.dispatch()
    assert len(impatient.provider.taken) == 1 + len(accepted)


@pytest.fixture
def own_postgresql(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a PostgreSQL server of the test's own, that it may crash; it keeps what it has committed."""
    monkeypatch.delenv("NOTIFIER_TEST_DATABASE_URL", raising=False)
    for url in started(parts.postgresql()):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")
        yield url


def crash(url: str) -> None:
    """Kill one of the server's processes with -9: it drops every connection, recovers, and starts again."""
    connection = psycopg.connect(url)
    os.kill(connection.info.backend_pid, signal.SIGKILL)
    connection.close()


@pytest.mark.parametrize("point", ["claimed", "frozen", "accepted", "settled"])
def test_a_postgresql_that_crashes_in_the_middle_loses_and_doubles_nothing(
    own_postgresql: str, point: str
) -> None:
    engine = make_engine(own_postgresql)
    upgrade(engine)
    house = House(engine)
    for number in range(5):
        house.register(str(number))
    house.watch(point, lambda: crash(own_postgresql))
    for _ in range(100):
        try:
            house.turn()
        except Unavailable:
            time.sleep(0.1)  # until it has recovered
        else:
            break
    house.clock.now += LEASE
    house.turn()
    assert [row.status for row in house.messages() if row.key == "expectation"] == ["sent"] * 5
    assert set(house.provider.counts().values()) == {1}
    engine.dispose()


def test_an_outbox_folder_that_cannot_be_written_pauses_the_account_and_nothing_is_lost(
    house: House, tmp_path: Path
) -> None:
    folder = tmp_path / "outbox"
    folder.write_text("a file in the place of the folder")
    house.post = make_post(house.engine, house.clock, make("outbox", folder=folder))
    for number in range(5):
        house.register(str(number))
    house.dispatch()
    waiting = [row for row in house.messages() if row.key == "expectation"]
    assert {(row.status, row.attempts) for row in waiting} == {("planned", 0)}
    with house.writing() as session:
        account = session.get_one(ProviderAccount, "outbox")
        assert account.reason is not None
        assert "cannot write to the outbox folder" in account.reason
    folder.unlink()
    house.clock.pass_time(minutes=6)
    house.dispatch()
    assert len(list(folder.glob("*.eml"))) == 5
