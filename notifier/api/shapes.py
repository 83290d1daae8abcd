"""What the API answers. Times are in UTC, ETAs are dates, money is a decimal string."""

from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from notifier.api.date_shapes import DateAdvice
from notifier.api.problems import Problem, is_false, is_none
from notifier.domain.law.duties import Task
from notifier.domain.message import Kind, Scope, Status
from notifier.domain.news import Type
from notifier.domain.order import OrderStatus

T = TypeVar("T")


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Page(Shape, Generic[T]):
    """A part of a list, newest first."""

    data: list[T]
    next: str | None = Field(description="`after` of the next page; null when this is the last")


# --- messages --------------------------------------------------------------------------------------------


class Message(Shape):
    """One email, past or planned."""

    id: str
    backorder_id: str
    kind: Kind
    status: Status
    reason: str | None = Field(description="Why it is in this status")
    due_at: datetime
    expires_at: datetime = Field(description="After this it would no longer be true, and is not sent")
    sent_at: datetime | None
    to: str
    subject: str | None = Field(description="As sent; null until then")
    provider: str | None
    provider_ref: str | None = Field(description="The mail service's own name for it")
    attempts: int
    template_version: str | None
    lines: list[str] = Field(description="The SKUs that it speaks of")


class MessageInFull(Message):
    """One email with its words: as sent, or, with `as_sent` false, as they would be now."""

    as_sent: bool
    html: str | None = Field(description="Null when it does not render, or was sent too long ago to be kept")
    text: str | None
    fault: str | None = Field(description="Why it does not render")


# --- backorders ------------------------------------------------------------------------------------------


class RelatedItem(Shape):
    name: str
    url: str
    image_url: str | None


class BackorderLine(Shape):
    """One SKU of an order: `quantity` units, of which some have `shipped`, are `cancelled` or `allocated`."""

    sku: str
    name: str
    quantity: int
    unit_price: str | None
    eta: date | None = Field(description="When it is expected to ship now; null when nobody can say")
    eta_earliest: date | None
    promised: date | None = Field(description="The ship date shown at checkout")
    essential_date: bool = Field(False, exclude_if=is_false)
    reason: str | None
    image_url: str | None
    product_url: str | None
    highlights: list[str]
    related: list[RelatedItem]
    shipped: int
    cancelled: int
    allocated: int = Field(description="Units in stock, set aside for this order, not shipped yet")
    law_state: str = Field(description="Where the line stands in the law on late orders")
    answer_by: date | None = Field(description="The last day on which the customer's answer counts")


class BackorderCustomer(Shape):
    email: str
    name: str
    locale: str
    timezone: str
    country: str | None


class CardPayment(Shape):
    expires: str | None = None
    update_url: str | None = None
    paid: str | None = Field(None, exclude_if=is_none)
    shipping: str | None = Field(None, exclude_if=is_none)
    seller_credit: bool = Field(False, exclude_if=is_false)


class Units(Shape):
    sku: str
    quantity: int


class Shipment(Shape):
    id: str
    shipped_at: datetime
    carrier: str
    tracking_number: str
    tracking_url: str | None
    lines: list[Units]


class Cancellation(Shape):
    id: str
    cancelled_at: datetime
    by: str
    reason: str | None
    lines: list[Units]


class Refund(Shape):
    amount: str
    currency: str
    refunded_at: datetime


class Backorder(Shape):
    """A backorder as it stands, with all its emails."""

    id: str
    order_id: str
    status: OrderStatus
    placed_at: datetime
    registered_at: datetime
    currency: str | None
    order_url: str | None
    status_url: str = Field(description="The customer's own page: a link that opens it for a year")
    customer: BackorderCustomer
    payment: CardPayment | None
    unsubscribed: bool = Field(description="The customer wants no countdown emails")
    lines: list[BackorderLine]
    shipments: list[Shipment]
    cancellations: list[Cancellation]
    refunds: list[Refund]
    messages: list[Message] = Field(description="Past and planned, in the order in which they are due")
    advice: list[DateAdvice] | None = Field(
        None,
        description="Only in the answer to dates that were entered, and only where history contradicts one",
        exclude_if=is_none,
    )


class BatchEntry(Shape):
    """What became of one entry: `backorder` where the status is 200 or 201, else `problem`."""

    status: int
    backorder: Backorder | None = Field(None, exclude_if=is_none)
    problem: Problem | None = Field(None, exclude_if=is_none)


class BatchResult(Shape):
    results: list[BatchEntry] = Field(description="One for each entry, in the same order")


# --- the timeline ----------------------------------------------------------------------------------------


class Event(Shape):
    """One thing that happened, or is planned to. `what` is a kind of fact, or `message_` and a status."""

    at: datetime
    what: str
    why: str
    future: bool
    kind: Kind | None = Field(description="Of the message that it is about, if any")
    message_id: str | None
    data: dict[str, Any] | None = Field(description="What the fact holds, if it is one")


class Timeline(Shape):
    """The whole story of an order, oldest first."""

    data: list[Event]
    next: None = Field(None, description="Always null: a timeline is answered whole")


class Amount(Shape):
    amount: str
    currency: str


# --- what comes back -------------------------------------------------------------------------------------


class Suppression(Shape):
    """An address that must not get mail: none at all, or, with `waiting`, no countdowns."""

    id: str
    address: str = Field(description="In lower case; case makes no difference")
    scope: Scope
    reason: str
    source: str = Field(description="Who asked for it: a mail service, `customer`, `api` or `console`")
    created_at: datetime


class Kept(Shape):
    """What became of a delivery of events."""

    kept: int = Field(description="Reports of the store's emails that were not known yet")


# --- the law ---------------------------------------------------------------------------------------------


class Duty(Shape):
    """What the law asks of the store for one line, by the end of the day `due`."""

    backorder_id: str
    order_id: str
    sku: str
    duty: Task
    due: date
    ends_at: datetime = Field(description="When that day ends first, with the customer or with the store")
    overdue: bool
    amount: str | None = Field(
        description="What the refund comes to; null for other duties, or where no price tells"
    )
    currency: str | None = Field(description="Of the amount")


# --- webhook endpoints ------------------------------------------------------------------------------------


class WebhookEndpoint(Shape):
    """Where the store is told what happened. Its secret is shown only when it is made."""

    id: str
    url: str
    events: list[Type] = Field(description="What it is told; where none were named, every type that there is")
    description: str
    status: Literal["active", "paused"] = Field(
        description="`paused`: it failed for five days, or said 410 Gone; events are held until it is resumed"
    )
    failing_since: datetime | None = Field(description="Null while it takes what it is told")
    last_error: str | None
    created_at: datetime


class WebhookEndpointWithSecret(WebhookEndpoint):
    """The same, this once with its secret."""

    secret: str = Field(description="Verify webhooks with it, as Standard Webhooks does")


class WebhookTry(Shape):
    """One POST: `status` is the answer's, null where none came; `error` is null when it was taken."""

    at: datetime
    status: int | None
    error: str | None
    seconds: float


class WebhookDelivery(Shape):
    """One event on its way to one endpoint."""

    id: str
    event_id: str = Field(description="The header `webhook-id`: the same each time it is posted")
    type: Type
    status: Literal["pending", "held", "delivered", "failed"] = Field(
        description="`held`: goes when its endpoint is resumed; `failed`: tried for three days, and no more"
    )
    attempts: int
    next_attempt_at: datetime | None = Field(description="Of one that is `pending`")
    response_status: int | None = Field(description="Of the last answer")
    error: str | None = Field(description="Why the last try failed")
    created_at: datetime
    settled_at: datetime | None
    tries: list[WebhookTry] = Field(description="The last ten, oldest first")
    payload: dict[str, Any] = Field(description="What is posted")
