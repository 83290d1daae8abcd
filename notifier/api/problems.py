"""Every error as `application/problem+json` (RFC 9457)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from notifier.errors import Held, NotifierError, TooMany, Unavailable
from notifier.faults import fault

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

log = structlog.get_logger(__name__)


def is_none(value: object) -> bool:
    return value is None


def is_false(value: object) -> bool:
    return value is False


class FaultShape(BaseModel):
    """One thing wrong: `pointer` is a JSON pointer into the body, or into the parameters that `in` names."""

    pointer: str
    detail: str
    place: str | None = Field(
        None,
        alias="in",
        description="`query`, `path` or `header`; absent for the body",
        exclude_if=is_none,
    )


class Problem(BaseModel):
    """What went wrong, after RFC 9457. `type` is stable: programs may compare it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FaultShape] | None = Field(None, exclude_if=is_none)
    effect: dict[str, Any] | None = Field(
        None,
        description="what a change that is held would do, as its `dry_run` tells it",
        exclude_if=is_none,
    )
    confirm: dict[str, Any] | None = Field(
        None,
        description="`method`, `path` and `body` of the second yes to a change that is held",
        exclude_if=is_none,
    )
    id: str | None = Field(
        None,
        description="of the request, to find it in the logs; on errors of ours only",
        exclude_if=is_none,
    )


def problem(
    instance: str, status: int, slug: str, title: str, detail: str, errors: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """The body of a problem; `instance` is the path that was asked for, decoded."""
    body = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(instance),
    }
    return body | {"errors": list(errors)} if errors or status == HTTPStatus.UNPROCESSABLE_ENTITY else body


def of_error(instance: str, error: NotifierError) -> dict[str, Any]:
    """The problem that a refusal is; faults of ours say no more than their title."""
    detail = error.detail
    if isinstance(error, Unavailable):
        detail = "something this needs is away for now; nothing was changed; try again in a few seconds"
    elif error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = "this installation is not set up right; its log says what is wrong"
    errors = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
    more = error.more if isinstance(error, Held) else {}
    return problem(instance, error.status, error.slug, error.title, detail, errors) | more


def way_on(held: Held, method: str, path: str, effect: BaseModel, asked: BaseModel) -> Held:
    """The same, with what it would do, and the request that is the second yes."""
    confirm = {
        "method": method,
        "path": path,
        "body": asked.model_dump(mode="json", exclude_unset=True) | {"confirm": True},
    }
    return Held(held.detail, held.radius, effect=effect.model_dump(mode="json"), confirm=confirm)


def invalid(instance: str, errors: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The problem of a request that does not have the right shape."""
    first = errors[0]
    many = f"the request has {len(errors)} fault{'s' * (len(errors) != 1)}; the first: "
    return problem(
        instance,
        422,
        "invalid",
        "Invalid input",
        f"{many}{first['pointer'] or 'body'}: {first['detail']}",
        errors,
    )


def answer(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    # ASCII only: what was asked for may hold halves of characters, which no encoding can write.
    return Response(json.dumps(body), body["status"], headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to what we refuse."""
    assert isinstance(error, NotifierError)  # noqa: S101  what the handler is registered for
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="notifier"'
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.wait)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error(error.slug, detail=error.detail)
    return answer(of_error(request.url.path, error), headers)


async def malformed(request: Request, error: Exception) -> Response:
    """The answer to what has not the right shape."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  what the handler is registered for
    path, faults = request.url.path, error.errors()
    first = faults[0]
    if first["type"] == "json_invalid":
        detail = f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][1]}"
        return answer(problem(path, 400, "not-json", "Not JSON", detail))
    if first["loc"] == ("body",) and isinstance(first.get("input"), bytes):
        detail = "send the body as JSON, with the header Content-Type: application/json"
        return answer(problem(path, 415, "unsupported-media-type", "Unsupported media type", detail))
    return answer(invalid(path, list(_faults(faults))))


def _faults(faults: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    for item in faults:
        place, *path = item["loc"]
        found = fault(path, item["msg"], item.get("input"))
        said = {"pointer": found.pointer, "detail": found.detail}
        yield said if place == "body" else said | {"in": str(place)}


async def http(request: Request, error: Exception) -> Response:
    """The answer to what has no place here, in words of our own where the standard's say little."""
    assert isinstance(error, HTTPException)  # noqa: S101  what the handler is registered for
    status = HTTPStatus(error.status_code)
    detail = error.detail
    if status == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {request.url.path}"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible here"
    slug = status.phrase.lower().replace(" ", "-")
    return answer(
        problem(request.url.path, status.value, slug, status.phrase.capitalize(), detail), error.headers
    )


def install(app: FastAPI) -> None:
    """Have the app answer every error as a problem; what nobody foresaw is the edge's."""
    app.add_exception_handler(NotifierError, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: that a call may answer these statuses with a problem."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
