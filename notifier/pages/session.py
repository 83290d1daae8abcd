"""Who is at the console: a session in a signed cookie, opened with the store's API key or a short-lived ticket."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from notifier.bootstrap import Services
from notifier.db.engine import reading
from notifier.db.stores import store_of_key
from notifier.db.tables import Store
from notifier.domain.policy import local_day
from notifier.pages import signing
from notifier.pages.html import Page, PageRoute, SignIn
from notifier.pages.throttle import Throttle
from notifier.pages.throttle import visitor as who_asks

COOKIE = "notifier_console"
SESSION_LASTS = timedelta(hours=12)
TICKET_LASTS = timedelta(minutes=30)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


def services_of(request: Request) -> Services:
    services: Services = request.state.services
    return services


Here = Annotated[Services, Depends(services_of)]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the console by somebody who is signed in: to which store, and when it came."""

    services: Services
    request: Request
    store_id: str
    session_id: str
    now: datetime

    def page(self, template: str, values: Mapping[str, Any], status: int = 200) -> Page:
        """A console page; its template also knows the store, the time, and how to protect its forms."""
        with reading(self.services.engine) as session:
            store = session.get_one(Store, self.store_id)
        today = local_day(self.now, ZoneInfo(store.timezone))
        shared = {
            "store": store,
            "now": self.now,
            "today": today,
            "here": self.request.url.path,
            "token": self.token,
        }
        return Page(template, shared | dict(values), status)

    def token(self, action: str) -> str:
        return signing.form_token(self.services.settings.secret_key, self.session_id, action)

    def check(self, token: str, action: str) -> None:
        """Raises Refused unless this session was shown the form for this action."""
        secret = self.services.settings.secret_key
        signing.check_form(secret, self.request, token, self.session_id, action, self.now)


def visit(request: Request, services: Here) -> Visit:
    """Raises SignIn when nobody is signed in, or the session has run out."""
    now = services.clock()
    value = signing.read(services.settings.secret_key, "session", request.cookies.get(COOKIE, ""), now)
    if value is None:
        raise SignIn("The console needs the store's API key.")
    return Visit(services, request, value["store"], value["id"], now)


SignedIn = Annotated[Visit, Depends(visit)]


def ticket(services: Services, store_id: str) -> str:
    """A short-lived token that opens the console of this store: for a link printed on the store's own machine."""
    now = services.clock()
    return signing.sign(services.settings.secret_key, "ticket", store_id, now + TICKET_LASTS)


@router.get("/console/login")
def login_form(services: Here, ticket: str = "", next: str = "/console") -> Page:  # noqa: A002  the field's usual name
    """The form. A link with a ticket shows a button: opening an address must not sign anybody in."""
    return _login_page(ticket=ticket, onward=_inside(next))


@router.post("/console/login")
def login(
    request: Request,
    services: Here,
    api_key: Annotated[str, Form(max_length=200)] = "",
    ticket: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=500)] = "/console",  # noqa: A002
) -> Response:
    """Open a session. A wrong key is told so; too many of them have to wait."""
    now = services.clock()
    if not signing.same_site(request):
        return _login_page(problem="Please sign in from this page.", status=403)
    who = who_asks(request)
    wrong_keys: Throttle = request.state.limits.wrong_keys
    if wait := wrong_keys.wait(who, now):
        page = _login_page(problem="Too many wrong keys. Please wait five minutes and try again.", status=429)
        page.headers["Retry-After"] = str(wait)
        return page
    store_id = _store_of(services, api_key.strip(), ticket, now)
    if store_id is None:
        wrong_keys.count(who, now)
        problem = (
            "This link has run out. Sign in with the API key instead."
            if ticket
            else "No store has this key. Keys start with nk_ and are shown once, when a store is made."
        )
        return _login_page(problem=problem, status=401)
    answer = RedirectResponse(_inside(next), 303)
    session = {"store": store_id, "id": secrets.token_urlsafe(12)}
    answer.set_cookie(
        COOKIE,
        signing.sign(services.settings.secret_key, "session", session, now + SESSION_LASTS),
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/console",
        httponly=True,
        samesite="lax",
        secure=services.settings.public_url.startswith("https"),
    )
    return answer


@router.post("/console/logout")
def logout(visit: SignedIn, token: Annotated[str, Form()]) -> Response:
    visit.check(token, "logout")
    answer = RedirectResponse("/console/login", 303)
    answer.delete_cookie(COOKIE, path="/console")
    return answer


def _login_page(ticket: str = "", onward: str = "/console", problem: str = "", status: int = 200) -> Page:
    return Page("login.html", {"ticket": ticket, "onward": onward, "problem": problem}, status)


def _store_of(services: Services, api_key: str, ticket: str, now: datetime) -> str | None:
    with reading(services.engine) as session:
        if ticket:
            store_id = signing.read(services.settings.secret_key, "ticket", ticket, now)
            store = session.get(Store, store_id) if store_id else None
        else:
            store = store_of_key(session, api_key)
    return store.id if store else None


def _inside(path: str) -> str:
    """Where to go after signing in: a console page, never another site."""
    return path if path == "/console" or path.startswith("/console/") else "/console"
