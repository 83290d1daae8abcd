"""Backorders from a CSV file: one row per order line, the rows of an order standing together.

`read` checks the file as it streams and never raises: what can't be used becomes a `Refusal` with its line.
`load` registers what `read` gives in chunks that commit, so a process killed midway has kept what it had
finished, and a second run of the same file registers only the rest. `run` does both for a file.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine

from notifier import intake
from notifier.db.engine import transaction
from notifier.db.tables import Store
from notifier.errors import Invalid, NotFound, NotifierError
from notifier.inputs import NewBackorder


@dataclass(frozen=True, slots=True)
class Column:
    """`path` is where its cells go in a `NewBackorder`; `example` is a cell that is right."""

    name: str
    path: tuple[str, ...]
    example: str
    required: bool = False

    @property
    def of_line(self) -> bool:
        return self.path[0] == "lines"


COLUMNS = (
    Column("order_id", ("order_id",), "1042", required=True),
    Column("placed_at", ("placed_at",), "2026-11-20T23:30:00-05:00"),
    Column("currency", ("currency",), "USD"),
    Column("order_url", ("order_url",), "https://shop.example/orders/1042"),
    Column("email", ("customer", "email"), "jane@example.com", required=True),
    Column("name", ("customer", "name"), "Jane Doe"),
    Column("locale", ("customer", "locale"), "en-US"),
    Column("timezone", ("customer", "timezone"), "America/New_York"),
    Column("country", ("customer", "country"), "US"),
    Column("payment_expires", ("payment", "expires"), "2026-12"),
    Column("payment_url", ("payment", "update_url"), "https://shop.example/pay/1042"),
    Column("sku", ("lines", "sku"), "ORN-RED", required=True),
    Column("product", ("lines", "name"), "Red glass ornament", required=True),
    Column("quantity", ("lines", "quantity"), "3", required=True),
    Column("unit_price", ("lines", "unit_price"), "9.50"),
    Column("eta", ("lines", "eta"), "2026-12-12"),
    Column("eta_earliest", ("lines", "eta_earliest"), "2026-12-08"),
    Column("promised", ("lines", "promised"), "2026-12-12"),
    Column("reason", ("lines", "reason"), "held at customs"),
    Column("image_url", ("lines", "image_url"), "https://shop.example/orn-red.jpg"),
    Column("product_url", ("lines", "product_url"), "https://shop.example/orn-red"),
    Column("highlights", ("lines", "highlights"), "Mouth-blown | Signed by the maker"),
    Column("related", ("lines", "related"), "Ornament hooks <https://shop.example/hooks>"),
)
"""Everything a file may have, in any order. Cells that are empty, and columns left out, are absent."""

_BY_NAME = {column.name: column for column in COLUMNS}
_BY_PATH = {column.path: column for column in COLUMNS}
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_RELATED = re.compile(r"(?P<name>.+?)\s*<(?P<url>\S+)>")
_POINTED = re.compile(r"lines/(?P<index>\d+)/\w+: ")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """A backorder as it stands in the file from `line` on (the first line of a file is 1)."""

    line: int
    news: NewBackorder


@dataclass(frozen=True, slots=True)
class Refusal:
    """What can't be registered: `line` is the first bad one, `reason` names column, value and what is right.

    `order_id` is empty where it could not be read, and for what is wrong with the whole file.
    """

    line: int
    reason: str
    order_id: str = ""


@dataclass(slots=True)
class Report:
    """What became of a file: orders registered now, orders there already with the same content, refusals."""

    registered: int = 0
    already: int = 0
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    @property
    def order_id(self) -> str:
        return self.cells.get("order_id", "")


def read(lines: Iterable[str], name: str) -> Iterator[Entry | Refusal]:
    """The backorders in the text lines of a CSV file (RFC 4180, comma-separated); `name` is for messages.

    A bad row refuses its whole order and nothing else; a header that can't be used refuses the file.
    Bytes that are not UTF-8 are expected as surrogate escapes, as `open_lines` gives them.
    """
    records = _records(lines)
    header = next((record for _, record in records if record), [])
    wrong = _header_fault(header)
    if wrong or isinstance(header, csv.Error):
        yield Refusal(1, f"{name}: {wrong}")
        return
    names = [cell.strip() for cell in header]
    first_lines: dict[str, int] = {}
    for rows in _orders(_row(line, record, names) for line, record in records if record):
        order_id = rows[0].order_id
        seen = first_lines.setdefault(order_id, rows[0].line) if order_id else rows[0].line
        if seen != rows[0].line:
            reason = f"order_id {_shown(order_id)}: stands at line {seen} already; its rows stand together"
            yield Refusal(rows[0].line, reason, order_id)
        else:
            yield _checked(rows)


def load(
    engine: Engine,
    store_id: str,
    entries: Iterable[Entry | Refusal],
    now: datetime,
    chunk: int = 100,
    progress: Callable[[int], None] = lambda line: None,
) -> Report:
    """Register `entries`, one transaction per `chunk`; after each, `progress` gets the line reached.

    `now` is when they are registered (aware, UTC). Raises NotFound for an unknown store, and Unavailable when
    the database is away: what was committed stays, and running again registers the rest.
    """
    report = Report()
    remaining = iter(entries)
    while batch := list(islice(remaining, chunk)):
        good = [entry for entry in batch if isinstance(entry, Entry)]
        report.refused += [refusal for refusal in batch if isinstance(refusal, Refusal)]
        with transaction(engine) as session:
            store = session.get(Store, store_id)
            if store is None:
                raise NotFound(f"there is no store {store_id!r}")
            results = intake.register_many(session, store, [entry.news for entry in good], now)
        for entry, result in zip(good, results, strict=True):
            if isinstance(result, NotifierError):
                report.refused.append(Refusal(entry.line, result.detail, entry.news.order_id))
            elif result.created:
                report.registered += 1
            else:
                report.already += 1
        progress(batch[-1].line)
    report.refused.sort(key=lambda refusal: refusal.line)
    return report


def run(
    engine: Engine,
    store_id: str,
    path: Path,
    now: datetime,
    progress: Callable[[int, int], None] = lambda line, lines: None,
) -> Report:
    """Import the file at `path`; `progress` gets the line reached and the number of lines.

    Raises Invalid when the file can't be read, else as `load`.
    """
    lines = sum(1 for _ in open_lines(path))
    entries = read(open_lines(path), path.name)
    report = load(engine, store_id, entries, now, progress=lambda line: progress(line, lines))
    progress(lines, lines)
    return report


def open_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file with their ends kept, wrong bytes as surrogate escapes.

    Raises Invalid when the file can't be read.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from file
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}") from error


def _records(lines: Iterable[str]) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Each record with the line that it starts at; one that is not CSV as its error."""
    reader = csv.reader(_without_mark(lines), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, error


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if number == 0 else line


def _header_fault(header: list[str] | csv.Error) -> str | None:
    if isinstance(header, csv.Error):
        return f"the header is not CSV: {header}"
    names = [cell.strip() for cell in header]
    if not any(names):
        return f"is empty; the first line names the columns: {', '.join(_BY_NAME)}"
    if not all(_is_unicode(name) and "\0" not in name for name in names):
        return "is not UTF-8; save it as CSV UTF-8"
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return f"the header {_shown(names[0])} has no commas; save it with commas between the cells"
    complaints = []
    if unknown := [name for name in names if name not in _BY_NAME]:
        complaints.append(
            f"unknown column {', '.join(map(_shown, unknown))}; known are {', '.join(_BY_NAME)}"
        )
    if twice := sorted({name for name in names if name in _BY_NAME and names.count(name) > 1}):
        complaints.append(f"column {', '.join(twice)} stands twice")
    if missing := [column.name for column in COLUMNS if column.required and column.name not in names]:
        complaints.append(f"column {', '.join(missing)} is missing")
    return "; ".join(complaints) or None


def _row(line: int, record: list[str] | csv.Error, names: list[str]) -> _Row:
    if isinstance(record, csv.Error):
        return _Row(
            line,
            faults=(f"is not CSV ({record}); a cell with a comma, quote or line break stands in quotes",),
        )
    cells = {name: cell.strip() for name, cell in zip(names, record, strict=False)}
    if not any(cells.values()) and len(record) <= len(names):
        return _Row(line)
    faults = [
        f"{name} {_shown(cell)}: is not UTF-8; save the file as CSV UTF-8"
        for name, cell in cells.items()
        if not _is_unicode(cell)
    ]
    if len(record) != len(names):
        faults.append(
            f"has {len(record)} cells where the header has {len(names)}; a cell with a comma stands in quotes"
        )
    if not cells.get("order_id"):
        faults.append("order_id is empty; every row names its order")
    return _Row(line, cells, tuple(faults))


def _orders(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Consecutive rows of one order.

    A row that names no order belongs to the one around it, else stands alone: an order must not be
    registered without a line that stands in its midst.
    """
    order: list[_Row] = []
    strays: list[_Row] = []
    for row in rows:
        if not row.cells and not row.faults:
            continue
        if not row.order_id and order:
            strays.append(row)
        elif order and row.order_id == order[0].order_id:
            order += [*strays, row]
            strays = []
        else:
            yield from ([order] if order else [])
            yield from ([stray] for stray in strays)
            order, strays = [row], []
    yield from ([order] if order else [])
    yield from ([stray] for stray in strays)


def _checked(rows: list[_Row]) -> Entry | Refusal:
    faults = [(row.line, fault) for row in rows for fault in row.faults]
    if not faults:
        shared, faults = _shared(rows)
        try:
            news = NewBackorder.model_validate(_shape(shared, rows))
        except ValidationError as error:
            faults += [_explained(rows, item["loc"], item["msg"]) for item in error.errors(include_url=False)]
        else:
            if not faults:
                return Entry(rows[0].line, news)
    faults.sort(key=lambda fault: fault[0])
    line, reason = faults[0]
    more = (f"line {other}: {fault}" if other != line else fault for other, fault in faults[1:])
    return Refusal(line, "; ".join([reason, *more]), rows[0].order_id)


def _shared(rows: list[_Row]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """The cells that are the whole order's, and where its rows contradict each other."""
    values: dict[str, str] = {}
    faults = []
    for row in rows:
        for name, cell in row.cells.items():
            if not cell or _BY_NAME[name].of_line:
                continue
            if values.setdefault(name, cell) != cell:
                first = _shown(values[name])
                faults.append(
                    (
                        row.line,
                        f"{name} {_shown(cell)}: the order's rows before say {first}; one order, one value",
                    )
                )
    return values, faults


def _shape(shared: Mapping[str, str], rows: list[_Row]) -> dict[str, Any]:
    order: dict[str, Any] = {"customer": {}}
    for name, cell in shared.items():
        *parents, key = _BY_NAME[name].path
        home = order.setdefault(parents[0], {}) if parents else order
        home[key] = cell
    order["lines"] = [
        {
            _BY_NAME[name].path[-1]: _value(name, cell)
            for name, cell in row.cells.items()
            if cell and _BY_NAME[name].of_line
        }
        for row in rows
    ]
    return order


def _value(name: str, cell: str) -> Any:
    match name:
        case "quantity":
            return int(cell) if _INTEGER.fullmatch(cell) else cell
        case "highlights":
            return _items(cell)
        case "related":
            return [_related(item) for item in _items(cell)]
        case _:
            return cell


def _items(cell: str) -> list[str]:
    return [item.strip() for item in cell.split(" | ") if item.strip()]


def _related(item: str) -> dict[str, str]:
    found = _RELATED.fullmatch(item)
    return found.groupdict() if found else {"name": item}


def _explained(rows: list[_Row], loc: tuple[str | int, ...], message: str) -> tuple[int, str]:
    """A validation error of the order in the file's terms: the line, the column, the cell."""
    message = message.removeprefix("Value error, ")
    if pointed := _POINTED.match(message):
        return rows[int(pointed["index"])].line, message[pointed.end() :]
    match loc:
        case ("lines", int(index), *rest):
            concerned, path = [rows[index]], ("lines", *rest[:1])
        case ("payment",):
            name, _, message = message.partition(": ")
            concerned, path = rows, ("payment", name)
        case _:
            concerned, path = rows, loc[:2]
    column = _BY_PATH.get(tuple(map(str, path)))
    if column is None:
        return concerned[0].line, message
    row = next((row for row in concerned if row.cells.get(column.name)), concerned[0])
    cell = row.cells.get(column.name, "")
    what = f"{column.name} {_shown(cell)}" if cell else f"{column.name} is empty"
    return row.line, f"{what}: {message}; right is like {column.example!r}"


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(cell: str) -> str:
    text = cell.encode("utf-8", "replace").decode()
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
