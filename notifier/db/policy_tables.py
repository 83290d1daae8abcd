"""The tables of sending policies: every version that a store ever had, and how far its orders have followed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from notifier.db.columns import json_column, time_column


class PolicyVersion(SQLModel, table=True):
    """One version of a store's policy; only ever added. `policy` holds only what was set, `by` who set it, in words."""

    __tablename__ = "policy_version"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    version: int = Field(primary_key=True)
    policy: dict[str, Any] = json_column()
    at: datetime = time_column()
    by: str


class Replanning(SQLModel, table=True):
    """Every open order of a store is planned again, in chunks: it goes on where it stopped, whoever stopped it.

    `version` is that of the policy which asked for it, None where something else of the store changed. `overtaken`:
    a later one began before this was finished, and does the rest.
    """

    __table_args__ = (
        Index(
            "replanning_open",
            "store_id",
            "id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index("replanning_of_policy", "store_id", "version"),
    )

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    version: int | None = None
    at: datetime = time_column()
    cursor: str = ""
    done: int = 0
    total: int
    overtaken: bool = False
    finished_at: datetime | None = time_column(null=True)
