"""The tables of webhooks that leave: where stores are told what happened, and each event on its way there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from notifier.db.columns import Json, UtcTime


class WebhookEndpoint(SQLModel, table=True):
    """Where a store is told what happened. Its secrets are sealed; the old one signs too until `old_secret_until`.

    `events` empty means every type, those to come included. `failing_since` is when deliveries began to fail, None
    while they go through; nothing goes before `rest_until`. `paused`: new deliveries are held for a person.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (Index("webhook_endpoint_of_store", "store_id", "id"),)

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    url: str
    events: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    description: str = ""
    secret: str
    old_secret: str | None = None
    old_secret_until: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    status: str = "active"
    failing_since: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    failures: int = 0
    rest_until: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    last_error: str | None = None
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))


class WebhookDelivery(SQLModel, table=True):
    """One event on its way to one endpoint, once. `body` is posted as it stands, each time.

    `pending` goes at `attempt_at`, `held` when its endpoint is resumed; `delivered` and `failed` are over.
    `tries` are the last of them, the oldest first. No foreign key to the endpoint: a store that deletes one while
    something happens must not undo what happened; what is left behind is pruned.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index("webhook_due", "attempt_at", sqlite_where=text("status = 'pending'"),
              postgresql_where=text("status = 'pending'")),
        Index("webhook_turn", "endpoint_id", "attempt_at", sqlite_where=text("status = 'pending'"),
              postgresql_where=text("status = 'pending'")),
        Index("webhook_delivery_of_endpoint", "endpoint_id", "id"),
        Index("webhook_delivery_made", "created_at"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str
    endpoint_id: str
    event_id: str
    type: str
    body: str
    status: str = "pending"
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    attempt_at: datetime = Field(sa_column=Column(UtcTime, nullable=False))
    attempts: int = 0
    lease_token: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
    response_status: int | None = None
    error: str | None = None
    tries: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    settled_at: datetime | None = Field(default=None, sa_column=Column(UtcTime, nullable=True))
