"""The application: routers, errors, the edge, and the reference."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.staticfiles import StaticFiles

import notifier
from notifier import pages
from notifier.api import (
    accounts,
    backorders,
    customers,
    duties,
    endpoints,
    evidence,
    examples,
    health,
    inbound,
    insights,
    messages,
    policy,
    privacy_requests,
    problems,
    restocks,
    shops,
    simulate,
    skus,
    store,
    suppressions,
    templates,
    webhooks,
    widget,
)
from notifier.api.deps import Doors
from notifier.api.edge import Edge
from notifier.api.gather import Gathered
from notifier.api.registering import register_together
from notifier.api.swift import Swift
from notifier.bootstrap import Services

DESCRIPTION = """\
Tells a store's customers the truth about their backordered items.

Send the store's API key with every call: `Authorization: Bearer <key>`. Errors are `application/problem+json`
(RFC 9457). Times are RFC 3339 with an offset; ETAs are dates, without time or zone; money is a decimal string.
Lists answer `{"data": [...], "next": cursor}`; give `next` as `after` for the next page. A POST that carries an
`Idempotency-Key` may be repeated safely for 24 hours.
"""


STATIC = Path(__file__).parent / "static"


def _reference() -> Response:
    """The reference, with scripts of our own keeping, so that it works without a network."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Notifier API",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/static/icon.svg",
        swagger_ui_parameters={"validatorUrl": None},
    )


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The reference with its examples, which FastAPI would strip of every null."""
        document = super().openapi()
        for name, example in examples.ANSWERS.items():
            document["components"]["schemas"][name]["example"] = example
        return document


def create_app(services: Services) -> FastAPI:
    """The API of one installation, with its pages."""
    app = _App(
        title="Notifier",
        version=notifier.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.doors = Doors()
    app.state.shoppers = widget.shoppers()
    app.state.registering = Gathered(register_together)
    problems.install(app)
    for router in (
        backorders.router,
        evidence.router,
        customers.router,
        privacy_requests.router,
        skus.router,
        restocks.router,
        insights.router,
        inbound.router,
        duties.router,
        messages.router,
        suppressions.router,
        templates.router,
        endpoints.router,
        accounts.router,
        store.router,
        policy.router,
        simulate.router,
        shops.events,
    ):
        app.include_router(router, responses=problems.declared(401, 422, 503))
    app.include_router(webhooks.router)
    app.include_router(shops.router)
    app.include_router(health.router)
    app.include_router(widget.router)
    app.include_router(evidence.keys)
    app.include_router(pages.router(services))
    app.add_api_route("/docs", _reference, include_in_schema=False)
    app.mount("/docs", StaticFiles(directory=STATIC))
    app.add_middleware(Swift, roads=backorders.ROADS)
    app.add_middleware(Edge, count=services.metrics.requested)
    return app
