"""Working one ahead: the next of several things is made while the last is still being worked off."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def one_ahead(made: Iterator[_T]) -> Generator[_T, None, None]:
    """What `made` brings, made in a thread of its own, at most one more than was asked for.

    So what waits for the database in there, or out here, keeps the other from nothing.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as other:
        coming = other.submit(lambda: next(made, None))
        while (value := coming.result()) is not None:
            coming = other.submit(lambda: next(made, None))
            yield value
