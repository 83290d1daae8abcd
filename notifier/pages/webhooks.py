"""Where the store's own programs are told what happened: its endpoints, their state, and what they were told."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from notifier import endpoints
from notifier.db import deliveries
from notifier.db import endpoints as rows
from notifier.db.engine import reading, transaction
from notifier.db.webhook_tables import WebhookEndpoint
from notifier.domain.news import Type
from notifier.errors import NotFound, NotifierError
from notifier.inputs import NewEndpoint
from notifier.pages.html import Page, PageRoute
from notifier.pages.plain import Label
from notifier.pages.session import SignedIn, Visit
from notifier.validation import checked

PATH = "/console/webhooks"
PAGE = 50
STATES = {
    "pending": Label("On its way", "wait"),
    "held": Label("Held", "wait"),
    "delivered": Label("Delivered", "good"),
    "failed": Label("Failed", "bad"),
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Done = Annotated[str, Query(max_length=20)]
Token = Annotated[str, Form()]


@router.get(PATH)
def endpoints_page(visit: SignedIn, done: Done = "") -> Page:
    return _list(visit, done)


@router.post(PATH)
def add(
    visit: SignedIn,
    token: Token,
    url: Annotated[str, Form(max_length=3000)] = "",
    events: Annotated[list[str] | None, Form(max_length=100)] = None,
    description: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """The page that answers shows the secret, this once."""
    visit.check(token, "add webhook")
    entered = {"url": url.strip(), "events": events or None, "description": description.strip()}
    try:
        wanted = checked(NewEndpoint, entered)
        with transaction(visit.services.engine) as session:
            row, secret = endpoints.create(session, visit.services.hooks, visit.store_id, wanted, visit.now)
    except NotifierError as error:
        if error.status >= 500:
            raise
        return _list(visit, problem=error.detail, entered=entered)
    return _one(visit, row.id, done="added", secret=secret)


@router.get(PATH + "/{endpoint_id}")
def endpoint_page(endpoint_id: str, visit: SignedIn, before: str = "", done: Done = "") -> Page:
    return _one(visit, endpoint_id, before, done)


@router.post(PATH + "/{endpoint_id}/{action}")
def act(endpoint_id: str, action: str, visit: SignedIn, token: Token) -> Response:
    visit.check(token, f"{action} {endpoint_id}")
    path = f"{PATH}/{endpoint_id}"
    with transaction(visit.services.engine) as session:
        match action:
            case "resume":
                endpoints.resume(session, visit.store_id, endpoint_id, visit.now)
            case "test":
                endpoints.test(session, visit.store_id, endpoint_id, visit.now)
            case "delete":
                endpoints.remove(session, visit.store_id, endpoint_id)
                path = PATH
            case "rotate":
                hooks = visit.services.hooks
                _, secret = endpoints.rotate(session, hooks, visit.store_id, endpoint_id, visit.now)
            case _:
                raise NotFound("There is no such button.")
    if action == "rotate":
        return _one(visit, endpoint_id, done="rotate", secret=secret)
    return RedirectResponse(f"{path}?done={action}", 303)


@router.post(PATH + "/{endpoint_id}/deliveries/{delivery_id}")
def redeliver(endpoint_id: str, delivery_id: str, visit: SignedIn, token: Token) -> Response:
    visit.check(token, f"redeliver {delivery_id}")
    with transaction(visit.services.engine) as session:
        endpoints.redeliver(session, visit.store_id, endpoint_id, delivery_id, visit.now)
    return RedirectResponse(f"{PATH}/{endpoint_id}?done=redeliver", 303)


def _list(
    visit: Visit, done: str = "", problem: str = "", entered: dict[str, str | list[str] | None] | None = None
) -> Page:
    with reading(visit.services.engine) as session:
        found = rows.find(session, visit.store_id, limit=endpoints.MOST)
    values = {
        "rows": [(row, state(row)) for row in found],
        "types": [type_.value for type_ in Type if type_ is not Type.TEST],
        "entered": entered or {"url": "", "events": None, "description": ""},
        "problem": problem,
        "done": done,
        "full": len(found) >= endpoints.MOST,
    }
    return visit.page("webhooks.html", values, 422 if problem else 200)


def _one(visit: Visit, endpoint_id: str, before: str = "", done: str = "", secret: str = "") -> Page:
    # PostgreSQL refuses NUL in text; no id has any such character.
    which, place = (text if text.isprintable() else "-" for text in (endpoint_id, before))
    with reading(visit.services.engine) as session:
        row = endpoints.find(session, visit.store_id, which)
        found = deliveries.find(session, row, after=place or None, limit=PAGE + 1)
    values = {
        "endpoint": row,
        "label": state(row),
        "deliveries": [(delivery, STATES[delivery.status]) for delivery in found[:PAGE]],
        "older": f"?before={found[PAGE - 1].id}" if len(found) > PAGE else "",
        "secret": secret,
        "done": done,
    }
    return visit.page("webhook.html", values)


def state(row: WebhookEndpoint) -> Label:
    """How an endpoint does, in a word."""
    if row.status == rows.PAUSED:
        return Label("Paused", "bad")
    return Label("Failing", "wait") if row.failing_since else Label("Active", "good")
