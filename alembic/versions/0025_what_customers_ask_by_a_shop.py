"""What customers ask for by a shop platform: their data, or to be forgotten"""

from alembic import op
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    text,
)
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"

_OPEN = text("done_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "privacy_request",
        Column("id", String, nullable=False),
        Column("store_id", String, nullable=False),
        Column("platform", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("ref", String, nullable=False),
        Column("emails", JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        Column("asked_at", DateTime(timezone=True), nullable=False),
        Column("due_at", DateTime(timezone=True), nullable=False),
        Column("approved_at", DateTime(timezone=True), nullable=True),
        Column("done_at", DateTime(timezone=True), nullable=True),
        Column("erased", Integer, nullable=False),
        ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("privacy_request_store_id_fkey")),
        PrimaryKeyConstraint("id", name=op.f("privacy_request_pkey")),
    )
    op.create_index(
        "privacy_request_open",
        "privacy_request",
        ["store_id", "platform", "kind", "ref"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index("privacy_request_of_store", "privacy_request", ["store_id", "id"])


def downgrade() -> None:
    op.drop_table("privacy_request")
