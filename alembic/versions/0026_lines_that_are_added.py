"""When a line was added to an order that had been placed without it; which of a shop's lines were looked at"""

from alembic import op
from sqlalchemy import JSON, Column, DateTime
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("backorder_line", Column("added_at", DateTime(timezone=True), nullable=True))
    op.add_column(
        "shop_order",
        Column("others", JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
    )


def downgrade() -> None:
    op.drop_column("shop_order", "others")
    op.drop_column("backorder_line", "added_at")
