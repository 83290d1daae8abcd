"""APIs and workers, two of each on one PostgreSQL, while they and it come and go."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import parts
from tests.conftest import migrate, started
from tests.e2e.fleet import everybody_is_told_once, fleet, make_store
from tests.providers.vendor_server import Vendors, vendor_server

ALL = ("api1", "api2", "worker1", "worker2")


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    """Klaviyo, which removes duplicates, on a port of its own."""
    with vendor_server() as running:
        yield running


@pytest.fixture
def own_postgresql() -> Iterator[parts.Postgresql]:
    yield from started(parts.own_postgresql())


def test_processes_killed_at_random_lose_nothing_and_double_nothing(
    postgresql_url: str, vendors: Vendors, tmp_path: Path
) -> None:
    api_key, dice = make_store(postgresql_url), random.Random(7)
    with fleet(postgresql_url, vendors.address, tmp_path, *ALL) as running:
        for number in range(24):
            running.register(api_key, str(number), dice)
            if number % 6 == 3:
                victim = dice.choice(ALL)
                running.kill(victim)
                running.start(victim)
        everybody_is_told_once(postgresql_url, vendors, 24)


def test_a_postgresql_that_crashes_and_restarts_loses_nothing_and_doubles_nothing(
    own_postgresql: parts.Postgresql, vendors: Vendors, tmp_path: Path
) -> None:
    migrate(own_postgresql.url)
    api_key, dice = make_store(own_postgresql.url), random.Random(7)
    with fleet(own_postgresql.url, vendors.address, tmp_path, *ALL) as running:
        for number in range(15):
            running.register(api_key, str(number), dice)
            if number in {4, 9}:
                own_postgresql.crash()
                own_postgresql.start()
        everybody_is_told_once(own_postgresql.url, vendors, 15)
    said = running.log.read_text()
    assert said.count("the database is away") <= 2 * 4  # each process, each time; not each tick
