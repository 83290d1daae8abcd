"""A message says itself when it was planned; its history begins with what came after"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # Of messages from before, the history keeps saying it: a table of millions is not rewritten for that.
    op.add_column("message", sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "planned_at")
