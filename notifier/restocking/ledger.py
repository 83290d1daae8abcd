"""Who gets how much, of very many orders: written once, read any number of times, and never all in memory."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from weakref import finalize

BLOCK = 500
"""How many entries of a list are in memory at a time."""

IN_MEMORY = 1_000_000
"""How many bytes there are before they go to a temporary file."""


@dataclass(frozen=True, slots=True)
class Allocation:
    backorder_id: str
    quantity: int
    still_waiting: int


class Ledger:
    """Lists of allocations by name, which grow side by side."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  it is closed with the ledger
        finalize(self, self._file.close)
        self._last: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)
        self._blocks: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

    def add(self, name: str, backorder_id: str, quantity: int, still_waiting: int) -> None:
        entries = self._last[name]
        entries.append((backorder_id, quantity, still_waiting))
        if len(entries) == BLOCK:
            start = self._file.seek(0, 2)
            self._blocks[name].append((start, self._file.write(json.dumps(entries).encode())))
            entries.clear()

    def of(self, name: str) -> "Allocations":
        return Allocations(self, name)

    def count(self, name: str) -> int:
        return len(self._blocks[name]) * BLOCK + len(self._last[name])

    def read(self, name: str) -> Iterator[Allocation]:
        for start, size in self._blocks[name]:
            self._file.seek(start)
            yield from (Allocation(*entry) for entry in json.loads(self._file.read(size)))
        yield from (Allocation(*entry) for entry in self._last[name])


class Allocations(Collection[Allocation]):
    """One of the lists, the oldest order first."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger, self._name = ledger, name

    def __len__(self) -> int:
        return self._ledger.count(self._name)

    def __iter__(self) -> Iterator[Allocation]:
        return self._ledger.read(self._name)

    def __contains__(self, entry: object) -> bool:
        return any(entry == mine for mine in self)
