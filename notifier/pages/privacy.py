"""What customers ask for by a shop platform, in the console: shown among the shops, answered here."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from notifier import privacy_requests
from notifier.db import privacy_requests as kept
from notifier.db.engine import transaction
from notifier.db.privacy_tables import PrivacyRequest
from notifier.db.tables import Store
from notifier.pages.html import PageRoute
from notifier.pages.plain import Label
from notifier.pages.session import SignedIn

PATH = "/console/privacy-requests"
SHOWN = 20
KINDS: Mapping[str, str] = {
    "export": "A customer asks for their data",
    "erase": "A customer asks to be forgotten",
    "erase_shop": "The shop asks that all of its customers be forgotten",
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def listed(session: Session, store_id: str) -> list[Mapping[str, Any]]:
    """The newest requests, with the orders of those whom they are about."""
    return [
        {
            "row": row,
            "what": KINDS[row.kind],
            "state": _state(row),
            "orders": kept.orders_of(session, store_id, row.emails),
        }
        for row in kept.find(session, store_id, limit=SHOWN)
    ]


def _state(row: PrivacyRequest) -> Label:
    if row.done_at is not None:
        return Label("Done", "good")
    if row.kind == "erase" or row.approved_at is not None:
        return Label("Is done by itself", "wait")
    return Label("To be done", "bad")


@router.post(PATH + "/{request_id}")
def answer(
    request_id: str, visit: SignedIn, token: Annotated[str, Form()], sure: Annotated[str, Form()] = ""
) -> Response:
    """A file with the customer's data, or back to the page. All customers of a shop go only where the box is ticked."""
    visit.check(token, f"answer {request_id}")
    services = visit.services
    secret_key = services.settings.secret_key.get_secret_value()
    with transaction(services.engine) as session:
        row = kept.one(session, request_id)
        if row is None or row.kind != "erase_shop" or sure:
            store = session.get_one(Store, visit.store_id)
            done = privacy_requests.answer(session, store, request_id, secret_key, visit.now)
            exports = done.exports
        else:
            exports = []
    if not exports:
        return RedirectResponse("/console/shops#asked", 303)
    return Response(
        json.dumps(exports, ensure_ascii=False, indent=2),
        media_type="application/json",
        headers={
            "Content-Disposition": 'attachment; filename="customer.json"',
            "Cache-Control": "no-store",
        },
    )
