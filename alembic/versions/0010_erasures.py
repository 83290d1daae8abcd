"""That customers were erased"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name="erasure_store_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="erasure_pkey"),
    )
    op.create_index("erasure_of_customer", "erasure", ["store_id", "pseudonym", "id"])


def downgrade() -> None:
    op.drop_table("erasure")
