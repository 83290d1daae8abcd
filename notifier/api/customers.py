"""What a customer may ask of a store: their data, and to be forgotten. No address ever stands in a path."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Response
from pydantic import EmailStr, Field

from notifier import inputs, privacy
from notifier.api import examples
from notifier.api.deps import CallDep
from notifier.api.problems import declared
from notifier.api.shapes import Shape

router = APIRouter(prefix="/v1/customers", tags=["customers"])

Part = dict[str, Any]


class CustomerAddress(inputs.Input):
    """Whom it is about."""

    email: EmailStr


class CustomerErasure(CustomerAddress):
    """Whom to forget. `open_orders`: what becomes of orders that still wait."""

    open_orders: Annotated[
        Literal["refuse", "stop"],
        Field(description="`stop` ends their emails: the store tells the customer itself from now on"),
    ] = "refuse"


class CustomerExport(Shape):
    """All that is kept of an address in this store; empty lists where nothing is."""

    format: Literal["notifier-customer/1"]
    address: str
    made_at: datetime
    store: Part
    orders: list[Part] = Field(
        description="Each with its lines, what happened, and every email with its words"
    )
    emails_of_other_orders: list[Part] = Field(description="That went to this address when it was an order's")
    suppressions: list[Part]
    erased_at: datetime | None = Field(description="When this address was last erased")


class Erasure(Shape):
    """What an erasure did. `pseudonym` stands from now on where the address stood."""

    erased_at: datetime
    pseudonym: str
    orders: int
    messages: int
    again: bool = Field(description="It had been done before, and nothing was left to do")


@router.post(
    "/export",
    operation_id="export_customer",
    response_model=CustomerExport,
    responses=declared(400),
)
def export_customer(
    whom: Annotated[CustomerAddress, Body(examples=[examples.CUSTOMER])], call: CallDep
) -> Response:
    """All that is kept of a customer, to hand to them (GDPR Art. 15 and 20). It changes nothing."""
    secret_key = call.services.settings.secret_key.get_secret_value()
    with call.reading() as work:
        found = privacy.export(work.session, work.store, whom.email, secret_key, work.now)
    headers = {
        "Content-Disposition": 'attachment; filename="customer.json"',
        "Cache-Control": "no-store",
    }
    return Response(json.dumps(found, ensure_ascii=False), media_type="application/json", headers=headers)


@router.post(
    "/erase",
    operation_id="erase_customer",
    response_model=Erasure,
    responses=declared(400, 404, 409),
)
def erase_customer(
    whom: Annotated[CustomerErasure, Body(examples=[examples.ERASURE])], call: CallDep
) -> Erasure:
    """Forget a customer (GDPR Art. 17): address, name and emails go, keyed hashes, times and states stay.

    While an order of theirs waits it is 409, unless `open_orders` is `stop`. To repeat it does no harm.
    """
    secret_key = call.services.settings.secret_key.get_secret_value()
    with call.writing() as work:
        done = privacy.erase(
            work.session,
            work.store.id,
            whom.email,
            secret_key,
            work.now,
            by="api",
            stop_open=whom.open_orders == "stop",
        )
    return Erasure(
        erased_at=done.at,
        pseudonym=done.pseudonym,
        orders=done.orders,
        messages=done.messages,
        again=done.again,
    )
