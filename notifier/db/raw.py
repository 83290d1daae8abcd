"""Changes of very many rows with one statement, past the ORM, at the least cost that each driver has.

SQLite takes a list of tuples; PostgreSQL reads all rows out of one JSON value. Values are given as `stored` gives them.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Dialect, text
from sqlmodel import Session, SQLModel

from notifier.db import bulk

Rows = Sequence[tuple[Any, ...]]


def stored(session: Session, value: Any) -> Any:
    """A time, a day or anything plain as it goes into these statements; on SQLite that is how its columns keep it."""
    return keeper(session)(value)


def keeper(session: Session) -> Callable[[Any], Any]:
    """`stored`, for many values."""
    return _as_sqlite_keeps_it if session.get_bind().dialect.name == "sqlite" else _iso


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _as_sqlite_keeps_it(value: Any) -> Any:
    return bulk.as_sqlite_keeps_it(value) if isinstance(value, date) else value


def update_many(session: Session, table: str, columns: tuple[str, ...], rows: Rows, also: str = "") -> None:
    """Set these columns, the last of which is the id that finds the row; `also`: what all get besides, as SQL."""
    _run(session, _update(session.get_bind().dialect, table, columns, also), rows)


def _run(session: Session, statement: str, rows: Rows) -> None:
    if not rows:
        return
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql(statement, list(rows))
    else:
        session.execute(text(statement), {"rows": orjson.dumps(rows).decode()})


# Names of tables and columns are words of this program, never of a user.


@cache
def _update(dialect: Dialect, table: str, columns: tuple[str, ...], also: str) -> str:
    last, rest = len(columns) - 1, f", {also}" if also else ""
    columns = columns[:-1]
    if dialect.name == "sqlite":
        values = ", ".join(f"{name} = ?" for name in columns)
        return f"UPDATE {table} SET {values}{rest} WHERE id = ?"  # noqa: S608  # see above
    values = ", ".join(
        f"{name} = {_taken(dialect, table, name, number)}" for number, name in enumerate(columns)
    )
    return f"UPDATE {table} SET {values}{rest} FROM {_ROWS} WHERE id = one->>{last}"  # noqa: S608  # see above


_ROWS = "jsonb_array_elements(CAST(:rows AS jsonb)) AS one"


def _taken(dialect: Dialect, table: str, column: str, number: int) -> str:
    kind = SQLModel.metadata.tables[table].c[column].type.compile(dialect)
    return f"CAST(one->>{number} AS {kind})"
