"""What all pages share: how a template becomes an answer, which headers it carries, and how errors look."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from notifier.errors import NotifierError, Unavailable
from notifier.words import language

HERE = Path(__file__).parent

CSP = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self' https: data:",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""No scripts at all, and nothing from elsewhere but product pictures (Content Security Policy Level 3)."""

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in CSP.items()),
}

EMAIL_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'self'"
)
"""For an email shown inside a console page: it can style itself and load pictures, and nothing else."""


class SignIn(NotifierError):
    """The console asks who this is."""

    status, slug, title = 401, "sign-in", "Please sign in"


class Refused(NotifierError):
    """A form that did not come from one of our pages."""

    status, slug, title = 403, "refused", "This form can't be used"


class Trouble(NotifierError):
    """Why a customer's link or form is not taken, said in their language; `wait` is in seconds, 0 for none."""

    slug = "trouble"

    def __init__(
        self,
        why: Literal["unknown", "run_out", "ended", "too_many", "too_often", "form"],
        status: int,
        wait: int = 0,
    ) -> None:
        super().__init__(why)
        self.why, self.status, self.wait = why, status, wait


class Page(HTMLResponse):
    """An answer written by a template in `html/`, in the language asked for."""

    def __init__(
        self, template: str, values: Mapping[str, Any], status: int = 200, spoken: str = language.SOURCE
    ) -> None:
        super().__init__(environments[spoken].get_template(template).render(values), status)


class PageRoute(APIRoute):
    """Every route of the pages: the headers above, and errors as pages for people."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                response = await handle(request)
            except SignIn:
                response = RedirectResponse(f"/console/login?next={quote(request.url.path)}", 303)
            except Trouble as trouble:
                response = _trouble_page(trouble, request)
            except NotifierError as error:
                response = _error_page(error)
            except RequestValidationError as error:
                response = _error_page(_as_invalid(error))
            except (
                HTTPException
            ) as error:  # the framework's own: a body that is too large, a form that can't be read
                response = _error_page(_as_refused(error))
                response.headers.update(error.headers or {})
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return guarded


def _as_invalid(error: RequestValidationError) -> NotifierError:
    wrong = "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in error.errors())
    refused = NotifierError(f"That could not be read. {wrong}")
    refused.status = 422
    return refused


def _trouble_page(trouble: Trouble, request: Request) -> Response:
    locale = language.wanted(request.headers.get("accept-language", ""))
    values = {"why": trouble.why, "lang": language.tag(locale), "dir": locale.text_direction}
    page = Page("trouble.html", values, trouble.status, locale.language)
    if trouble.wait:
        page.headers["Retry-After"] = str(trouble.wait)
    return page


def _as_refused(error: HTTPException) -> NotifierError:
    refused = NotifierError(error.detail)
    refused.status = error.status_code
    return refused


def _error_page(error: NotifierError) -> Response:
    page = Page("error.html", {"error": error}, error.status)
    if isinstance(error, Unavailable):
        page.headers["Retry-After"] = "5"
    return page


def when(at: datetime, zone: str = "UTC") -> str:
    """An instant on a wall clock: Sat 12 Dec 2026, 09:00 EST."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{day(local)}, {local:%H:%M %Z}"


def ago(at: datetime, now: datetime) -> str:
    """How far an instant is from now, in a unit of which it is two or more: in 34 hours, 5 minutes ago."""
    seconds = (at - now).total_seconds()
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        count = round(abs(seconds) / size)
        if abs(seconds) >= 2 * size:
            return f"in {count} {name}" if seconds > 0 else f"{count} {name} ago"
    return "now"


def day(date: date | None, absent: str = "no date") -> str:
    """A day, with its weekday: Sat 12 Dec 2026."""
    return f"{date:%a} {date.day} {date:%b %Y}" if date else absent


def is_web(url: str | None) -> bool:
    """Only what a browser opens as a page; `javascript:` and its like never become a link."""
    return bool(url) and str(url).startswith(("https://", "http://"))


def _environment(translations: Any) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "html"),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # the i18n extension adds it
    environment.filters |= {"when": when, "ago": ago, "day": day}
    environment.tests["web"] = is_web
    return environment


catalogs = language.catalogs(HERE / "locales")
environments = {spoken: _environment(catalog) for spoken, catalog in catalogs.items()}
