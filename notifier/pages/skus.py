"""What orders wait for, by SKU; and moving its date: first what that would do, then the second yes."""

import json
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from notifier.advising import Advice, advise, because, dates_of_sku, history
from notifier.db import overview, restocks, supply
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.domain.hindsight import REMEMBERED
from notifier.errors import Invalid, NotFound
from notifier.inputs import SkuEta
from notifier.pages import plain
from notifier.pages.html import Page, PageRoute
from notifier.pages.plots import dots
from notifier.pages.session import SignedIn, Visit
from notifier.skus import change_eta, preview_eta
from notifier.validation import checked

SHOWN = 200
CHANGES = 5
COMING = 20

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/console/skus")
def skus_page(visit: SignedIn) -> Page:
    with reading(visit.services.engine) as session:
        rows = overview.waiting_skus(session, visit.store_id, SHOWN)
    return visit.page("skus.html", {"rows": rows, "most": SHOWN})


@router.get("/console/skus/{sku:path}")
def sku_page(
    sku: str,
    visit: SignedIn,
    ask: bool = False,
    eta: str = "",
    eta_earliest: str = "",
    reason: str = "",
    done: bool = False,
    aside: bool = False,
) -> Page:
    """One SKU. With `ask` the page also tells what moving its date would do; asking does nothing."""
    return _page(visit, sku, eta, eta_earliest, reason, ask=ask, done=done, aside=aside)


@router.post("/console/skus/{sku:path}")
def move_date(
    sku: str,
    visit: SignedIn,
    token: Annotated[str, Form()],
    eta: Annotated[str, Form(max_length=20)] = "",
    eta_earliest: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """The second yes, to the very date that was shown."""
    visit.check(token, _action(sku, eta, eta_earliest, reason))
    with transaction(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        change_eta(session, store, sku, _wanted(eta, eta_earliest, reason, confirm=True), visit.now)
    return RedirectResponse(f"/console/skus/{quote(sku, safe='')}?done=true", 303)


def _page(
    visit: Visit, sku: str, eta: str, eta_earliest: str, reason: str, *, ask: bool, done: bool, aside: bool
) -> Page:
    problem, radius, wanted = "", None, None
    advice: list[Advice] = []
    if ask:
        try:
            wanted = _wanted(eta, eta_earliest, reason)
        except Invalid as error:
            problem = error.detail
    with reading(visit.services.engine) as session:
        found = overview.waiting_skus(session, visit.store_id, 1, sku) if sku.isprintable() else []
        changes = overview.sku_changes(session, visit.store_id, sku, CHANGES) if sku.isprintable() else []
        handed_out = restocks.of_sku(session, visit.store_id, sku, CHANGES) if sku.isprintable() else []
        coming = supply.coming(session, visit.store_id, sku, COMING) if sku.isprintable() else []
        if not found and not changes and not coming:
            raise NotFound("No order of this store waits for such a SKU.")
        past = history(session, visit.store_id, sku, visit.now)
        if wanted is not None:
            store = session.get_one(Store, visit.store_id)
            radius = preview_eta(session, store, sku, wanted, visit.now)
            before = dates_of_sku(session, visit.store_id)
            advice = [*advise(session, store, [(sku, wanted.estimate)], visit.now, before).values()]
    values = {
        "sku": sku,
        "address": f"/console/skus/{quote(sku, safe='')}",
        "waiting": found[0] if found else None,
        "changes": changes,
        "restocks": handed_out,
        "rules": plain.RULES,
        "coming": coming,
        "past": past,
        "plot": dots(past.outcomes[-REMEMBERED:], past.outlook) if past.outcomes else None,
        "advice": [(it, because(it)) for it in advice],
        "entered": {"eta": eta, "eta_earliest": eta_earliest, "reason": reason},
        "problem": problem,
        "wanted": wanted,
        "radius": radius,
        "kinds": plain.by_kind(radius.messages.items()) if radius else [],
        "samples": [(order, plain.kind(draft.kind), draft) for order, draft in radius.samples]
        if radius
        else [],
        "action": _action(sku, eta, eta_earliest, reason),
        "done": done,
        "aside": aside,
    }
    return visit.page("sku.html", values, 422 if problem else 200)


def _wanted(eta: str, eta_earliest: str, reason: str, *, confirm: bool = False) -> SkuEta:
    """What a person entered. Raises Invalid."""
    entered = {"eta": eta or None, "eta_earliest": eta_earliest or None, "reason": reason.strip() or None}
    return checked(SkuEta, entered | {"confirm": confirm})


def _action(*shown: str) -> str:
    return "move " + json.dumps(shown)
