"""Links to the customer's page that can be ended"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # With a default of the database's, so that processes of the version before can go on registering meanwhile.
    op.add_column(
        "backorder", sa.Column("link_series", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
