"""What a shop's own pages ask, from any origin and without a key of the store's: when goods on backorder ship.

Everything here is public and may be kept by caches; nothing that was asked for is repeated in an answer.
"""

import hashlib
from collections.abc import Callable, Coroutine
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from notifier import fields, widget
from notifier.api import problems
from notifier.api.problems import declared
from notifier.db.engine import reading
from notifier.domain.believed import Supply
from notifier.errors import NotifierError, TooMany
from notifier.pages.availability import LONGEST, TAG, negotiate, say
from notifier.pages.html import HERE
from notifier.pages.throttle import Tap, visitor
from notifier.words.language import speak, tag

FRESH = "public, max-age=300, stale-while-revalidate=600, stale-if-error=600"
FRESH_SCRIPT = "public, max-age=3600, stale-while-revalidate=86400"
REFUSED = "public, max-age=60"
"""So that a page with a wrong key does not ask with every visit."""

A_SECOND, AT_ONCE = 50, 3000
"""How often one address may ask: more than any page does, and any cache that keeps an answer for as long as it may."""

HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
SCRIPT = (HERE / "static" / "widget.js").read_bytes()


def shoppers() -> Tap:
    """What one process lets the addresses of visitors, and of caches, ask."""
    return Tap(A_SECOND, AT_ONCE)


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Availability(Shape):
    """When an order of this SKU placed now would ship."""

    state: Supply = Field(
        description="`backorder`: `text` tells when it ships; `unknown`: it is waited for, and nobody can say; `none`:"
        " nobody waits for it, and there is nothing to say"
    )
    text: str | None = Field(description="A sentence for the page, as plain text")
    earliest: date | None = Field(description="First day of a range; null for a single day")
    latest: date | None = Field(description="The day by which it ships")
    locale: str = Field(description="What the sentence is written in, for `lang`")
    dir: str = Field(description="`ltr` or `rtl`")


class PublicRoute(APIRoute):
    """Answers, errors included, that pages of every origin may read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def public(request: Request) -> Response:
            try:
                response = await handle(request)
            except NotifierError as error:
                response = await problems.refused(request, error)
                for_all = error.status < 500 and not isinstance(error, TooMany)
                response.headers["Cache-Control"] = REFUSED if for_all else "no-store"
            except RequestValidationError as error:
                response = await problems.malformed(request, error)
                response.headers["Cache-Control"] = REFUSED
            response.headers.update(HEADERS)
            return response

        return public


router = APIRouter(route_class=PublicRoute, tags=["widget"])


def _tag(value: str) -> str:
    if not TAG.fullmatch(value):
        raise ValueError("must be a language tag like 'de' or 'en-GB'")
    return value


Key = Annotated[
    str, Path(description="The store's public key"), StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")
]
Sku = Annotated[fields.Text, Path(description="One SKU, percent-encoded; it may contain slashes")]
Tag = Annotated[str, StringConstraints(max_length=35), AfterValidator(_tag)]


@router.get(
    "/widget/v1/{key}/{sku:path}",
    operation_id="get_availability",
    response_model=Availability,
    responses={304: {"description": "As it was"}, **declared(404, 422, 429, 503)},
)
def get_availability(
    request: Request,
    key: Key,
    sku: Sku,
    locale: Annotated[Tag | None, Query(description="Otherwise what the browser accepts")] = None,
    accept_language: Annotated[str, Header()] = "",
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """When an order of this SKU placed now would ship, in the visitor's language. Needs no key but the public one.

    Nothing is told unless the store has turned that on.
    """
    services = request.app.state.services
    if wait := request.app.state.shoppers.take(visitor(request), services.clock()):
        raise TooMany("this address asks too often; keep answers for as long as they say", wait)
    with reading(services.engine) as session:
        shown = widget.ask(session, key, sku, services.clock())
    spoken = speak(locale) if locale else negotiate(accept_language[:LONGEST], shown.language)
    body = Availability(
        state=shown.belief.supply,
        text=say(shown.belief, spoken, shown.today),
        earliest=shown.belief.eta.earliest,
        latest=shown.belief.eta.latest,
        locale=tag(spoken),
        dir="rtl" if spoken.text_direction == "rtl" else "ltr",
    ).model_dump_json()
    headers = {"Cache-Control": FRESH} | ({} if locale else {"Vary": "Accept-Language"})
    return _cacheable(body.encode(), "application/json", if_none_match, headers)


@router.get("/widget.js", include_in_schema=False)
def script(if_none_match: Annotated[str, Header()] = "") -> Response:
    """The script that a product page loads."""
    media_type = "text/javascript; charset=utf-8"
    return _cacheable(SCRIPT, media_type, if_none_match, {"Cache-Control": FRESH_SCRIPT})


def _cacheable(body: bytes, media_type: str, if_none_match: str, headers: dict[str, str]) -> Response:
    """The answer, or only that it is as it was, where the asker has it already (RFC 9110, 13.1.2)."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    headers |= {"ETag": etag}
    if known & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
