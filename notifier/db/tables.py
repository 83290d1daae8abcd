"""The tables. Every table that grows has `store_id`, so that it can be sharded by store.

Times are stored in UTC and come back aware; days are dates; money is text, so that no database rounds it.
The constraints carry guarantees: one message per order and key, one order per store and order id, one
provider event per id.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import Field, SQLModel


class UtcTime(TypeDecorator[datetime]):
    """An instant. Takes aware datetimes only; gives them back in UTC on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; an instant needs one")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

Json = JSON().with_variant(JSONB(), "postgresql")


def _time(*, null: bool = False) -> Any:
    if null:
        return Field(default=None, sa_column=Column(UtcTime, nullable=True))
    return Field(sa_column=Column(UtcTime, nullable=False))


def _json(*, null: bool = False) -> Any:
    if null:
        return Field(default=None, sa_column=Column(Json, nullable=True))
    return Field(default_factory=dict, sa_column=Column(Json, nullable=False))


class Store(SQLModel, table=True):
    """A shop: whose orders these are, and how it speaks. `brand` and `policy` hold only what was set.

    `provider` is the mail service that it sends through, None for the installation's; `second_provider` the one that
    carries while the first has lasting trouble.
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
    brand: dict[str, Any] = _json()
    policy: dict[str, Any] = _json()
    created_at: datetime = _time()


class ApiKey(SQLModel, table=True):
    """A key of one store: kept only as a SHA-256 of its 256 random bits; `hint` is its last four characters."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id", index=True)
    digest: str = Field(unique=True)
    hint: str
    created_at: datetime = _time()
    revoked_at: datetime | None = _time(null=True)


class Backorder(SQLModel, table=True):
    """An order that waits. `content` is the digest of what was registered, to tell a repeat from a clash.

    `version` grows with every fact. `replan_at` is when it must be planned again though nothing happened: a clock of
    the law's runs out, the policy is new.
    """

    __table_args__ = (
        UniqueConstraint("store_id", "order_id"),
        Index("backorder_of_store", "store_id", "id"),
        Index("backorder_of_email", "store_id", "email"),
        Index("backorder_replan", "replan_at", sqlite_where=text("replan_at IS NOT NULL"),
              postgresql_where=text("replan_at IS NOT NULL")),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    order_id: str
    placed_at: datetime = _time()
    registered_at: datetime = _time()
    currency: str | None = None
    order_url: str | None = None
    email: str
    name: str = ""
    locale: str
    timezone: str
    country: str | None = None
    payment: dict[str, Any] | None = _json(null=True)
    unsubscribed: bool = False
    status: str = "open"
    content: str
    version: int = 1
    replan_at: datetime | None = _time(null=True)


class BackorderLine(SQLModel, table=True):
    """One SKU of an order. `detail` holds what only emails show: pictures, links, highlights, related."""

    __tablename__ = "backorder_line"
    __table_args__ = (
        UniqueConstraint("backorder_id", "sku"),
        Index("line_waiting_for_sku", "store_id", "sku", "backorder_id", sqlite_where=text("waiting > 0"),
              postgresql_where=text("waiting > 0")),
        CheckConstraint("shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity", name="line_counts"),
        CheckConstraint("waiting = quantity - shipped - cancelled", name="line_waiting"),
        CheckConstraint("eta_earliest IS NULL OR eta_earliest < eta", name="line_range"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    backorder_id: str = Field(foreign_key="backorder.id", index=True)
    position: int
    sku: str
    name: str
    quantity: int
    unit_price: str | None = None
    promised: date | None = None
    eta: date | None = None
    eta_earliest: date | None = None
    eta_reason: str | None = None
    eta_changed_at: datetime = _time()
    shipped: int = 0
    cancelled: int = 0
    allocated: int = 0
    waiting: int
    law_state: str = Field(default="none", index=True)
    answer_by: date | None = None
    detail: dict[str, Any] = _json()


class Fact(SQLModel, table=True):
    """Something that happened to an order; only ever added. `at` is when it happened, `recorded_at` when we heard."""

    __table_args__ = (Index("fact_of_backorder", "backorder_id", "id"),)

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    backorder_id: str = Field(foreign_key="backorder.id")
    at: datetime = _time()
    recorded_at: datetime = _time()
    kind: str
    data: dict[str, Any] = _json()


TROUBLE = ("failed", "unknown", "held", "bounced", "complained")
"""Messages in these states need a person to look."""

IN_TROUBLE = f"status IN {TROUBLE}"

NOT_TOLD = (
    "message.kind IN ('delay', 'consent') AND message.status IN ('bounced', 'failed', 'held', 'expired')"
)
"""Word of a later date that did not reach its customer."""


class MessageRow(SQLModel, table=True):
    """One email of one order: the outbox, and the schedule.

    `due_at` is the plan's; `attempt_at` is when a worker may next try (later after a deferral). A planned row with a
    `lease_token` is claimed: nothing has left the house. `sending` means that it may have.
    `provider` is the account that carries it or did last; `in_doubt` the one that was ever not known to have it or not.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("backorder_id", "key"),
        # When anything is due at all. Its condition is true of every planned row and keeps planners from using this
        # index, which has all stores' rows mixed, where they look for those of one store: that is what the next is for.
        Index("message_due", "attempt_at", sqlite_where=text("status = 'planned' AND attempts >= 0"),
              postgresql_where=text("status = 'planned' AND attempts >= 0")),
        Index("message_turn", "store_id", "urgency", "attempt_at", "backorder_id",
              sqlite_where=text("status = 'planned'"), postgresql_where=text("status = 'planned'")),
        Index("message_sending", "lease_until", sqlite_where=text("status = 'sending'"),
              postgresql_where=text("status = 'sending'")),
        Index("message_unknown", "attempt_at", sqlite_where=text("status = 'unknown'"),
              postgresql_where=text("status = 'unknown'")),
        Index("message_too_late", "expires_at", sqlite_where=text("status = 'planned'"),
              postgresql_where=text("status = 'planned'")),
        Index("message_held", "expires_at", sqlite_where=text("status = 'held'"),
              postgresql_where=text("status = 'held'")),
        Index("message_of_store", "store_id", "id"),
        Index("message_in_trouble", "store_id", "id", sqlite_where=text(IN_TROUBLE), postgresql_where=text(IN_TROUBLE)),
        Index("message_not_told", "store_id", "id", sqlite_where=text(NOT_TOLD.replace("message.", "")),
              postgresql_where=text(NOT_TOLD.replace("message.", ""))),
        Index("message_sent", "store_id", "sent_at", sqlite_where=text("sent_at IS NOT NULL"),
              postgresql_where=text("sent_at IS NOT NULL")),
        Index("message_to", "store_id", "to_email", "sent_at", sqlite_where=text("sent_at IS NOT NULL"),
              postgresql_where=text("sent_at IS NOT NULL")),
        CheckConstraint("due_at < expires_at", name="message_expires_after_due"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    backorder_id: str = Field(foreign_key="backorder.id")
    key: str
    kind: str
    urgency: int
    status: str = "planned"
    reason: str | None = None
    due_at: datetime = _time()
    attempt_at: datetime = _time()
    expires_at: datetime = _time()
    says: dict[str, Any] = _json()
    about: str = ""
    lease_token: str | None = None
    lease_until: datetime | None = _time(null=True)
    attempts: int = 0
    to_email: str | None = None
    subject: str | None = None
    provider: str | None = None
    provider_ref: str | None = None
    in_doubt: str | None = None
    template_version: str | None = None
    sent_at: datetime | None = _time(null=True)
    settled_at: datetime | None = _time(null=True)


class MessageContent(SQLModel, table=True):
    """The frozen envelope of a message, as zlib-compressed JSON: what a retry sends, and what was said."""

    __tablename__ = "message_content"

    message_id: str = Field(primary_key=True, foreign_key="message.id")
    store_id: str = Field(foreign_key="store.id")
    digest: str
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class MessageHistory(SQLModel, table=True):
    """Every change of a message, with its reason; only ever added. The largest table: it is found by its order alone.

    `message_id` needs no check, as messages are never deleted.
    """

    __tablename__ = "message_history"
    __table_args__ = (Index("history_of_backorder", "backorder_id", "id"),)

    id: str = Field(primary_key=True)
    store_id: str
    backorder_id: str
    message_id: str
    at: datetime = _time()
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
        Index("event_to_apply", "id", sqlite_where=text("applied_at IS NULL"),
              postgresql_where=text("applied_at IS NULL")),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    store_id: str
    provider: str
    event_id: str
    message_id: str
    kind: str
    at: datetime = _time()
    received_at: datetime = _time()
    applied_at: datetime | None = _time(null=True)
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
    at: datetime = _time()


class ProviderAccount(SQLModel, table=True):
    """One account of a mail service, shared by all workers: its trouble and its budget.

    No sends before `paused_until`. With `failures` after that, one message goes first, as a probe; until `probe_until`
    one is on its way. `failing_since` is when the trouble began, `doubts` how many sends in a row got no answer. The
    budget had `tokens` left at `refilled_at`; None where it was never touched.
    """

    __tablename__ = "provider_account"

    account: str = Field(primary_key=True)
    paused_until: datetime | None = _time(null=True)
    probe_until: datetime | None = _time(null=True)
    reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = _time(null=True)
    doubts: int = 0
    tokens: float | None = None
    refilled_at: datetime | None = _time(null=True)


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
    shown: dict[str, Any] = _json()
    changed_at: datetime = _time()


class IdempotencyKey(SQLModel, table=True):
    """The answer that was given to a request, to give again to its repeat."""

    __tablename__ = "idempotency_key"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    key: str = Field(primary_key=True)
    digest: str
    status: int
    body: str
    created_at: datetime = _time()


class SkuChange(SQLModel, table=True):
    """A new estimate for a SKU, worked off in chunks: it goes on where it stopped, whoever stopped it."""

    __tablename__ = "sku_change"
    __table_args__ = (Index("sku_change_open", "finished_at", "id"),)

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    sku: str
    eta: date | None = None
    eta_earliest: date | None = None
    reason: str | None = None
    at: datetime = _time()
    cursor: str = ""
    done: int = 0
    total: int
    finished_at: datetime | None = _time(null=True)
