"""The shop's own page: what it may say, and the public key by which it asks"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # With a default of the database's, so that processes of the version before can make stores meanwhile.
    op.add_column("store", sa.Column("widget", sa.String(), server_default=sa.text("'off'"), nullable=False))
    op.add_column("store", sa.Column("widget_key", sa.String(), nullable=True))
    op.create_index("store_widget_key", "store", ["widget_key"], unique=True)


def downgrade() -> None:
    op.drop_index("store_widget_key", table_name="store")
    op.drop_column("store", "widget_key")
    op.drop_column("store", "widget")
