"""Looks for words in every column of every table, whatever tables there are."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, inspect, text

from notifier.db.packed import unpack


def everything(engine: Engine) -> Iterator[tuple[str, str]]:
    """(table.column, text) of every value in the database, read from the database's own list of tables."""
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings():
                for name, value in row.items():
                    for said in _texts(value):
                        yield f"{table}.{name}", said


def where(engine: Engine, *words: str) -> set[str]:
    """The columns in which any of these words stand, however their case is."""
    wanted = [word.casefold() for word in words]
    return {place for place, said in everything(engine) if any(word in said.casefold() for word in wanted)}


def _texts(value: Any) -> Iterator[str]:
    """What a value says: as it is, as JSON would escape it undone, and unpacked if it is packed."""
    if value is None:
        return
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        yield raw.decode("utf-8", "replace")
        try:
            yield unpack(raw).decode("utf-8", "replace")
        except zlib.error:
            return
    elif isinstance(value, dict | list):
        yield json.dumps(value, ensure_ascii=False)
    else:
        yield str(value)
        try:
            yield json.dumps(json.loads(str(value)), ensure_ascii=False)
        except ValueError:
            return
