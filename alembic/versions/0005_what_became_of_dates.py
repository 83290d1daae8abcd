"""What became of the dates of each SKU"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sku_news",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("named", sa.Date(), nullable=True),
        sa.Column("became", sa.Date(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("backorder_id", sa.String(), nullable=True),
        sa.Column("line_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name="sku_news_store_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="sku_news_pkey"),
    )
    op.create_table(
        "sku_past",
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("named", sa.Date(), nullable=False),
        sa.Column("became", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name="sku_past_store_id_fkey"),
        sa.PrimaryKeyConstraint("store_id", "sku", "kind", "named", "became", name="sku_past_pkey"),
    )
    op.create_index("sku_past_of_store", "sku_past", ["store_id", "kind", "last_at"])
    op.create_table(
        "sku_outlook",
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=True),
        sa.Column("dates", sa.Integer(), nullable=True),
        sa.Column("late", sa.Integer(), nullable=True),
        sa.Column("likely", sa.Integer(), nullable=True),
        sa.Column("safe", sa.Integer(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name="sku_outlook_store_id_fkey"),
        sa.PrimaryKeyConstraint("store_id", "sku", name="sku_outlook_pkey"),
    )


def downgrade() -> None:
    op.drop_table("sku_outlook")
    op.drop_index("sku_past_of_store", table_name="sku_past")
    op.drop_table("sku_past")
    op.drop_table("sku_news")
