"""A backorder is facts: what was ordered, promised, expected, shipped, cancelled, answered, refunded, and said.

`Facts` is everything that planning and law look at for one order. It is a value: built by the database
floor, read by pure functions, never changed in place.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.message import TELLS_DATES, Message


class OrderStatus(StrEnum):
    OPEN = "open"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Customer:
    """Who waits. `locale` is a BCP 47 tag, `timezone` an IANA name, `country` an ISO 3166-1 alpha-2 code."""

    email: str
    name: str = ""
    locale: str = "en"
    timezone: str = "UTC"
    country: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class Related:
    """Something else the shop sells that goes with a line."""

    name: str
    url: str
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One SKU of an order. `promised` is what checkout showed (the law's date); `eta` what is expected now.

    `promised` None means that checkout named no date. Quantities are whole units; `unit_price` is in the
    order's currency. `eta_changed_at` is when the present `eta` became known to the store.
    """

    id: str
    sku: str
    name: str
    quantity: int
    eta: Eta
    eta_changed_at: datetime
    promised: date | None = None
    eta_reason: str | None = None
    unit_price: Decimal | None = None
    shipped: int = 0
    cancelled: int = 0
    allocated: int = 0
    image_url: str | None = None
    product_url: str | None = None
    highlights: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    essential_date: bool = False
    """Both knew that it is bought for the promised day, as for a wedding (Directive 2011/83/EU, Art. 18(2))."""
    added_at: datetime | None = None
    """When it was added to an order that had been placed without it; None for what was ordered from the start."""

    @property
    def waiting(self) -> int:
        """Units neither shipped nor cancelled."""
        return self.quantity - self.shipped - self.cancelled

    @property
    def set_aside(self) -> bool:
        """Whether every unit that it waits for is here, set aside for it: what it waits for is its parcel."""
        return 0 < self.waiting <= self.allocated

    @property
    def status(self) -> OrderStatus:
        return _status(self.quantity, self.shipped, self.cancelled)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Units that the carrier took at `at`, by line id; `recorded_at` is when the store told us."""

    id: str
    at: datetime
    recorded_at: datetime
    units: Mapping[str, int]
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str | None = None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Units taken off the order at `at`, by line id; `by` is `store` or `customer`."""

    id: str
    at: datetime
    units: Mapping[str, int]
    by: str = "store"
    reason: str | None = None


class Choice(StrEnum):
    KEEP = "keep"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the customer chose, at `at`, from a form (never from a click on a link alone)."""

    at: datetime
    choice: Choice
    line_ids: tuple[str, ...] = ()
    """The lines it is about; empty means the whole order."""
    further: bool = False
    """With a "keep": the customer agrees to further delay as well, where the notice asked for that."""
    extra_until: date | None = None
    """With a "keep": the last day of the additional period that the customer grants; None for the date told."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that the store says it has sent back, at `at`; `recorded_at` is when the store told us.

    `method` is how, in the store's own words for its customer: "Visa ending 4242".
    """

    at: datetime
    amount: Decimal
    currency: str
    id: str = ""
    recorded_at: datetime | None = None
    method: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """A person of the store called a duty of one line done, at `at`, and said why: the engine could not see it."""

    at: datetime
    duty: str
    line_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Card:
    """The card that an order is to be paid with: good up to `last_day`; `update_url` is where to name another."""

    last_day: date
    update_url: str | None = None


def card(payment: Mapping[str, Any] | None) -> Card | None:
    """The card among how an order is paid, as it was registered; None where no day of its end is known."""
    if not payment or not payment.get("expires"):
        return None
    year, month = map(int, payment["expires"].split("-"))
    return Card(date(year, month, monthrange(year, month)[1]), payment.get("update_url"))


@dataclass(frozen=True)
class Facts:
    """All that is known of one backorder. `messages` are those that exist, in any state, planned ones included."""

    backorder_id: str
    order_id: str
    placed_at: datetime
    registered_at: datetime
    customer: Customer
    lines: tuple[Line, ...]
    store_timezone: str = "UTC"
    currency: str | None = None
    order_url: str | None = None
    seller_credit: bool = False
    """The store itself gave the customer credit for this order (16 CFR 435.2(a)(1))."""
    paid: Decimal | None = None
    """All that the customer paid: goods, tax, shipping, insurance; 0 when nothing was charged, None when not known."""
    shipping_paid: Decimal = Decimal(0)
    """The part of it that was for shipping and insurance."""
    card: Card | None = None
    shipments: tuple[Shipment, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    answers: tuple[Answer, ...] = ()
    refunds: tuple[Refund, ...] = ()
    done: tuple[Done, ...] = ()
    messages: tuple[Message, ...] = ()
    unsubscribed: bool = False
    """The customer wants no waiting-series mail; delay, consent and shipped notices still go."""
    channels: int = 1
    """Through how many mail services the store can send."""
    erased: bool = False
    """Who the customer is was forgotten: nobody can be written to, while the law's clocks run on."""
    version: int = field(default=1, compare=False)
    """Counts the facts of the order; a send is refused when it has moved since the email was rendered."""

    @property
    def status(self) -> OrderStatus:
        return _status(
            sum(line.quantity for line in self.lines),
            sum(line.shipped for line in self.lines),
            sum(line.cancelled for line in self.lines),
        )

    @cached_property
    def waiting_lines(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.waiting > 0)

    @cached_property
    def left(self) -> tuple[Message, ...]:
        """The emails that the customer may have."""
        return tuple(message for message in self.messages if message.may_have_left)

    def ordered_at(self, line: Line) -> datetime:
        """When the customer ordered this line: with the order, or when it was added."""
        return line.added_at or self.placed_at

    def line(self, line_id: str) -> Line:
        """The line of that id; KeyError when the order has none."""
        for line in self.lines:
            if line.id == line_id:
                return line
        raise KeyError(line_id)


def _status(quantity: int, shipped: int, cancelled: int) -> OrderStatus:
    if shipped + cancelled >= quantity:
        return OrderStatus.SHIPPED if shipped else OrderStatus.CANCELLED
    return OrderStatus.PARTLY_SHIPPED if shipped else OrderStatus.OPEN


def told(facts: Facts, line: Line) -> Message | None:
    """The last email that may have left the house and told a date of this line; None when none has."""
    spoken = (m for m in facts.left if m.kind in TELLS_DATES and line.id in m.says)
    return max(spoken, key=lambda m: (left_at(m), m.id), default=None)


def left_at(message: Message) -> datetime:
    """When it left the house, as far as is known."""
    return message.sent_at or message.due_at


def baseline(facts: Facts, line: Line) -> Eta:
    """What the customer believes of this line: what was last told, else what checkout promised."""
    last = told(facts, line)
    if last is not None:
        return last.says[line.id].eta
    return Eta(line.promised) if line.promised else UNKNOWN
