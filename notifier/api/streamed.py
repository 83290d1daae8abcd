"""Answers whose lists are too long to be put together in memory: they leave piece by piece."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson
from fastapi.responses import StreamingResponse

PIECE = 500
"""How many entries of a list leave together."""


class Long:
    """A list that is read entry by entry, as its answer leaves."""

    def __init__(self, entries: Iterable[Mapping[str, Any]]) -> None:
        self.entries = entries


def streamed(body: Mapping[str, Any], status: int = 200) -> StreamingResponse:
    """An answer of JSON values, `Long` lists among them."""
    return StreamingResponse(_joined(body), status, media_type="application/json")


def _joined(value: Any) -> Iterator[bytes]:
    if isinstance(value, Long):
        entries, between = iter(value.entries), b""
        yield b"["
        while piece := list(islice(entries, PIECE)):
            yield between + orjson.dumps(piece)[1:-1]
            between = b","
        yield b"]"
    elif isinstance(value, Mapping):
        yield from _within(b"{}", (b"%s:" % orjson.dumps(name) for name in value), value.values())
    elif isinstance(value, list):
        yield from _within(b"[]", (b"" for _ in value), value)
    else:
        yield orjson.dumps(value)


def _within(brackets: bytes, names: Iterable[bytes], values: Iterable[Any]) -> Iterator[bytes]:
    yield brackets[:1]
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        yield b"," * bool(number) + name
        yield from _joined(value)
    yield brackets[1:]
