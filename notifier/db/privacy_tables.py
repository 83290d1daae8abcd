"""The tables of erasures (that one was done, without saying for whom) and of what customers ask by a shop platform."""

from datetime import datetime

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from notifier.db.columns import Json, time_column


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


class PrivacyRequest(SQLModel, table=True):
    """What a customer asks for by a shop platform, or that platform for all of them: their data, or to be forgotten.

    `kind` is `export`, `erase` or `erase_shop`; `ref` the platform's id of who or what asks, of which one is open at a
    time. `emails` are whom it is about, and are gone when it is done. `approved_at` is when a person of the store said
    that all customers of the shop are to be forgotten; `erased` counts addresses.
    """

    __tablename__ = "privacy_request"
    __table_args__ = (
        Index("privacy_request_open", "store_id", "platform", "kind", "ref", unique=True,
              sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
        Index("privacy_request_of_store", "store_id", "id"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    platform: str
    kind: str
    ref: str
    emails: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    asked_at: datetime = time_column()
    due_at: datetime = time_column()
    approved_at: datetime | None = time_column(null=True)
    done_at: datetime | None = time_column(null=True)
    erased: int = 0
