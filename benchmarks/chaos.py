"""What becomes of messages under `kill -9`, and how late they are.

Workers send to a mail service that is slow, throttles, drops answers after accepting and answers too late, while one
of them is killed every few seconds and another takes its place; once with a service that removes duplicates
(Klaviyo, through its SDK) and once with one that does not (SendGrid, through its SDK). In the end every message must
have reached the customer exactly once, or, where the service does not remove duplicates, be listed as in doubt.
Exit 1 if one was lost or doubled. A message is late by the time from when it was due to when the service took it.
"""

import argparse
import http.client
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine
from sqlmodel import col, func, select

from benchmarks import orders
from benchmarks.common import HERE, Bench, database, environment, running
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.tables import MessageRow, Store
from notifier.domain.message import Kind, Status
from notifier.inputs import NewBackorder
from notifier.intake import register_many

TROUBLED = {Status.PLANNED.value, Status.SENDING.value}
TOGETHER = 50
KILLS_GO_ON = 60.0
"""Seconds after the last message was due until the workers are left in peace."""
PATIENCE = 1200.0
"""Seconds after the last message was due until those still under way count as lost. A back-off may take a while."""
# Short, so that a run shows many leases running out.
SEND_TIMEOUT, LEASE = "3", "8"
SEND_RATE = "250"
"""A second: a little less than the service takes, which is then seldom passed."""


@dataclass(frozen=True)
class Result:
    """How a run ended. Times in seconds."""

    provider: str
    messages: int
    kills: int
    lost: int
    doubled: int
    doubtful: int
    doubtful_taken: int
    late: list[float]
    seconds: float
    troubles: dict[str, int]

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or (self.provider == "klaviyo" and self.doubtful))


class Workers:
    """`notifier worker` processes, as many as asked for; a killed one is started again."""

    def __init__(self, count: int, surroundings: dict[str, str], log: Path) -> None:
        self._surroundings, self._log = surroundings, log.open("ab")
        self._running = [(self._start(), time.monotonic()) for _ in range(count)]
        self.kills = 0

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [str(Path(sys.executable).with_name("notifier")), "worker"]
        return subprocess.Popen(command, env=self._surroundings, stderr=self._log)

    def kill_one(self, dice: random.Random, older_than: float) -> None:
        """Kill one of those that run for so many seconds: one that has not begun has nothing to lose."""
        now = time.monotonic()
        at_work = [at for at, (_, since) in enumerate(self._running) if now - since > older_than]
        if at_work:
            at = dice.choice(at_work)
            self._running[at][0].kill()
            self._running[at][0].wait()
            self._running[at] = self._start(), now
            self.kills += 1

    def stop(self) -> None:
        for process, _ in self._running:
            process.send_signal(signal.SIGTERM)
        for process, _ in self._running:
            process.wait(60)
        self._log.close()


@contextmanager
def far_side(seed: int) -> Iterator[str]:
    """The mail service, running; its address."""
    command = [sys.executable, str(HERE / "chaos_far_side.py"), "--seed", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def told(url: str) -> Any:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", "/")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def lay(engine: Engine, messages: int, rate: float) -> datetime:
    """Register that many orders, each with one email that falls due in turn; answers when the last does."""
    first = datetime.now(UTC) + timedelta(seconds=4 + messages / 2000)
    due = first
    for start in range(0, messages, TOGETHER):
        numbers = range(start, min(start + TOGETHER, messages))
        due = first + timedelta(seconds=start / rate)
        news = [NewBackorder.model_validate(orders.order(str(number), first, 60)) for number in numbers]
        with transaction(engine) as session:
            register_many(session, session.get_one(Store, orders.STORE), news, due)
    return due


def under_way(engine: Engine, provider: str) -> int:
    waits_for = TROUBLED | ({Status.UNKNOWN.value} if provider == "klaviyo" else set())
    with reading(engine) as session:
        return session.exec(
            select(func.count())
            .select_from(MessageRow)
            .where(MessageRow.kind == Kind.EXPECTATION.value, col(MessageRow.status).in_(waits_for))
        ).one()


def run(bench: Bench, asked: argparse.Namespace, provider: str) -> Result:
    dice = random.Random(asked.seed)
    with database(bench) as url, far_side(asked.seed) as service:
        engine = make_engine(url)
        last_due = lay(engine, asked.messages, asked.rate)
        surroundings = environment(url, service) | {
            "NOTIFIER_PROVIDER": provider,
            "KLAVIYO_API_KEY": "pk_chaos",
            "KLAVIYO_BASE_URL": service,
            "NOTIFIER_SEND_TIMEOUT_SECONDS": SEND_TIMEOUT,
            "NOTIFIER_LEASE_SECONDS": LEASE,
            "NOTIFIER_SEND_RATE": SEND_RATE,
        }
        began = time.monotonic()
        workers = Workers(asked.workers, surroundings, asked.log)
        try:
            kill_at = began + asked.kill_every
            while left := under_way(engine, provider):
                over = (datetime.now(UTC) - last_due).total_seconds()
                if over > PATIENCE:
                    print(f"{provider}: {left} messages are still under way; {asked.log} tells why")
                    break
                if over < KILLS_GO_ON and time.monotonic() > kill_at:
                    workers.kill_one(dice, 2 * asked.kill_every)
                    kill_at = time.monotonic() + asked.kill_every * dice.uniform(0.5, 1.5)
                time.sleep(0.25)
        finally:
            workers.stop()
        result = judge(engine, provider, told(service), workers.kills, time.monotonic() - began)
        engine.dispose()
    return result


def judge(engine: Engine, provider: str, far: Any, kills: int, seconds: float) -> Result:
    """Compare what the database says with what customers got."""
    emails: dict[str, list[float]] = far["emails"]
    with reading(engine) as session:
        rows = session.exec(
            select(MessageRow.id, MessageRow.status, MessageRow.due_at).where(
                MessageRow.kind == Kind.EXPECTATION.value
            )
        ).all()
    doubtful = [message for message, status, _ in rows if status == Status.UNKNOWN]
    sent = {message for message, status, _ in rows if status == Status.SENT and message in emails}
    return Result(
        provider,
        messages=len(rows),
        kills=kills,
        lost=len(rows) - len(sent) - len(doubtful),
        doubled=sum(len(times) > 1 for times in emails.values()),
        doubtful=len(doubtful),
        doubtful_taken=sum(message in emails for message in doubtful),
        late=[emails[message][0] - due.timestamp() for message, _, due in rows if message in emails],
        seconds=seconds,
        troubles=far["troubles"],
    )


def show(console: Console, results: list[Result]) -> None:
    table = Table("", *(result.provider for result in results))
    columns = [cells(result) for result in results]
    for name in dict.fromkeys(name for column in columns for name in column):
        table.add_row(name, *(column.get(name, "0") for column in columns))
    console.print(table)


def cells(result: Result) -> dict[str, str]:
    late = sorted(result.late)
    return {
        "messages": f"{result.messages:,}",
        "kills": str(result.kills),
        "lost": str(result.lost),
        "doubled": str(result.doubled),
        "in doubt, and listed": f"{result.doubtful} ({result.doubtful_taken} of them arrived)",
        "late, median": f"{statistics.median(late):.2f} s",
        "late, 99 of 100": f"{late[len(late) * 99 // 100]:.2f} s",
        "late, the latest": f"{late[-1]:.2f} s",
        "took": f"{result.seconds:.0f} s",
        **{what: str(count) for what, count in sorted(result.troubles.items())},
    }


def main() -> None:
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=60, help="how many fall due in a second")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kill-every", type=float, default=4, help="seconds, give or take half")
    parser.add_argument("--provider", choices=("klaviyo", "sendgrid", "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--log", type=Path, default=Path(tempfile.gettempdir(), "chaos.log"), help="of the workers"
    )
    parser.add_argument("--quick", action="store_true", help="a few messages: does it run at all?")
    asked = parser.parse_args()
    if asked.quick:
        asked.messages, asked.workers, asked.kill_every = 60, 2, 4
    asked.log.unlink(missing_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 100)
    providers = ("klaviyo", "sendgrid") if asked.provider == "both" else (asked.provider,)
    with running(
        "postgresql", argparse.Namespace(quick=asked.quick, repeat=1, peers=None, peers_python="")
    ) as bench:
        results = [run(bench, asked, provider) for provider in providers]
    show(console, results)
    sys.exit(0 if all(result.good for result in results) else 1)


if __name__ == "__main__":
    main()
