"""What customers ask for by a shop platform, and what a person of the store does about it."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from notifier import privacy_requests
from notifier.api.deps import After, CallDep, Id, Limit, Work
from notifier.api.problems import declared
from notifier.api.shapes import Page, Shape
from notifier.api.shop_shapes import Which
from notifier.db import privacy_requests as kept
from notifier.db.privacy_tables import PrivacyRequest

router = APIRouter(prefix="/v1/privacy-requests", tags=["customers"])


class PrivacyOrder(Shape):
    """An order of a customer who asks."""

    backorder_id: str
    order_id: str
    waits: bool = Field(description="While it does, nobody is erased")


class PrivacyRequestShape(Shape):
    """What a customer, or a shop platform for all of its customers, asks for."""

    id: str
    platform: Which
    kind: Literal["export", "erase", "erase_shop"] = Field(
        description="`export`: their data, which a person hands to them; `erase`: to be forgotten, which is done by"
        " itself; `erase_shop`: that all customers of the shop are, which is done once a person has said so"
    )
    emails: list[str] = Field(description="Whom it is about, until it is done")
    orders: list[PrivacyOrder] = Field(description="Their orders, until it is done")
    asked_at: datetime
    due_at: datetime
    approved_at: datetime | None = Field(description="When a person said that a shop's customers are to go")
    done_at: datetime | None
    erased: int = Field(description="How many addresses were erased")


class PrivacyAnswer(Shape):
    """A request as it stands after its answer, and what is to be handed to the customer."""

    request: PrivacyRequestShape
    exports: list[dict[str, Any]] = Field(
        description="As `POST /v1/customers/export` answers, for each address"
    )


List = Page[PrivacyRequestShape]


@router.get("", operation_id="list_privacy_requests", response_model=List)
def list_privacy_requests(
    call: CallDep, state: kept.State | None = None, limit: Limit = 50, after: After = None
) -> List:
    """What customers asked for by a shop platform, the newest first: to be `done` within thirty days."""
    place = call.read_cursor({"state": state}, after)
    with call.reading() as work:
        found = kept.find(work.session, work.store.id, state=state, after=place, limit=limit + 1)
        shown = [_shown(work, row) for row in found[:limit]]
    return List(data=shown, next=call.cursor({"state": state}, shown[-1].id) if len(found) > limit else None)


@router.post(
    "/{request_id}/answer",
    operation_id="answer_privacy_request",
    response_model=PrivacyAnswer,
    responses=declared(404),
)
def answer_privacy_request(request_id: Id, call: CallDep, response: Response) -> PrivacyAnswer:
    """See to a request. To repeat it does no harm, and of a request that is done changes nothing.

    `export`: answers the customer's data, to be handed to them, and calls it done. `erase`: erases them now, where none
    of their orders waits. `erase_shop`: workers erase each customer of the shop as soon as none of their orders waits.
    """
    response.headers["Cache-Control"] = "no-store"
    secret_key = call.services.settings.secret_key.get_secret_value()
    with call.writing() as work:
        done = privacy_requests.answer(work.session, work.store, request_id, secret_key, work.now)
        return PrivacyAnswer(request=_shown(work, done.request), exports=done.exports)


def _shown(work: Work, row: PrivacyRequest) -> PrivacyRequestShape:
    orders = kept.orders_of(work.session, work.store.id, row.emails)
    listed = [PrivacyOrder(backorder_id=id_, order_id=name, waits=waits) for id_, name, waits in orders]
    return PrivacyRequestShape.model_validate(row.model_dump() | {"orders": listed})
