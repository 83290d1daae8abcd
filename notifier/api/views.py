"""From rows and facts to what the API answers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson
from pydantic import BaseModel

from notifier.api import shapes, store_shapes
from notifier.db.account_tables import ProviderAccount, ProviderKeys
from notifier.db.accounts import State, provider_of
from notifier.db.facts import Order
from notifier.db.registering import NewOrder
from notifier.db.tables import MessageRow, Store, Suppression
from notifier.db.webhook_tables import WebhookDelivery, WebhookEndpoint
from notifier.domain.message import Draft, Kind, Scope, Status
from notifier.domain.news import Type
from notifier.domain.order import Facts, Line
from notifier.domain.pace import Pace
from notifier.domain.prospect import Prospect
from notifier.duties import Listed
from notifier.links import FIRST_SERIES, Links
from notifier.timeline import Entry


def message(row: MessageRow, email: str, skus: Mapping[str, str]) -> shapes.Message:
    """`email` is the customer's address, `skus` name lines by id."""
    return shapes.Message(
        id=row.id,
        backorder_id=row.backorder_id,
        kind=Kind(row.kind),
        status=Status(row.status),
        reason=row.reason,
        due_at=row.due_at,
        expires_at=row.expires_at,
        sent_at=row.sent_at,
        to=row.to_email or email,
        subject=row.subject,
        provider=provider_of(row.provider) if row.provider else None,
        provider_ref=row.provider_ref,
        attempts=row.attempts,
        template_version=row.template_version,
        lines=[skus[line_id] for line_id in row.says],
    )


def backorder(order: Order, messages: Iterable[MessageRow], links: Links, now: datetime) -> shapes.Backorder:
    """An order as it was read."""
    skus = {line.id: line.sku for line in order.lines}
    laws = [(line.law_state, line.answer_by) for line in order.lines]
    shown = [message(row, order.row.email, skus) for row in messages]
    status_url = links.order_page(order.row.id, order.row.link_series, now)
    return shapes.Backorder(**_backorder(order.facts, order.row.payment, laws, shown, status_url))


def registered(orders: Iterable[NewOrder], links: Links, now: datetime) -> dict[str, dict[str, Any]]:
    """By id, orders as they were just written: what reading them back would answer, as plain values."""
    return {
        order.facts.backorder_id: _registered(order, _emails(order.prospect), links, now) for order in orders
    }


@lru_cache(maxsize=1000)
def _emails(prospect: Prospect) -> list[tuple[dict[str, Any], tuple[int, ...]]]:
    return [_planned(*email) for email in prospect.emails]


def _planned(draft: Draft, says: Iterable[int]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """An email that an order will get, without its order, and the positions of the lines that it speaks of."""
    shown = {
        "id": None,
        "backorder_id": None,
        "kind": draft.kind.value,
        "status": Status.PLANNED.value,
        "reason": None,
        "due_at": _instant(draft.due_at),
        "expires_at": _instant(draft.expires_at),
        "sent_at": None,
        "to": None,
        "subject": None,
        "provider": None,
        "provider_ref": None,
        "attempts": 0,
        "template_version": None,
        "lines": None,
    }
    return shown, tuple(says)


def _registered(
    order: NewOrder, emails: Iterable[tuple[dict[str, Any], tuple[int, ...]]], links: Links, now: datetime
) -> dict[str, Any]:
    facts = order.facts
    id_, email, skus = facts.backorder_id, facts.customer.email, [line.sku for line in facts.lines]
    planned = [
        shown | {"id": message_id, "backorder_id": id_, "to": email, "lines": [skus[place] for place in says]}
        for message_id, (shown, says) in zip(order.message_ids, emails, strict=True)
    ]
    laws = [(where.state, where.answer_by) for where in order.prospect.standings]
    return _backorder(facts, order.payment, laws, planned, links.order_page(id_, FIRST_SERIES, now))


def _backorder(
    facts: Facts,
    payment: Mapping[str, Any] | None,
    laws: Iterable[tuple[str, date | None]],
    messages: Sequence[shapes.Message | dict[str, Any]],
    status_url: str,
) -> dict[str, Any]:
    """`laws` are the state and the last day to answer of each line, in order."""
    skus = {line.id: line.sku for line in facts.lines}
    customer = facts.customer
    return {
        "id": facts.backorder_id,
        "order_id": facts.order_id,
        "status": facts.status,
        "placed_at": facts.placed_at,
        "registered_at": facts.registered_at,
        "currency": facts.currency,
        "order_url": facts.order_url,
        "status_url": status_url,
        "customer": {
            "email": customer.email,
            "name": customer.name,
            "locale": customer.locale,
            "timezone": customer.timezone,
            "country": customer.country,
        },
        "payment": shapes.CardPayment(**payment) if payment else None,
        "unsubscribed": facts.unsubscribed,
        "lines": [
            _line(line, law_state, answer_by)
            for line, (law_state, answer_by) in zip(facts.lines, laws, strict=True)
        ],
        "shipments": [
            shapes.Shipment(
                id=shipment.id,
                shipped_at=shipment.at,
                carrier=shipment.carrier,
                tracking_number=shipment.tracking_number,
                tracking_url=shipment.tracking_url,
                lines=_units(shipment.units, skus),
            )
            for shipment in facts.shipments
        ],
        "cancellations": [
            shapes.Cancellation(
                id=cancellation.id,
                cancelled_at=cancellation.at,
                by=cancellation.by,
                reason=cancellation.reason,
                lines=_units(cancellation.units, skus),
            )
            for cancellation in facts.cancellations
        ],
        "refunds": [
            shapes.Refund(amount=f"{refund.amount:f}", currency=refund.currency, refunded_at=refund.at)
            for refund in facts.refunds
        ],
        "messages": messages,
    }


def _line(line: Line, law_state: str, answer_by: date | None) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": f"{line.unit_price:f}" if line.unit_price is not None else None,
        "eta": line.eta.latest,
        "eta_earliest": line.eta.earliest,
        "promised": line.promised,
        **({"essential_date": True} if line.essential_date else {}),
        "reason": line.eta_reason,
        "image_url": line.image_url,
        "product_url": line.product_url,
        "highlights": line.highlights,
        "related": [
            {"name": item.name, "url": item.url, "image_url": item.image_url} for item in line.related
        ],
        "shipped": line.shipped,
        "cancelled": line.cancelled,
        "allocated": line.allocated,
        "law_state": law_state,
        "answer_by": answer_by,
    }


def _instant(at: datetime) -> str:
    """As a shape writes it."""
    return at.isoformat().replace("+00:00", "Z")


def as_json(values: shapes.Backorder | dict[str, Any]) -> str:
    """Plain values, and shapes among them, as the shapes alone would write them."""
    return orjson.dumps(values, default=_shape, option=orjson.OPT_UTC_Z).decode()


def _shape(value: BaseModel) -> dict[str, Any]:
    return value.model_dump(mode="json")


def _units(units: Mapping[str, int], skus: Mapping[str, str]) -> list[shapes.Units]:
    return [shapes.Units(sku=skus[line_id], quantity=count) for line_id, count in units.items()]


def timeline(entries: Iterable[Entry]) -> shapes.Timeline:
    return shapes.Timeline(
        data=[
            shapes.Event(
                at=entry.at,
                what=entry.what,
                why=entry.why,
                future=entry.future,
                kind=Kind(entry.message.kind) if entry.message else None,
                message_id=entry.message.id if entry.message else None,
                data=dict(entry.data) if entry.data is not None else None,
            )
            for entry in entries
        ]
    )


def account(
    name: str, second: bool, row: ProviderAccount | None, standing: State, pace: Pace | None
) -> store_shapes.Account:
    """`row` is None for an account that never had trouble."""
    return store_shapes.Account(
        account=name,
        provider=provider_of(name),
        second=second,
        state=standing,
        reason=row.reason if row else None,
        paused_until=row.paused_until if row else None,
        failures=row.failures if row else 0,
        sends_per_second=pace.per_second if pace else None,
    )


def store(
    row: Store, keys: Mapping[str, ProviderKeys], sender: str, provider: str
) -> store_shapes.StoreShape:
    """`keys` are the store's own; `sender` and `provider` the installation's, for a store that has set none."""
    return store_shapes.StoreShape(
        id=row.id,
        name=row.name,
        timezone=row.timezone,
        locale=row.locale,
        country=row.country,
        sender=row.sender or sender,
        reply_to=row.reply_to,
        provider=row.provider or provider,
        second_provider=row.second_provider,
        digest_to=row.digest_to,
        digest_hour=row.digest_hour,
        widget=row.widget,
        widget_key=row.widget_key,
        brand=row.brand,
        keys=_keys(keys),
        created_at=row.created_at,
    )


def _keys(own: Mapping[str, ProviderKeys]) -> store_shapes.KeysShape:
    def shown(provider: str, name: str) -> str | None:
        return own[provider].shown.get(name) if provider in own else None

    def key(provider: str, name: str) -> store_shapes.KeyShape:
        last = shown(provider, name)
        return store_shapes.KeyShape(set=last is not None, last4=last or None)

    server, group = shown("smtp", "url"), shown("sendgrid", "unsubscribe_group")
    return store_shapes.KeysShape(
        sendgrid=store_shapes.SendgridShape(
            api_key=key("sendgrid", "api_key"),
            base_url=shown("sendgrid", "base_url"),
            unsubscribe_group=int(group) if group else None,
            templates=shown("sendgrid", "templates"),
            webhook_public_key=key("sendgrid", "webhook_public_key"),
        ),
        klaviyo=store_shapes.KlaviyoShape(
            api_key=key("klaviyo", "api_key"), webhook_secret=key("klaviyo", "webhook_secret")
        ),
        smtp=store_shapes.SmtpShape(
            url=store_shapes.KeyShape(set=server is not None, last4=None), server=server
        ),
        shopify=store_shapes.ShopShape(webhook_secret=key("shopify", "webhook_secret")),
        woocommerce=store_shapes.ShopShape(webhook_secret=key("woocommerce", "webhook_secret")),
        bigcommerce=store_shapes.BigCommerceShape(
            webhook_secret=key("bigcommerce", "webhook_secret"),
            api_token=key("bigcommerce", "api_token"),
            store_hash=shown("bigcommerce", "store_hash"),
        ),
    )


def suppression(row: Suppression) -> shapes.Suppression:
    return shapes.Suppression(
        id=row.id,
        address=row.address,
        scope=Scope(row.scope),
        reason=row.reason,
        source=row.source,
        created_at=row.at,
    )


def duty(item: Listed) -> shapes.Duty:
    return shapes.Duty(
        backorder_id=item.order.row.id,
        order_id=item.order.row.order_id,
        sku=item.sku,
        duty=item.task,
        due=item.place.due,
        ends_at=item.ends_at,
        overdue=item.overdue,
        amount=f"{item.amount:f}" if item.amount is not None else None,
        currency=item.order.row.currency if item.amount is not None else None,
    )


def endpoint(row: WebhookEndpoint) -> shapes.WebhookEndpoint:
    return shapes.WebhookEndpoint.model_validate(_endpoint(row))


def endpoint_with_secret(row: WebhookEndpoint, secret: str) -> shapes.WebhookEndpointWithSecret:
    return shapes.WebhookEndpointWithSecret.model_validate(_endpoint(row) | {"secret": secret})


def _endpoint(row: WebhookEndpoint) -> dict[str, Any]:
    shown = row.model_dump(include=set(shapes.WebhookEndpoint.model_fields))
    return shown | {"events": row.events or list(Type)}


def delivery(row: WebhookDelivery) -> shapes.WebhookDelivery:
    return shapes.WebhookDelivery.model_validate(
        row.model_dump(include=set(shapes.WebhookDelivery.model_fields))
        | {
            "next_attempt_at": row.attempt_at if row.status == "pending" else None,
            "payload": json.loads(row.body),
        }
    )
