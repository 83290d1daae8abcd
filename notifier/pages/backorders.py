"""Backorders in the console: search, and one order with its whole story, past and future."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from notifier import answering
from notifier.db import facts as store
from notifier.db import overview
from notifier.db.codec import says_from_json
from notifier.db.engine import reading, transaction
from notifier.db.tables import MessageRow
from notifier.domain.law import standing
from notifier.domain.message import Status
from notifier.domain.order import Facts
from notifier.errors import NotFound
from notifier.inputs import NewRevocation
from notifier.links import FIRST_SERIES
from notifier.pages import plain
from notifier.pages.html import Page, PageRoute, day
from notifier.pages.plain import Label
from notifier.pages.session import SignedIn
from notifier.timeline import Entry, timeline

PAGE = 50

FACTS = {
    "registered": "Registered",
    "lines_added": "Line added",
    "eta_changed": "Date moved",
    "shipped": "Shipped",
    "cancelled": "Cancelled",
    "answered": "Customer answered",
    "refunded": "Refunded",
    "duty_done": "Called done",
    "allocated": "Goods set aside",
    "customer_changed": "Customer details changed",
    "unsubscribed": "Reminders stopped",
    "resubscribed": "Reminders wanted again",
    "erased": "Customer erased",
    "redacted": "Earlier address erased",
    "links_revoked": "Links ended",
    "language_chosen": "Language chosen",
}

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/console/backorders")
def backorders_page(visit: SignedIn, q: str = "", before: str = "") -> Page:
    words = "".join(c for c in q if c.isprintable()).strip()[:200]
    with reading(visit.services.engine) as session:
        found = overview.search(
            session, visit.store_id, words, before if before.isprintable() else "", PAGE + 1
        )
        lines = overview.lines_of(session, [order.id for order in found])
    rows = [
        {"order": order, "lines": lines[order.id], "label": plain.order_state(order.status)}
        for order in found[:PAGE]
    ]
    older = f"?{urlencode({'q': words, 'before': found[PAGE - 1].id})}" if len(found) > PAGE else ""
    return visit.page("backorders.html", {"rows": rows, "words": words, "older": older})


@router.get("/console/backorders/{backorder_id}")
def backorder_page(backorder_id: str, visit: SignedIn, done: str = "") -> Page:
    with reading(visit.services.engine) as session:
        wanted = [backorder_id] if backorder_id.isprintable() else []
        order = store.load(session, wanted).get(backorder_id)
        if order is None or order.row.store_id != visit.store_id:
            raise NotFound("There is no such backorder in this store.")
        story = _story(timeline(session, backorder_id), order.facts)
    states = {line.id: standing(order.facts, line, order.policy, visit.now) for line in order.facts.lines}
    values = {
        "order": order.row,
        "facts": order.facts,
        "label": plain.order_state(order.facts.status),
        "law": {line_id: plain.law_state(where.state) for line_id, where in states.items()},
        "standings": states,
        "customer_page": visit.services.links.order_page(backorder_id, order.row.link_series, visit.now),
        "links_ended": done == "links" and order.row.link_series > FIRST_SERIES,
        "past": [moment for moment in story if not moment.ahead],
        "future": [moment for moment in story if moment.ahead],
    }
    return visit.page("backorder.html", values)


@router.post("/console/backorders/{backorder_id}/links/revoke")
def revoke_links(
    backorder_id: str,
    visit: SignedIn,
    token: Annotated[str, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """End the links to the customer's page that were written so far."""
    visit.check(token, f"revoke links {backorder_id}")
    with transaction(visit.services.engine) as session:
        why = "".join(c for c in reason if c.isprintable()).strip() or None
        wanted = NewRevocation(reason=why)
        answering.revoke_links(session, visit.store_id, backorder_id, wanted, visit.now)
    return RedirectResponse(f"/console/backorders/{backorder_id}?done=links", 303)


@dataclass(frozen=True, slots=True)
class Moment:
    """One place on the line of time: a fact, or an email with all that became of it."""

    at: datetime
    title: str
    why: str
    ahead: bool = False
    label: Label | None = None
    message: MessageRow | None = None
    tells: tuple[str, ...] = ()
    history: tuple[Entry, ...] = ()


def _story(entries: list[Entry], facts: Facts) -> list[Moment]:
    """Facts one by one; each email once, where it was sent, is due, or was given up."""
    moments = [
        Moment(entry.at, FACTS.get(entry.what, entry.what), entry.why)
        for entry in entries
        if entry.message is None
    ]
    by_message: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.message is not None:
            by_message.setdefault(entry.message.id, []).append(entry)
    moments += [_email(tuple(history), facts) for history in by_message.values()]
    return sorted(moments, key=lambda moment: (moment.ahead, moment.at))


def _email(history: tuple[Entry, ...], facts: Facts) -> Moment:
    first, last = history[0], history[-1]
    row = last.message
    assert row is not None  # noqa: S101  every entry given here is one of a message
    planned = row.status == Status.PLANNED
    at = last.at if planned else row.sent_at or last.at
    because = first.why.removeprefix("planned ")
    outcome = plain.reason(row.reason) or last.why
    if row.status in {Status.CANCELLED, Status.EXPIRED}:
        why = outcome
    else:
        why = because if planned and not row.attempts else f"{because}; {outcome}"
    return Moment(
        at,
        plain.kind(row.kind),
        why,
        planned,
        plain.message_state(row.status),
        row,
        _tells(row, facts),
        history,
    )


def _tells(row: MessageRow, facts: Facts) -> tuple[str, ...]:
    """Which date an email gives for which SKU; an email about a parcel or a cancellation gives none."""
    if row.about:
        return ()
    said = says_from_json(row.says)
    return tuple(
        f"{facts.line(line_id).sku}: {day(one.eta.latest, 'nobody can say')}" for line_id, one in said.items()
    )
