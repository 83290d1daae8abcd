"""A short road for the calls that come in masses."""

import inspect
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from notifier.api.deps import call_of, once_of

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_JSON = re.compile(r"application/json *(;.*)?", re.IGNORECASE)
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def swift(body: type[BaseModel]) -> type[APIRoute]:
    """A route for a POST whose endpoint takes that body and a `Once`, and nothing else.

    A request that is in order is read and checked in one go. Whatever is not takes FastAPI's road from the start, which
    finds the fault again and answers it as everywhere.
    """

    class Swift(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            endpoint, thorough = self.endpoint, super().get_route_handler()
            waits = inspect.iscoroutinefunction(endpoint)

            async def handle(request: Request) -> Response:
                raw, headers = await request.body(), request.headers
                bearer = _BEARER.fullmatch(headers.get("authorization", ""))
                key = headers.get("idempotency-key")
                odd = request.scope["query_string"] or not _JSON.fullmatch(headers.get("content-type", ""))
                if odd or not bearer or not _usable(key):
                    return await thorough(request)
                given = _checked(body, raw) if waits else await run_in_threadpool(_checked, body, raw)
                if given is None:
                    return await thorough(request)
                once = once_of(request, await call_of(request, bearer[1]), key, raw)
                answer = endpoint(given, once) if waits else run_in_threadpool(endpoint, given, once)
                response: Response = await answer
                return response

            return handle

    return Swift


def _usable(key: str | None) -> bool:
    return key is None or _KEY.fullmatch(key) is not None


def _checked(body: type[BaseModel], raw: bytes) -> BaseModel | None:
    try:
        return body.model_validate_json(raw)
    except ValidationError:
        return None
