"""A plan without the order: what was planned for one, to be written for every order of its shape."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from notifier.db.alike import Sketch
from notifier.db.bulk import insert_stored, stored, update_many
from notifier.db.codec import says_to_json
from notifier.db.facts import LINE_STANDING
from notifier.db.ids import new_id
from notifier.db.planned import before, noted
from notifier.domain.message import URGENCY, Draft, Said, Status
from notifier.domain.reconcile import Changes, Move

ADDED = (
    "id", "store_id", "backorder_id", "says", "planned_at", "key", "kind", "urgency", "status", "due_at", "attempt_at",
    "expires_at", "about", "attempts",
)  # fmt: skip
MOVED = ("says", "key", "due_at", "attempt_at", "expires_at", "about", "id")
RETOLD = ("says", "id")
AGAIN = "status = 'planned', reason = NULL, lease_token = NULL, lease_until = NULL, attempts = 0"
STOPPED = ("status", "reason", "id")
HISTORY = ("id", "store_id", "backorder_id", "message_id", "at", "before", "after", "reason")

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to write for an order: with lines and messages by their position in its sketch, the rest as it is stored.

    `says` are the words of the emails: of each the (line, JSON of what is said of it). `added` are (word, columns);
    `moved` are (message, word, columns or None where only its words are others, history or None) and `stopped`
    (message, columns, history).
    """

    order: Row
    lines: tuple[tuple[int, Row], ...]
    says: tuple[tuple[tuple[int, str], ...], ...]
    added: tuple[tuple[int, Row], ...]
    moved: tuple[tuple[int, int, Row | None, Row | None], ...]
    stopped: tuple[tuple[int, Row, Row], ...]


def pattern(
    session: Session,
    sketch: Sketch,
    changes: Changes,
    whole: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
) -> Pattern:
    """The pattern of what was planned for this order, and of where it and its lines stand."""
    words: dict[tuple[tuple[int, str], ...], int] = {}
    line_at = {id_: position for position, id_ in enumerate(sketch.line_ids)}
    message_at = {id_: position for position, id_ in enumerate(sketch.message_ids)}

    def word(says: Mapping[str, Said]) -> int:
        said = tuple((line_at[id_], json.dumps(it)) for id_, it in says_to_json(says).items())
        return words.setdefault(said, len(words))

    def columns(draft: Draft) -> Row:
        due = stored(session, draft.due_at)
        return due, due, stored(session, draft.expires_at), draft.about

    added = tuple(
        (word(d.says), (d.key, d.kind.value, URGENCY[d.kind], Status.PLANNED.value, *columns(d), 0))
        for d in changes.add
    )
    moved = tuple(
        (
            message_at[it.message.id],
            word(it.draft.says),
            None if _only_retold(it) else (it.draft.key, *columns(it.draft)),
            (before(it).value, Status.PLANNED.value, it.reason) if noted(it) else None,
        )
        for it in changes.move
    )
    stopped = tuple(
        (
            message_at[it.message.id],
            (it.status.value, it.reason),
            (it.message.status.value, it.status.value, it.reason),
        )
        for it in changes.stop
    )
    return Pattern(
        (stored(session, whole["replan_at"]), whole["status"]),
        tuple(
            (line_at[it["id"]], tuple(stored(session, it[name]) for name in LINE_STANDING)) for it in lines
        ),
        tuple(words),
        added,
        moved,
        stopped,
    )


def _only_retold(move: Move) -> bool:
    """Whether nothing of it is looked for by an index. Nobody has claimed the messages of an order with a shape."""
    message, draft = move.message, move.draft
    return (
        not move.restored and replace(message, says=draft.says).same_plan(draft) and message.key == draft.key
    )


def write_alike(session: Session, orders: Sequence[tuple[Sketch, Pattern]], now: datetime) -> None:
    """Write each order's pattern with its own ids, and that its version grew.

    The orders and their messages are locked by this transaction, and as their sketches show them.
    """
    at = stored(session, now)
    wholes: list[Row] = []
    lines: list[Row] = []
    added: list[Row] = []
    moved: list[Row] = []
    restored: list[Row] = []
    retold: list[Row] = []
    stopped: list[Row] = []
    history: list[Row] = []
    for sketch, plan in orders:
        store_id, id_, line_ids, message_ids = sketch.store_id, sketch.id, sketch.line_ids, sketch.message_ids
        wholes.append((*plan.order, id_))
        lines += [(*stands, line_ids[position]) for position, stands in plan.lines]
        says = [
            "{" + ", ".join([f'"{line_ids[position]}": {said}' for position, said in word]) + "}"
            for word in plan.says
        ]
        for word, columns in plan.added:
            added.append((new_id("msg"), store_id, id_, says[word], at, *columns))
        for position, word, elsewhere, change in plan.moved:
            message_id = message_ids[position]
            if elsewhere is None:
                retold.append((says[word], message_id))
            else:
                where = restored if change and change[0] == Status.CANCELLED else moved
                where.append((says[word], *elsewhere, message_id))
            if change:
                history.append((new_id("hist"), store_id, id_, message_id, at, *change))
        for position, columns, change in plan.stopped:
            message_id = message_ids[position]
            stopped.append((*columns, message_id))
            history.append((new_id("hist"), store_id, id_, message_id, at, *change))
    update_many(session, "backorder", ("replan_at", "status", "id"), wholes, "version = version + 1")
    update_many(session, "backorder_line", (*LINE_STANDING, "id"), lines)
    # First, while there is room beside their rows: then PostgreSQL writes to no index for them.
    update_many(session, "message", RETOLD, retold)
    update_many(session, "message", MOVED, moved)  # nobody has claimed these: their state is what it was
    update_many(session, "message", MOVED, restored, AGAIN)
    update_many(session, "message", STOPPED, stopped, "lease_token = NULL, lease_until = NULL")
    insert_stored(session, "message", ADDED, added)
    insert_stored(session, "message_history", HISTORY, history)
