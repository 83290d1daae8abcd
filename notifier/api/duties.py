"""What the law asks of the store, by when."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from notifier import duties, fields, inputs, settling
from notifier.api import examples, shapes, views
from notifier.api.backorders import CHANGES, as_it_stands
from notifier.api.deps import After, Answer, CallDep, Limit, OnceDep, Work
from notifier.db.duties import Place, Wanted
from notifier.domain.law.duties import Task

router = APIRouter(prefix="/v1/duties", tags=["duties"])

List = shapes.Page[shapes.Duty]


@router.get("", operation_id="list_duties", response_model=List)
def list_duties(
    call: CallDep,
    duty: Task | None = None,
    sku: fields.Text | None = None,
    backorder_id: fields.Text | None = None,
    due_before: Annotated[date | None, Query(description="Those whose last day is earlier")] = None,
    limit: Limit = 50,
    after: After = None,
) -> List:
    """List what the law asks of the store, the nearest first, what is overdue before all. Filters are joined by "and".

    `notice`: tell the customer of the delay, or ship; `answer`: have the customer's yes, or ship; `cancel`: the law has
    cancelled, take the units off; `refund`: send `amount` back. `due` is the last day.
    """
    filters = {"duty": duty, "sku": sku, "backorder_id": backorder_id, "due_before": due_before}
    place = call.read_cursor(filters, after)
    wanted = Wanted((duty,) if duty else tuple(Task), sku, backorder_id, due_before)
    with call.reading() as work:
        found = duties.listed(
            work.session,
            work.store.id,
            wanted,
            work.now,
            after=Place.read(place) if place else None,
            limit=limit + 1,
        )
    shown = found[:limit]
    following = call.cursor(filters, str(shown[-1].place)) if len(found) > limit else None
    return List(data=[views.duty(item) for item in shown], next=following)


@router.post("/done", operation_id="call_duty_done", response_model=shapes.Backorder, responses=CHANGES)
def call_duty_done(
    new: Annotated[inputs.NewSettlement, Body(examples=[examples.SETTLEMENT])], once: OnceDep
) -> Response:
    """Say that a `cancel` or `refund` is done though nothing here shows it, and how. Answers the order as it stands.

    A refund that was sent is better reported to the order's own `/refunds`: its customer is told.
    """

    def settle(work: Work) -> Answer:
        settling.call_done(work.session, work.store.id, new, work.now)
        return 200, as_it_stands(work, new.backorder_id)

    return once.answer(settle)
