"""Makes the outbox what was planned, and tells when something wants attention next."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, update
from sqlmodel import Session, col, select

from notifier.db import bulk
from notifier.db.account_tables import ProviderAccount
from notifier.db.codec import says_to_json
from notifier.db.ids import new_id
from notifier.db.outbox import TABLE, entry, remember, without_lease
from notifier.db.tables import Backorder, MessageRow
from notifier.domain.message import URGENCY, Draft, Status
from notifier.domain.reconcile import MOVED_WITH_DATE, Changes, Move

ROW = MessageRow


def apply(session: Session, planned: Iterable[tuple[str, str, Changes]], now: datetime) -> None:
    """Make the outbox what was planned: for each (store id, backorder id, changes).

    The orders must be locked by this transaction, so that none of their messages starts to leave meanwhile. A
    message that moves is taken from whoever has claimed it: what was rendered is no longer what is wanted.
    """
    planned = list(planned)
    touched = {move.message.id: before(move) for _, _, changes in planned for move in changes.move}
    touched |= {stop.message.id: stop.message.status for _, _, changes in planned for stop in changes.stop}
    there = _still(session, touched)
    added: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    stopped: defaultdict[tuple[Status, str], list[str]] = defaultdict(list)
    history: list[dict[str, Any]] = []
    for store_id, backorder_id, changes in planned:
        where = {"store_id": store_id, "backorder_id": backorder_id}
        added += [row(new_id("msg"), store_id, backorder_id, draft, now) for draft in changes.add]
        for move in changes.move:
            if move.message.id in there:
                moved.append({"message": move.message.id, **_columns(move.draft)})
                if noted(move):
                    told = where | {"id": move.message.id}
                    history.append(entry(told, now, before(move), Status.PLANNED, move.reason))
        for stop in changes.stop:
            if stop.message.id in there:
                stopped[stop.status, stop.reason].append(stop.message.id)
                told = where | {"id": stop.message.id}
                history.append(entry(told, now, stop.message.status, stop.status, stop.reason))
    if moved:
        again = update(TABLE).where(TABLE.c.id == bindparam("message"))
        session.execute(again.values(without_lease(Status.PLANNED, None)), moved)
    for (status, reason), ids in stopped.items():
        session.execute(update(TABLE).where(TABLE.c.id.in_(ids)).values(without_lease(status, reason)))
    add(session, added)
    remember(session, history)


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add planned messages: rows as `row` makes them."""
    bulk.insert(session, TABLE.name, rows)


def before(move: Move) -> Status:
    """The state that a message is in before it moves."""
    return Status.CANCELLED if move.restored else Status.PLANNED


def noted(move: Move) -> bool:
    """Whether the history keeps it: that a reminder goes along with its date, the fact about that date says."""
    return move.reason != MOVED_WITH_DATE


def _still(session: Session, expected: Mapping[str, Status]) -> set[str]:
    """The ids of those messages that are still in that state, which they then keep until the transaction ends."""
    if not expected:
        return set()
    query = (
        select(TABLE.c.id, TABLE.c.status)
        .where(TABLE.c.id.in_(expected))
        .order_by(TABLE.c.id)
        .with_for_update()
    )
    return {row.id for row in session.execute(query) if row.status == expected[row.id]}


def row(message_id: str, store_id: str, backorder_id: str, draft: Draft, now: datetime) -> dict[str, Any]:
    """A message as it is when it was planned and nothing else has happened to it."""
    return {
        "id": message_id,
        "store_id": store_id,
        "backorder_id": backorder_id,
        "kind": draft.kind.value,
        "urgency": URGENCY[draft.kind],
        "status": Status.PLANNED.value,
        "planned_at": now,
        **_columns(draft),
    }


def _columns(draft: Draft) -> dict[str, Any]:
    return {
        "key": draft.key,
        "due_at": draft.due_at,
        "attempt_at": draft.due_at,
        "attempts": 0,
        "expires_at": draft.expires_at,
        "says": says_to_json(draft.says),
        "about": draft.about,
    }


def next_due(session: Session, after: datetime) -> datetime | None:
    """When, past `after`, a message, an order or a paused account next wants attention; None when none ever will."""
    message = select(func.min(ROW.attempt_at)).where(
        ROW.status == Status.PLANNED.value, ROW.attempt_at > after
    )
    order = select(func.min(Backorder.replan_at)).where(col(Backorder.replan_at) > after)
    pause = select(func.min(ProviderAccount.paused_until)).where(col(ProviderAccount.paused_until) > after)
    times = (session.exec(query).one() for query in (message, order, pause))
    return min((at for at in times if at), default=None)
