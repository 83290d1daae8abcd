"""Less to write for a new date: one index of when emails are due and too late, and room beside the rows"""

from alembic import op
from sqlalchemy import text

revision = "0021"
down_revision = "0020"

DUE = text("status = 'planned' AND attempts >= 0")
PLANNED = text("status = 'planned'")


def upgrade() -> None:
    # A planned email moves with every new date, and each index that has its times is written again with it.
    op.drop_index("message_too_late", table_name="message")
    op.drop_index("message_due", table_name="message")
    op.create_index(
        "message_due", "message", ["attempt_at", "expires_at"], sqlite_where=DUE, postgresql_where=DUE
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("message", "backorder_line"):
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in ("message", "backorder_line"):
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
    op.drop_index("message_due", table_name="message")
    op.create_index("message_due", "message", ["attempt_at"], sqlite_where=DUE, postgresql_where=DUE)
    op.create_index(
        "message_too_late", "message", ["expires_at"], sqlite_where=PLANNED, postgresql_where=PLANNED
    )
