"""Shop platforms: what their webhooks say of an order, in words of our own. One file for each platform.

Everything here is pure: the raw body and the headers of a request, as they came, become values. Nothing is looked up
and nothing is decided: which lines are backorders, and what follows, is for `receiving`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

LABELS: Mapping[str, str] = {
    "shopify": "Shopify",
    "woocommerce": "WooCommerce",
    "bigcommerce": "BigCommerce",
}
"""The platforms, and what people call them."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that proved genuine: what it is about, and the id under which the platform sends it again."""

    topic: str
    id: str
    body: bytes = field(repr=False)
    test: bool = False
    """Whether the platform only tries whether somebody listens."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who ordered, as the platform has them; None, or empty, for what it does not say."""

    email: str = ""
    name: str = ""
    locale: str | None = None
    country: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class ShopLine:
    """One line of an order, under the platform's id for it: two lines may have one SKU.

    `waits` is whether its own words say that it is a backorder, None where they say nothing.

    `words` are those words as they stand there: `eta`, `eta_earliest`, `promised`, `reason`. `open` units are neither
    shipped nor taken off the order. `at` is the JSON pointer of the line, `pointers` those of its fields by our names.
    """

    ref: str
    sku: str
    name: str
    quantity: int
    open: int
    at: str
    waits: bool | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    unit_price: str | None = None
    pointers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What left, under the platform's id for it. `units` by the id of their line; None is all that is left."""

    ref: str
    units: Mapping[str, int] | None
    at: datetime | None = None
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str | None = None


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """Money that was sent back, under the platform's id for it; 0 where none was.

    `shares` are the prices of what was refunded, by the id of its line, and under "" that of units that did not wait:
    what part of the money is for which. `units` were taken off the order before they left.
    """

    ref: str
    amount: Decimal
    currency: str
    at: datetime | None = None
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """The whole order is called off; by whom, and why."""

    by: str = "store"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order as it stood at `changed_at`. `ref` is the platform's id of it, `order_id` what its customer calls it."""

    ref: str
    order_id: str
    changed_at: datetime
    placed_at: datetime | None
    buyer: Buyer
    lines: Sequence[ShopLine]
    currency: str | None = None
    order_url: str | None = None
    paid: str | None = None
    shipping: str | None = None
    parcels: Sequence[Parcel] = ()
    refunds: Sequence[MoneyBack] = ()
    ended: Ended | None = None
    not_yet: str | None = None
    """Why nobody waits for it so far, or any more: it is not paid, it is a draft."""
    email_at: str = ""
    """The JSON pointer of the buyer's address."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that happened to an order, without the order itself."""

    ref: str
    parcels: Sequence[Parcel] = ()
    refunds: Sequence[MoneyBack] = ()
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """It tells of nothing that is ours to know, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a customer asks for, or the platform for all of them: their data, or that they be forgotten.

    `kind` is `export`, `erase` or `erase_shop`, `ref` the platform's id of who or what asks. It is about the customer
    of that `email`, empty where none is said, and of these `orders`, by the platform's ids of them.
    """

    kind: str
    ref: str
    email: str = field(default="", repr=False)
    orders: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ToFetch:
    """It only names an order, by the platform's id for it: what it is must be asked for."""

    ref: str


Told = ShopOrder | Part | Nothing
"""What became of an order, or why nothing is to be known."""
