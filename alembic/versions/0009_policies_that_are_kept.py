"""Policies that are kept"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.create_table(
        "policy_version",
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("policy", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("policy_version_store_id_fkey")),
        sa.PrimaryKeyConstraint("store_id", "version", name=op.f("policy_version_pkey")),
    )
    op.create_table(
        "replanning",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("overtaken", sa.Boolean(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("replanning_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("replanning_pkey")),
    )
    op.create_index(
        "replanning_open",
        "replanning",
        ["store_id", "id"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("replanning_of_policy", "replanning", ["store_id", "version"])
    op.add_column(
        "store", sa.Column("policy_version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    # What each store has is the first version that is known of.
    op.execute(
        "INSERT INTO policy_version (store_id, version, policy, at, by)"
        " SELECT id, 1, policy, created_at, 'the start' FROM store"
    )
