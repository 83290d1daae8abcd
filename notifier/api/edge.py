"""What happens to every request, whatever it asks for: a limit, an id, a line in the log, and a last net."""

import secrets
from collections.abc import Callable
from time import perf_counter
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.api import problems

MAX_BODY_BYTES = 5_000_000

log = structlog.get_logger(__name__)

Count = Callable[[str, int, float], None]
"""Told of each request: its route, its status, and how many seconds it took."""


class Edge:
    """Pure ASGI, outermost. The log has no key, body or query: those are the store's and its customers'."""

    def __init__(self, app: ASGIApp, count: Count) -> None:
        self._app, self._count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, started, status = secrets.token_hex(8), perf_counter(), 0

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, _limited(scope, receive), answering)
        except Exception:
            if status:  # half an answer is out; only breaking the connection tells the truth now
                raise
            log.exception("request failed")
            body = problems.problem(
                scope["path"],
                500,
                "internal",
                "Internal error",
                "this is a fault of ours, and has been noted",
            )
            await problems.answer(body | {"id": request_id})(scope, receive, answering)
        finally:
            seconds = perf_counter() - started
            route = getattr(scope.get("route"), "path", "unknown")
            self._count(route, status, seconds)
            log.info(
                "request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1)
            )
            structlog.contextvars.unbind_contextvars("request_id")


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Refuses a body that is too large by its own word, or, where it gave none, as soon as it has grown so."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    read = 0

    async def limited() -> Any:
        nonlocal read
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            raise _too_large()
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            raise _too_large()
        return message

    return limited


def _too_large() -> HTTPException:
    detail = f"the body is larger than {MAX_BODY_BYTES:,} bytes; send it in parts"
    return HTTPException(413, detail, headers={"Connection": "close"})
