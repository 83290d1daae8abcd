"""What routes are given: the caller, known by its key, with its road to the database, and its cursor."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, StringConstraints
from sqlmodel import Session

from notifier.bootstrap import Services
from notifier.db import idempotency
from notifier.db.engine import reading, transaction
from notifier.db.stores import store_of_key
from notifier.db.tables import Store
from notifier.errors import Fault, Invalid, NotFound, Unauthorized
from notifier.sealed import is_sealed, seal, unseal

MAX_PAGE = 200
ANSWER = "answer to a request"
"""The purpose that answers are sealed for."""


def _id(value: str) -> str:
    """Ids are ours: what can't be one names nothing, and never reaches the database."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", value):
        raise NotFound(f"there is nothing called {value[:100]!r}")
    return value


Id = Annotated[str, Path(), AfterValidator(_id)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many to answer at most")]
After = Annotated[
    str | None, Query(max_length=500, description="`next` of the page before; only with the same filters")
]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
_bearer = HTTPBearer(auto_error=False, scheme_name="apiKey", description="The store's API key")


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


@dataclass(frozen=True, slots=True)
class Work:
    """One unit of work on one store's data: a session in a transaction, and the time at which it happens."""

    session: Session
    store: Store
    services: Services
    now: datetime


Answer = tuple[int, BaseModel]
"""A status and a body."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose key was right. All that touches the database happens inside one of these, in one thread."""

    services: Services
    store_id: str
    path: str
    now: datetime

    @contextmanager
    def reading(self) -> Iterator[Work]:
        with reading(self.services.engine) as session:
            yield self._work(session)

    @contextmanager
    def writing(self) -> Iterator[Work]:
        """Commits at the end, before the answer leaves; an error of any kind rolls everything back."""
        with transaction(self.services.engine) as session:
            yield self._work(session)

    def _work(self, session: Session) -> Work:
        return Work(session, session.get_one(Store, self.store_id), self.services, self.now)

    def cursor(self, filters: Mapping[str, Any], last_id: str) -> str:
        """Where the next page goes on, signed for this store, this list and these filters."""
        place = last_id.encode()
        return base64.urlsafe_b64encode(self._seal(filters, place) + place).decode()

    def read_cursor(self, filters: Mapping[str, Any], cursor: str | None) -> str | None:
        """The id that a cursor stands on. Raises Invalid when it was not made for this very list."""
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raw = b""
        seal, place = raw[:16], raw[16:]
        if not hmac.compare_digest(seal, self._seal(filters, place)):
            detail = "must be `next` of a page of this very list, with the same filters"
            raise Invalid(f"the cursor is not from here: `after` {detail}", (Fault("/after", detail),))
        return place.decode()

    def _seal(self, filters: Mapping[str, Any], place: bytes) -> bytes:
        about = json.dumps([self.store_id, self.path, sorted(filters.items())], default=str).encode()
        key = self.services.settings.secret_key.get_secret_value().encode()
        return hmac.digest(key, b"cursor\0" + about + b"\0" + place, "sha256")[:16]


@dataclass(frozen=True, slots=True)
class Once:
    """A POST: where it carries an `Idempotency-Key`, its repeat gets the first answer again."""

    call: Call
    key: str | None
    digest: str

    def answer(self, do: Callable[[Work], Answer], *, secret: bool = False) -> Response:
        """What `do` answers, its effect committed. Raises Invalid when the key was used for another request.

        An answer that holds a `secret` is kept sealed.
        """
        headers = {}
        with self.call.writing() as work:
            given = self.key and idempotency.claim(
                work.session, work.store.id, self.key, self.digest, work.now
            )
            if given:
                status, body = self._again(given)
                headers["Idempotent-Replayed"] = "true"
            else:
                status, shape = do(work)
                body = shape.model_dump_json(by_alias=True)
                if self.key:
                    kept = seal(self._secret_key, ANSWER, body) if secret else body
                    idempotency.keep(work.session, work.store.id, self.key, status, kept)
        return Response(body, status, headers, media_type="application/json")

    def _again(self, given: idempotency.Given) -> tuple[int, str]:
        if given.digest != self.digest:
            detail = "was used for another request within the last 24 hours; a new request needs a new key"
            raise Invalid(f"Idempotency-Key {self.key!r} {detail}", (Fault("/Idempotency-Key", detail),))
        if is_sealed(given.body):
            return given.status, unseal(self._secret_key, ANSWER, given.body)
        return given.status, given.body

    @property
    def _secret_key(self) -> str:
        return self.call.services.settings.secret_key.get_secret_value()


def _call(
    request: Request,
    services: Annotated[Services, Depends(services_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Call:
    if credentials is None:
        raise Unauthorized("send the store's API key: Authorization: Bearer <key>")
    with reading(services.engine) as session:
        store = store_of_key(session, credentials.credentials)
    if store is None:
        raise Unauthorized("this API key opens no store; it may have been revoked")
    _refuse_unknown(request)
    return Call(services, store.id, request.url.path, services.clock())


def _refuse_unknown(request: Request) -> None:
    """A filter that is misspelt must not pass for no filter."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    if unknown := sorted(set(request.query_params) - known):
        said = f"there is no such parameter; there is {', '.join(sorted(known)) or 'none'}"
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name[:100]), "msg": said} for name in unknown]
        )


CallDep = Annotated[Call, Depends(_call)]


async def _once(
    request: Request,
    call: CallDep,
    idempotency_key: Annotated[
        _Key | None,
        Header(description="A repeat with the same key and body within 24 hours gets the same answer"),
    ] = None,
) -> Once:
    asked = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return Once(call, idempotency_key, hashlib.sha256(asked).hexdigest())


OnceDep = Annotated[Once, Depends(_once)]
