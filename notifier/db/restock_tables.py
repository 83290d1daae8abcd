"""The tables of goods that arrived for very many orders: how far they are handed out, and who got some."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from notifier.db.columns import time_column


class Restock(SQLModel, table=True):
    """Units of a SKU that are handed out in chunks: it goes on where it stopped, whoever stopped it.

    `left`, `each` and `extra` are the `domain.supply.Pile` at the place in the queue up to which it has gone: the order
    of `cursor`, placed at `cursor_at`. `passes` counts how often it went along the queue, this time included; 0 before
    its turn comes. `total` orders get units as far as could be foreseen, `done` have got theirs. `at` is when the goods
    arrived, by the shipment `shipment_id` if one was announced.
    """

    __table_args__ = (
        Index("restock_open", "finished_at", "id"),
        Index("restock_of_sku", "store_id", "sku", "id"),
        Index("restock_of_shipment", "shipment_id", "id"),
        CheckConstraint('quantity > 0 AND "left" >= 0 AND "left" <= quantity', name="restock_counts"),
    )

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    shipment_id: str | None = None
    sku: str
    rule: str
    quantity: int
    at: datetime = time_column()
    total: int
    done: int = 0
    left: int
    each: int | None = None
    extra: int = 0
    passes: int = 0
    cursor_at: datetime | None = time_column(null=True)
    cursor: str = ""
    finished_at: datetime | None = time_column(null=True)


class RestockShare(SQLModel, table=True):
    """What an order got of it: number `place`, the oldest order first."""

    __tablename__ = "restock_share"
    __table_args__ = (
        Index("restock_share_of_backorder", "backorder_id"),
        CheckConstraint("units > 0 AND still_waiting >= 0", name="restock_share_counts"),
    )

    restock_id: str = Field(primary_key=True, foreign_key="restock.id")
    place: int = Field(primary_key=True)
    store_id: str
    backorder_id: str
    units: int
    still_waiting: int
