"""The customer's page: what they ordered, what was promised, what is known today, and their answer.

Whoever has the link may look and answer. Looking changes nothing, because mail scanners press every link: an
answer comes only from the page's own form, and only to what that page showed.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from notifier import intake, suppressing
from notifier.bootstrap import Services
from notifier.db.engine import reading, transaction
from notifier.db.facts import Order
from notifier.domain.order import Choice, Facts
from notifier.inputs import NewAnswer
from notifier.pages import signing
from notifier.pages.calendar import calendar
from notifier.pages.html import CSP, Page, PageRoute, Trouble
from notifier.pages.opening import key_of, load
from notifier.pages.order_view import open_lines, tongue, view
from notifier.pages.session import Here
from notifier.pages.throttle import Throttle

Action = Literal["keep", "cancel", "reminders_on", "reminders_off"]
LOOKING = ["GET", "HEAD"]
Note = Literal["", "keep", "cancel", "reminders_on", "reminders_off", "stale", "none_chosen"]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.api_route("/o/{token}", methods=LOOKING)
def order_page(token: str, request: Request, services: Here, do: str = "", done: str = "") -> Response:
    """The order. `do` only opens the form for an answer, `done` only thanks for one that was given."""
    order = _order(request, services, token)
    return _page(services, order, token, do=do, note=_thanks(done, order.facts))


@router.post("/o/{token}")
def answer(
    token: str,
    request: Request,
    services: Here,
    action: Annotated[Action, Form()],
    form: Annotated[str, Form(max_length=1000)],
    sku: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Take the customer's answer, or their wish about reminders, then show the order again."""
    now = services.clock()
    secret = services.settings.secret_key
    key = key_of(request, services, token)
    asked = signing.read(secret, "answer", form, now)
    if not signing.same_site(request) or asked is None or asked[:2] != [key.backorder_id, action]:
        raise Trouble("form", 403)
    answers: Throttle = request.state.limits.answers
    if wait := answers.wait(key.backorder_id, now):
        raise Trouble("too_often", 429, wait)
    answers.count(key.backorder_id, now)
    if action == "cancel" and not sku:
        order = _order(request, services, token)
        return _page(services, order, token, do="cancel", note="none_chosen", status=422)
    with transaction(services.engine) as session:
        order = load(session, key, lock=True)
        if asked[2] != _shown(order, action, now):
            return _page(services, order, token, note="stale", status=409)
        store_id, backorder_id = order.row.store_id, order.row.id
        if action in {"keep", "cancel"}:
            skus = [
                line.sku for line, _ in open_lines(order, now) if action == "keep" or line.sku in (sku or ())
            ]
            intake.answer(session, store_id, backorder_id, NewAnswer(answer=Choice(action), skus=skus), now)
        else:
            suppressing.set_waiting_series(session, store_id, backorder_id, action == "reminders_on", now)
    return RedirectResponse(f"/o/{token}?done={action}", 303)


@router.api_route("/o/{token}/unsubscribe", methods=LOOKING)
def unsubscribe_form(token: str, request: Request, services: Here) -> Page:
    order = _order(request, services, token)
    return _localized("unsubscribe.html", order, {"token": token, "done": order.facts.unsubscribed})


@router.post("/o/{token}/unsubscribe")
def unsubscribe(
    token: str,
    request: Request,
    services: Here,
    one_click: Annotated[Literal["One-Click"], Form(alias="List-Unsubscribe")],
) -> Page:
    """No more reminders to this customer: from the mailbox provider's own button (RFC 8058), or from the form."""
    key = key_of(request, services, token)
    with transaction(services.engine) as session:
        order = load(session, key)
        suppressing.set_waiting_series(session, order.row.store_id, order.row.id, False, services.clock())
    return _localized("unsubscribe.html", order, {"token": token, "done": True})


@router.api_route("/o/{token}/calendar.ics", methods=LOOKING)
def calendar_file(token: str, request: Request, services: Here) -> Response:
    """The expected dates as all-day events, to subscribe to or to import."""
    order = _order(request, services, token)
    address = f"{services.settings.public_url}/o/{token}"
    content = calendar(order.facts, order.store.name, address, services.clock())
    return Response(content, media_type="text/calendar; charset=utf-8")


def _order(request: Request, services: Services, token: str) -> Order:
    key = key_of(request, services, token)
    with reading(services.engine) as session:
        return load(session, key)


def _page(
    services: Services, order: Order, token: str, *, do: str = "", note: Note = "", status: int = 200
) -> Page:
    now = services.clock()

    def form(action: Action) -> str:
        value = [order.row.id, action, _shown(order, action, now)]
        return signing.sign(services.settings.secret_key, "answer", value)

    nonce = secrets.token_urlsafe(12)
    values = view(order, now) | {"token": token, "form": form, "do": do, "note": note, "nonce": nonce}
    page = _localized("order.html", order, values, status)
    csp = CSP | {"style-src": f"'self' 'nonce-{nonce}'"}
    page.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in csp.items())
    return page


def _localized(template: str, order: Order, values: dict[str, object], status: int = 200) -> Page:
    said = tongue(order.facts)
    shared: dict[str, object] = {"shop": order.store.name, "lang": said.lang, "dir": said.dir}
    return Page(template, shared | values, status, said.catalog)


def _shown(order: Order, action: Action, now: datetime) -> str:
    """What an answer is an answer to: if it moved while the page was open, the customer must look again."""
    if action not in {"keep", "cancel"}:
        return ""
    seen = [
        f"{line.id} {line.waiting} {line.eta.earliest} {line.eta.latest}"
        for line, _ in open_lines(order, now)
    ]
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()[:16]


def _thanks(done: str, facts: Facts) -> Note:
    """Thanks only for what really was done: anybody can write an address."""
    last = facts.answers[-1].choice.value if facts.answers else ""
    wish = "reminders_off" if facts.unsubscribed else "reminders_on"
    for action in ("keep", "cancel", "reminders_on", "reminders_off"):
        if done == action and action in {last, wish}:
            return action
    return ""
