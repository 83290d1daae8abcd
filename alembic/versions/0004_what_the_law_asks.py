"""What the law asks for a line, by which day

Lines are planned again after it, once, so that their days are filled in.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

DAYS = ("notice_by", "lapse_by", "answer_by", "cancel_by", "refund_by")


def upgrade() -> None:
    op.add_column(
        "backorder", sa.Column("seller_credit", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "backorder_line",
        sa.Column("essential_date", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for day in DAYS:
        if day != "answer_by":
            op.add_column("backorder_line", sa.Column(day, sa.Date(), nullable=True))
        op.create_index(
            f"line_{day}",
            "backorder_line",
            ["store_id", day, "id"],
            unique=False,
            sqlite_where=sa.text(f"{day} IS NOT NULL"),
            postgresql_where=sa.text(f"{day} IS NOT NULL"),
        )
    op.execute(
        "UPDATE backorder SET replan_at = registered_at WHERE id IN (SELECT backorder_id FROM backorder_line"
        " WHERE law_state NOT IN ('none', 'shipped', 'refunded'))"
    )


def downgrade() -> None:
    for day in DAYS:
        op.drop_index(f"line_{day}", "backorder_line")
        if day != "answer_by":
            op.drop_column("backorder_line", day)
    op.drop_column("backorder_line", "essential_date")
    op.drop_column("backorder", "seller_credit")
