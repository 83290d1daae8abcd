"""What a store does with its webhook endpoints: make, change, rotate, resume, test, ask for a delivery once more.

Every function takes a session inside a transaction and the time `now`. They raise NotFound, Invalid or Conflict before
anything is written.
"""

import secrets
from base64 import b64encode
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlmodel import Session

from notifier.calling import SECRET, Hooks
from notifier.db import deliveries, endpoints, policies
from notifier.db.ids import new_id
from notifier.db.webhook_tables import WebhookDelivery, WebhookEndpoint
from notifier.domain.news import News, Type
from notifier.errors import Conflict, Fault, Invalid, NotFound
from notifier.inputs import EndpointChange, NewEndpoint
from notifier.sealed import seal
from notifier.webhooks import target

MOST = 20
"""How many endpoints one store may have."""
OLD_SECRET_LASTS = timedelta(hours=24)


def create(
    session: Session, hooks: Hooks, store_id: str, new: NewEndpoint, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint, and its secret in the clear: this is the only time that anybody sees it."""
    url = _checked(hooks, new.url)
    count = endpoints.count(session, store_id)
    if count >= MOST:
        raise Conflict(f"this store has {MOST} webhook endpoints, which is the most; delete one first")
    secret = _new_secret()
    row = WebhookEndpoint(
        id=new_id("we"),
        store_id=store_id,
        url=url,
        events=_types(new.events),
        description=new.description,
        secret=seal(hooks.secret_key, SECRET, secret),
        created_at=now,
    )
    session.add(row)
    session.flush()
    if not count:  # so that what is near already is told too
        policies.plan_all_again(session, store_id, now)
    return row, secret


def find(session: Session, store_id: str, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint:
    found = endpoints.find(session, store_id, id=endpoint_id, lock=lock)
    if not found:
        raise NotFound(f"there is no webhook endpoint {endpoint_id!r} in this store")
    return found[0]


def change(
    session: Session, hooks: Hooks, store_id: str, endpoint_id: str, wanted: EndpointChange
) -> WebhookEndpoint:
    """Change what is given; the secret stays."""
    row = find(session, store_id, endpoint_id, lock=True)
    if wanted.url is not None:
        row.url = _checked(hooks, wanted.url)
    if wanted.events is not None:
        row.events = _types(wanted.events)
    if wanted.description is not None:
        row.description = wanted.description
    session.add(row)
    return row


def remove(session: Session, store_id: str, endpoint_id: str) -> WebhookEndpoint:
    """Tell it nothing more; what was not delivered yet is not."""
    row = find(session, store_id, endpoint_id, lock=True)
    endpoints.remove(session, row)
    return row


def resume(session: Session, store_id: str, endpoint_id: str, now: datetime) -> WebhookEndpoint:
    """What was wrong is mended: all that was not delivered since the trouble began goes at once."""
    row = find(session, store_id, endpoint_id, lock=True)
    endpoints.resume(session, row, now)
    return row


def rotate(
    session: Session, hooks: Hooks, store_id: str, endpoint_id: str, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """A new secret, in the clear this once; the one before signs too for a day, so that no event is refused."""
    row = find(session, store_id, endpoint_id, lock=True)
    secret = _new_secret()
    row.old_secret, row.old_secret_until = row.secret, now + OLD_SECRET_LASTS
    row.secret = seal(hooks.secret_key, SECRET, secret)
    session.add(row)
    return row, secret


def test(session: Session, store_id: str, endpoint_id: str, now: datetime) -> WebhookDelivery:
    """Post it an event of type `endpoint.test`, also while it is paused, to see whether it works."""
    row = find(session, store_id, endpoint_id)
    item = News(Type.TEST, store_id, now, {"endpoint_id": row.id, "message": "It works."})
    values = endpoints.delivery(row.id, new_id("event"), item, now)
    endpoints.keep(session, [values])
    return session.get_one(WebhookDelivery, values["id"])


def redeliver(
    session: Session, store_id: str, endpoint_id: str, delivery_id: str, now: datetime
) -> WebhookDelivery:
    """Post it again under the same id, also while its endpoint is paused."""
    row = find(session, store_id, endpoint_id)
    found = deliveries.find(session, row, id=delivery_id, limit=1)
    if not found:
        raise NotFound(f"webhook endpoint {endpoint_id} has no delivery {delivery_id!r}")
    deliveries.redeliver(session, found[0], now)
    return found[0]


def _new_secret() -> str:
    """As Standard Webhooks writes them: 24 to 64 random bytes in base64, so named that leaks are found."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def _types(wanted: list[Type] | None) -> list[str]:
    return sorted({type_.value for type_ in wanted or ()})


def _checked(hooks: Hooks, url: str) -> str:
    """The URL as it is kept. Raises Invalid unless webhooks may go there."""
    try:
        target.read(url, private=hooks.caller.private)
    except ValueError as error:
        shown = urlsplit(url).hostname or url[:100]
        raise Invalid(
            f"no webhook can go to {shown!r}: the url {error}", (Fault("/url", str(error)),)
        ) from None
    return url
