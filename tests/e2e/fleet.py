"""Many processes of the service on one database, and a customer of theirs that does not give up."""

import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from notifier.db.engine import make_engine, transaction
from notifier.db.stores import create_store
from tests import house
from tests.providers.vendor_server import Vendors

PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90
"""How long the slowest machine may take for what takes a few seconds."""


@dataclass
class Fleet:
    """`notifier api` and `notifier worker`, several of each, by name; each can be killed and comes back."""

    surroundings: dict[str, str]
    log: Path
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start `api…` or `worker…`; each keeps its port over its lives."""
        command = [str(Path(sys.executable).with_name("notifier")), name.rstrip("0123456789")]
        option = {"api": "--port", "worker": "--metrics-port"}[command[1]]
        command += [option, str(self.ports.setdefault(name, _free_port()))]
        with self.log.open("ab") as log:
            self.running[name] = subprocess.Popen(command, env=self.surroundings, cwd=PROJECT, stderr=log)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait()

    def register(self, api_key: str, order_id: str, dice: random.Random) -> Any:
        """Register an order with any of the APIs, again and again until one has answered that it is there."""

        def ask() -> Any:
            api = dice.choice([name for name in self.ports if name.startswith("api")])
            address = f"http://127.0.0.1:{self.ports[api]}/v1/backorders"
            try:
                answer = httpx2.post(
                    address, json=body(order_id), headers={"Authorization": f"Bearer {api_key}"}, timeout=10
                )
            except httpx2.TransportError:
                return None
            assert answer.status_code in {200, 201, 503}, answer.text
            return answer.json() if answer.status_code != 503 else None

        return eventually(ask, f"order {order_id} registered")

    def figures(self) -> str:
        """What all processes tell Prometheus, those that have only begun included."""

        def ask(port: int) -> str:
            try:
                return httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
            except httpx2.TransportError:
                return ""

        return "".join(eventually(partial(ask, port), "figures") for port in self.ports.values())


def body(order_id: str) -> dict[str, Any]:
    return house.order(order_id).model_dump(mode="json", exclude_unset=True)


@contextmanager
def fleet(url: str, vendors: str, folder: Path, *names: str) -> Iterator[Fleet]:
    """These processes on the database of that URL, with Klaviyo at the address `vendors`."""
    surroundings = os.environ | {
        "NOTIFIER_DATABASE_URL": url,
        "NOTIFIER_PROVIDER": "klaviyo",
        "KLAVIYO_API_KEY": "pk_test",
        "KLAVIYO_BASE_URL": vendors,
        "NOTIFIER_SECRET_KEY": "a secret of the tests, long enough",
        "NOTIFIER_SEND_TIMEOUT_SECONDS": "2",
        "NOTIFIER_LEASE_SECONDS": "5",
        "NOTIFIER_SENDER": "Shop <shop@example.com>",
    }
    it = Fleet(surroundings, folder / "log")
    try:
        for name in names:
            it.start(name)
        yield it
    except BaseException:
        print(it.log.read_text()[-4000:])  # noqa: T201  pytest shows it with the failure
        raise
    finally:
        it.end()


def make_store(url: str) -> str:
    """A new store on that database; its API key."""
    engine = make_engine(url)
    with transaction(engine) as session:
        made = create_store(session, house.Clock().now, name="Shop", country="CH")
    engine.dispose()
    return made.api_key


def eventually(look: Callable[[], Any], what: str) -> Any:
    """What `look` answers once that is true."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < give_up, f"waited in vain for: {what}"
        time.sleep(0.05)
    return found


def everybody_is_told_once(url: str, vendors: Vendors, orders: int) -> None:
    """Every order has its expectation email, once, and the database knows that it was sent."""
    wanted = {f"jane+{number}@example.com" for number in range(orders)}
    eventually(lambda: {email.to for email in vendors.emails} >= wanted, "every email at its customer")
    eventually(lambda: statuses(url) == {"sent": orders}, "every email known as sent")
    assert Counter(email.to for email in vendors.emails) == Counter(wanted)
    assert [request.faults for request in vendors.requests if request.faults] == []


def statuses(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT status, count(*) FROM message WHERE kind = 'expectation' GROUP BY status"
        )
        return dict(rows.fetchall())


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
