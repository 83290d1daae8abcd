"""The story of a believable shop: its backorders and what became of them, told around any day.

The files in `data/` tell it around `ANCHOR`; here it is moved by whole days to any other.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from notifier.domain.eta import Eta, slip
from notifier.domain.policy import Policy, jurisdiction
from notifier.errors import Invalid
from notifier.importing import Refusal, open_lines, read
from notifier.inputs import NewBackorder

ANCHOR = date(2026, 6, 15)
"""The day that the files call today: all that has happened in them lies before it."""

Event = dict[str, Any]
"""One event in the shape of a scenario: `at` (RFC 3339, with an offset), `do`, and what that verb takes."""

_MINUTES = timedelta(minutes=15)


def story(folder: Path, today: date, orders: int | None = None) -> list[Event]:
    """The events of `backorders.csv` and `events.csv` in time order, moved so that `ANCHOR` becomes `today`.

    `orders` takes that many orders, chosen so that as many situations as possible are among them, and all
    that happened to them. Raises Invalid when a file does not read, naming the file and the line.
    """
    news = backorders(folder)
    happened = events(folder)
    kept = news if orders is None else _choice(news, happened, orders)
    ids = {new.order_id for new in kept}
    skus = {line.sku for new in kept for line in new.lines}
    told = [_registration(new) for new in kept]
    told += [event for event in happened if event.get("order_id") in ids or _of_skus(event, skus)]
    told.sort(key=_at)
    return [_moved(event, today - ANCHOR) for event in told]


def backorders(folder: Path) -> list[NewBackorder]:
    """The orders of `backorders.csv`, as they were placed around `ANCHOR`. Raises Invalid on a bad row."""
    path = folder / "backorders.csv"
    news = []
    for entry in read(open_lines(path), path.name):
        if isinstance(entry, Refusal):
            raise Invalid(f"{path} line {entry.line}: {entry.reason}")
        news.append(entry.news)
    return news


def events(folder: Path) -> list[Event]:
    """What `events.csv` tells, around `ANCHOR`. Rows of one shipment or cancellation stand together.

    Raises Invalid on a row that can't be read.
    """
    path = folder / "events.csv"
    reader = csv.DictReader(open_lines(path), strict=True)
    try:
        if not {"at", "do", "order_id"} <= set(reader.fieldnames or ()):
            raise ValueError("the header needs the columns at, do and order_id")
        rows = [_event(row) for row in reader]
    except (ValueError, TypeError, csv.Error) as error:
        raise Invalid(f"{path} line {reader.reader.line_num}: {error}") from error
    happened: list[Event] = []
    for (_, do, _), group in groupby(rows, key=lambda row: (row["at"], row["do"], row.get("order_id"))):
        together = list(group)
        happened += [_with_lines(together)] if do in {"ship", "cancel"} else together
    return happened


def situations(new: NewBackorder, happened: Iterable[Event]) -> frozenset[str]:
    """What became of one order, in words like `sku_eta: later`, `later under eu` or `ship: part`."""
    met: set[str] = set()
    law = jurisdiction(Policy(), new.customer.country)
    etas = {line.sku: [(_placed(new), line.estimate)] for line in new.lines}
    for event in happened:
        if event.get("order_id") == new.order_id or (_of_skus(event, etas) and _at(event) > _placed(new)):
            met |= _met(event, etas, law)
            if _closes(event):
                etas = {}
    return frozenset(met or {"nothing happened"})


def _met(event: Event, etas: dict[str, list[tuple[datetime, Eta]]], law: str) -> set[str]:
    match event:
        case {"do": "eta" | "sku_eta" as do, "sku": sku}:
            past = etas[sku]
            past.append((_at(event), _estimate(event)))
            move = slip(past[-2][1], past[-1][1])
            return {f"{do}: {move}", f"{move} under {law}"} | _corrected(past)
        case {"do": "ship" | "cancel" as do}:
            units = "part" if "lines" in event else "all"
            return {f"{do}: {units}"} | ({f"cancel: by {event['by']}"} if do == "cancel" else set())
        case {"do": "answer", "answer": answer}:
            return {f"answer: {answer}"}
        case _:
            return {event["do"]}


def _corrected(past: Sequence[tuple[datetime, Eta]]) -> set[str]:
    """Whether the last move of a date took back or replaced the one made minutes before."""
    if len(past) < 3 or past[-1][0] - past[-2][0] > _MINUTES:
        return set()
    return {"moved back within minutes" if past[-1][1] == past[-3][1] else "moved twice within minutes"}


def _closes(event: Event) -> bool:
    return (event["do"] in {"ship", "cancel"} and "lines" not in event) or event.get("answer") == "cancel"


def traits(new: NewBackorder) -> frozenset[str]:
    """What one order is an example of from the start: its customer, dates, and size."""
    customer = new.customer
    dates = {"unknown" if line.eta is None else "range" if line.eta_earliest else "day" for line in new.lines}
    promises = {
        "absent" if line.promised is None else "as expected" if line.promised == line.eta else "another day"
        for line in new.lines
    }
    return frozenset(
        {
            f"locale: {customer.locale or 'absent'}",
            f"country: {customer.country or 'absent'}",
            f"zone: {customer.timezone or 'absent'}",
            f"name: {'absent' if not customer.name else 'plain' if customer.name.isascii() else 'not ASCII'}",
            f"currency: {new.currency}",
            f"lines: {len(new.lines)}",
            f"payment: {'absent' if new.payment is None else 'present'}",
            *(f"date: {kind}" for kind in dates),
            *(f"promised: {kind}" for kind in promises),
        }
    )


def _choice(news: Sequence[NewBackorder], happened: Sequence[Event], count: int) -> list[NewBackorder]:
    """Greedy set cover: the order that adds most situations, then most traits; the rest evenly over time."""
    known = {new.order_id: (situations(new, happened), traits(new)) for new in news}
    fates: set[str] = set()
    looks: set[str] = set()
    left = list(known)
    taken: list[str] = []
    while left and len(taken) < count:
        best = max(
            left, key=lambda order_id: (len(known[order_id][0] - fates), len(known[order_id][1] - looks))
        )
        if known[best][0] <= fates and known[best][1] <= looks:
            missing = count - len(taken)
            taken += (
                left if missing >= len(left) else [left[n * len(left) // missing] for n in range(missing)]
            )
            break
        fates |= known[best][0]
        looks |= known[best][1]
        left.remove(best)
        taken.append(best)
    return [new for new in news if new.order_id in set(taken)]


def _registration(new: NewBackorder) -> Event:
    order = new.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return {"at": _placed(new).isoformat(), "do": "register", "backorder": order}


def _event(row: Mapping[str, str]) -> Event:
    event: Event = {name: cell for name, cell in row.items() if cell}
    datetime.fromisoformat(row["at"])
    if "quantity" in event:
        event["quantity"] = int(event["quantity"])
    if row["do"] in {"eta", "sku_eta"}:
        event["eta"] = row["eta"] or None
    return event


def _with_lines(rows: Sequence[Event]) -> Event:
    """A shipment or cancellation: one row without a sku is all that is left, else a row for each line."""
    lines = [{name: row.pop(name) for name in ("sku", "quantity") if name in row} for row in rows]
    return rows[0] | ({"lines": lines} if any(lines) else {})


def _placed(new: NewBackorder) -> datetime:
    if new.placed_at is None:
        raise Invalid(f"order {new.order_id!r}: placed_at is empty; a story needs to know when")
    return new.placed_at


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(event["at"])


def _of_skus(event: Event, skus: Iterable[str]) -> bool:
    """Whether it is about a SKU, of whichever orders, and that is one of these."""
    return "order_id" not in event and str(event.get("sku")) in skus


def _estimate(event: Event) -> Eta:
    return Eta(
        *(date.fromisoformat(event[name]) if event.get(name) else None for name in ("eta", "eta_earliest"))
    )


def _moved(value: Any, by: timedelta, name: str = "") -> Any:
    """The same event, or part of one, with every date and time in it moved by whole days."""
    match value:
        case dict():
            return {key: _moved(item, by, key) for key, item in value.items()}
        case list():
            return [_moved(item, by) for item in value]
        case str() if name in {"at", "placed_at"}:
            return (datetime.fromisoformat(value) + by).isoformat()
        case str() if name in {"eta", "eta_earliest", "promised"}:
            return (date.fromisoformat(value) + by).isoformat()
        case str() if name == "expires":
            return _moved_month(value, by)
        case _:
            return value


def _moved_month(month: str, by: timedelta) -> str:
    """The last whole month by the moved end of `month`: a card that ran out before the goods still does."""
    following = date.fromisoformat(f"{month}-01") + timedelta(days=32)
    after = following.replace(day=1) + by
    return (after.replace(day=1) - timedelta(days=1)).isoformat()[:7]
