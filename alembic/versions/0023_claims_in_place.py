"""Claims that touch no index: none names a column that a claim changes"""

from alembic import op
from sqlalchemy import text

revision = "0023"
down_revision = "0022"

SENDING = text("status = 'sending'")


def upgrade() -> None:
    _again("message_due", ["attempt_at", "expires_at"], text("status = 'planned' AND urgency >= 0"))
    _again("message_sending", ["sent_at"], SENDING)


def downgrade() -> None:
    _again("message_due", ["attempt_at", "expires_at"], text("status = 'planned' AND attempts >= 0"))
    _again("message_sending", ["lease_until"], SENDING)


def _again(name: str, columns: list[str], where: object) -> None:
    op.drop_index(name, table_name="message")
    op.create_index(name, "message", columns, sqlite_where=where, postgresql_where=where)
