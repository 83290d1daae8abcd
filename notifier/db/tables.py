"""The tables. Every table that grows has `store_id`, so that it can be sharded by store.

Times are stored in UTC and come back aware; days are dates; money is text, so that no database rounds it.
The constraints carry guarantees: one message per order and key, one order per store and order id, one
provider event per id.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    TextClause,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from notifier.db.columns import json_column, time_column

SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


ROOM = {"postgresql_with": {"fillfactor": 70}}
"""Rows that many changes meet at once: what is written anew beside the old one, and changes no index, costs half."""


def _partial(name: str, *columns: str | TextClause, where: str) -> Index:
    """An index of those rows only that meet a condition."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Store(SQLModel, table=True):
    """A shop: whose orders these are, and how it speaks. `brand` and `policy` hold only what was set.

    `provider` is the mail service that it sends through, None for the installation's; `second_provider` the one that
    carries while the first has lasting trouble. `digest_to` gets the daily list of duties, from the local hour
    `digest_hour` on. `templates` are the live versions of its own templates, by kind.
    `widget` is what the shop's own pages may say of when goods ship (`off`, `stated`, `honest`), `widget_key` the
    public key by which they ask; it stays when that is turned off.
    """

    id: str = Field(primary_key=True)
    name: str
    timezone: str = "UTC"
    locale: str = "en"
    country: str | None = None
    sender: str | None = None
    reply_to: str | None = None
    provider: str | None = None
    second_provider: str | None = None
    digest_to: str | None = None
    digest_hour: int = Field(default=8, sa_column_kwargs={"server_default": text("8")})
    brand: dict[str, Any] = json_column()
    policy: dict[str, Any] = json_column()
    policy_version: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    templates: dict[str, Any] = json_column()
    widget: str = Field(default="off", sa_column_kwargs={"server_default": text("'off'")})
    widget_key: str | None = Field(default=None, index=True, unique=True)
    created_at: datetime = time_column()


class ApiKey(SQLModel, table=True):
    """A key of one store: kept only as a SHA-256 of its 256 random bits; `hint` is its last four characters."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id", index=True)
    digest: str = Field(unique=True)
    hint: str
    created_at: datetime = time_column()
    revoked_at: datetime | None = time_column(null=True)


class Backorder(SQLModel, table=True):
    """An order that waits. `content` is the digest of what was registered, to tell a repeat from a clash.

    `version` grows with every fact. `replan_at` is when it must be planned again though nothing happened: a clock of
    the law's runs out, the policy is new. Links to the customer's page that are not of `link_series` were ended.
    """

    __table_args__ = (
        UniqueConstraint("store_id", "order_id"),
        Index("backorder_of_store", "store_id", "id", unique=True),
        Index("backorder_of_email", "store_id", text("lower(email)")),
        _partial("backorder_replan", "replan_at", where="replan_at IS NOT NULL"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    order_id: str
    placed_at: datetime = time_column()
    registered_at: datetime = time_column()
    currency: str | None = None
    order_url: str | None = None
    email: str
    name: str = ""
    locale: str
    timezone: str
    country: str | None = None
    payment: dict[str, Any] | None = json_column(null=True)
    unsubscribed: bool = False
    link_series: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    status: str = "open"
    content: str
    version: int = 1
    seller_credit: bool = False
    replan_at: datetime | None = time_column(null=True)


def _of_an_order() -> ForeignKeyConstraint:
    """It belongs to an order, and to that order's store."""
    return ForeignKeyConstraint(["store_id", "backorder_id"], ["backorder.store_id", "backorder.id"])


DUTY_DAYS = ("notice_by", "lapse_by", "answer_by", "cancel_by", "refund_by")
"""The last days of what the law asks for a line, as `Dues` has them."""


class BackorderLine(SQLModel, table=True):
    """One SKU of an order. `detail` holds what only emails show: pictures, links, highlights, related.

    `law_state` and the days of duties are where it stood in law when it was last planned.
    """

    __tablename__ = "backorder_line"
    __table_args__ = (
        _of_an_order(),
        UniqueConstraint("backorder_id", "sku"),
        _partial("line_waiting_for_sku", "store_id", "sku", "backorder_id", where="waiting > 0"),
        # What the law asks, nearest first: few lines have one of these days.
        *(_partial(f"line_{day}", "store_id", day, "id", where=f"{day} IS NOT NULL") for day in DUTY_DAYS),
        CheckConstraint("shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity", name="line_counts"),
        CheckConstraint("waiting = quantity - shipped - cancelled", name="line_waiting"),
        CheckConstraint("eta_earliest IS NULL OR eta_earliest < eta", name="line_range"),
        ROOM,
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str
    backorder_id: str
    position: int
    sku: str
    name: str
    quantity: int
    unit_price: str | None = None
    promised: date | None = None
    eta: date | None = None
    eta_earliest: date | None = None
    eta_reason: str | None = None
    eta_changed_at: datetime = time_column()
    shipped: int = 0
    cancelled: int = 0
    allocated: int = 0
    waiting: int
    essential_date: bool = False
    added_at: datetime | None = time_column(null=True)
    law_state: str = Field(default="none", index=True)
    notice_by: date | None = None
    lapse_by: date | None = None
    answer_by: date | None = None
    cancel_by: date | None = None
    refund_by: date | None = None
    detail: dict[str, Any] = json_column()


CHOSE = "kind IN ('cancelled', 'answered')"
"""Facts by which customers, or the store, chose."""


class Fact(SQLModel, table=True):
    """Something that happened to an order; only ever added. `at` is when it happened, `recorded_at` when we heard."""

    __table_args__ = (
        _of_an_order(),
        Index("fact_of_backorder", "backorder_id", "id"),
        _partial("fact_chosen", "store_id", "kind", "at", where=CHOSE),
    )

    id: str = Field(primary_key=True)
    store_id: str
    backorder_id: str
    at: datetime = time_column()
    recorded_at: datetime = time_column()
    kind: str
    data: dict[str, Any] = json_column()


TROUBLE = ("failed", "unknown", "held", "bounced", "complained")
"""Messages in these states need a person to look."""

IN_TROUBLE = f"status IN {TROUBLE}"

NOT_TOLD = (
    "message.kind IN ('delay', 'consent') AND (message.status IN ('bounced', 'failed', 'held', 'expired')"
    " OR (message.status = 'sent' AND message.unconfirmed_at IS NOT NULL))"
)
"""Word of a later date that did not reach its customer, or of which nobody confirms that it did."""


TO_CONFIRM = "status = 'sent' AND confirm_at IS NOT NULL"
"""Legal notices whose mail service must be asked whether they arrived."""


class MessageRow(SQLModel, table=True):
    """One email of one order: the outbox, and the schedule.

    `due_at` is the plan's; `attempt_at` is when a worker may next try (later after a deferral). A planned row with a
    `lease_token` is claimed: nothing has left the house. `sending` means that it may have.
    `planned_at` is when it was first planned, which its history says only of rows older than this column.
    `provider` is the account that carries it or did last; `in_doubt` the one that was ever not known to have it or not.
    `variant` names the trial of two subjects that it is part of, and which of them it has: `1f3a9c2e04d7-b`.
    For a legal notice through a service that only takes word of emails, `confirm_at` is when to ask it next what became
    of this one, and `unconfirmed_at` since when the store is warned that it does not say.
    """

    __tablename__ = "message"
    __table_args__ = (
        _of_an_order(),
        UniqueConstraint("backorder_id", "key"),
        # When anything is due at all, and what of it is too late. Its condition is true of every planned row and keeps
        # planners from using this index, which has all stores' rows mixed, where they look for those of one store: that
        # is what the next is for.
        # It names no column that a claim changes, and nor does any other index: so PostgreSQL need touch none for it.
        _partial("message_due", "attempt_at", "expires_at", where="status = 'planned' AND urgency >= 0"),
        _partial("message_turn", "store_id", "urgency", "attempt_at", "backorder_id", where="status = 'planned'"),
        _partial("message_sending", "sent_at", where="status = 'sending'"),
        _partial("message_unknown", "attempt_at", where="status = 'unknown'"),
        _partial("message_held", "expires_at", where="status = 'held'"),
        Index("message_of_store", "store_id", "id"),
        _partial("message_in_trouble", "store_id", "id", where=IN_TROUBLE),
        _partial("message_not_told", "store_id", "id", where=NOT_TOLD.replace("message.", "")),
        _partial("message_to_confirm", "confirm_at", where=TO_CONFIRM),
        _partial("message_sent", "store_id", "sent_at", where="sent_at IS NOT NULL"),
        _partial("message_variant", "store_id", "variant", where="variant IS NOT NULL"),
        _partial("message_to", "store_id", text("lower(to_email)"), "sent_at", where="to_email IS NOT NULL"),
        CheckConstraint("due_at < expires_at", name="message_expires_after_due"),
        ROOM,
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str
    backorder_id: str
    key: str
    kind: str
    urgency: int
    status: str = "planned"
    reason: str | None = None
    planned_at: datetime | None = time_column(null=True)
    due_at: datetime = time_column()
    attempt_at: datetime = time_column()
    expires_at: datetime = time_column()
    says: dict[str, Any] = json_column()
    about: str = ""
    lease_token: str | None = None
    lease_until: datetime | None = time_column(null=True)
    attempts: int = 0
    to_email: str | None = None
    subject: str | None = None
    provider: str | None = None
    provider_ref: str | None = None
    in_doubt: str | None = None
    template_version: str | None = None
    variant: str | None = None
    sent_at: datetime | None = time_column(null=True)
    settled_at: datetime | None = time_column(null=True)
    confirm_at: datetime | None = time_column(null=True)
    unconfirmed_at: datetime | None = time_column(null=True)


class MessageContent(SQLModel, table=True):
    """The frozen envelope of a message, as packed JSON: what a retry sends, and what was said."""

    __tablename__ = "message_content"
    # An envelope is packed already: to try that again, and to keep it apart from its row, is work for nothing.
    __table_args__ = {"postgresql_with": {"toast_tuple_target": 8160}}

    message_id: str = Field(primary_key=True, foreign_key="message.id")
    store_id: str = Field(foreign_key="store.id")
    digest: str
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class MessageHistory(SQLModel, table=True):
    """Every change of a planned message, with its reason; only ever added. It is found by its order alone.

    `message_id` needs no check, as messages are never deleted.
    """

    __tablename__ = "message_history"
    __table_args__ = (Index("history_of_backorder", "backorder_id", "id"),)

    id: str = Field(primary_key=True)
    store_id: str
    backorder_id: str
    message_id: str
    at: datetime = time_column()
    before: str | None = None
    after: str
    reason: str
    detail: str | None = None


class ProviderEvent(SQLModel, table=True):
    """Something a mail service reported to a store, once per id however often it is told.

    It is kept as it comes, and applied later: `applied_at` is None until then. `suppresses` is the scope in which the
    address must get no more mail, if the report says so.
    """

    __tablename__ = "provider_event"
    __table_args__ = (
        UniqueConstraint("store_id", "provider", "event_id"),
        Index("event_of_message", "message_id"),
        _partial("event_to_apply", "id", where="applied_at IS NULL"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str
    provider: str
    event_id: str
    message_id: str
    kind: str
    at: datetime = time_column()
    received_at: datetime = time_column()
    applied_at: datetime | None = time_column(null=True)
    suppresses: str | None = None
    detail: str | None = None


class Suppression(SQLModel, table=True):
    """An address that must not get a store's mail, and why. `address` is folded, so that case makes no difference.

    `scope` is "all", or "waiting" for the waiting series only; `source` is who asked for it: a mail service, the
    customer, or the store through its API or console.
    """

    __table_args__ = (
        UniqueConstraint("store_id", "address", "scope"),
        Index("suppression_of_store", "store_id", "id"),
    )

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    address: str
    scope: str
    reason: str
    source: str
    at: datetime = time_column()


class IdempotencyKey(SQLModel, table=True):
    """The answer that was given to a request, to give again to its repeat."""

    __tablename__ = "idempotency_key"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    key: str = Field(primary_key=True)
    digest: str
    status: int
    body: str
    created_at: datetime = time_column()


class SkuChange(SQLModel, table=True):
    """A new estimate for a SKU, worked off in chunks: it goes on where it stopped, whoever stopped it.

    With a `shipment_id` it moves the lines that wait for that coming shipment, each to the date its shares give it.
    """

    __tablename__ = "sku_change"
    __table_args__ = (Index("sku_change_open", "finished_at", "id"),)

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    shipment_id: str | None = None
    sku: str
    eta: date | None = None
    eta_earliest: date | None = None
    reason: str | None = None
    at: datetime = time_column()
    cursor: str = ""
    done: int = 0
    total: int
    finished_at: datetime | None = time_column(null=True)
