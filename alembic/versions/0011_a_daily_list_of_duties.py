"""A daily list of duties for stores"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("store", sa.Column("digest_to", sa.String(), nullable=True))
    op.add_column("store", sa.Column("digest_hour", sa.Integer(), nullable=False, server_default="8"))
    op.create_table(
        "duty_digest",
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("duty_digest_store_id_fkey")),
        sa.PrimaryKeyConstraint("store_id", "day", name=op.f("duty_digest_pkey")),
    )


def downgrade() -> None:
    op.drop_table("duty_digest")
    op.drop_column("store", "digest_hour")
    op.drop_column("store", "digest_to")
