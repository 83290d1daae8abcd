"""What shop platforms tell"""

from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"

LIST = JSON().with_variant(JSONB(), "postgresql")
TO_FETCH = {
    "sqlite_where": text("attempt_at IS NOT NULL"),
    "postgresql_where": text("attempt_at IS NOT NULL"),
}


def upgrade() -> None:
    op.create_table(
        "shop_event",
        Column("id", String, nullable=False),
        Column("store_id", String, nullable=False),
        Column("platform", String, nullable=False),
        Column("delivery_id", String, nullable=False),
        Column("topic", String, nullable=False),
        Column("ref", String, nullable=True),
        Column("order_id", String, nullable=True),
        Column("outcome", String, nullable=False),
        Column("detail", String, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False),
        Column("tries", Integer, nullable=False),
        Column("attempt_at", DateTime(timezone=True), nullable=True),
        ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("shop_event_store_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("shop_event_pkey")),
        UniqueConstraint(
            "store_id", "platform", "delivery_id", name=op.f("shop_event_store_id_platform_delivery_id_key")
        ),
    )
    op.create_index("shop_event_of_store", "shop_event", ["store_id", "id"])
    op.create_index("shop_event_made", "shop_event", ["received_at"])
    op.create_index("shop_event_to_fetch", "shop_event", ["attempt_at"], **TO_FETCH)
    op.create_table(
        "shop_order",
        Column("store_id", String, nullable=False),
        Column("platform", String, nullable=False),
        Column("ref", String, nullable=False),
        Column("backorder_id", String, nullable=True),
        Column("told_at", DateTime(timezone=True), nullable=False),
        Column("seen_at", DateTime(timezone=True), nullable=True),
        Column("buyer", String, nullable=True),
        Column("whole", Boolean, nullable=False),
        Column("done", LIST, nullable=False),
        Column("held", LIST, nullable=False),
        ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("shop_order_store_id_fkey")),
        PrimaryKeyConstraint("store_id", "platform", "ref", name=op.f("shop_order_pkey")),
    )
    op.create_index("shop_order_of_backorder", "shop_order", ["backorder_id"])
    op.create_index("shop_order_told", "shop_order", ["told_at"])
    op.create_table(
        "sku_estimate",
        Column("store_id", String, nullable=False),
        Column("sku", String, nullable=False),
        Column("eta", Date, nullable=True),
        Column("eta_earliest", Date, nullable=True),
        Column("reason", String, nullable=True),
        Column("at", DateTime(timezone=True), nullable=False),
        ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("sku_estimate_store_id_fkey")),
        PrimaryKeyConstraint("store_id", "sku", name=op.f("sku_estimate_pkey")),
    )


def downgrade() -> None:
    op.drop_table("sku_estimate")
    op.drop_table("shop_order")
    op.drop_table("shop_event")
