"""Goods on their way, in the console: what comes when, who waits for it; first what a change would do, then the yes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlmodel import Session

from notifier.advising import Advice, because
from notifier.db import restocks, sku_changes, supply
from notifier.db.engine import reading, transaction
from notifier.db.inbound_tables import InboundLine, InboundShipment
from notifier.db.tables import Store
from notifier.errors import Conflict, Invalid, NotFound
from notifier.inbound import Effect, change, preview_change, preview_new, register
from notifier.inbound.wishes import InboundChange, NewInbound
from notifier.pages import plain
from notifier.pages.html import Page, PageRoute
from notifier.pages.session import SignedIn, Visit
from notifier.validation import checked

PAGE = 50

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Short = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=2000)]


class Change(BaseModel):
    """What a person entered of a shipment, as it was typed."""

    eta: Short = ""
    eta_earliest: Short = ""
    stage: Short = ""
    supplier: Short = ""
    reason: Words = ""


class New(Change):
    """The same of a new one; `goods` is a line for each SKU."""

    reference: Short = ""
    supplier_eta: Short = ""
    goods: Annotated[str, Field(max_length=100_000)] = ""
    stage: Short = "ordered"


class AskedOfAll(New):
    """With `ask` the page tells what it would do."""

    ask: bool = False
    before: Short = ""


class AskedOfOne(Change):
    ask: bool = False
    after: Short = ""
    done: Short = ""


class ConfirmedNew(New):
    token: str


class ConfirmedChange(Change):
    token: str


@dataclass(frozen=True, slots=True)
class Row:
    """A shipment as lists show it; `waiting` counts the lines of orders that wait for it."""

    row: InboundShipment
    lines: list[InboundLine]
    stage: plain.Label
    waiting: int


# --- all of them -------------------------------------------------------------------------------------------


@router.get("/console/inbound")
def shipments_page(visit: SignedIn, asked: Annotated[AskedOfAll, Query()]) -> Page:
    """All of them. With `ask` the page also tells what a new one would do; asking does nothing."""
    return _list(visit, _entered(asked, New), asked.before, ask=asked.ask)


@router.post("/console/inbound")
def add(visit: SignedIn, form: Annotated[ConfirmedNew, Form()]) -> Response:
    """The second yes, to the very shipment that was shown."""
    entered = _entered(form, New)
    visit.check(form.token, _action(entered))
    try:
        new = _new(entered, confirm=True)
        with transaction(visit.services.engine) as session:
            row = register(session, session.get_one(Store, visit.store_id), new, visit.now).row
    except (Invalid, Conflict) as error:
        return _list(visit, entered, problem=error.detail)
    return RedirectResponse(f"/console/inbound/{row.id}?done=added", 303)


def _entered(form: Change, shape: type[Change]) -> dict[str, str]:
    """What was entered, without what else came along."""
    return form.model_dump(include=set(shape.model_fields))


def _list(
    visit: Visit, entered: dict[str, str], before: str = "", *, ask: bool = False, problem: str = ""
) -> Page:
    effect = None
    with reading(visit.services.engine) as session:
        if ask:
            try:
                store = session.get_one(Store, visit.store_id)
                effect = preview_new(session, store, _new(entered), visit.now)
            except (Invalid, Conflict) as error:
                problem = error.detail
        place = before if before.isprintable() else "-"
        found = supply.shipments(
            session, visit.store_id, stage=None, sku=None, after=place or None, limit=PAGE + 1
        )
        rows = _rows(session, list(found[:PAGE]))
    values = {
        "rows": rows,
        "older": f"?before={rows[-1].row.id}" if len(found) > PAGE else "",
        "entered": entered,
        "stages": _stages(),
        "problem": problem,
        "action": _action(entered),
        **_shown(effect, entered["eta"].strip()),
    }
    return visit.page("inbound.html", values, 422 if problem else 200)


def _rows(session: Session, found: list[InboundShipment]) -> list[Row]:
    ids = [row.id for row in found]
    lines, waiting = supply.lines(session, ids), supply.count_waiting(session, ids)
    return [
        Row(
            row,
            lines[row.id],
            plain.STAGES[row.stage],
            sum(waiting.get((row.id, line.sku), 0) for line in lines[row.id]),
        )
        for row in found
    ]


def _new(entered: Mapping[str, str], *, confirm: bool = False) -> NewInbound:
    lines = [_content(words) for words in entered["goods"].splitlines() if words.strip()]
    rest = {name: value for name, value in _given(entered).items() if name != "goods"}
    return checked(NewInbound, {"eta": None} | rest | {"lines": lines, "confirm": confirm})


def _content(words: str) -> dict[str, Any]:
    """A line of goods as a person writes it: the SKU, a space, how many."""
    sku, _, count = words.strip().rpartition(" ")
    if not sku or not count.isascii() or not count.isdecimal() or len(count) > 9:
        raise Invalid(f"{words.strip()[:60]!r} is not an SKU, a space and how many, like 'ORN-RED 200'")
    return {"sku": sku.strip(), "quantity": int(count)}


def _given(entered: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in entered.items() if value.strip()}


# --- one of them -------------------------------------------------------------------------------------------


@router.get("/console/inbound/{shipment_id}")
def shipment_page(shipment_id: str, visit: SignedIn, asked: Annotated[AskedOfOne, Query()]) -> Page:
    """One of them, with who waits for it. With `ask` it also tells what a change would do; asking does nothing."""
    entered = _entered(asked, Change)
    return _one(visit, shipment_id, entered, asked.after, ask=asked.ask, done=asked.done)


@router.post("/console/inbound/{shipment_id}")
def move(shipment_id: str, visit: SignedIn, form: Annotated[ConfirmedChange, Form()]) -> Response:
    """The second yes, to the very change that was shown."""
    entered = _entered(form, Change)
    visit.check(form.token, _action(entered, shipment_id))
    try:
        wanted = _change(entered, confirm=True)
        with transaction(visit.services.engine) as session:
            change(session, session.get_one(Store, visit.store_id), shipment_id, wanted, visit.now)
    except (Invalid, Conflict) as error:
        return _one(visit, shipment_id, entered, problem=error.detail)
    return RedirectResponse(f"/console/inbound/{shipment_id}?done=changed", 303)


def _change(entered: Mapping[str, str], *, confirm: bool = False) -> InboundChange:
    """What the form says: what arrives has no date to move to any more."""
    given: dict[str, Any] = {"eta": None, "reason": None, "supplier": None} | _given(entered)
    if given.get("stage") == "arrived":
        given = {"stage": "arrived", "supplier": given["supplier"]}
    return checked(InboundChange, given | {"confirm": confirm})


def _one(
    visit: Visit,
    shipment_id: str,
    entered: dict[str, str],
    after: str = "",
    *,
    ask: bool = False,
    done: str = "",
    problem: str = "",
) -> Page:
    effect, place = None, after if after.isprintable() else ""
    with reading(visit.services.engine) as session:
        row = supply.shipment(session, visit.store_id, shipment_id) if shipment_id.isprintable() else None
        if row is None:
            raise NotFound("This store expects no such shipment.")
        (shown,) = _rows(session, [row])
        waiters = supply.waiters(session, visit.store_id, row.id, place, PAGE + 1)
        moving = sku_changes.unfinished(session, visit.store_id, [row.id])
        handed_out = restocks.of_shipments(session, visit.store_id, [row.id])
        if not ask and not problem:
            entered = {
                "eta": row.eta.isoformat() if row.eta else "",
                "eta_earliest": row.eta_earliest.isoformat() if row.eta_earliest else "",
                "stage": row.stage,
                "supplier": row.supplier or "",
                "reason": row.reason or "",
            }
        values: dict[str, Any] = {
            "it": shown, "address": f"/console/inbound/{row.id}", "said": {"eta": row.eta, "reason": row.reason},
            "arrived_at": row.arrived_at,
        }  # fmt: skip
        if ask:
            try:
                store = session.get_one(Store, visit.store_id)
                effect = preview_change(session, store, row.id, _change(entered), visit.now)
            except (Invalid, Conflict) as error:
                problem = error.detail
    values |= {
        "waiters": waiters[:PAGE],
        "more": f"?after={waiters[PAGE - 1].place}" if len(waiters) > PAGE else "",
        "moving": moving,
        "restocks": handed_out,
        "rules": plain.RULES,
        "entered": entered,
        "stages": _stages(),
        "problem": problem,
        "action": _action(entered, shipment_id),
        "done": done,
        **_shown(effect, entered["eta"].strip()),
    }
    return visit.page("shipment.html", values, 422 if problem else 200)


def _stages() -> list[tuple[str, str]]:
    return [(code, label.text) for code, label in plain.STAGES.items()]


def _shown(effect: Effect | None, eta: str) -> dict[str, Any]:
    """What would happen, as the page tells it."""
    radius, outcome = (effect.radius, effect.outcome) if effect else (None, None)
    return {
        "effect": effect,
        "expected": date.fromisoformat(eta) if effect and eta else None,
        "advice": _advice(effect),
        "radius": radius,
        "kinds": plain.by_kind(radius.messages.items()) if radius else [],
        "samples": [(order, plain.kind(draft.kind), draft) for order, draft in radius.samples]
        if radius
        else [],
        "outcome": outcome,
        "stops": plain.by_kind(outcome.stopped.items()) if outcome else [],
    }


def _advice(effect: Effect | None) -> list[tuple[Advice, str]]:
    """Each range that history makes likelier once, though it may be that of many SKUs by one supplier."""
    found = {
        (it.suggestion, it.supplier or it.sku): (it, because(it)) for it in (effect.advice if effect else ())
    }
    return list(found.values())


def _action(entered: Mapping[str, str], shipment_id: str = "") -> str:
    return "inbound " + json.dumps([shipment_id, sorted(entered.items())])
