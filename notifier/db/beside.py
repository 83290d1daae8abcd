"""Questions asked beside a transaction that only looks: on a connection and in a thread of their own.

So the database works on while its last answer is thought about. That pays where an answer is few large rows: for each
row that SQLite has, its driver asks for the interpreter.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TypeVar

from sqlalchemy import Engine, StaticPool
from sqlmodel import Session

AT_ONCE = 2
"""How many of a process have a second connection at a time: few, so that they can't wait for each other's."""

_SPARE = BoundedSemaphore(AT_ONCE)

About = TypeVar("About")
Answer = TypeVar("Answer")


class Beside:
    """Whom to ask. All answers are of one instant where the database can do that."""

    def __init__(self, session: Session, thread: ThreadPoolExecutor | None) -> None:
        self._session, self._thread = session, thread

    def ask(self, question: Callable[[Session], Answer]) -> Future[Answer]:
        """The answer to be, after those asked for before it."""
        if self._thread is not None:
            return self._thread.submit(question, self._session)
        answer: Future[Answer] = Future()
        answer.set_result(question(self._session))
        return answer


@contextmanager
def beside(session: Session) -> Iterator[Beside]:
    """Somebody to ask meanwhile; within this very session where that may have written, or no connection is to spare."""
    engine = session.get_bind()
    looks = bool(engine.get_execution_options().get("reads_only"))
    if (
        not looks
        or not isinstance(engine, Engine)
        or isinstance(engine.pool, StaticPool)
        or not _SPARE.acquire(blocking=False)
    ):
        yield Beside(session, None)
    else:
        try:
            if engine.dialect.name == "postgresql":
                engine = engine.execution_options(isolation_level="REPEATABLE READ")
            with Session(engine, expire_on_commit=False) as own, ThreadPoolExecutor(1) as thread:
                yield Beside(own, thread)
        finally:
            _SPARE.release()


def ahead(
    asked: Beside, questions: Iterable[tuple[About, Callable[[Session], Answer]]]
) -> Iterator[tuple[About, Answer]]:
    """The answer to each, with what it is about; the next one is asked while this one is thought about."""
    coming: tuple[About, Future[Answer]] | None = None
    for about, question in questions:
        ready, coming = coming, (about, asked.ask(question))
        if ready:
            yield ready[0], ready[1].result()
    if coming:
        yield coming[0], coming[1].result()
