"""A short road for the calls that come in masses, past routing, FastAPI's dependencies and most of its middlewares."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.api import problems
from notifier.api.deps import call_of, once_of
from notifier.errors import NotifierError

_BEARER = re.compile(rb"bearer +(\S+)", re.IGNORECASE)
_JSON = re.compile(rb"application/json *(;.*)?", re.IGNORECASE)
_KEY = re.compile(rb"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Road:
    """A POST to that path whose endpoint takes that body and a `Once`, and nothing else."""

    path: str
    body: type[BaseModel]
    endpoint: Callable[[Any, Any], Any]


class Swift:
    """Pure ASGI, just inside the edge.

    A request that is in order is read and checked in one go. Whatever is not takes FastAPI's road from the start, which
    finds the fault again and answers it as everywhere.
    """

    def __init__(self, app: ASGIApp, roads: Iterable[Road]) -> None:
        self._app, self._roads = app, {road.path: road for road in roads}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        road = self._roads.get(scope["path"]) if scope["type"] == "http" else None
        if road is None or scope["method"] != "POST" or scope["query_string"]:
            await self._app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # the first of a name counts
        bearer = _BEARER.fullmatch(headers.get(b"authorization", b""))
        key = headers.get(b"idempotency-key")
        usable = key is None or _KEY.fullmatch(key)
        if not bearer or not usable or not _JSON.fullmatch(headers.get(b"content-type", b"")):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            raw = await request.body()
        except HTTPException as error:  # too large
            await (await problems.http(request, error))(scope, receive, send)
            return
        waits = inspect.iscoroutinefunction(road.endpoint)
        given = _checked(road.body, raw) if waits else await run_in_threadpool(_checked, road.body, raw)
        if given is None:
            await self._app(scope, _again(raw, receive), send)
            return
        scope["route"] = road
        try:
            call = await call_of(request, bearer[1].decode("latin-1"))
            once = once_of(request, call, key.decode() if key is not None else None, raw)
            answer = road.endpoint(given, once) if waits else run_in_threadpool(road.endpoint, given, once)
            response = await answer
        except NotifierError as error:
            response = await problems.refused(request, error)
        await response(scope, receive, send)


def _checked(body: type[BaseModel], raw: bytes) -> BaseModel | None:
    try:
        return body.model_validate_json(raw)
    except ValidationError:
        return None


def _again(raw: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever else comes."""
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": raw, "more_body": False}

    return again
