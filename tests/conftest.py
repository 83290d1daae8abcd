"""Fixtures that start real parts, and what happens when one cannot run on this machine.

A test whose part is missing is named in the last lines of the output; with `NOTIFIER_TEST_REQUIRE_PARTS`
set, as in continuous integration, it fails.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import hypothesis
import pytest

from tests import parts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from sqlalchemy import Engine

    from tests.providers.vendor_server import Vendors

REQUIRE_PARTS = bool(os.environ.get("NOTIFIER_TEST_REQUIRE_PARTS"))
T = TypeVar("T")

NOT_RUN = "NOT RUN on this machine: "

# Tests assert behaviour, never time. Where all parts are required, the examples are the same in every run.
hypothesis.settings.register_profile(
    "notifier",
    deadline=None,
    derandomize=REQUIRE_PARTS,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("notifier")


def started(part: AbstractContextManager[T]) -> Iterator[T]:
    """Run a part for as long as its fixture lives; where it cannot run, tell so instead of the test."""
    with ExitStack() as stack:
        try:
            value = stack.enter_context(part)
        except parts.MissingPart as missing:
            (pytest.fail if REQUIRE_PARTS else pytest.skip)(f"{NOT_RUN}{missing}")
        yield value


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was not run, last of all."""
    reasons = Counter(
        reason.removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and NOT_RUN in (reason := report.longrepr[2])
    )
    for reason, tests in sorted(reasons.items()):
        terminalreporter.write_line(f"{reason}: {tests} test{'s' * (tests != 1)}", yellow=True, bold=True)


# --- databases ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a running PostgreSQL server."""
    yield from started(parts.postgresql())


# Imported late: a test of the domain waits for no database library.
def migrate(url: str) -> None:
    from notifier.db.engine import make_engine
    from notifier.db.migrate import upgrade

    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database, to be copied."""
    with parts.database(postgresql_server) as url:
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """A migrated, empty SQLite database file, to be copied."""
    with TemporaryDirectory(prefix="notifier-sqlite-", dir=parts.scratch()) as folder:
        file = Path(folder, "template.db")
        migrate(f"sqlite:///{file}")
        yield file


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> Iterator[str]:
    """The URL of a new, migrated SQLite database: a file in a folder of the test's own."""
    with TemporaryDirectory(prefix="notifier-sqlite-", dir=parts.scratch()) as folder:
        yield f"sqlite:///{shutil.copy(sqlite_template, Path(folder, 'notifier.db'))}"


@pytest.fixture
def postgresql_url(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    """The URL of a new, migrated PostgreSQL database."""
    with parts.database(postgresql_server, template=postgresql_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new, migrated database; a test that asks for it runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator["Engine"]:
    """An engine, as the service makes it, on a new, migrated database of each kind."""
    from notifier.db.engine import make_engine

    engine = make_engine(database_url)
    yield engine
    engine.dispose()


# --- mail and browser -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def smtp_server() -> Iterator[parts.SmtpServer]:
    """A running SMTP server, shared: use `smtp`, which starts each test without messages."""
    yield from started(parts.smtp_server())


@pytest.fixture
def smtp(smtp_server: parts.SmtpServer) -> parts.SmtpServer:
    """A running SMTP server that has received nothing yet."""
    smtp_server.forget()
    return smtp_server


@pytest.fixture(scope="session")
def running_vendors() -> Iterator["Vendors"]:
    """SendGrid and Klaviyo, running, shared: use `vendors`, which starts each test without requests."""
    from tests.providers.vendor_server import vendor_server

    yield from started(vendor_server())


@pytest.fixture
def vendors(running_vendors: "Vendors") -> "Vendors":
    """SendGrid and Klaviyo, which have received nothing yet."""
    running_vendors.forget()
    return running_vendors


# By module, not session: while Playwright runs, its event loop is the main thread's, and others cannot be.
@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A running Chromium."""
    yield from started(parts.browser())


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A new page in a browser that remembers nothing."""
    with browser.new_context() as context:
        yield context.new_page()
