"""Goods on their way: shipments, what is in them, and which lines wait for them"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "inbound_shipment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("eta", sa.Date(), nullable=True),
        sa.Column("eta_earliest", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("known_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("arrived_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("inbound_shipment_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("inbound_shipment_pkey")),
        sa.UniqueConstraint("store_id", "reference", name=op.f("inbound_shipment_store_id_reference_key")),
    )
    op.create_index("inbound_shipment_of_store", "inbound_shipment", ["store_id", "id"], unique=False)
    op.create_table(
        "inbound_line",
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("spare", sa.Integer(), nullable=False),
        sa.Column("arrived_at", TIME, nullable=True),
        sa.CheckConstraint(
            "quantity > 0 AND spare >= 0 AND spare <= quantity", name=op.f("inbound_line_counts")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["inbound_shipment.id"], name=op.f("inbound_line_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "sku", name=op.f("inbound_line_pkey")),
    )
    op.create_index(
        "inbound_line_coming",
        "inbound_line",
        ["store_id", "sku"],
        unique=False,
        sqlite_where=sa.text("arrived_at IS NULL"),
        postgresql_where=sa.text("arrived_at IS NULL"),
    )
    op.create_table(
        "inbound_share",
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("backorder_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("inbound_share_units")),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["inbound_shipment.id"], name=op.f("inbound_share_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "line_id", name=op.f("inbound_share_pkey")),
    )
    op.create_index(
        "inbound_share_of_sku", "inbound_share", ["store_id", "sku", "backorder_id"], unique=False
    )
    op.create_table(
        "supply_todo",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("supply_todo_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("supply_todo_pkey")),
    )
    op.create_index("supply_todo_of_sku", "supply_todo", ["store_id", "sku"], unique=False)
    op.add_column("sku_change", sa.Column("shipment_id", sa.String(), nullable=True))
