"""Units of a SKU that arrived: first what either way of sharing them would do, then the second yes."""

import json
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from notifier.db import restocks, supply
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.domain.supply import Rule
from notifier.errors import Conflict, Invalid
from notifier.inputs import NewRestock
from notifier.pages import plain
from notifier.pages.html import Page, PageRoute
from notifier.pages.session import SignedIn, Visit
from notifier.restocking import Outcome, Restocked, foretell_restock, restock
from notifier.validation import checked

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Short = Annotated[str, Form(max_length=200)]


@router.get("/console/restocks")
def restock_page(
    visit: SignedIn,
    sku: Annotated[str, Query(max_length=200)],
    quantity: Annotated[str, Query(max_length=20)] = "",
) -> Page:
    """What so many units would do, by either rule; asking does nothing."""
    return _page(visit, sku, quantity)


@router.post("/console/restocks")
def set_aside(
    visit: SignedIn, token: Annotated[str, Form()], sku: Short, quantity: Short, rule: Short, seen: Short
) -> Response:
    """The second yes, to the very units and rule that were shown, and once: not after others were given since."""
    visit.check(token, _action(sku, quantity, rule, seen))
    try:
        new = _wanted(sku, quantity, rule)
        with transaction(visit.services.engine) as session:
            supply.lock(session, visit.store_id, [sku])
            if restocks.given(session, visit.store_id, sku) != seen:
                raise Conflict(f"units of {sku} were set aside since; see anew who would get these")
            restock(session, session.get_one(Store, visit.store_id), new, visit.now)
    except (Invalid, Conflict) as error:
        return _page(visit, sku, quantity, error.detail)
    return RedirectResponse(f"/console/skus/{quote(sku, safe='')}?aside=true", 303)


def _page(visit: Visit, sku: str, quantity: str, problem: str = "") -> Page:
    told, seen = None, ""
    if not problem:
        try:
            new = _wanted(sku, quantity, "fifo")
            with reading(visit.services.engine) as session:
                seen = restocks.given(session, visit.store_id, sku)
                told = foretell_restock(session, session.get_one(Store, visit.store_id), new, visit.now)
        except Invalid as error:
            problem = error.detail
    values = {
        "sku": sku,
        "quantity": quantity,
        "problem": problem,
        "rules": [_shown(rule, *what) for rule, what in (told.rules or {} if told else {}).items()],
        "seen": seen,
        "actions": {rule: _action(sku, quantity, rule, seen) for rule in plain.RULES},
    }
    return visit.page("restock.html", values, 422 if problem else 200)


def _shown(rule: Rule, got: Restocked, outcome: Outcome) -> dict[str, Any]:
    """What a rule would do, as the page tells it."""
    return {
        "rule": rule,
        "name": plain.RULES[rule],
        "got": got,
        "outcome": outcome,
        "emails": plain.by_kind(outcome.messages.items()),
        "stops": plain.by_kind(outcome.stopped.items()),
    }


def _wanted(sku: str, quantity: str, rule: str) -> NewRestock:
    """What a person entered. Raises Invalid."""
    return checked(NewRestock, {"sku": sku, "quantity": _number(quantity), "rule": rule})


def _number(words: str) -> int:
    if not (words.isascii() and words.strip().isdecimal()):
        raise Invalid(f"{words[:20]!r} is no number of units; say how many arrived, like 200")
    return int(words)


def _action(*shown: str) -> str:
    return "restock " + json.dumps(shown)
