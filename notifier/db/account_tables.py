"""The tables of accounts at mail services: their trouble and budgets, and the keys that stores have of their own."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from notifier.db.columns import json_column, time_column


class ProviderAccount(SQLModel, table=True):
    """One account of a mail service, shared by all workers: its trouble and its budget.

    No sends before `paused_until`. With `failures` after that, one message goes first, as a probe; until `probe_until`
    one is on its way. `failing_since` is when the trouble began, `doubts` how many sends in a row got no answer. The
    budget had `tokens` left at `refilled_at`; None where it was never touched.
    """

    __tablename__ = "provider_account"

    account: str = Field(primary_key=True)
    paused_until: datetime | None = time_column(null=True)
    probe_until: datetime | None = time_column(null=True)
    reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = time_column(null=True)
    doubts: int = 0
    tokens: float | None = None
    refilled_at: datetime | None = time_column(null=True)


class ProviderKeys(SQLModel, table=True):
    """A store's own keys at one mail service. `sealed` opens only with the installation's secret key.

    `shown` is what may be seen of them. `account` names the account that they open; None where the store has only the
    keys of what is reported to it, and sends through the installation's account.
    """

    __tablename__ = "provider_keys"
    __table_args__ = (Index("keys_of_account", "account"),)

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    provider: str = Field(primary_key=True)
    account: str | None = None
    sealed: str
    shown: dict[str, Any] = json_column()
    changed_at: datetime = time_column()
