"""Addresses that must not get the store's mail, in the console: why, and since when; add one, lift one."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from notifier.db import suppressions
from notifier.db.engine import reading, transaction
from notifier.domain.message import Scope
from notifier.errors import Invalid, NotFound
from notifier.inputs import NewSuppression
from notifier.pages.html import Page, PageRoute
from notifier.pages.plain import Label
from notifier.pages.session import SignedIn, Visit
from notifier.signed import naming
from notifier.suppressing import lift, suppress
from notifier.validation import checked

PAGE = 50
SCOPES = {Scope.ALL: Label("No mail at all", "bad"), Scope.WAITING: Label("No reminders", "wait")}
SOURCES = {"api": "the store, by API", "console": "the store, here", "customer": "the customer"}

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Done = Annotated[str, Query(max_length=20)]


@router.get("/console/suppressions")
def suppressions_page(visit: SignedIn, address: str = "", before: str = "", done: Done = "") -> Page:
    return _page(visit, address, before, done)


@router.post("/console/suppressions")
def add(
    visit: SignedIn,
    token: Annotated[str, Form()],
    address: Annotated[str, Form(max_length=320)] = "",
    scope: Annotated[str, Form(max_length=20)] = "all",
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    visit.check(token, "suppress")
    entered = {"address": address.strip(), "scope": scope, "reason": reason.strip()}
    try:
        wanted = checked(NewSuppression, {name: value for name, value in entered.items() if value})
    except Invalid as error:
        return _page(visit, problem=error.detail, entered=entered)
    with transaction(visit.services.engine) as session:
        suppress(session, visit.store_id, wanted.address, wanted.scope, wanted.reason, "console", visit.now)
    return RedirectResponse("/console/suppressions?done=added", 303)


@router.post("/console/suppressions/{suppression_id}/lift")
def remove(suppression_id: str, visit: SignedIn, token: Annotated[str, Form()]) -> Response:
    visit.check(token, f"lift {suppression_id}")
    with transaction(visit.services.engine) as session:
        found = suppressions.find(session, visit.store_id, id=suppression_id, limit=1)
        if not found:
            raise NotFound("This address is not suppressed any more.")
        lift(session, found, naming(visit.services.links.secret), visit.now)
    return RedirectResponse("/console/suppressions?done=lifted", 303)


def _page(
    visit: Visit,
    address: str = "",
    before: str = "",
    done: str = "",
    problem: str = "",
    entered: dict[str, str] | None = None,
) -> Page:
    # PostgreSQL refuses NUL in text; no address or id has any such character.
    words, place = (text.strip() if text.isprintable() else "-" for text in (address, before))
    with reading(visit.services.engine) as session:
        found = suppressions.find(
            session,
            visit.store_id,
            address=words or None,
            naming=naming(visit.services.links.secret),
            after=place or None,
            limit=PAGE + 1,
        )
    rows = [(row, SCOPES[Scope(row.scope)], SOURCES.get(row.source, row.source)) for row in found[:PAGE]]
    values = {
        "rows": rows,
        "words": address,
        "scopes": {scope.value: label.text for scope, label in SCOPES.items()},
        "entered": entered or {"address": "", "scope": "all", "reason": ""},
        "problem": problem,
        "done": done,
        "older": f"?before={rows[-1][0].id}" if len(found) > PAGE and not words else "",
    }
    return visit.page("suppressions.html", values, 422 if problem else 200)
