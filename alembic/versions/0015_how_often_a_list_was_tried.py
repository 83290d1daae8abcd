"""A daily list of duties says how often it was handed over, so that trying again ends"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    column = sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("1"))
    op.add_column("duty_digest", column)


def downgrade() -> None:
    op.drop_column("duty_digest", "attempts")
