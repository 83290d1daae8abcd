"""Planned emails as rows without their order, to be written for every order that gets the same ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.db.codec import written
from notifier.domain.message import URGENCY, Draft, Said, Status

COLUMNS = (
    "id", "store_id", "backorder_id", "says", "planned_at", "key", "kind", "urgency", "status", "due_at", "attempt_at",
    "expires_at", "about", "attempts",
)  # fmt: skip

Row = tuple[Any, ...]
Word = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Drafts:
    """`words` are what the emails say: of each the (line by its position, JSON of what is said of it).

    `rows` are (its word by number, the columns from `key` on, as they are stored).
    """

    words: tuple[Word, ...]
    rows: tuple[tuple[int, Row], ...]


def drafts(emails: Iterable[tuple[Draft, Mapping[int, Said]]], keep: Callable[[Any], Any]) -> Drafts:
    """Of each email what it is, and what it says of which line by position; `keep` is how values are stored."""
    numbers: dict[Word, int] = {}
    rows = []
    for it, says in emails:
        word = tuple([(place, written(said)) for place, said in says.items()])
        due, expires = keep(it.due_at), keep(it.expires_at)
        columns = (
            it.key,
            it.kind.value,
            URGENCY[it.kind],
            Status.PLANNED.value,
            due,
            due,
            expires,
            it.about,
            0,
        )
        rows.append((numbers.setdefault(word, len(numbers)), columns))
    return Drafts(tuple(numbers), tuple(rows))


def rows_of(
    them: Drafts,
    ids: Sequence[str],
    store_id: str,
    backorder_id: str,
    line_ids: Sequence[str],
    planned_at: Any,
) -> list[Row]:
    """Their rows for one order; `ids` are the emails' own."""
    says = [
        "{" + ", ".join([f'"{line_ids[place]}": {said}' for place, said in word]) + "}" for word in them.words
    ]
    return [
        (id_, store_id, backorder_id, says[word], planned_at, *columns)
        for id_, (word, columns) in zip(ids, them.rows, strict=True)
    ]
