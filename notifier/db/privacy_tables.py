"""The table of erasures: that one was done, and for whom, without saying who that is."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from notifier.db.columns import time_column


class Erasure(SQLModel, table=True):
    """A customer of a store was erased: `pseudonym` is the keyed hash of the address, `by` says by which road."""

    __table_args__ = (Index("erasure_of_customer", "store_id", "pseudonym", "id"),)

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    pseudonym: str
    at: datetime = time_column()
    by: str
    orders: int
    messages: int
