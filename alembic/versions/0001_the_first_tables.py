"""The first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "provider_account",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("doubts", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=True),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account", name=op.f("provider_account_pkey")),
    )
    op.create_table(
        "provider_event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suppresses", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_event_pkey")),
        sa.UniqueConstraint(
            "store_id", "provider", "event_id", name=op.f("provider_event_store_id_provider_event_id_key")
        ),
    )
    op.create_index("event_of_message", "provider_event", ["message_id"], unique=False)
    op.create_index(
        "event_to_apply",
        "provider_event",
        ["id"],
        unique=False,
        sqlite_where=sa.text("applied_at IS NULL"),
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.create_table(
        "store",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("reply_to", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("second_provider", sa.String(), nullable=True),
        sa.Column("brand", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("policy", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("store_pkey")),
    )
    op.create_table(
        "provider_keys",
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("shown", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("provider_keys_store_id_fkey")),
        sa.PrimaryKeyConstraint("store_id", "provider", name=op.f("provider_keys_pkey")),
    )
    op.create_index("keys_of_account", "provider_keys", ["account"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("api_key_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("digest", name=op.f("api_key_digest_key")),
    )
    op.create_index(op.f("api_key_store_id"), "api_key", ["store_id"], unique=False)
    op.create_table(
        "backorder",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("order_url", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("payment", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("unsubscribed", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replan_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("backorder_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("backorder_pkey")),
        sa.UniqueConstraint("store_id", "order_id", name=op.f("backorder_store_id_order_id_key")),
    )
    op.create_index("backorder_of_email", "backorder", ["store_id", "email"], unique=False)
    op.create_index("backorder_of_store", "backorder", ["store_id", "id"], unique=True)
    op.create_index(
        "backorder_replan",
        "backorder",
        ["replan_at"],
        unique=False,
        sqlite_where=sa.text("replan_at IS NOT NULL"),
        postgresql_where=sa.text("replan_at IS NOT NULL"),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("idempotency_key_store_id_fkey")),
        sa.PrimaryKeyConstraint("store_id", "key", name=op.f("idempotency_key_pkey")),
    )
    op.create_table(
        "sku_change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("eta", sa.Date(), nullable=True),
        sa.Column("eta_earliest", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("sku_change_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sku_change_pkey")),
    )
    op.create_index("sku_change_open", "sku_change", ["finished_at", "id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("suppression_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("suppression_pkey")),
        sa.UniqueConstraint(
            "store_id", "address", "scope", name=op.f("suppression_store_id_address_scope_key")
        ),
    )
    op.create_index("suppression_of_store", "suppression", ["store_id", "id"], unique=False)
    op.create_table(
        "backorder_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("backorder_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.String(), nullable=True),
        sa.Column("promised", sa.Date(), nullable=True),
        sa.Column("eta", sa.Date(), nullable=True),
        sa.Column("eta_earliest", sa.Date(), nullable=True),
        sa.Column("eta_reason", sa.String(), nullable=True),
        sa.Column("eta_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipped", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("law_state", sa.String(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=True),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.CheckConstraint("eta_earliest IS NULL OR eta_earliest < eta", name=op.f("line_range")),
        sa.CheckConstraint(
            "shipped >= 0 AND cancelled >= 0 AND shipped + cancelled <= quantity", name=op.f("line_counts")
        ),
        sa.CheckConstraint("waiting = quantity - shipped - cancelled", name=op.f("line_waiting")),
        sa.ForeignKeyConstraint(
            ["store_id", "backorder_id"],
            ["backorder.store_id", "backorder.id"],
            name=op.f("backorder_line_store_id_backorder_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("backorder_line_pkey")),
        sa.UniqueConstraint("backorder_id", "sku", name=op.f("backorder_line_backorder_id_sku_key")),
    )
    op.create_index(op.f("backorder_line_law_state"), "backorder_line", ["law_state"], unique=False)
    op.create_index(
        "line_waiting_for_sku",
        "backorder_line",
        ["store_id", "sku", "backorder_id"],
        unique=False,
        sqlite_where=sa.text("waiting > 0"),
        postgresql_where=sa.text("waiting > 0"),
    )
    op.create_table(
        "fact",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("backorder_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["store_id", "backorder_id"],
            ["backorder.store_id", "backorder.id"],
            name=op.f("fact_store_id_backorder_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("fact_pkey")),
    )
    op.create_index("fact_of_backorder", "fact", ["backorder_id", "id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("backorder_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("says", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("to_email", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("provider_ref", sa.String(), nullable=True),
        sa.Column("in_doubt", sa.String(), nullable=True),
        sa.Column("template_version", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirm_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unconfirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("due_at < expires_at", name=op.f("message_expires_after_due")),
        sa.ForeignKeyConstraint(
            ["store_id", "backorder_id"],
            ["backorder.store_id", "backorder.id"],
            name=op.f("message_store_id_backorder_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("message_pkey")),
        sa.UniqueConstraint("backorder_id", "key", name=op.f("message_backorder_id_key_key")),
    )
    op.create_index(
        "message_due",
        "message",
        ["attempt_at"],
        unique=False,
        sqlite_where=sa.text("status = 'planned' AND attempts >= 0"),
        postgresql_where=sa.text("status = 'planned' AND attempts >= 0"),
    )
    op.create_index(
        "message_held",
        "message",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("status = 'held'"),
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "message_in_trouble",
        "message",
        ["store_id", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('failed', 'unknown', 'held', 'bounced', 'complained')"),
        postgresql_where=sa.text("status IN ('failed', 'unknown', 'held', 'bounced', 'complained')"),
    )
    op.create_index(
        "message_to_confirm",
        "message",
        ["confirm_at"],
        unique=False,
        sqlite_where=sa.text("status = 'sent' AND confirm_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'sent' AND confirm_at IS NOT NULL"),
    )
    op.create_index(
        "message_not_told",
        "message",
        ["store_id", "id"],
        unique=False,
        sqlite_where=sa.text(
            "kind IN ('delay', 'consent') AND (status IN ('bounced', 'failed', 'held', 'expired')"
            " OR (status = 'sent' AND unconfirmed_at IS NOT NULL))"
        ),
        postgresql_where=sa.text(
            "kind IN ('delay', 'consent') AND (status IN ('bounced', 'failed', 'held', 'expired')"
            " OR (status = 'sent' AND unconfirmed_at IS NOT NULL))"
        ),
    )
    op.create_index("message_of_store", "message", ["store_id", "id"], unique=False)
    op.create_index(
        "message_sending",
        "message",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("status = 'sending'"),
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "message_sent",
        "message",
        ["store_id", "sent_at"],
        unique=False,
        sqlite_where=sa.text("sent_at IS NOT NULL"),
        postgresql_where=sa.text("sent_at IS NOT NULL"),
    )
    op.create_index(
        "message_to",
        "message",
        ["store_id", "to_email", "sent_at"],
        unique=False,
        sqlite_where=sa.text("to_email IS NOT NULL"),
        postgresql_where=sa.text("to_email IS NOT NULL"),
    )
    op.create_index(
        "message_too_late",
        "message",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("status = 'planned'"),
        postgresql_where=sa.text("status = 'planned'"),
    )
    op.create_index(
        "message_turn",
        "message",
        ["store_id", "urgency", "attempt_at", "backorder_id"],
        unique=False,
        sqlite_where=sa.text("status = 'planned'"),
        postgresql_where=sa.text("status = 'planned'"),
    )
    op.create_index(
        "message_unknown",
        "message",
        ["attempt_at"],
        unique=False,
        sqlite_where=sa.text("status = 'unknown'"),
        postgresql_where=sa.text("status = 'unknown'"),
    )
    op.create_table(
        "message_content",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("message_content_message_id_fkey")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("message_content_store_id_fkey")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("message_content_pkey")),
    )
    op.create_table(
        "message_history",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("backorder_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("message_history_pkey")),
    )
    op.create_index("history_of_backorder", "message_history", ["backorder_id", "id"], unique=False)
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("old_secret", sa.String(), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rest_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("webhook_endpoint_store_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_endpoint_pkey")),
    )
    op.create_index("webhook_endpoint_of_store", "webhook_endpoint", ["store_id", "id"], unique=False)
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("tries", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_delivery_pkey")),
        sa.UniqueConstraint(
            "endpoint_id", "event_id", name=op.f("webhook_delivery_endpoint_id_event_id_key")
        ),
    )
    op.create_index("webhook_delivery_made", "webhook_delivery", ["created_at"], unique=False)
    op.create_index("webhook_delivery_of_endpoint", "webhook_delivery", ["endpoint_id", "id"], unique=False)
    op.create_index(
        "webhook_due",
        "webhook_delivery",
        ["attempt_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "webhook_turn",
        "webhook_delivery",
        ["endpoint_id", "attempt_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )


def downgrade() -> None:
    op.drop_index(
        "webhook_turn",
        table_name="webhook_delivery",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index(
        "webhook_due",
        table_name="webhook_delivery",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index("webhook_delivery_of_endpoint", table_name="webhook_delivery")
    op.drop_index("webhook_delivery_made", table_name="webhook_delivery")
    op.drop_table("webhook_delivery")
    op.drop_index("webhook_endpoint_of_store", table_name="webhook_endpoint")
    op.drop_table("webhook_endpoint")
    op.drop_index("history_of_backorder", table_name="message_history")
    op.drop_table("message_history")
    op.drop_table("message_content")
    op.drop_index(
        "message_unknown",
        table_name="message",
        sqlite_where=sa.text("status = 'unknown'"),
        postgresql_where=sa.text("status = 'unknown'"),
    )
    op.drop_index(
        "message_turn",
        table_name="message",
        sqlite_where=sa.text("status = 'planned'"),
        postgresql_where=sa.text("status = 'planned'"),
    )
    op.drop_index(
        "message_too_late",
        table_name="message",
        sqlite_where=sa.text("status = 'planned'"),
        postgresql_where=sa.text("status = 'planned'"),
    )
    op.drop_index(
        "message_to",
        table_name="message",
        sqlite_where=sa.text("to_email IS NOT NULL"),
        postgresql_where=sa.text("to_email IS NOT NULL"),
    )
    op.drop_index(
        "message_sent",
        table_name="message",
        sqlite_where=sa.text("sent_at IS NOT NULL"),
        postgresql_where=sa.text("sent_at IS NOT NULL"),
    )
    op.drop_index(
        "message_sending",
        table_name="message",
        sqlite_where=sa.text("status = 'sending'"),
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.drop_index("message_of_store", table_name="message")
    op.drop_index(
        "message_to_confirm",
        table_name="message",
        sqlite_where=sa.text("status = 'sent' AND confirm_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'sent' AND confirm_at IS NOT NULL"),
    )
    op.drop_index(
        "message_not_told",
        table_name="message",
        sqlite_where=sa.text(
            "kind IN ('delay', 'consent') AND (status IN ('bounced', 'failed', 'held', 'expired')"
            " OR (status = 'sent' AND unconfirmed_at IS NOT NULL))"
        ),
        postgresql_where=sa.text(
            "kind IN ('delay', 'consent') AND (status IN ('bounced', 'failed', 'held', 'expired')"
            " OR (status = 'sent' AND unconfirmed_at IS NOT NULL))"
        ),
    )
    op.drop_index(
        "message_in_trouble",
        table_name="message",
        sqlite_where=sa.text("status IN ('failed', 'unknown', 'held', 'bounced', 'complained')"),
        postgresql_where=sa.text("status IN ('failed', 'unknown', 'held', 'bounced', 'complained')"),
    )
    op.drop_index(
        "message_held",
        table_name="message",
        sqlite_where=sa.text("status = 'held'"),
        postgresql_where=sa.text("status = 'held'"),
    )
    op.drop_index(
        "message_due",
        table_name="message",
        sqlite_where=sa.text("status = 'planned' AND attempts >= 0"),
        postgresql_where=sa.text("status = 'planned' AND attempts >= 0"),
    )
    op.drop_table("message")
    op.drop_index("fact_of_backorder", table_name="fact")
    op.drop_table("fact")
    op.drop_index(
        "line_waiting_for_sku",
        table_name="backorder_line",
        sqlite_where=sa.text("waiting > 0"),
        postgresql_where=sa.text("waiting > 0"),
    )
    op.drop_index(op.f("backorder_line_law_state"), table_name="backorder_line")
    op.drop_table("backorder_line")
    op.drop_index("suppression_of_store", table_name="suppression")
    op.drop_table("suppression")
    op.drop_index("sku_change_open", table_name="sku_change")
    op.drop_table("sku_change")
    op.drop_table("idempotency_key")
    op.drop_index(
        "backorder_replan",
        table_name="backorder",
        sqlite_where=sa.text("replan_at IS NOT NULL"),
        postgresql_where=sa.text("replan_at IS NOT NULL"),
    )
    op.drop_index("backorder_of_store", table_name="backorder")
    op.drop_index("backorder_of_email", table_name="backorder")
    op.drop_table("backorder")
    op.drop_index(op.f("api_key_store_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_index("keys_of_account", table_name="provider_keys")
    op.drop_table("provider_keys")
    op.drop_table("store")
    op.drop_index(
        "event_to_apply",
        table_name="provider_event",
        sqlite_where=sa.text("applied_at IS NULL"),
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.drop_index("event_of_message", table_name="provider_event")
    op.drop_table("provider_event")
    op.drop_table("provider_account")
