"""The tables of what shop platforms tell: their deliveries, their orders, and the dates of whole SKUs."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from notifier.db.columns import Json, time_column


class ShopEvent(SQLModel, table=True):
    """A delivery of a platform, once per its id however often it comes, and what became of it.

    It holds nothing of the customer. `waiting` ones are fetched from the platform at `attempt_at`; `tries` counts how
    often it came or was fetched.
    """

    __tablename__ = "shop_event"
    __table_args__ = (
        UniqueConstraint("store_id", "platform", "delivery_id"),
        Index("shop_event_of_store", "store_id", "id"),
        Index("shop_event_made", "received_at"),
        Index("shop_event_to_fetch", "attempt_at", sqlite_where=text("attempt_at IS NOT NULL"),
              postgresql_where=text("attempt_at IS NOT NULL")),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    platform: str
    delivery_id: str
    topic: str
    ref: str | None = None
    order_id: str | None = None
    outcome: str
    detail: str
    received_at: datetime = time_column()
    tries: int = 1
    attempt_at: datetime | None = time_column(null=True)


class ShopOrderRow(SQLModel, table=True):
    """An order of a platform, as far as it was told of. `ref` is the platform's id for it.

    `seen_at` is when the newest word of the whole order was written there, None where only parts were told: those are
    in `held` until it comes. `done` names the parcels and refunds that were taken up. `buyer` is a digest of the
    customer's details as the shop last had them. `ours` are the SKUs of the lines that are of its backorder, by the
    platform's ids of those; `whole` where these are all that the order has. `others` are the ids of the lines that were
    looked at and are none of it; None where that was not noted yet.
    `backorder_id` is None while nothing of it is a backorder.
    """

    __tablename__ = "shop_order"
    __table_args__ = (
        Index("shop_order_of_backorder", "backorder_id"),
        Index("shop_order_told", "told_at"),
    )

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    platform: str = Field(primary_key=True)
    ref: str = Field(primary_key=True)
    backorder_id: str | None = None
    told_at: datetime = time_column()
    seen_at: datetime | None = time_column(null=True)
    buyer: str | None = None
    whole: bool = False
    ours: dict[str, str] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'"))
    )
    others: list[str] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    done: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    held: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))


class SkuEstimate(SQLModel, table=True):
    """The date that a store last gave for a whole SKU, for the orders that shops tell of later.

    It ends when units arrive that nobody waits for.
    """

    __tablename__ = "sku_estimate"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    sku: str = Field(primary_key=True)
    eta: date | None = None
    eta_earliest: date | None = None
    reason: str | None = None
    at: datetime = time_column()
