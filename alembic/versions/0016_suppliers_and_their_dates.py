"""Suppliers and their dates"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

NAMED = {"sqlite_where": sa.text("supplier IS NOT NULL"), "postgresql_where": sa.text("supplier IS NOT NULL")}


def upgrade() -> None:
    op.add_column("inbound_shipment", sa.Column("supplier", sa.String(), nullable=True))
    op.add_column("inbound_shipment", sa.Column("first_eta", sa.Date(), nullable=True))
    op.create_index(
        "inbound_shipment_of_supplier", "inbound_shipment", ["store_id", "supplier", "first_eta"], **NAMED
    )
    # Of what is on its way the present date is the first that is known of. What has arrived may never have been
    # announced, so it tells nothing.
    op.execute("UPDATE inbound_shipment SET first_eta = eta WHERE arrived_at IS NULL")
    op.create_table(
        "inbound_move",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("shipment_id", sa.String(), nullable=False),
        sa.Column("named", sa.Date(), nullable=False),
        sa.Column("became", sa.Date(), nullable=True),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("inbound_move_store_id_fkey")),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["inbound_shipment.id"], name=op.f("inbound_move_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("inbound_move_pkey")),
    )
    op.create_index("inbound_move_of_store", "inbound_move", ["store_id", "at"])
    op.create_index("inbound_move_of_shipment", "inbound_move", ["shipment_id"])
    op.create_table(
        "supplier_outlook",
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=True),
        sa.Column("dates", sa.Integer(), nullable=True),
        sa.Column("late", sa.Integer(), nullable=True),
        sa.Column("likely", sa.Integer(), nullable=True),
        sa.Column("safe", sa.Integer(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("supplier_outlook_store_id_fkey")),
        sa.PrimaryKeyConstraint("store_id", "supplier", name=op.f("supplier_outlook_pkey")),
    )
