"""Emails, past and planned: listed, read as they were or would be, and put right by hand."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from notifier import fields, inputs
from notifier.api import examples, shapes, views
from notifier.api.deps import After, Answer, CallDep, Id, Limit, OnceDep, Work
from notifier.api.problems import declared
from notifier.api.words import as_now, as_sent
from notifier.db import facts, outbox, queries
from notifier.db.codec import says_from_json
from notifier.db.tables import MessageRow
from notifier.domain.message import Kind, Status
from notifier.errors import NotFound
from notifier.progress import as_it_goes
from notifier.resolving import Action, resolve

router = APIRouter(prefix="/v1/messages", tags=["messages"])

BackorderId = Annotated[str, Query(max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


class Resolution(inputs.Input):
    """`resend` sends it again, `mark_sent` counts it as sent, `drop` gives it up."""

    action: Action


@router.get("", operation_id="list_messages", response_model=shapes.Page[shapes.Message])
def list_messages(
    call: CallDep,
    status: Status | None = None,
    kind: Kind | None = None,
    backorder_id: BackorderId | None = None,
    due_before: fields.Moment | None = None,
    limit: Limit = 50,
    after: After = None,
) -> shapes.Page[shapes.Message]:
    """List emails, the newest made first. Filters are joined by "and"."""
    filters = {"status": status, "kind": kind, "backorder_id": backorder_id}
    asked = filters | {"due_before": due_before}
    place = call.read_cursor(asked, after)
    with call.reading() as work:
        found = queries.messages(
            work.session, work.store.id, **filters, due_before=due_before, after=place, limit=limit + 1
        )
        shown = _shown(work, found[:limit])
    following = call.cursor(asked, shown[-1].id) if len(found) > limit else None
    return shapes.Page(data=shown, next=following)


@router.get(
    "/{message_id}",
    operation_id="get_message",
    response_model=shapes.MessageInFull,
    responses=declared(404),
)
def get_message(message_id: Id, call: CallDep) -> shapes.MessageInFull:
    """One email with its words: as sent, or, where it has not left, as they would be now."""
    with call.reading() as work:
        row = _row(work, message_id)
        order = facts.load(work.session, [row.backorder_id])[row.backorder_id]
        content = outbox.content(work.session, row.id)
        head = _shown(work, [row])[0]
        says = as_it_goes(work.session, order, Kind(row.kind), says_from_json(row.says))
    left = row.sent_at is not None and row.status != Status.PLANNED
    words = (
        as_sent(content)
        if left
        else as_now(call.services.post, order, Kind(row.kind), says, row.about, call.now)
    )
    return shapes.MessageInFull(
        **head.model_dump(exclude={"subject"}),
        subject=words.subject or row.subject,
        as_sent=left,
        html=words.html,
        text=words.text,
        fault=words.fault,
    )


@router.post(
    "/{message_id}/resolve",
    operation_id="resolve_message",
    response_model=shapes.Message,
    responses=declared(400, 404, 409),
)
def resolve_message(
    message_id: Id, wanted: Annotated[Resolution, Body(examples=[examples.RESOLUTION])], once: OnceDep
) -> Response:
    """Say what became of an email that failed, or of which nobody knows; any other is 409."""

    def decide(work: Work) -> Answer:
        resolve(work.session, work.store.id, message_id, wanted.action, work.now)
        work.session.expire_all()
        return 200, _shown(work, [_row(work, message_id)])[0]

    return once.answer(decide)


def _row(work: Work, message_id: str) -> MessageRow:
    row = queries.message(work.session, work.store.id, message_id)
    if row is None:
        raise NotFound(f"there is no message {message_id!r} in this store")
    return row


def _shown(work: Work, rows: list[MessageRow]) -> list[shapes.Message]:
    ids = {row.backorder_id for row in rows}
    emails, skus = queries.addresses(work.session, ids), queries.skus(work.session, ids)
    return [views.message(row, emails[row.backorder_id], skus) for row in rows]
