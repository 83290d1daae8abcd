"""Many rows at once, new ones and changes, past the ORM and by the shortest road that the database has.

Rows are dicts, all of the same columns; a column that they leave out is null. Values are what the columns of the tables
take: aware datetimes, dates, JSON as it is read. Where a row is a tuple, its values are as `stored` gives them. SQLite
takes many tuples with one statement; PostgreSQL copies new rows, and reads all others out of one JSON value.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Date, Dialect, String, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped
from sqlalchemy.types import UserDefinedType
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
    """Write new rows; of each, the values of these columns as the driver takes them (see `stored`)."""
    if not rows:
        return
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection
        statement, kinds = _copy(table, columns)
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                if kinds:
                    copy.set_types(kinds)
                for row in rows:
                    copy.write_row(row)
        except connection.dialect.loaded_dbapi.Error as error:  # in the words of all other statements
            raise DBAPIError.instance(
                statement, None, error, connection.dialect.loaded_dbapi.Error, hide_parameters=True
            ) from error
    else:
        connection.exec_driver_sql(_insert(table, columns), list(rows))


def insert_new(session: Session, table: str, rows: Sequence[Row], answer: str = "id") -> set[str]:
    """Write those rows whose keys are free, and tell that column of them."""
    if not rows:
        return set()
    columns, connection = tuple(rows[0]), session.connection()
    postgresql = connection.dialect.name == "postgresql"
    document = json.dumps(rows, default=_iso if postgresql else as_sqlite_keeps_it)
    query = _insert_new(table, columns, answer, postgresql=postgresql)
    return set(connection.exec_driver_sql(query, (document,)).scalars())


@dataclass(frozen=True, slots=True)
class Rows:
    """New rows of a table; of each, the values of these columns as the driver takes them (see `stored`)."""

    table: str
    columns: tuple[str, ...]
    values: Sequence[tuple[Any, ...]]


def insert_with(
    session: Session, table: str, rows: Sequence[Row], refer: str, follow: Sequence[Rows]
) -> set[str]:
    """On PostgreSQL: write those rows whose keys are free, with what refers to one of them, and tell their ids.

    `refer` is the column with that id. One statement: where rows are few, the ways to the database and back cost more
    than they do. Many are written quicker by `insert_stored`.
    """
    columns = tuple(rows[0])
    values = _values(table, columns, postgresql=True)
    heads = Rows(table, columns, [tuple(values(row)) for row in rows])
    connection = session.connection()
    shapes = ((it.table, it.columns) for it in (heads, *follow))
    statement = _insert_with(connection.dialect, refer, *shapes)
    documents = tuple(orjson.dumps(it.values).decode() for it in (heads, *follow))
    return set(connection.exec_driver_sql(statement, documents).scalars())


def update_many(
    session: Session, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], also: str = ""
) -> None:
    """Set these columns, the last of which is the id that finds the row; `also`: what all get besides, as SQL."""
    if not rows:
        return
    dialect = session.get_bind().dialect
    statement = _update(dialect, table, columns, also)
    if dialect.name == "sqlite":
        session.connection().exec_driver_sql(statement, list(rows))
    else:
        session.execute(text(statement), {"rows": orjson.dumps(rows).decode()})


def among(
    session: Session, column: Mapped[str] | Column[Any], values: Collection[str]
) -> ColumnElement[bool]:
    """That the column is one of these: one parameter, however many they are, so that the statement stays the same."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    given = bindparam(None, _listed(values, postgresql=postgresql), _LIST[postgresql])
    return _among(column, given, postgresql=postgresql)


def among_listed(column: Any, name: str = "listed", *, postgresql: bool) -> ColumnElement[bool]:
    """`among` for a statement that is put together once; the values come with `listed`, under that name."""
    return _among(column, bindparam(name, type_=_LIST[postgresql]), postgresql=postgresql)


def listed(session: Session, values: Collection[str], name: str = "listed") -> Mapping[str, Any]:
    """The parameter of statements with `among_listed`."""
    return {name: _listed(values, postgresql=session.get_bind().dialect.name == "postgresql")}


def _listed(values: Collection[str], *, postgresql: bool) -> str:
    if not postgresql:
        return json.dumps(list(values))
    from notifier.db.arrays import array

    return array(values)


class _OfTexts(UserDefinedType[str]):
    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_options: Any) -> str:
        return "VARCHAR[]"


_LIST: Mapping[bool, Any] = {True: _OfTexts(), False: String()}
"""What a list of values is, to PostgreSQL and otherwise."""


def _among(column: Any, given: Any, *, postgresql: bool) -> ColumnElement[bool]:
    found: ColumnElement[bool] = (
        column == func.any(given)
        if postgresql
        else column.in_(select(func.json_each(given).table_valued("value").c.value))
    )
    return found


# --- statements ------------------------------------------------------------------------------------------


_BINARY: Mapping[type, str] = {str: "text", bytes: "bytea"}


@cache
def _copy(table: str, columns: tuple[str, ...]) -> tuple[str, list[str]]:
    """The statement, and where bytes are to go as they are and not spelled out, of what kind each value is."""
    types = [SQLModel.metadata.tables[table].columns[column].type.python_type for column in columns]
    binary = bytes in types and all(kind in _BINARY for kind in types)
    options, kinds = (" (FORMAT BINARY)", [_BINARY[kind] for kind in types]) if binary else ("", [])
    return f'COPY "{table}" ({_names(columns)}) FROM STDIN{options}', kinds


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


Shape = tuple[str, tuple[str, ...]]
"""A table and columns of it."""


@cache
def _insert_with(dialect: Dialect, refer: str, heads: Shape, *follow: Shape) -> str:
    parts = [f"head AS ({_from_arrays(dialect, *heads)} ON CONFLICT DO NOTHING RETURNING id)"]
    for table, columns in follow:
        refers = f"one->>{columns.index(refer)} IN (SELECT id FROM head)"  # noqa: S608  as above
        parts.append(f"{table}_rows AS ({_from_arrays(dialect, table, columns)} WHERE {refers})")
    return f"WITH {', '.join(parts)} SELECT id FROM head"  # noqa: S608  as above


def _from_arrays(dialect: Dialect, table: str, columns: tuple[str, ...]) -> str:
    """All rows are one parameter: an array of arrays."""
    kinds = [SQLModel.metadata.tables[table].c[column].type.compile(dialect) for column in columns]
    taken = ", ".join(f"(one->>{place})::{kind}" for place, kind in enumerate(kinds))
    source = "jsonb_array_elements(%s::jsonb) AS one"
    return f'INSERT INTO "{table}" ({_names(columns)}) SELECT {taken} FROM {source}'  # noqa: S608  as above


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


@cache
def _update(dialect: Dialect, table: str, columns: tuple[str, ...], also: str) -> str:
    last, rest = len(columns) - 1, f", {also}" if also else ""
    columns = columns[:-1]
    if dialect.name == "sqlite":
        values = ", ".join(f"{name} = ?" for name in columns)
        return f"UPDATE {table} SET {values}{rest} WHERE id = ?"  # noqa: S608  as above
    taken = SQLModel.metadata.tables[table].c
    values = ", ".join(
        f"{name} = CAST(one->>{place} AS {taken[name].type.compile(dialect)})"
        for place, name in enumerate(columns)
    )
    source = "jsonb_array_elements(CAST(:rows AS jsonb)) AS one"
    return f"UPDATE {table} SET {values}{rest} FROM {source} WHERE id = one->>{last}"  # noqa: S608  as above


# --- values ----------------------------------------------------------------------------------------------


def stored(session: Session, value: Any) -> Any:
    """A time, a day or anything plain as the driver takes it; on SQLite that is how its columns keep it."""
    return keeper(session)(value)


def keeper(session: Session) -> Callable[[Any], Any]:
    """`stored`, for many values."""
    spelled = as_sqlite_keeps_it if session.get_bind().dialect.name == "sqlite" else _iso
    return lambda value: spelled(value) if isinstance(value, date) else value


@cache
def _values(table: str, columns: tuple[str, ...], *, postgresql: bool) -> Callable[[Row], list[Any]]:
    """From a row to what the driver takes, in the order of the columns."""
    kinds = [SQLModel.metadata.tables[table].columns[column].type for column in columns]
    todo: list[tuple[int, Callable[[Any], Any]]] = []
    for place, kind in enumerate(kinds):
        if isinstance(kind, UtcTime):
            todo.append((place, _iso if postgresql else as_sqlite_keeps_it))
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


def as_sqlite_keeps_it(value: date) -> str:
    """An instant or a day as SQLite's columns hold it. Raises ValueError for an instant without a zone."""
    kept = _utc(value)
    return kept.isoformat(" ", "microseconds")[:26] if isinstance(kept, datetime) else kept.isoformat()


def _utc(value: date) -> date:
    if not isinstance(value, datetime) or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no zone; an instant needs one")
    return value.astimezone(UTC)
