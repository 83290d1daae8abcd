"""The customer's page, and the store's console: HTML that needs no script."""

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from notifier.bootstrap import Services
from notifier.errors import NotFound
from notifier.pages import (
    backorders,
    console,
    duties,
    evidence,
    inbound,
    insights,
    messages,
    order,
    policy,
    previews,
    privacy,
    restocks,
    session,
    settings,
    shops,
    simulate,
    skus,
    studio,
    subject_trial,
    suppressions,
    webhooks,
    widget,
)
from notifier.pages.html import HERE, PageRoute
from notifier.pages.throttle import Limits

STATIC = {
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
    "order.js": "text/javascript",
    "studio.js": "text/javascript",
}


def router(services: Services) -> APIRouter:
    """Everything under `/`, `/console`, `/o` and `/static`."""
    limits = Limits()

    def know(request: Request) -> None:
        request.state.services = services
        request.state.limits = limits

    whole = APIRouter(dependencies=[Depends(know)])
    whole.include_router(_front)
    for part in (
        session,
        order,
        console,
        duties,
        messages,
        backorders,
        evidence,
        skus,
        restocks,
        inbound,
        suppressions,
        webhooks,
        privacy,
        shops,
        previews,
        studio,
        subject_trial,
        policy,
        simulate,
        settings,
        insights,
        widget,
    ):
        whole.include_router(part.router)
    return whole


_front = APIRouter(route_class=PageRoute, include_in_schema=False)


@_front.get("/")
def front() -> Response:
    return RedirectResponse("/console", 303)


@_front.get("/static/{name}")
def static(name: str) -> Response:
    if name not in STATIC:
        raise NotFound("There is no such file.")
    return FileResponse(
        HERE / "static" / name, media_type=STATIC[name], headers={"Cache-Control": "max-age=3600"}
    )
