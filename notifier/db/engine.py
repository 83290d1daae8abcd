"""Connections and transactions, the same to their users on both databases."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson
from sqlalchemy import URL, Dialect, Engine, event, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, create_engine

from notifier.errors import Unavailable

LOCK_WAIT_SECONDS = 10
"""How long a statement waits for another writer before it gives up."""


SAMPLED = 1000
"""How many entries of each index SQLite looks at when it counts."""
IDLE_SECONDS = 1
"""How long after its last use a connection is believed to live."""


def make_engine(url: str, pool_size: int = 10) -> Engine:
    """An engine for `sqlite:///file`, `sqlite://` (in memory, one connection) or `postgresql://…`.

    SQLite runs in WAL mode with full durability (a commit survives a power cut), foreign keys on, and takes its
    write lock when a transaction begins, so that two writers queue up instead of failing half-way.

    With `?pgbouncer=true` in its URL a PostgreSQL is reached through PgBouncer in transaction mode.
    """
    if url.startswith("postgresql"):
        return _postgresql(make_url(url), pool_size)
    options: dict[str, Any] = {
        "json_deserializer": orjson.loads,
        "connect_args": {"timeout": LOCK_WAIT_SECONDS, "check_same_thread": False},
    }
    if url in {"sqlite://", "sqlite:///:memory:"}:
        options["poolclass"] = StaticPool
    else:
        options |= {"pool_size": pool_size, "max_overflow": pool_size}
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL, pool_size: int) -> Engine:
    behind_pgbouncer = url.query.get("pgbouncer") == "true"
    # What is set or prepared on a connection stays with it; behind PgBouncer each transaction may have another.
    session: dict[str, Any] = (
        {"prepare_threshold": None}
        if behind_pgbouncer
        else {"options": f"-c lock_timeout={LOCK_WAIT_SECONDS}s -c timezone=UTC"}
    )
    engine = create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["pgbouncer"]),
        pool_size=pool_size,
        max_overflow=pool_size,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # they are customers' data, and errors end in logs
        connect_args={"connect_timeout": 5} | session,
    )
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", partial(_ask_if_idle, engine.dialect))
    if behind_pgbouncer:
        event.listen(engine, "begin", _bound_waits)
    return engine


def _note_use(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _ask_if_idle(dialect: Dialect, connection: Any, record: Any, _holder: Any) -> None:
    """One that was idle for a while may be broken; to ask before each use would cost as much as a statement."""
    used = record.info.get("used")  # not known of one that was just opened
    if used is None or time.monotonic() - used < IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error  # the pool then opens another


def _bound_waits(connection: Any) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT_SECONDS}s'")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself: _begin_sqlite does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    reads = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


_WAITS = "waits"


@contextmanager
def transaction(engine: Engine, waits: Callable[[], object] | None = None) -> Iterator[Session]:
    """One unit of work: commits at the end, rolls back on any error.

    `waits` is called when what is left to do is the database's (`about_to_wait`), if there is such a time.
    Raises Unavailable when the database is locked, full, restarting or away; then nothing was changed, or, if
    the connection broke during the commit itself, the caller can't know and asks again idempotently.
    """
    with translated(), Session(engine, expire_on_commit=False) as session, session.begin():
        session.info[_WAITS] = waits
        yield session


def about_to_wait(session: Session) -> None:
    """Tell whoever asked to be told that this transaction has all it needs, and only waits for its rows and its commit.

    Another may be prepared meanwhile; so not on SQLite, where that would have to wait for this one from the start.
    """
    if (waits := session.info.get(_WAITS)) and session.get_bind().dialect.name != "sqlite":
        waits()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A transaction that only looks; on SQLite it waits for no writer. Raises Unavailable likewise."""
    with translated(), Session(engine.execution_options(reads_only=True), expire_on_commit=False) as session:
        yield session


def take_stock(engine: Engine) -> None:
    """Have SQLite count what its indexes hold, by a sample of each, so that it need not guess which one serves.

    PostgreSQL does so by itself. Tens of milliseconds for a million rows, in which nobody else writes.
    """
    if engine.dialect.name == "sqlite":
        with translated(), engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA analysis_limit = {SAMPLED}")
            connection.exec_driver_sql("ANALYZE")


@contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable for what says that the database can't be used."""
    try:
        yield
    except NoConnectionFree as error:
        raise Unavailable("every connection to the database is in use") from error
    except OperationalError as error:
        raise Unavailable(f"the database can't be used right now: {_words(error)}") from error
    except DBAPIError as error:
        if type(error) is DatabaseError:  # no such file, or one that is no database, or is broken
            raise Unavailable(f"the database can't be used: {_words(error)}") from error
        if error.connection_invalidated:
            raise Unavailable(f"the connection to the database broke: {_words(error)}") from error
        raise


def _words(error: DBAPIError) -> str:
    return (
        str(error.orig).splitlines()[0]
        if error.orig is not None and str(error.orig)
        else type(error).__name__
    )
