"""A change of date over several thousand orders whose worker is killed half way: finished later, never half told."""

import signal
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, update
from sqlmodel import col, select
from starlette.testclient import TestClient

from notifier import intake
from notifier.api import create_app
from notifier.bootstrap import build
from notifier.config import Settings
from notifier.db.codec import says_from_json
from notifier.db.engine import reading, transaction
from notifier.db.stores import create_store
from notifier.db.tables import BackorderLine, MessageRow, Store
from notifier.dispatch import dispatch
from notifier.skus import CHUNK, THREADS
from tests.e2e import mover
from tests.e2e.test_crash import FORKS
from tests.house import NOON, House, order

SKU = "ORN-RED"
ORDERS = 4 * CHUNK
OLD, NEW = date(2026, 12, 20), date(2027, 3, 15)
FIRST = col(MessageRow.kind) == "expectation"
KEY = "nk_of_the_tests_and_long_enough"


def carry_on(url: str, last: int) -> int | None:
    process = FORKS.Process(target=mover.main, args=(url, NOON.isoformat(), last))
    process.start()
    process.join(120)
    return process.exitcode


@pytest.fixture
def shop(engine: Engine) -> House:
    """A store with orders that wait for one SKU, of two shapes."""
    with transaction(engine) as session:
        create_store(session, NOON, name="Shop", country="CH", store_id="store_1", api_key=KEY)
    house = House(engine)
    with house.writing() as session:
        store = session.get_one(Store, house.store_id)
        news = [
            order(
                f"{number:05}",
                placed_at=NOON - timedelta(days=1),
                customer={"email": f"jane+{number}@example.com", "country": "US" if number % 2 else "CH"},
            )
            for number in range(ORDERS)
        ]
        intake.register_many(session, store, news, NOON)
        # To send them all would take longer than all the rest, and they are as told.
        session.execute(update(MessageRow).where(FIRST).values(status="sent", sent_at=NOON))
    return house


@pytest.fixture
def http(shop: House, tmp_path: Path) -> httpx2.Client:
    settings = Settings(
        _env_file=None,
        database_url="sqlite:///never-opened.db",
        outbox_dir=tmp_path,
        secret_key=SecretStr("x" * 32),
    )
    services = build(settings, engine=shop.engine, clock=shop.clock)
    return TestClient(create_app(services), headers={"Authorization": f"Bearer {KEY}"})


def by_sku(http: httpx2.Client) -> Callable[[], Any]:
    """Move the whole SKU; answers how one reads how far it is."""
    asked = http.put(f"/v1/skus/{SKU}/eta", json={"eta": NEW.isoformat(), "confirm": True})
    assert asked.status_code == 202
    return lambda: http.get(asked.headers["Location"]).json()


def by_shipment(http: httpx2.Client) -> Callable[[], Any]:
    """Let all wait for a shipment of a later date."""
    new = {"reference": "PO-7", "lines": [{"sku": SKU, "quantity": 3 * ORDERS}], "eta": NEW.isoformat()}
    asked = http.post("/v1/inbound-shipments", json=new | {"confirm": True})
    assert asked.status_code == 201
    (job,) = asked.json()["moving"]
    path = f"/v1/inbound-shipments/{asked.json()['id']}"

    def look() -> Any:
        return next(iter(http.get(path).json()["moving"]), job | {"done": ORDERS, "finished_at": "by now"})

    return look


def told(house: House) -> tuple[Counter[date | None], Counter[tuple[Any, ...]]]:
    """How many lines have which date; and what orders are to be told, each as its line's date, the dates that its
    emails speak of, and how many of them are about a moved date."""
    with reading(house.engine) as session:
        etas = {row.backorder_id: row.eta for row in session.exec(select(BackorderLine))}
        said: dict[str, set[date | None]] = {id_: set() for id_ in etas}
        news: Counter[str] = Counter()
        for row in session.exec(select(MessageRow).where(MessageRow.status != "cancelled")):
            if row.kind != "expectation":
                said[row.backorder_id] |= {it.eta.latest for it in says_from_json(row.says).values()}
            news[row.backorder_id] += row.kind in {"delay", "consent"} and not row.key.startswith("lapse")
    return Counter(etas.values()), Counter(
        (etas[id_], NEW in dates, OLD in dates, news[id_]) for id_, dates in said.items()
    )


@pytest.mark.parametrize("change", [by_sku, by_shipment])
def test_it_is_finished_at_the_next_start_and_nobody_is_half_told(
    shop: House, http: httpx2.Client, database_url: str, change: Callable[[httpx2.Client], Callable[[], Any]]
) -> None:
    far = change(http)
    # On PostgreSQL chunks are worked off side by side, and how far it is stands there when all of a round are done.
    one_by_one = shop.engine.dialect.name == "sqlite"
    assert carry_on(database_url, last=2 if one_by_one else THREADS + 1) == -signal.SIGKILL
    etas, tells = told(shop)
    moved = etas[NEW]
    assert moved in ({CHUNK} if one_by_one else {done * CHUNK for done in range(1, THREADS + 1)})
    assert (far()["done"], far()["total"]) == (moved if one_by_one else 0, ORDERS)
    assert far()["finished_at"] is None
    assert etas == {NEW: moved, OLD: ORDERS - moved}
    assert tells == {(NEW, True, False, 1): moved, (OLD, False, True, 0): ORDERS - moved}
    shop.clock.pass_time(minutes=20)
    assert dispatch(shop.post)  # sending goes on meanwhile
    assert carry_on(database_url, last=0) == 0
    assert far()["done"] == ORDERS
    assert far()["finished_at"]
    assert told(shop) == ({NEW: ORDERS}, {(NEW, True, False, 1): ORDERS})
    assert max(shop.provider.counts().values()) == 1
