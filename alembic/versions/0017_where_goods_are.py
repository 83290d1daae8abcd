"""Where goods are, and since when"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    # Since when what is on its way now has been where it is, nobody noted, so it is no news.
    op.add_column("inbound_shipment", sa.Column("staged_at", sa.DateTime(timezone=True), nullable=True))
