"""How soon the first email of a new order leaves: from its registration over HTTP until the mail service has it.

An API and two workers on PostgreSQL, orders one by one at random moments. What a worker's tick costs is what a
notification from the database (LISTEN and NOTIFY) could save at most.
"""

import argparse
import json
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import col, select

from benchmarks import orders
from benchmarks.common import database, environment, running, sink
from notifier.db.engine import make_engine, reading
from notifier.db.tables import MessageRow
from notifier.domain.message import Kind, Status

PROGRAM = str(Path(sys.executable).with_name("notifier"))


def registered(port: int, number: str) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/backorders",
        json.dumps(orders.order(number.replace(" ", "-"), datetime.now(UTC), 60)).encode(),
        {"Authorization": f"Bearer {orders.API_KEY}", "Content-Type": "application/json"},
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  the same
    except ConnectionError:
        return False
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionError):
            return False
        raise
    return True


def sent(engine: Engine) -> list[float]:
    """Of each expectation email that was sent: seconds from due to settled, the oldest order's first."""
    with reading(engine) as session:
        rows = session.exec(
            select(MessageRow.due_at, MessageRow.settled_at)
            .where(MessageRow.kind == Kind.EXPECTATION.value, col(MessageRow.status) == Status.SENT.value)
            .order_by(col(MessageRow.due_at))
        ).all()
    return [(settled - due).total_seconds() for due, settled in rows if settled]


def until(look: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 120
    while not look():
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def measure(count: int, tick: float) -> list[float]:
    """Seconds from due to settled, sorted."""
    dice, port = random.Random(1), free_port()
    asked = argparse.Namespace(quick=False, repeat=1, peers=None, peers_python="")
    with running("postgresql", asked) as bench, database(bench) as url, sink(20) as far_side:
        surroundings = environment(url, far_side) | {"NOTIFIER_TICK_SECONDS": str(tick)}
        commands = [[PROGRAM, "api", "--port", str(port)], [PROGRAM, "worker"], [PROGRAM, "worker"]]
        processes = [
            subprocess.Popen(command, env=surroundings, stderr=subprocess.DEVNULL) for command in commands
        ]
        engine = make_engine(url)
        try:
            until(lambda: registered(port, "the first"), "the API to answer")
            until(lambda: len(sent(engine)) == 1, "a worker to begin")
            for number in range(count):
                registered(port, str(number))
                time.sleep(dice.uniform(0, 0.3))
            until(lambda: len(sent(engine)) == count + 1, "every order's email")
            return sorted(sent(engine)[1:])
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(60)
            engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--tick", type=float, default=0.5, help="seconds")
    parser.add_argument("--quick", action="store_true", help="a few orders: does it run at all?")
    asked = parser.parse_args()
    late = measure(10 if asked.quick else asked.orders, asked.tick)
    print(f"orders {len(late)}, tick {asked.tick:g} s, two workers, the mail service answers in 20 ms")
    for percent in (50, 90, 99, 100):
        print(f"{percent:>4} of 100 within {late[min(len(late) - 1, len(late) * percent // 100)]:.2f} s")


if __name__ == "__main__":
    main()
