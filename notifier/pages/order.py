"""The customer's page: what they ordered, what was promised, what is known today, and their answer.

Whoever has the link may look and answer. Looking changes nothing, because mail scanners press every link; some send
every form as well, as they find it. So an answer comes only from the page's own form, only with the box ticked that
nobody ticks for the customer, and only to what that page showed.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from notifier import answering, suppressing
from notifier.bootstrap import Services
from notifier.db import queries
from notifier.db.engine import reading, transaction
from notifier.db.facts import Order
from notifier.db.tables import Fact
from notifier.domain.order import Choice
from notifier.inputs import CancelledLine, NewAnswer
from notifier.links import Key
from notifier.pages import signing
from notifier.pages.calendar import calendar
from notifier.pages.html import CSP, Page, PageRoute, Trouble
from notifier.pages.opening import key_of, load
from notifier.pages.order_answer import Note, Picked, fingerprint, last_day, pick, seen
from notifier.pages.order_story import moves
from notifier.pages.order_view import open_lines, view, worth
from notifier.pages.order_words import tongue
from notifier.pages.session import Here
from notifier.pages.throttle import Throttle
from notifier.signed import naming
from notifier.words.language import LANGUAGES

LOOKING = ["GET", "HEAD"]
Action = Literal["keep", "cancel", "extra", "preferences", "unsubscribe"]
Told = tuple[Order, Sequence[Fact]]
"""An order, and everything that happened to it."""

Skus = Annotated[list[str] | None, Form(max_length=500)]
Counts = Annotated[list[str] | None, Form(max_length=500)]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.api_route("/o/{token}", methods=LOOKING)
def order_page(
    token: str,
    request: Request,
    services: Here,
    do: str = "",
    done: str = "",
    sku: Annotated[list[str] | None, Query(max_length=500)] = None,
    units: Annotated[list[str] | None, Query(max_length=500)] = None,
) -> Response:
    """The order. `do` only opens the form for an answer, `done` only thanks for one that was given."""
    now = services.clock()
    told = _look(request, services, token)
    picked: Picked | Note = Note()
    if do == "cancel":
        still = open_lines(told[0], now)
        if sku is not None:
            picked = pick(told[0], sku, units or (), now)
        elif len(still) == 1 and still[0][0].waiting == 1:
            picked = [(still[0][0], 1)]
    if isinstance(picked, Note):
        return _page(services, told, token, do=do, note=_thanks(done, told[0]) if done else picked)
    return _page(services, told, token, do="review", picked=picked)


@router.post("/o/{token}")
def answer(
    token: str,
    request: Request,
    services: Here,
    action: Annotated[Literal["keep", "cancel", "extra", "preferences"], Form()],
    form: Annotated[str, Form(max_length=1000)],
    yes: Annotated[str, Form(max_length=10)] = "",
    sku: Skus = None,
    units: Counts = None,
    further: Annotated[Literal["", "yes"], Form()] = "",
    until: Annotated[str, Form(max_length=20)] = "",
    language: Annotated[str, Form(max_length=35)] = "",
    reminders: Annotated[Literal["", "on", "off"], Form()] = "",
) -> Response:
    """Take the customer's answer, or their wish about emails, then show the order again."""
    now = services.clock()
    key = key_of(request, services, token)
    shown = _asked(services, request, form, action, key, now)
    answers: Throttle = request.state.limits.answers
    if wait := answers.wait(key.backorder_id, now):
        raise Trouble("too_often", 429, wait)
    answers.count(key.backorder_id, now)
    with transaction(services.engine) as session:
        # Who chooses a language chooses it for all of their orders, which are locked together, in turn.
        order = load(session, services, key, lock=action != "preferences")
        told = order, queries.facts_about(session, order.row.id)
        if action == "preferences":
            if language not in {"", *LANGUAGES}:
                return _page(services, told, token, note=Note("no_language", language), status=422)
            _prefer(session, services, order, language, reminders, now)
            return _back(token, action)
        this = fingerprint(form, sku or (), units or (), further, until)
        if answering.was_given(session, order.row.id, this):  # pressed twice, or in two tabs
            return _back(token, action)
        if shown != seen(order, action, now):
            kind = "stale" if open_lines(order, now) else "over"
            return _page(services, told, token, note=Note(kind), status=409)
        picked: Picked = []
        if action == "cancel":
            found = pick(order, sku or (), units or (), now)
            if isinstance(found, Note):
                return _page(services, told, token, do="cancel", note=found, status=422)
            picked = found
        late = [line.sku for line, where in open_lines(order, now) if where.state == "late"]
        day = last_day(order, until, now) if action == "extra" and late else None
        if action == "extra" and day is None:
            return _page(services, told, token, do="extra", note=Note("no_day"), status=422)
        if yes != "yes":
            do, note = "review" if picked else action, Note("unconfirmed")
            return _page(services, told, token, do=do, note=note, status=422, picked=picked)
        store_id, backorder_id = order.row.store_id, order.row.id
        if action == "keep":
            skus = [line.sku for line, _ in open_lines(order, now)]
            new = NewAnswer(answer=Choice.KEEP, skus=skus, further=further == "yes")
            answering.answer(session, store_id, backorder_id, new, now, this)
        elif action == "extra":
            new = NewAnswer(answer=Choice.KEEP, skus=late, extra_until=day)
            answering.answer(session, store_id, backorder_id, new, now, this)
        else:
            lines = [CancelledLine(sku=line.sku, quantity=count) for line, count in picked]
            answering.cancel(session, store_id, backorder_id, lines, now, this)
    return _back(token, action)


def _prefer(
    session: Session, services: Services, order: Order, language: str, reminders: str, now: datetime
) -> None:
    """What is as it was stays: a form that is sent as it was found changes nothing."""
    store_id, backorder_id = order.row.store_id, order.row.id
    if language and language != tongue(order.facts.customer).catalog:
        answering.choose_language(session, store_id, backorder_id, language, now)
    if reminders and (reminders == "on") == order.facts.unsubscribed:
        names, wanted = naming(services.links.secret), reminders == "on"
        suppressing.set_waiting_series(session, store_id, backorder_id, wanted, names, now)


@router.api_route("/o/{token}/unsubscribe", methods=LOOKING)
def unsubscribe_form(token: str, request: Request, services: Here) -> Page:
    order, _ = _look(request, services, token)
    return _unsubscribing(services, order, token)


@router.post("/o/{token}/unsubscribe")
def unsubscribe(
    token: str,
    request: Request,
    services: Here,
    one_click: Annotated[Literal["", "One-Click"], Form(alias="List-Unsubscribe")] = "",
    form: Annotated[str, Form(max_length=1000)] = "",
    yes: Annotated[str, Form(max_length=10)] = "",
) -> Page:
    """No more reminders to this customer: from the mailbox provider's own button (RFC 8058), or from the form."""
    now = services.clock()
    key = key_of(request, services, token)
    if not one_click:
        _asked(services, request, form, "unsubscribe", key, now)
    with transaction(services.engine) as session:
        order = load(session, services, key)
        if not one_click and yes != "yes":
            return _unsubscribing(services, order, token, Note("unconfirmed"), 422)
        if not order.facts.unsubscribed:
            names = naming(services.links.secret)
            suppressing.set_waiting_series(session, order.row.store_id, order.row.id, False, names, now)
        return _localized("unsubscribe.html", order, {"token": token, "done": True})


@router.api_route("/o/{token}/calendar.ics", methods=LOOKING)
def calendar_file(token: str, request: Request, services: Here) -> Response:
    """The expected dates as all-day events, to subscribe to or to import."""
    order, happened = _look(request, services, token)
    address = f"{services.settings.public_url}/o/{token}"
    content = calendar(order.facts, moves(happened), order.store.name, address, services.clock())
    return Response(content, media_type="text/calendar; charset=utf-8")


def _look(request: Request, services: Services, token: str) -> Told:
    key = key_of(request, services, token)
    with reading(services.engine) as session:
        return load(session, services, key), queries.facts_about(session, key.backorder_id)


def _asked(services: Services, request: Request, form: str, action: Action, key: Key, now: datetime) -> str:
    """What the page showed whose form this is. Raises Trouble when it is not ours, or came from elsewhere."""
    asked = signing.read(services.settings.secret_key, "answer", form, now)
    if not signing.same_site(request) or asked is None or asked[:3] != [key.backorder_id, key.series, action]:
        raise Trouble("form", 403)
    return str(asked[3])


def _form(services: Services, order: Order, action: Action, shown: str) -> str:
    """For a form's hidden field: it holds for this order, this action, what was shown, and links not ended since."""
    value = [order.row.id, order.row.link_series, action, shown]
    return signing.sign(services.settings.secret_key, "answer", value)


def _back(token: str, action: Action) -> Response:
    """So that a reload asks again for the page, and does not answer again."""
    return RedirectResponse(f"/o/{token}?done={action}", 303)


def _page(
    services: Services,
    told: Told,
    token: str,
    *,
    do: str = "",
    note: Note | None = None,
    picked: Picked | Note | None = None,
    status: int = 200,
) -> Page:
    now = services.clock()
    order, happened = told
    chosen = picked if isinstance(picked, list) else []

    def form(action: Action) -> str:
        return _form(services, order, action, seen(order, action, now))

    nonce = secrets.token_urlsafe(12)
    units, spoken = {line.id: count for line, count in chosen}, tongue(order.facts.customer)
    values = view(order, happened, now) | {
        "token": token,
        "feed": f"{services.settings.public_url.partition('://')[2]}/o/{token}/calendar.ics",
        "form": form,
        "do": do,
        "note": note or Note(),
        "chosen": [
            {"sku": line.sku, "name": line.name, "units": count, "eta": spoken.eta(line.eta)}
            for line, count in chosen
        ],
        "chosen_worth": worth(order.facts, units, spoken),
        "nonce": nonce,
    }
    page = _localized("order.html", order, values, status)
    csp = CSP | {"style-src": f"'self' 'nonce-{nonce}'", "script-src": "'self'"}
    page.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in csp.items())
    return page


def _unsubscribing(
    services: Services, order: Order, token: str, note: Note | None = None, status: int = 200
) -> Page:
    form = _form(services, order, "unsubscribe", "")
    values = {"token": token, "done": order.facts.unsubscribed, "form": form, "note": note or Note()}
    return _localized("unsubscribe.html", order, values, status)


def _localized(template: str, order: Order, values: dict[str, object], status: int = 200) -> Page:
    said = tongue(order.facts.customer)
    shared: dict[str, object] = {"shop": order.store.name, "lang": said.lang, "dir": said.dir}
    return Page(template, shared | values, status, said.catalog)


def _thanks(done: str, order: Order) -> Note:
    """Thanks only for what really was done: anybody can write an address."""
    facts = order.facts
    was = {
        "keep": any(answer.choice is Choice.KEEP for answer in facts.answers),
        "cancel": any(gone.by == "customer" for gone in facts.cancellations),
        "extra": any(answer.extra_until for answer in facts.answers),
        "preferences": True,
    }
    return Note(done) if was.get(done) else Note()
