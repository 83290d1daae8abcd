"""Which lines of a shop's order are ours"""

from alembic import op
from sqlalchemy import JSON, Column, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    lines = JSON().with_variant(JSONB(), "postgresql")
    op.add_column("shop_order", Column("ours", lines, nullable=False, server_default=text("'{}'")))


def downgrade() -> None:
    op.drop_column("shop_order", "ours")
