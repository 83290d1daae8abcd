"""New rows, many at once, by the shortest road that the database has: nothing is put together for each of them.

Rows are dicts, all of the same columns; a column that they leave out is null. Values are what the columns of the tables
take: aware datetimes, dates, JSON as it is read.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, Date, String, bindparam, cast, func, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, SQLModel

from notifier.db.columns import Json, UtcTime

Row = Mapping[str, Any]


def insert(session: Session, table: str, rows: Sequence[Row]) -> None:
    """Write new rows of the table of that name."""
    if not rows:
        return
    columns = tuple(rows[0])
    values = _values(table, columns, postgresql=session.get_bind().dialect.name == "postgresql")
    insert_stored(session, table, columns, [tuple(values(row)) for row in rows])


def insert_stored(
    session: Session, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Write new rows; of each, the values of these columns as the driver takes them (see `raw.stored`)."""
    if not rows:
        return
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection
        with driver.cursor() as cursor, cursor.copy(_copy(table, columns)) as copy:
            for row in rows:
                copy.write_row(row)
    else:
        connection.exec_driver_sql(_insert(table, columns), list(rows))


def insert_new(session: Session, table: str, rows: Sequence[Row], answer: str = "id") -> set[str]:
    """Write those rows whose keys are free, and tell that column of them."""
    if not rows:
        return set()
    columns, connection = tuple(rows[0]), session.connection()
    postgresql = connection.dialect.name == "postgresql"
    document = json.dumps(rows, default=_iso if postgresql else _as_sqlite_keeps_it)
    query = _insert_new(table, columns, answer, postgresql=postgresql)
    return set(connection.exec_driver_sql(query, (document,)).scalars())


def among(
    session: Session, column: Mapped[str] | Column[Any], values: Collection[str]
) -> ColumnElement[bool]:
    """That the column is one of these: one parameter, however many they are, so that the statement stays the same."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    return _among(
        column, bindparam(None, _listed(values, postgresql=postgresql), String), postgresql=postgresql
    )


def among_listed(column: Any, name: str = "listed", *, postgresql: bool) -> ColumnElement[bool]:
    """`among` for a statement that is put together once; the values come with `listed`, under that name."""
    return _among(column, bindparam(name, type_=String), postgresql=postgresql)


def listed(session: Session, values: Collection[str], name: str = "listed") -> Mapping[str, Any]:
    """The parameter of statements with `among_listed`."""
    return {name: _listed(values, postgresql=session.get_bind().dialect.name == "postgresql")}


def _listed(values: Collection[str], *, postgresql: bool) -> str:
    """A list as the database reads it out of text, which costs the driver nothing for each of its values."""
    if not postgresql:
        return json.dumps(list(values))
    return "{" + ",".join(['"' + value.translate(_ESCAPED) + '"' for value in values]) + "}"


_ESCAPED = str.maketrans({'"': '\\"', "\\": "\\\\"})


def _among(column: Any, given: Any, *, postgresql: bool) -> ColumnElement[bool]:
    found: ColumnElement[bool] = (
        column == func.any(cast(given, ARRAY(String)))
        if postgresql
        else column.in_(select(func.json_each(given).table_valued("value").c.value))
    )
    return found


# --- statements ------------------------------------------------------------------------------------------


@cache
def _copy(table: str, columns: tuple[str, ...]) -> str:
    return f'COPY "{table}" ({_names(columns)}) FROM STDIN'


@cache
def _insert(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f'INSERT INTO "{table}" ({_names(columns)}) VALUES ({marks})'  # noqa: S608  the names are our own


@cache
def _insert_new(table: str, columns: tuple[str, ...], answer: str, *, postgresql: bool) -> str:
    """All rows are one parameter: an array of objects."""
    names = _names(columns)
    if postgresql:
        source = f'{names} FROM json_populate_recordset(NULL::"{table}", %s::json)'
    else:
        cells = ", ".join(f"value->>'{column}'" for column in columns)
        source = f"{cells} FROM json_each(?)"
    return f'INSERT INTO "{table}" ({names}) SELECT {source} WHERE true ON CONFLICT DO NOTHING RETURNING "{answer}"'


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


# --- values ----------------------------------------------------------------------------------------------


@cache
def _values(table: str, columns: tuple[str, ...], *, postgresql: bool) -> Callable[[Row], list[Any]]:
    """From a row to what the driver takes, in the order of the columns."""
    kinds = [SQLModel.metadata.tables[table].columns[column].type for column in columns]
    todo: list[tuple[int, Callable[[Any], Any]]] = []
    for place, kind in enumerate(kinds):
        if isinstance(kind, UtcTime):
            todo.append((place, _iso if postgresql else _as_sqlite_keeps_it))
        elif isinstance(kind, Date):
            todo.append((place, date.isoformat))
        elif isinstance(kind, type(Json)):
            todo.append((place, _as_json))
    pick = itemgetter(*columns)

    def values(row: Row) -> list[Any]:
        found = list(pick(row))
        for place, converted in todo:
            if found[place] is not None:
                found[place] = converted(found[place])
        return found

    return values


_as_json = json.JSONEncoder(separators=(",", ":")).encode


def _iso(value: date) -> str:
    return _utc(value).isoformat()


def _as_sqlite_keeps_it(value: date) -> str:
    kept = _utc(value)
    return kept.isoformat(" ", "microseconds")[:26] if isinstance(kept, datetime) else kept.isoformat()


def _utc(value: date) -> date:
    if not isinstance(value, datetime) or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no zone; an instant needs one")
    return value.astimezone(UTC)
