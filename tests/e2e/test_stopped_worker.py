"""A worker that is stopped for longer than its lease, and wakes up: what it then says about lost claims counts not."""

import contextlib
import os
import signal
import time
from collections import Counter
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.e2e import runner
from tests.e2e.test_crash import FORKS, ORDERS, POINTS, crowded, run, statuses
from tests.house import LEASE, NOON, House


def wait_until_stopped(process: ForkServerProcess) -> None:
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != "T":
        assert process.is_alive()
        time.sleep(0.01)


def wake_until_it_ends(process: ForkServerProcess) -> int | None:
    assert process.pid is not None
    while process.is_alive():
        with contextlib.suppress(ProcessLookupError):  # it may end between the look and the signal
            os.kill(process.pid, signal.SIGCONT)
        process.join(0.02)
    return process.exitcode


@pytest.mark.parametrize("provider", ["outbox", "lines"])
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_slept_through_its_lease_doubles_nothing(
    house: House, database_url: str, tmp_path: Path, point: str, provider: str
) -> None:
    """Its clock stood still too, so it believes in its claims: only their tokens tell."""
    ids = crowded(house)
    sleeper = FORKS.Process(
        target=runner.main,
        args=(database_url, provider, str(tmp_path), NOON.isoformat(), point, signal.SIGSTOP),
    )
    sleeper.start()
    wait_until_stopped(sleeper)
    later = NOON + LEASE + timedelta(seconds=1)
    assert run(database_url, provider, tmp_path, later, "never") == 0
    assert wake_until_it_ends(sleeper) == 0
    assert run(database_url, provider, tmp_path, later + timedelta(hours=1), "never") == 0
    assert statuses(house) == {"sent": ORDERS}
    if provider == "outbox":
        assert sorted(file.stem for file in tmp_path.glob("*.eml")) == sorted(ids)
    else:
        taken = Counter(line.split()[0] for line in (tmp_path / "lines").read_text().splitlines())
        assert taken == dict.fromkeys(ids, 1)
