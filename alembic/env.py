"""Runs migrations on the engine that the caller hands over, one process at a time."""

from alembic import context
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

import notifier.db.account_tables
import notifier.db.digests
import notifier.db.inbound_tables
import notifier.db.insight_tables
import notifier.db.policy_tables
import notifier.db.privacy_tables
import notifier.db.restock_tables
import notifier.db.shop_tables
import notifier.db.simulation_tables
import notifier.db.tables
import notifier.db.template_tables
import notifier.db.webhook_tables  # noqa: F401  they register their tables
from notifier.config import load
from notifier.db.engine import make_engine

LOCK = 7_366_105
"""Any constant: the PostgreSQL advisory lock that migrations of this project take."""


def run(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            compare_type=True,
        )
        context.run_migrations()


run(context.config.attributes.get("engine") or make_engine(load().database_url))
