"""The table of stories that were played in the console."""

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from notifier.db.columns import time_column


class Simulation(SQLModel, table=True):
    """A story as it was told, and what came of it; it never changes. Both are packed JSON."""

    __table_args__ = (Index("simulation_of_store", "store_id", "id"),)

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    at: datetime = time_column()
    title: str
    story: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    outcome: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
