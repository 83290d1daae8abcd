"""Requests that come while a transaction is under way are gathered, and written together by the next one.

Those that are large enough by themselves take turns.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import Context
from threading import Lock
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

MOST_AT_ONCE = 100
MANY = 4
"""From how many answers on it pays to wait a moment for whoever got one to ask again."""
MOMENT = 0.002
"""Seconds; less than a group costs."""

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Waits = Callable[[], None]
"""To be called where from now on little is left to do but to wait."""


class Group(Generic[Asked, Answered]):
    """What is done together."""

    def __init__(self, asked: Sequence[tuple[Asked, asyncio.Future[Answered]]]) -> None:
        self.asked, self.waits = asked, False


class Gathered(Generic[Asked, Answered]):
    """Does together what is asked for while it is busy. What is asked for while it rests is done at once, alone.

    `do` is called with all that waits, in a thread; it answers each with a value or an error, in order. What it raises
    is every asker's. It is called once at a time, but while one call only waits a second may begin, if it has enough to
    do: small groups cost as much as large ones. So those who were just answered, where they were many, have a moment
    in which to ask again, before what waits meanwhile is done without them.
    """

    def __init__(self, do: Callable[[Sequence[Asked], Waits], Sequence[Answered | Exception]]) -> None:
        self._do = do
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._at_work: dict[Group[Asked, Answered], asyncio.Task[None]] = {}
        self._expected = 0
        """How many should wait before the next group begins."""

    async def __call__(self, asked: Asked) -> Answered:
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        self._go_on()
        return await answer

    def _go_on(self) -> None:
        """Begin the next group, if its time has come."""
        if len(self._waiting) < self._expected:
            return
        self._expected = 0
        ahead = list(self._at_work)
        if len(ahead) > 1 or any(not it.waits or 2 * len(self._waiting) < len(it.asked) for it in ahead):
            return
        if self._waiting:
            group = Group(self._waiting[:MOST_AT_ONCE])
            self._waiting = self._waiting[MOST_AT_ONCE:]
            # Its own context: what it logs belongs to no one request.
            self._at_work[group] = asyncio.get_running_loop().create_task(
                self._work(group), context=Context()
            )

    async def _work(self, group: Group[Asked, Answered]) -> None:
        try:
            for (_, future), answer in zip(group.asked, await self._answers(group), strict=True):
                if future.cancelled():  # whoever asked is gone
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        finally:
            del self._at_work[group]
            if len(group.asked) >= max(MANY, len(self._waiting) + 1):
                self._expected = min(len(self._waiting) + len(group.asked), MOST_AT_ONCE)
                asyncio.get_running_loop().call_later(MOMENT, self._expect_no_more)
            else:
                self._go_on()

    def _expect_no_more(self) -> None:
        self._expected = 0
        self._go_on()

    async def _answers(self, group: Group[Asked, Answered]) -> Sequence[Answered | Exception]:
        loop = asyncio.get_running_loop()

        def note() -> None:
            group.waits = True
            self._go_on()

        def waits() -> None:
            loop.call_soon_threadsafe(note)

        try:
            return await run_in_threadpool(self._do, [asked for asked, _ in group.asked], waits)
        except Exception as error:  # noqa: BLE001  each asker raises it
            return [error] * len(group.asked)


class Turns:
    """One thread at a time has its turn; the next one's begins when that has ended, or only waits for the database."""

    def __init__(self) -> None:
        self._turn = Lock()

    @contextmanager
    def one(self) -> Iterator[Waits]:
        """A turn, and what ends it early."""
        with ExitStack() as turn:
            turn.enter_context(self._turn)
            yield turn.close
