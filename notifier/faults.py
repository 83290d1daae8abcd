"""What is wrong with what came in, in plain words, and where."""

import re
from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from notifier.errors import Fault

_DEEPER = re.compile(r"Value error, (?P<path>[a-z_]+(/\d+/[a-z_]+)?): ")
"""How a check of the whole says which part of it is wrong."""

_PLAINER = {
    "Field required": "is required",
    "Extra inputs are not permitted": "there is no such field",
}


def faults(error: ValidationError, within: tuple[str | int, ...] = ()) -> tuple[Fault, ...]:
    """A validation error as faults, pointing into the document that has the checked value at `within`."""
    return tuple(
        fault((*within, *item["loc"]), item["msg"], item["input"])
        for item in error.errors(include_url=False, include_context=False)
    )


def fault(path: Sequence[str | int], message: str, value: object) -> Fault:
    """What is wrong with `value`, which stands at `path`; a check of the whole may point deeper."""
    if list(path[-1:]) == ["[key]"]:  # so pydantic marks that a key, and not what stands at it, is wrong
        path = path[:-1]
    if deeper := _DEEPER.match(message):
        return Fault(pointer((*path, *deeper["path"].split("/"))), message[deeper.end() :])
    return Fault(pointer(path), in_words(message, value))


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def in_words(message: str, value: object) -> str:
    """What is wrong, with the value where that is short: `Input should be less than 10, not 12`."""
    said = _PLAINER.get(message, message.removeprefix("Value error, "))
    if said.startswith("Input should be a valid dictionary or"):
        said = "Input should be an object"
    short = value is None or (isinstance(value, str | int | float) and len(repr(value)) <= 60)
    return f"{said}, not {value!r}" if short and said.startswith(("Input should", "String should")) else said
