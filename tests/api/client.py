"""A client of the API that holds every answer to what the reference declares."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any
from urllib.parse import unquote

import httpx2
from fastapi import FastAPI
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import SecretStr
from sqlalchemy import Engine

from notifier.api import create_app
from notifier.bootstrap import Services, build
from notifier.config import Settings
from notifier.db.engine import transaction
from notifier.db.stores import NewStore, create_store
from notifier.dispatch import dispatch
from notifier.planning import watch

START = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)
"""Ten in the morning in New York."""

Json = dict[str, Any]


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Api:
    """One store's view of the service, and the service behind it."""

    http: httpx2.Client
    services: Services
    clock: Clock
    store: NewStore
    reference: "Reference"

    def __call__(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The JSON answer of a call that must answer with this status."""
        response = self.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json()

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        response = self.http.request(method, path, **options)
        self.reference.hold(response)
        return response

    def register(self, status: int = 201, **changes: Any) -> Json:
        """Register a backorder, like `a_backorder` but for the changes."""
        answer: Json = self("POST", "/v1/backorders", status, json=a_backorder(**changes))
        return answer

    def problem(self, status: int, method: str, path: str, **options: Any) -> Json:
        """The problem that a call must answer with."""
        return assert_problem(self.request(method, path, **options), status)

    def faults(
        self, method: str, path: str, cases: Iterable[tuple[Any, str]], as_: str = "json"
    ) -> list[Any]:
        """Of the cases (what to send, the pointer to its fault), those that were not refused for that fault."""
        wrong = []
        for sent, pointer in cases:
            fault = self.problem(422, method, path, **{as_: sent})["errors"][0]
            if fault["pointer"] != pointer or not fault["detail"]:
                wrong.append((sent, fault))
        return wrong

    def deliver(self) -> None:
        """Let the worker do all that is due now."""
        while watch(self.services.engine, self.clock.now):
            pass
        while dispatch(self.services.post):
            pass

    def message(self, backorder_id: str, kind: str) -> Json:
        """The one email of this kind that the backorder has."""
        (found,) = [m for m in self("GET", f"/v1/backorders/{backorder_id}")["messages"] if m["kind"] == kind]
        message: Json = found
        return message


def without(values: Json) -> Json:
    """The values but for those that are `...`."""
    return {name: value for name, value in values.items() if value is not ...}


def a_line(sku: str = "ORN-RED", **changes: Any) -> Json:
    line = {
        "sku": sku,
        "name": "Red glass ornament",
        "quantity": 3,
        "unit_price": "9.50",
        "eta": "2026-12-12",
    }
    return without(line | changes)


def a_backorder(**changes: Any) -> Json:
    """Jane in New York waits for three ornaments; a value of `...` leaves the field out."""
    backorder = {
        "order_id": "1042",
        "placed_at": "2026-12-01T09:00:00-05:00",
        "currency": "USD",
        "customer": {
            "email": "jane@example.com",
            "name": "Jane Doe",
            "locale": "en-US",
            "timezone": "America/New_York",
            "country": "US",
        },
        "lines": [a_line()],
    }
    return without(backorder | changes)


def assert_problem(response: httpx2.Response, status: int) -> Json:
    """Every error has one shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: Json = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert problem["title"]
    assert problem["detail"]
    assert unquote(problem["instance"]) == response.request.url.path
    assert ("errors" in problem) or status != 422
    return problem


# --- the service, on a real server -----------------------------------------------------------------------


class Stage:
    """An ASGI application that plays whichever app a test puts on, so that one server serves all tests."""

    app: FastAPI

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await self.app(scope, receive, send)


@contextmanager
def opened(stage: Stage, url: str, reference: "Reference", engine: Engine, folder: Path) -> Iterator[Api]:
    """A store whose emails land in `folder`, seen through the API."""
    clock = Clock()
    url_of_database = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    services = build(some_settings(url_of_database, folder), engine=engine, clock=clock)
    with transaction(engine) as session:
        store = create_store(
            session, clock(), name="Glass & Light", timezone="America/New_York", locale="en-US", country="US"
        )
    stage.app = create_app(services)
    with a_client(url, store) as http:
        yield Api(http, services, clock, store, reference)
    services.close()


def some_settings(database_url: str, folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url,
        outbox_dir=folder / "outbox",
        templates_dir=Path(__file__).parents[2] / "templates",
        secret_key=SecretStr("the secret of these tests, of some length"),
    )


def a_client(url: str, store: NewStore) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {store.api_key}"}
    # No TLS here: loading the system's certificates would cost more than the rest.
    return httpx2.Client(base_url=url, headers=headers, timeout=30, verify=SSLContext(PROTOCOL_TLS_CLIENT))


# --- the reference ---------------------------------------------------------------------------------------

formats = FormatChecker(["date"])


@formats.checks("date-time", ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@dataclass(frozen=True)
class Reference:
    """An OpenAPI document, to hold answers to."""

    document: Json

    def hold(self, response: httpx2.Response) -> None:
        """Raise unless the answer's status, media type and body are what the document declares."""
        method, path = response.request.method, response.request.url.path
        operation = self._operation(method.lower(), path)
        status = str(response.status_code)
        if operation is None:
            assert status in {"404", "405"}, f"{path} is not in the reference"
        elif status in {"413", "415", "500"}:  # any call may meet these
            assert_problem(response, response.status_code)
        else:
            assert status in operation["responses"], (
                f"{method} {path} does not declare {status}: {response.text}"
            )
            media_type = response.headers["content-type"].partition(";")[0]
            content = operation["responses"][status].get("content", {})
            assert media_type in content, f"{path} declares {list(content)} for {status}, not {media_type}"
            if media_type.endswith("json"):
                self.validator(content[media_type]["schema"]).validate(response.json())

    def validator(self, schema: Json) -> Draft202012Validator:
        whole = {**schema, "components": self.document["components"]}
        return Draft202012Validator(whole, format_checker=formats)

    def _operation(self, method: str, path: str) -> Json | None:
        templates: dict[str, Json] = self.document["paths"]
        for template in sorted(templates, key=lambda it: it.count("{")):
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template.replace("{sku}", ".+"))
            if method in templates[template] and re.fullmatch(pattern, path):
                operation: Json = templates[template][method]
                return operation
        return None
