"""What the law asks of a store, from the days that planning has written to the lines."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from heapq import merge
from itertools import islice

from sqlalchemy import func
from sqlmodel import Session, col, select

from notifier.db.tables import Backorder, BackorderLine
from notifier.domain.law.duties import Task, shown_until

LAPSE_BY = "lapse_by"
DAYS = {
    Task.NOTICE: ("notice_by", LAPSE_BY),
    Task.ANSWER: ("answer_by",),
    Task.CANCEL: ("cancel_by",),
    Task.REFUND: ("refund_by",),
}
"""The columns with the last days of each duty."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A duty's place in the list: the nearest first, then the older line, then as duties arise."""

    due: date
    line_id: str
    task: int

    @classmethod
    def of(cls, due: date, line_id: str, task: Task) -> "Place":
        return cls(due, line_id, list(Task).index(task))

    @classmethod
    def read(cls, text: str) -> "Place":
        due, line_id, task = text.split(" ")
        return cls(date.fromisoformat(due), line_id, int(task))

    def __str__(self) -> str:
        return f"{self.due.isoformat()} {self.line_id} {self.task}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which duties to list; None for all. `due_before`: those whose day is earlier."""

    tasks: Collection[Task] = tuple(Task)
    sku: str | None = None
    backorder_id: str | None = None
    due_before: date | None = None


@dataclass(frozen=True, slots=True)
class Row:
    place: Place
    task: Task
    backorder_id: str
    sku: str


def rows(
    session: Session,
    store_id: str,
    wanted: Wanted,
    *,
    now: datetime,
    after: Place | None = None,
    without: Collection[str] = (),
    limit: int,
) -> list[Row]:
    """The store's duties as they were when last planned, nearest first, but for orders `without`.

    One index each is read from where the list goes on, and no further than it is asked for.
    """
    found = [
        _of_day(session, store_id, wanted, task, name, now, after, without, limit)
        for task in wanted.tasks
        for name in DAYS[task]
    ]
    return list(islice(merge(*found, key=lambda row: row.place), limit))


def _of_day(
    session: Session,
    store_id: str,
    wanted: Wanted,
    task: Task,
    name: str,
    now: datetime,
    after: Place | None,
    without: Collection[str],
    limit: int,
) -> list[Row]:
    day = col(getattr(BackorderLine, name))
    query = select(day, BackorderLine.id, BackorderLine.backorder_id, BackorderLine.sku).where(
        BackorderLine.store_id == store_id, day.is_not(None)
    )
    if name == LAPSE_BY:
        query = query.where(day <= shown_until(now))
    if wanted.sku is not None:
        query = query.where(BackorderLine.sku == wanted.sku)
    if wanted.backorder_id is not None:
        query = query.where(BackorderLine.backorder_id == wanted.backorder_id)
    if wanted.due_before is not None:
        query = query.where(day < wanted.due_before)
    if without:
        query = query.where(col(BackorderLine.backorder_id).not_in(without))
    if after is not None:
        line_id = col(BackorderLine.id)
        query = query.where(day >= after.due, (day > after.due) | (line_id >= after.line_id))
    # One more, as the first may be the very duty that the list stands on.
    found = session.exec(query.order_by(day, col(BackorderLine.id)).limit(limit + 1))
    listed = [Row(Place.of(due, id_, task), task, order, of) for due, id_, order, of in found]
    return [row for row in listed if after is None or row.place > after]


def to_look_at(session: Session, store_id: str, now: datetime, limit: int) -> list[str]:
    """Orders of which time has changed something that planning has not written yet."""
    # Not the bare store, by whose index SQLite would read every order of it: those whose time has come are few.
    store = func.coalesce(Backorder.store_id, "")
    query = (
        select(Backorder.id)
        .where(store == store_id, col(Backorder.replan_at) <= now)
        .order_by(col(Backorder.replan_at))
        .limit(limit)
    )
    return list(session.exec(query))


def count_overdue(session: Session, today: date, store_id: str | None = None) -> dict[Task, int]:
    """How many duties had their last day before `today`, of one store or of all together.

    A line that merely has not shipped has another duty from then on.
    """
    return {
        task: sum(_count(session, name, today, store_id) for name in DAYS[task] if name != LAPSE_BY)
        for task in Task
    }


def count_near(session: Session, store_id: str, now: datetime) -> int:
    """How many of a store's duties fall due today or tomorrow, or should have before."""
    return sum(_count(session, name, shown_until(now), store_id) for names in DAYS.values() for name in names)


def _count(session: Session, name: str, before: date, store_id: str | None) -> int:
    day = col(getattr(BackorderLine, name))
    query = select(func.count()).select_from(BackorderLine).where(day.is_not(None), day < before)
    if store_id is not None:
        query = query.where(BackorderLine.store_id == store_id)
    return session.exec(query).one()
