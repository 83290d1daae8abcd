"""Goods that arrived for very many orders, handed out in chunks"""

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
)

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "restock",
        Column("id", String, nullable=False),
        Column("store_id", String, nullable=False),
        Column("shipment_id", String, nullable=True),
        Column("sku", String, nullable=False),
        Column("rule", String, nullable=False),
        Column("quantity", Integer, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("total", Integer, nullable=False),
        Column("done", Integer, nullable=False),
        Column("left", Integer, nullable=False),
        Column("each", Integer, nullable=True),
        Column("extra", Integer, nullable=False),
        Column("passes", Integer, nullable=False),
        Column("cursor_at", DateTime(timezone=True), nullable=True),
        Column("cursor", String, nullable=False),
        Column("finished_at", DateTime(timezone=True), nullable=True),
        CheckConstraint('quantity > 0 AND "left" >= 0 AND "left" <= quantity', name=op.f("restock_counts")),
        ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("restock_store_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("restock_pkey")),
    )
    op.create_index("restock_open", "restock", ["finished_at", "id"])
    op.create_index("restock_of_sku", "restock", ["store_id", "sku", "id"])
    op.create_index("restock_of_shipment", "restock", ["shipment_id", "id"])
    op.create_table(
        "restock_share",
        Column("restock_id", String, nullable=False),
        Column("place", Integer, nullable=False),
        Column("store_id", String, nullable=False),
        Column("backorder_id", String, nullable=False),
        Column("units", Integer, nullable=False),
        Column("still_waiting", Integer, nullable=False),
        CheckConstraint("units > 0 AND still_waiting >= 0", name=op.f("restock_share_counts")),
        ForeignKeyConstraint(["restock_id"], ["restock.id"], name=op.f("restock_share_restock_id_fkey")),
        PrimaryKeyConstraint("restock_id", "place", name=op.f("restock_share_pkey")),
    )
    op.create_index("restock_share_of_backorder", "restock_share", ["backorder_id"])


def downgrade() -> None:
    op.drop_table("restock_share")
    op.drop_table("restock")
