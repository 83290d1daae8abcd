"""The service behind PgBouncer in transaction mode: each transaction may run on another connection."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from notifier.db.engine import LOCK_WAIT_SECONDS, make_engine, reading, transaction
from tests import parts
from tests.conftest import migrate, started
from tests.e2e.fleet import everybody_is_told_once, fleet, make_store
from tests.providers.vendor_server import vendor_server


@pytest.fixture
def pgbouncer_url(postgresql_url: str) -> Iterator[str]:
    """The URL of a new, migrated PostgreSQL database behind PgBouncer."""
    yield from started(parts.pgbouncer(postgresql_url))


def test_apis_and_workers_share_a_pgbouncer(pgbouncer_url: str, postgresql_url: str, tmp_path: Path) -> None:
    api_key, dice = make_store(pgbouncer_url), random.Random(3)
    with (
        vendor_server() as vendors,
        fleet(pgbouncer_url, vendors.address, tmp_path, "api1", "api2", "worker1", "worker2") as running,
    ):
        for number in range(15):
            running.register(api_key, str(number), dice)
            if number == 7:
                running.kill("worker1")
                running.start("worker1")
        everybody_is_told_once(postgresql_url, vendors, 15)
        figures = running.figures()
    assert 'notifier_sends_total{kind="expectation",outcome="accepted",provider="klaviyo"}' in figures
    assert figures.count("notifier_database_up 1.0") == 4


def test_migrations_run_through_a_pgbouncer(postgresql_server: str) -> None:
    with parts.database(postgresql_server) as url:
        for through in started(parts.pgbouncer(url)):
            migrate(through)
            migrate(through)


def test_statements_said_often_survive_a_change_of_connection(pgbouncer_url: str) -> None:
    """A driver prepares what it says often, on one connection; the next transaction may have another."""
    engine = make_engine(pgbouncer_url)

    def ask(number: int) -> int:
        with reading(engine) as session:
            return int(session.connection().execute(text("SELECT :n + 1"), {"n": number}).scalar_one())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == list(range(1, 201))
    engine.dispose()


@pytest.mark.parametrize("fixture", ["postgresql_url", "pgbouncer_url"])
def test_no_transaction_waits_for_a_lock_for_ever(request: pytest.FixtureRequest, fixture: str) -> None:
    engine = make_engine(request.getfixturevalue(fixture))
    with transaction(engine) as session:
        wait = session.connection().execute(text("SHOW lock_timeout")).scalar_one()
    assert wait == f"{LOCK_WAIT_SECONDS}s"
    engine.dispose()
