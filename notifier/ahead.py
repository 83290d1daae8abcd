"""Working ahead, so that nobody waits for what could be ready; but no further ahead than is of use soon."""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

_T = TypeVar("_T")

LEAD_SECONDS = 0.3
"""For how long what is taken at a time should last: long enough to have the next ready, short beside any lease."""


def one_ahead(made: Iterator[_T]) -> Generator[_T, None, None]:
    """What `made` brings, made in a thread of its own, at most one more than was asked for.

    So what waits for the database in there, or out here, keeps the other from nothing.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as other:
        coming = other.submit(lambda: next(made, None))
        while (value := coming.result()) is not None:
            coming = other.submit(lambda: next(made, None))
            yield value


@dataclass(slots=True)
class Stride:
    """How many are taken at a time, up to `most`: what lasts `LEAD_SECONDS`, as those before have shown."""

    most: int = 100
    size: int = 1

    def over(self, items: Sequence[_T], least: int) -> Iterator[Sequence[_T]]:
        """All of them, at least so many at a time; asked for the next when those before are as good as worked off."""
        start = 0
        while start < len(items):
            self.size = max(self.size, least)
            few = items[start : start + self.size]
            began = perf_counter()
            yield few
            seconds, start = perf_counter() - began, start + len(few)
            if seconds > LEAD_SECONDS:
                self.size = max(self.size // 2, least)
            elif seconds < LEAD_SECONDS / 2 and len(few) == self.size:
                self.size = min(self.size * 2, max(self.most, least))
