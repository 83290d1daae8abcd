"""Two subjects that are tried"""

from alembic import op
from sqlalchemy import Column, String, text

revision = "0018"
down_revision = "0017"

TRIED = {"sqlite_where": text("variant IS NOT NULL"), "postgresql_where": text("variant IS NOT NULL")}


def upgrade() -> None:
    op.add_column("message", Column("variant", String, nullable=True))
    op.create_index("message_variant", "message", ["store_id", "variant"], **TRIED)


def downgrade() -> None:
    op.drop_index("message_variant", table_name="message")
    op.drop_column("message", "variant")
