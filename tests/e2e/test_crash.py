"""Whatever dies when: nothing is lost, nothing is doubled, and every doubtful message is listed."""

import multiprocessing
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, func, select

from notifier.db.engine import make_engine, reading, transaction
from notifier.db.stores import create_store
from notifier.db.tables import Backorder, BackorderLine, Fact
from tests.e2e import runner
from tests.e2e.runner import FROZEN_TOGETHER
from tests.house import LEASE, NOON, House

PROJECT = Path(__file__).parents[2]
ORDERS = 6
POINTS = ("claimed", "frozen", "sending", "accepted", "settled")


# A process that has all modules loaded makes the others, so that each starts in no time.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.e2e.runner"])


def run(url: str, provider: str, folder: Path, now: datetime, point: str) -> int | None:
    """The engine in another process, at `now`, until it is killed at `point` or has nothing left to do."""
    process = FORKS.Process(target=runner.main, args=(url, provider, str(folder), now.isoformat(), point))
    process.start()
    process.join(60)
    return process.exitcode


def crowded(house: House) -> list[str]:
    for number in range(ORDERS):
        house.register(str(number))
    return [row.id for row in house.messages() if row.key == "expectation"]


def statuses(house: House) -> Counter[str]:
    return Counter(row.status for row in house.messages() if row.key == "expectation")


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_loses_and_doubles_nothing_where_duplicates_are_removed(
    house: House, database_url: str, tmp_path: Path, point: str
) -> None:
    ids = crowded(house)
    assert run(database_url, "outbox", tmp_path, NOON, point) == -signal.SIGKILL
    later = NOON + LEASE + timedelta(seconds=1)
    assert run(database_url, "outbox", tmp_path, later, "never") == 0
    assert run(database_url, "outbox", tmp_path, later + timedelta(hours=1), "never") == 0
    assert statuses(house) == {"sent": ORDERS}
    assert sorted(file.stem for file in tmp_path.glob("*.eml")) == sorted(ids)


@pytest.mark.parametrize(
    ("point", "taken", "doubtful"),
    [
        ("claimed", 0, 0),
        ("frozen", 0, FROZEN_TOGETHER),
        ("sending", 0, FROZEN_TOGETHER),
        ("accepted", 1, FROZEN_TOGETHER),
        ("settled", 1, FROZEN_TOGETHER - 1),
    ],
)
def test_a_killed_worker_doubles_nothing_and_lists_each_doubt_where_duplicates_are_not_removed(
    house: House, database_url: str, tmp_path: Path, point: str, taken: int, doubtful: int
) -> None:
    """Those that were frozen together are all in doubt, which is better than one sent twice; the rest is not."""
    crowded(house)
    assert run(database_url, "lines", tmp_path, NOON, point) == -signal.SIGKILL
    lines = tmp_path / "lines"
    assert len(lines.read_text().splitlines() if lines.exists() else []) == taken
    later = NOON + LEASE + timedelta(seconds=1)
    assert run(database_url, "lines", tmp_path, later, "never") == 0
    assert run(database_url, "lines", tmp_path, later + timedelta(hours=1), "never") == 0
    found = statuses(house)
    assert found["unknown"] == doubtful
    assert found["sent"] == ORDERS - doubtful
    counts = Counter(line.split()[0] for line in (lines.read_text() if lines.exists() else "").splitlines())
    assert set(counts.values()) <= {1}
    sent = {row.id for row in house.messages() if row.status == "sent"}
    assert sent <= set(counts)
    unlisted = set(counts) - {row.id for row in house.messages() if row.status in {"sent", "unknown"}}
    assert unlisted == set()


def test_workers_that_are_killed_again_and_again_lose_and_double_nothing(
    house: House, database_url: str, tmp_path: Path
) -> None:
    ids = crowded(house)
    now = NOON
    for point in ("claimed", "settled", "frozen", "accepted", "sending"):
        run(database_url, "outbox", tmp_path, now, point)
        now += LEASE + timedelta(seconds=1)
    for _ in range(3):
        assert run(database_url, "outbox", tmp_path, now, "never") == 0
        now += timedelta(hours=2)
    assert statuses(house) == {"sent": ORDERS}
    assert sorted(file.stem for file in tmp_path.glob("*.eml")) == sorted(ids)


# --- import -----------------------------------------------------------------------------------------------


def test_an_import_that_is_killed_keeps_what_it_had_and_a_second_run_completes_it(database_url: str) -> None:
    file = PROJECT / "data" / "backorders.csv"
    engine = make_engine(database_url)
    with transaction(engine) as session:
        create_store(session, NOON, name="Shop", store_id="store_1")
    environment = {
        "NOTIFIER_DATABASE_URL": database_url,
        "NOTIFIER_SECRET_KEY": "0123456789" * 4,
        "PATH": "/usr/bin:/bin",
    }
    program = "from notifier.cli import main; main()"
    command = [sys.executable, "-c", program, "import", str(file), "--store", "store_1"]

    def count() -> int:
        with reading(engine) as session:
            return session.exec(select(func.count()).select_from(Backorder)).one()

    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL) as process:
        while count() < 100 and process.poll() is None:
            pass
        process.kill()
    kept = count()
    assert kept >= 100
    finished = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    all_of_them = count()
    assert finished.stdout.startswith(f"{all_of_them - kept} registered, {kept} known already, 0 refused.")
    assert all_of_them >= 300
    with reading(engine) as session:
        without_lines = select(Backorder.id).where(
            col(Backorder.id).not_in(select(BackorderLine.backorder_id))
        )
        without_facts = select(Backorder.id).where(
            col(Backorder.id).not_in(select(Fact.backorder_id).where(Fact.kind == "registered"))
        )
        assert session.exec(without_lines).all() == []
        assert session.exec(without_facts).all() == []
    engine.dispose()
