"""What mail services report. The signature is the key: nothing of a request is read before it proves genuine."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request

from notifier import feedback
from notifier.api import shapes
from notifier.api.deps import Id, services_of
from notifier.api.problems import declared
from notifier.bootstrap import Services
from notifier.db import accounts
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.errors import NotFound, Unavailable
from notifier.keyring import OF_REPORTS
from notifier.providers.reports import Report, from_klaviyo, from_sendgrid

router = APIRouter(prefix="/webhooks", tags=["webhooks"], responses=declared(400, 401, 404, 422, 503))

log = structlog.get_logger(__name__)

Verify = Callable[[bytes, Mapping[str, str], str], Sequence[Report]]


async def _raw(request: Request) -> bytes:
    return await request.body()


Raw = Annotated[bytes, Depends(_raw)]
Here = Annotated[Services, Depends(services_of)]


@router.post("/sendgrid/{store_id}", operation_id="take_sendgrid_events")
def sendgrid(store_id: Id, request: Request, body: Raw, services: Here) -> shapes.Kept:
    """SendGrid's event webhook, signed. Events are kept at once, each once, and applied within seconds."""
    return _keep(services, store_id, "sendgrid", from_sendgrid, body, request)


@router.post("/klaviyo/{store_id}", operation_id="take_klaviyo_events")
def klaviyo(store_id: Id, request: Request, body: Raw, services: Here) -> shapes.Kept:
    """A Klaviyo system webhook, signed. Events are kept at once, each once, and applied within seconds."""
    return _keep(services, store_id, "klaviyo", from_klaviyo, body, request)


def _keep(
    services: Services,
    store_id: str,
    provider: str,
    verify: Verify,
    body: bytes,
    request: Request,
) -> shapes.Kept:
    key = _key(services, store_id, provider)
    if not key:
        log.error("reports arrive, but nothing is set to prove them genuine", provider=provider)
        raise Unavailable(f"the key of {provider}'s webhook is not set")
    reports = verify(body, request.headers, key)
    now = services.clock()
    with transaction(services.engine) as session:
        if session.get(Store, store_id) is None:
            raise NotFound(f"there is no store {store_id!r}")
        return shapes.Kept(kept=feedback.keep(session, store_id, provider, reports, now))


def _key(services: Services, store_id: str, provider: str) -> str:
    """What proves reports to this store genuine: its own key, or the installation's where it has none."""
    with reading(services.engine) as session:
        own = accounts.keys_of(session, store_id).get(provider)
        field = OF_REPORTS[provider]
        if own and field in own.shown:
            return services.keyring.read(own)[field]
    settings = services.settings
    if provider == "sendgrid":
        return settings.sendgrid_webhook_public_key
    return settings.klaviyo_webhook_secret.get_secret_value()
