"""What people hand in, checked: one shape each, shared by the API, CSV import and scenarios.

Unknown fields are refused, not dropped: a misspelt `promissed` must not pass for no promise.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from notifier.addresses import Email
from notifier.domain.eta import Eta
from notifier.domain.message import Scope
from notifier.domain.news import Type
from notifier.domain.order import Choice
from notifier.fields import (
    Country,
    Currency,
    Day,
    LocaleTag,
    LongText,
    Moment,
    Money,
    Text,
    Units,
    Url,
    Words,
    Zone,
)

MAX_LINES = 500
MAX_BATCH = 1000


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WithEta(Input):
    """`eta` null means that nobody can say; `eta_earliest` makes it a range."""

    eta: Day | None = None
    eta_earliest: Day | None = None

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.eta_earliest is not None:
            if self.eta is None:
                raise ValueError("eta_earliest: needs an eta, the last day of the range")
            if self.eta_earliest > self.eta:
                raise ValueError(f"eta_earliest: {self.eta_earliest} lies after eta {self.eta}")
        return self

    @property
    def estimate(self) -> Eta:
        return Eta(self.eta, self.eta_earliest)


class NewRelated(Input):
    name: Text
    url: Url
    image_url: Url | None = None


class NewLine(WithEta):
    sku: Text
    name: Text
    quantity: Units
    unit_price: Money | None = None
    promised: Day | None = None
    essential_date: Annotated[
        bool, Field(strict=True, description="The promised day is what it was bought for, as both sides knew")
    ] = False
    reason: LongText | None = None
    image_url: Url | None = None
    product_url: Url | None = None
    highlights: Annotated[list[LongText], Field(max_length=10)] = []
    related: Annotated[list[NewRelated], Field(max_length=10)] = []


class NewLines(Input):
    """Lines that are added to an order."""

    lines: Annotated[list[NewLine], Field(min_length=1)]


class NewCustomer(Input):
    email: Email
    name: Words = ""
    locale: LocaleTag | None = None
    timezone: Zone | None = None
    country: Country | None = None


CardMonth = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{3}-(0[1-9]|1[0-2])$")]
"""The month in which a card runs out, with its last day: 2026-12."""


class Payment(Input):
    """How the order is paid. `paid` and `shipping` are in the order's currency and tell what a refund comes to."""

    expires: CardMonth | None = None
    update_url: Url | None = None
    paid: Annotated[
        Money | None, Field(description='Goods, tax, shipping and insurance; "0" when nothing is charged yet')
    ] = None
    shipping: Annotated[
        Money | None, Field(description="The part of it that was for shipping and insurance")
    ] = None
    seller_credit: Annotated[
        bool, Field(strict=True, description="The store itself is the creditor: its own card or account")
    ] = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.update_url is not None and self.expires is None:
            raise ValueError("expires: is needed where there is an update_url, like '2026-12'")
        if self.paid is not None and self.shipping is not None and self.shipping > self.paid:
            raise ValueError(f"shipping: {self.shipping} is more than {self.paid}, all that was paid")
        return self


class PaymentChange(Input):
    """The card that the order is paid with now; what is left out stays, and without `expires` none runs out."""

    expires: CardMonth | None = None
    update_url: Url | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to change; send expires, update_url, or both")
        return self


class NewBackorder(Input):
    """An order with at least one line that the shop does not have yet."""

    order_id: Text
    placed_at: Moment | None = None
    currency: Currency | None = None
    order_url: Url | None = None
    customer: NewCustomer
    payment: Payment | None = None
    lines: Annotated[list[NewLine], Field(min_length=1, max_length=MAX_LINES)]

    @model_validator(mode="after")
    def _each_sku_once(self) -> Self:
        seen: set[str] = set()
        for number, line in enumerate(self.lines):
            if line.sku in seen:
                raise ValueError(
                    f"lines/{number}/sku: {line.sku!r} stands twice; add the quantities up in one line"
                )
            seen.add(line.sku)
        if self.currency is None and any(line.unit_price is not None for line in self.lines):
            raise ValueError("currency: is needed where a line has a unit_price, like 'USD'")
        if self.currency is None and self.payment and (self.payment.paid or self.payment.shipping):
            raise ValueError("currency: is needed where payment says how much, like 'USD'")
        return self


class EtaChange(WithEta):
    """The new estimate of one SKU, within one order."""

    sku: Text
    eta: Day | None = Field(...)
    reason: LongText | None = None


class CustomerChange(Input):
    """Customer details to change; what is left out stays."""

    email: Email | None = None
    name: Words | None = None
    locale: LocaleTag | None = None
    timezone: Zone | None = None
    country: Country | None = None


class BackorderChange(Input):
    customer: CustomerChange | None = None
    payment: PaymentChange | None = None
    lines: Annotated[list[EtaChange], Field(min_length=1, max_length=MAX_LINES)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.customer is None and self.payment is None and self.lines is None:
            raise ValueError("nothing to change; send customer, payment, lines, or more than one")
        seen: set[str] = set()
        for number, line in enumerate(self.lines or ()):
            if line.sku in seen:
                raise ValueError(f"lines/{number}/sku: {line.sku!r} stands twice; one estimate each")
            seen.add(line.sku)
        return self


class SkuEta(WithEta):
    """The new estimate of one SKU, for every order that waits for it."""

    eta: Day | None = Field(...)
    reason: LongText | None = None
    dry_run: bool = False
    confirm: bool = False
    """The second yes, for a change that would send more than `max_messages_per_change`."""


class ShippedLine(Input):
    sku: Text
    quantity: Units


class NewShipment(Input):
    """What the carrier took; no `lines` means all that is left."""

    lines: Annotated[list[ShippedLine], Field(min_length=1, max_length=MAX_LINES)] | None = None
    carrier: Words = ""
    tracking_number: Words = ""
    tracking_url: Url | None = None
    shipped_at: Moment | None = None


class CancelledLine(Input):
    sku: Text
    quantity: Units | None = None


class NewCancellation(Input):
    """No `lines` means all that is left; no `quantity` means all that is left of the line."""

    reason: LongText | None = None
    lines: Annotated[list[CancelledLine], Field(min_length=1, max_length=MAX_LINES)] | None = None
    by: Literal["store", "customer"] = "store"


class NewRevocation(Input):
    """Why the links to an order's page are ended."""

    reason: LongText | None = None


class NewSuppression(Input):
    """An address that must get no mail, or, with `waiting`, no countdowns."""

    address: Email
    scope: Scope = Scope.ALL
    reason: Text = "the store wishes so"


class NewEndpoint(Input):
    """Where the store is told what happened. No `events` means every type, those to come included."""

    url: Url
    events: Annotated[list[Type], Field(min_length=1, max_length=100)] | None = None
    description: LongText = ""


class EndpointChange(Input):
    """What to change of an endpoint; what is left out stays."""

    url: Url | None = None
    events: Annotated[list[Type], Field(min_length=1, max_length=100)] | None = None
    description: LongText | None = None


class NewRefund(Input):
    """Money that the store has sent back; `method` is told to the customer: "Visa ending 4242"."""

    amount: Annotated[Money, Field(gt=0)]
    currency: Currency
    refunded_at: Moment | None = None
    method: Words = ""


class NewSettlement(Input):
    """A person says that a duty of the law is done, and how: what the engine can't see."""

    backorder_id: Text
    sku: Text
    duty: Literal["cancel", "refund"]
    reason: Annotated[Text, Field(description="Kept for good: how it was done")]


class NewAnswer(Input):
    """What the customer chose. With "keep": `further`, to any later delay as well, where the notice asked for that;
    `extra_until`, the last day of the additional period that a consumer in the EU grants."""

    answer: Choice
    skus: list[Text] | None = None
    further: Annotated[bool, Field(strict=True)] = False
    extra_until: Day | None = None

    @model_validator(mode="after")
    def _only_of_a_keep(self) -> Self:
        if self.answer is not Choice.KEEP and (self.further or self.extra_until):
            raise ValueError("answer: must be 'keep' where further or extra_until say for how long")
        return self


class NewRestock(Input):
    sku: Text
    quantity: Units
    rule: Literal["fifo", "fair"] = "fifo"
    dry_run: bool = False


class NewStoreInput(Input):
    name: Text
    timezone: Zone = "UTC"
    locale: LocaleTag = "en"
    country: Country | None = None
