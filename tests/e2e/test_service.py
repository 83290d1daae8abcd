"""The service as its users run it: real processes, a real port, real mail."""

import email
import email.policy
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from notifier.db.engine import make_engine
from notifier.providers import make
from tests import parts
from tests.conftest import started
from tests.house import House, make_post
from tests.providers.bad_smtp import SLOWLY, bad_smtp
from tests.providers.vendor_server import Vendors, vendor_server

PROJECT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from notifier.cli import main; main()"]
ORDER = {
    "order_id": "1042",
    "customer": {"email": "jane@example.com", "name": "Jane", "country": "US"},
    "lines": [{"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "eta": None, "reason": "sold out"}],
}


@dataclass
class Installation:
    """Where the service runs: its settings, a port of its own, and the key of a store."""

    folder: Path
    database_url: str
    port: int
    api_key: str = ""
    more: dict[str, str] = field(default_factory=dict)
    """Settings beside the usual ones."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "NOTIFIER_DATABASE_URL": self.database_url,
            "NOTIFIER_OUTBOX_DIR": str(self.folder / "outbox"),
            "NOTIFIER_SECRET_KEY": "0123456789" * 4,
            "NOTIFIER_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "NOTIFIER_TEMPLATES_DIR": str(PROJECT / "templates"),
            **self.more,
        }

    def run(self, *command: str) -> str:
        return subprocess.run(
            [*PROGRAM, *command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    @contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / f"{command[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [*PROGRAM, *command], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  our own address
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def emails(self) -> list[email.message.EmailMessage]:
        return [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in sorted((self.folder / "outbox").glob("*.eml"))
        ]


def within(seconds: float, true: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"it did not come to pass within {seconds} seconds"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def install(folder: Path, database_url: str) -> Installation:
    installation = Installation(folder, database_url, free_port())
    installation.run("migrate")
    made = json.loads(
        installation.run("store", "create", "--name", "Fern & Oak", "--country", "US", "--json")
    )
    installation.api_key = made["api_key"]
    return installation


def listens(installation: Installation) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            return installation.call("GET", "/healthz")[0] == 200
        except OSError:
            return False

    return answers


def registered_and_told(installation: Installation) -> None:
    """Register an order and see its email come out: within five seconds, on a machine with nothing else to do."""
    status, body = installation.call("POST", "/v1/backorders", ORDER)
    assert status == 201, body
    within(30, lambda: len(installation.emails()) == 1)
    (mail,) = installation.emails()
    assert mail["To"] == "Jane <jane@example.com>"
    assert "1042" in mail["Subject"]
    path = f"/v1/messages?backorder_id={body['id']}"
    within(30, lambda: "sent" in {row["status"] for row in installation.call("GET", path)[1]["data"]})


def ends_well(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_serve_is_the_whole_service_and_makes_its_own_database(tmp_path: Path) -> None:
    installation = install(tmp_path, f"sqlite:///{tmp_path / 'notifier.db'}")
    with installation.running("serve", "--port", str(installation.port)) as process:
        within(30, listens(installation))
        registered_and_told(installation)
        ends_well(process)
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_finishes_the_email_in_hand(tmp_path: Path, stop: signal.Signals) -> None:
    installation = install(tmp_path, f"sqlite:///{tmp_path / 'notifier.db'}")
    with bad_smtp({".": SLOWLY}) as port:
        installation.more = {
            "NOTIFIER_PROVIDER": "smtp",
            "NOTIFIER_SMTP_URL": f"smtp://me:secret@127.0.0.1:{port}",
        }

        def expectation() -> str:
            status: str = installation.call("GET", "/v1/messages?kind=expectation")[1]["data"][0]["status"]
            return status

        with installation.running("serve", "--port", str(installation.port)) as process:
            within(30, listens(installation))
            installation.call("POST", "/v1/backorders", ORDER)
            within(30, lambda: expectation() == "sending")
            process.send_signal(stop)
            assert process.wait(30) == 0
        with installation.running("api", "--port", str(installation.port)):
            within(30, listens(installation))
            assert expectation() == "sent"


def test_api_and_workers_share_one_postgresql(tmp_path: Path, postgresql_server: str) -> None:
    with parts.database(postgresql_server) as url:
        installation = install(tmp_path, url)
        with (
            installation.running("api", "--port", str(installation.port)) as api,
            installation.running("worker") as one,
        ):
            within(30, listens(installation))
            registered_and_told(installation)
            ends_well(one)
            ends_well(api)
        assert "Traceback" not in (tmp_path / "worker.log").read_text()


@pytest.mark.parametrize("command", ["worker", "api"])
def test_a_database_that_was_never_migrated_is_refused_with_what_to_do(tmp_path: Path, command: str) -> None:
    installation = Installation(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}", free_port())
    refused = subprocess.run(
        [*PROGRAM, command],
        cwd=tmp_path,
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 2
    assert refused.stderr == "notifier: the database is not up to date; run `notifier migrate` first\n"


# --- each way out of the house ----------------------------------------------------------------------------


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    yield from started(vendor_server())


@pytest.mark.parametrize("name", ["sendgrid", "klaviyo"])
def test_an_order_registered_reaches_the_vendor_as_its_own_api_wants_it(
    sqlite_url: str, vendors: Vendors, name: str
) -> None:
    house = House(make_engine(sqlite_url))
    provider = make(name, api_key="SG.a-key", base_url=vendors.address)
    house.post = make_post(house.engine, house.clock, provider)
    house.register()
    house.dispatch()
    (mail,) = vendors.emails
    assert mail.message_id == house.message().id
    assert mail.to == "jane+1042@example.com"
    assert mail.subject == house.message().subject
    assert (house.message().status, house.message().provider) == ("sent", name)
    provider.close()
    house.engine.dispose()


def test_an_order_registered_reaches_the_mailbox_by_smtp(
    sqlite_url: str, smtp: parts.SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp.certificate))
    house = House(make_engine(sqlite_url))
    url = f"smtp+starttls://{smtp.username}:{smtp.password}@{smtp.host}:{smtp.port}"
    provider = make("smtp", url=url)
    house.post = make_post(house.engine, house.clock, provider)
    house.register("1")
    house.register("2", customer={"email": "refused@example.com", "country": "CH"})
    house.register("3", customer={"email": "busy@example.com", "country": "CH"})
    house.register("4", customer={"email": "vanish@example.com", "country": "CH"})
    house.dispatch()
    provider.close()
    found = {row.to_email: row.status for row in house.messages() if row.key == "expectation"}
    assert found == {
        "jane+1@example.com": "sent",
        "refused@example.com": "failed",
        "busy@example.com": "planned",
        "vanish@example.com": "unknown",
    }
    assert [mail.recipients for mail in smtp.received] == [["jane+1@example.com"], ["vanish@example.com"]]
    house.engine.dispose()
