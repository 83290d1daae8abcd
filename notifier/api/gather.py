"""Requests that come while a transaction is under way are gathered, and written together by the next one."""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

MOST_AT_ONCE = 100

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Gathered(Generic[Asked, Answered]):
    """Does together what is asked for while it is busy. What is asked for while it rests is done at once, alone.

    `do` is called with all that waits, in a thread, once at a time; it answers each with a value or an error, in order.
    What it raises is every asker's.
    """

    def __init__(self, do: Callable[[Sequence[Asked]], Sequence[Answered | Exception]]) -> None:
        self._do = do
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._at_work: asyncio.Task[None] | None = None

    async def __call__(self, asked: Asked) -> Answered:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answered] = loop.create_future()
        self._waiting.append((asked, answer))
        if self._at_work is None:
            # Its own context: what it logs belongs to no one request.
            self._at_work = loop.create_task(self._work(), context=Context())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                for (_, future), answer in zip(group, await self._answers(group), strict=True):
                    if future.cancelled():  # whoever asked is gone
                        continue
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
        finally:
            self._at_work = None

    async def _answers(
        self, group: list[tuple[Asked, asyncio.Future[Answered]]]
    ) -> Sequence[Answered | Exception]:
        try:
            return await run_in_threadpool(self._do, [asked for asked, _ in group])
        except Exception as error:  # noqa: BLE001  each asker raises it
            return [error] * len(group)
