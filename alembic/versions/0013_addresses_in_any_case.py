"""Addresses are found in any case of their letters"""

from alembic import op
from sqlalchemy import text

revision = "0013"
down_revision = "0012"

SENT = {"sqlite_where": text("to_email IS NOT NULL"), "postgresql_where": text("to_email IS NOT NULL")}


def upgrade() -> None:
    op.drop_index("message_to", table_name="message")
    op.drop_index("backorder_of_email", table_name="backorder")
    op.create_index("message_to", "message", ["store_id", text("lower(to_email)"), "sent_at"], **SENT)
    op.create_index("backorder_of_email", "backorder", ["store_id", text("lower(email)")])


def downgrade() -> None:
    op.drop_index("message_to", table_name="message")
    op.drop_index("backorder_of_email", table_name="backorder")
    op.create_index("message_to", "message", ["store_id", "to_email", "sent_at"], **SENT)
    op.create_index("backorder_of_email", "backorder", ["store_id", "email"])
