"""Emails in the console: the list, and one with all that is known of it."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import outbox, overview, queries
from notifier.db.codec import says_from_json
from notifier.db.engine import reading, transaction
from notifier.db.overview import Mail
from notifier.dispatch import compose, thaw
from notifier.domain.message import Kind, Status
from notifier.errors import NotFound
from notifier.pages import plain
from notifier.pages.html import EMAIL_CSP, Page, PageRoute
from notifier.pages.session import SignedIn, Visit
from notifier.progress import as_it_goes
from notifier.providers.base import Envelope
from notifier.resolving import RESOLVABLE, Action, resolve
from notifier.words.render import TemplateFault

PAGE = 50

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Chosen = Annotated[list[str] | None, Query(max_length=20)]


@router.get("/console/messages")
def messages_page(visit: SignedIn, status: Chosen = None, kind: Chosen = None, before: str = "") -> Page:
    statuses = [one for one in status or () if one in set(Status)]
    kinds = [one for one in kind or () if one in set(Kind)]
    with reading(visit.services.engine) as session:
        found = overview.messages(session, visit.store_id, statuses, kinds, _printable(before), PAGE + 1)
    rows = [plain.mail_row(mail) for mail in found[:PAGE]]
    again: dict[str, object] = {"status": statuses, "kind": kinds}
    values = {
        "rows": rows,
        "statuses": {state.value: plain.message_state(state).text for state in Status},
        "kinds": {kind.value: plain.kind(kind) for kind in Kind},
        "chosen_statuses": statuses,
        "chosen_kinds": kinds,
        "older": f"?{urlencode(again | {'before': rows[-1].message.id}, doseq=True)}"
        if len(found) > PAGE
        else "",
    }
    return visit.page("messages.html", values)


@router.get("/console/messages/{message_id}")
def message_page(message_id: str, visit: SignedIn) -> Page:
    with reading(visit.services.engine) as session:
        mail = _mail(session, visit, message_id)
        envelope, fault = _words(session, visit, mail)
        history = [
            change for change in queries.history(session, mail[1].id) if change.message_id == message_id
        ]
    row = mail[0]
    values = {
        "row": plain.mail_row(mail),
        "envelope": envelope,
        "headers": _headers(envelope) if envelope else {},
        "fault": fault,
        "frozen": row.subject is not None,
        "history": [
            {"at": change.at, "label": plain.message_state(change.after), "why": plain.reason(change.reason)}
            for change in history
        ],
        "resolvable": row.status in RESOLVABLE,
    }
    return visit.page("message.html", values)


@router.get("/console/messages/{message_id}/email")
def email(message_id: str, visit: SignedIn) -> Response:
    """The email's own HTML, for the frame on its page: it can run nothing, and send nothing anywhere."""
    with reading(visit.services.engine) as session:
        envelope, fault = _words(session, visit, _mail(session, visit, message_id))
    if envelope is None:
        raise NotFound(fault)
    return HTMLResponse(envelope.html, headers={"Content-Security-Policy": EMAIL_CSP})


@router.post("/console/messages/{message_id}/resolve")
def resolve_message(
    message_id: str, visit: SignedIn, action: Annotated[Action, Form()], token: Annotated[str, Form()]
) -> Response:
    visit.check(token, f"resolve {message_id}")
    with transaction(visit.services.engine) as session:
        resolve(session, visit.store_id, message_id, action, visit.now)
    return RedirectResponse(f"/console/messages/{message_id}", 303)


def _mail(session: Session, visit: Visit, message_id: str) -> Mail:
    mail = overview.message(session, visit.store_id, _printable(message_id))
    if mail is None:
        raise NotFound("There is no such email in this store.")
    return mail


def _words(session: Session, visit: Visit, mail: Mail) -> tuple[Envelope | None, str]:
    """The email as it was sent, or as it will be if nothing changes; or none, and why."""
    row, order = mail
    content = outbox.content(session, row.id)
    if content is not None:
        return thaw(content), ""
    if row.status != Status.PLANNED:
        if row.sent_at is not None:
            return None, "Its words are no longer kept, only what became of it."
        return None, "It was never written: " + (plain.reason(row.reason) or row.status) + "."
    loaded = store.load(session, [order.id])[order.id]
    says = as_it_goes(session, loaded, Kind(row.kind), says_from_json(row.says))
    try:
        at = max(row.due_at, visit.now)
        return compose(visit.services.post, loaded, Kind(row.kind), says, row.about, at).envelope, ""
    except TemplateFault as fault:
        return None, f"Its template does not render: {fault}"


def _printable(text: str) -> str:
    """PostgreSQL refuses NUL in text; no id of ours has any such character."""
    return text if text.isprintable() else ""


def _headers(envelope: Envelope) -> Mapping[str, str]:
    """The mail headers that a person may want to see."""
    known = {
        "From": envelope.sender,
        "To": f"{envelope.to_name} <{envelope.to}>".strip(),
        "Subject": envelope.subject,
    }
    reply = {"Reply-To": envelope.reply_to} if envelope.reply_to else {}
    return known | reply | dict(envelope.headers)
