"""The tables of goods on their way: shipments, what is in them, and which lines wait for them."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from notifier.db.columns import time_column


class InboundShipment(SQLModel, table=True):
    """Goods that a store expects. `known_at` is since when its present date is known, `staged_at` since when it is
    where it is, if anybody noted that; `content` the digest of what was first handed in, to tell a repeat from a clash.
    `first_eta` is what its supplier named, or else the first date that was named for it on its way: its supplier is
    measured by that.
    """

    __tablename__ = "inbound_shipment"
    __table_args__ = (
        UniqueConstraint("store_id", "reference"),
        Index("inbound_shipment_of_store", "store_id", "id"),
        Index(
            "inbound_shipment_of_supplier",
            "store_id",
            "supplier",
            "first_eta",
            sqlite_where=text("supplier IS NOT NULL"),
            postgresql_where=text("supplier IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    reference: str
    supplier: str | None = None
    stage: str
    staged_at: datetime | None = time_column(null=True)
    eta: date | None = None
    eta_earliest: date | None = None
    first_eta: date | None = None
    reason: str | None = None
    content: str
    known_at: datetime = time_column()
    created_at: datetime = time_column()
    arrived_at: datetime | None = time_column(null=True)


class InboundMove(SQLModel, table=True):
    """A date of a coming shipment became another one, `days` later; both None where nobody could say any more."""

    __tablename__ = "inbound_move"
    __table_args__ = (
        Index("inbound_move_of_store", "store_id", "at"),
        Index("inbound_move_of_shipment", "shipment_id"),
    )

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    shipment_id: str = Field(foreign_key="inbound_shipment.id")
    named: date
    became: date | None = None
    days: int | None = None
    at: datetime = time_column()


class SupplierOutlook(SQLModel, table=True):
    """What the shipments of a supplier that arrived say of its next date: `domain.hindsight.Outlook`, kept so that a
    registration need not work it out. The last six are None while too little is known."""

    __tablename__ = "supplier_outlook"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    supplier: str = Field(primary_key=True)
    observations: int | None = None
    dates: int | None = None
    late: int | None = None
    likely: int | None = None
    safe: int | None = None
    since: date | None = None


class InboundLine(SQLModel, table=True):
    """One SKU of a shipment. `spare` units of it nobody waits for yet; `arrived_at` is the shipment's."""

    __tablename__ = "inbound_line"
    __table_args__ = (
        Index(
            "inbound_line_coming",
            "store_id",
            "sku",
            sqlite_where=text("arrived_at IS NULL"),
            postgresql_where=text("arrived_at IS NULL"),
        ),
        CheckConstraint("quantity > 0 AND spare >= 0 AND spare <= quantity", name="inbound_line_counts"),
    )

    shipment_id: str = Field(primary_key=True, foreign_key="inbound_shipment.id")
    sku: str = Field(primary_key=True)
    store_id: str
    position: int
    quantity: int
    spare: int
    arrived_at: datetime | None = time_column(null=True)


class InboundShare(SQLModel, table=True):
    """Units of a coming shipment that one line of an order waits for. They end when it arrives.

    It refers to its order without a foreign key, so that dealing units out waits for nobody who holds the order.
    """

    __tablename__ = "inbound_share"
    __table_args__ = (
        Index("inbound_share_of_sku", "store_id", "sku", "backorder_id"),
        CheckConstraint("units > 0", name="inbound_share_units"),
    )

    shipment_id: str = Field(primary_key=True, foreign_key="inbound_shipment.id")
    line_id: str = Field(primary_key=True)
    store_id: str
    backorder_id: str
    sku: str
    units: int
    since: datetime = time_column()


class SupplyTodo(SQLModel, table=True):
    """A SKU of which coming units must be dealt out again: orders need less of it, or more.

    Rows are only added by those who report facts, so that nobody waits for whoever is dealing.
    """

    __tablename__ = "supply_todo"
    __table_args__ = (Index("supply_todo_of_sku", "store_id", "sku"),)

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    sku: str
