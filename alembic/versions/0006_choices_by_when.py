"""What customers chose, by when, for the store's figures"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

CHOSE = sa.text("kind IN ('cancelled', 'answered')")


def upgrade() -> None:
    op.create_index(
        "fact_chosen",
        "fact",
        ["store_id", "kind", "at"],
        unique=False,
        sqlite_where=CHOSE,
        postgresql_where=CHOSE,
    )


def downgrade() -> None:
    op.drop_index("fact_chosen", table_name="fact", sqlite_where=CHOSE, postgresql_where=CHOSE)
