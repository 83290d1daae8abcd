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
from starlette.concurrency import run_in_threadpool

from notifier.api.gather import Gathered
from notifier.bootstrap import Services
from notifier.db import idempotency
from notifier.db.engine import reading, transaction
from notifier.db.stores import key_digest, stores_of_keys
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


async def services_of(
    request: Request,
) -> Services:  # async, as a thread for this alone costs more than it does
    services: Services = request.app.state.services
    return services


@dataclass(frozen=True, slots=True)
class Work:
    """One unit of work on one store's data: a session in a transaction, and the time at which it happens."""

    session: Session
    store: Store
    services: Services
    now: datetime


Answer = tuple[int, BaseModel | str]
"""A status and a body, or its JSON."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose key was right. All that touches the database happens inside one of these, in one thread.

    `key` is the digest of that key. It is asked for again in the transaction of the work: that, and not what it opened
    before, lets anybody in.
    """

    services: Services
    key: str
    store_id: str
    path: str
    now: datetime
    registering: Gathered[Any, Response]
    """Where registrations are gathered that are asked for one by one."""

    @contextmanager
    def reading(self) -> Iterator[Work]:
        with reading(self.services.engine) as session:
            yield self._work(session)

    @contextmanager
    def writing(self, waits: Callable[[], object] | None = None) -> Iterator[Work]:
        """Commits at the end, before the answer leaves; an error of any kind rolls everything back.

        `waits` is called as in `transaction`.
        """
        with transaction(self.services.engine, waits) as session:
            yield self._work(session)

    def _work(self, session: Session) -> Work:
        store = stores_of_keys(session, [self.key]).get(self.key)
        if store is None:
            raise no_store()
        return Work(session, store, self.services, self.now)

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

    def answer(
        self,
        do: Callable[[Work], Answer],
        *,
        secret: bool = False,
        waits: Callable[[], object] | None = None,
    ) -> Response:
        """What `do` answers, its effect committed. Raises Invalid when the key was used for another request.

        An answer that holds a `secret` is kept sealed. `waits` is called as in `transaction`.
        """
        with self.call.writing(waits) as work:
            wanted = {self.key: self.digest} if self.key else {}
            for given in idempotency.claim(work.session, work.store.id, wanted, work.now).values():
                return self.again(given)
            status, shape = do(work)
            body = shape if isinstance(shape, str) else shape.model_dump_json(by_alias=True)
            if self.key:
                kept = seal(self._secret_key, ANSWER, body) if secret else body
                idempotency.keep(work.session, work.store.id, {self.key: (status, kept)})
        return Response(body, status, media_type="application/json")

    def again(self, given: idempotency.Given) -> Response:
        """The first answer. Raises Invalid when that was to another request."""
        if given.digest != self.digest:
            detail = "was used for another request within the last 24 hours; a new request needs a new key"
            raise Invalid(f"Idempotency-Key {self.key!r} {detail}", (Fault("/Idempotency-Key", detail),))
        body = unseal(self._secret_key, ANSWER, given.body) if is_sealed(given.body) else given.body
        headers = {"Idempotent-Replayed": "true"}
        return Response(body, given.status, headers, media_type="application/json")

    @property
    def _secret_key(self) -> str:
        return self.call.services.settings.secret_key.get_secret_value()


class Doors:
    """Which store each key opened when it was last asked for, so that a call need not ask before its work does."""

    MOST = 10_000

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    async def store_id(self, services: Services, digest: str) -> str:
        """Raises Unauthorized for a key that never opened any."""
        known = self._known.get(digest)
        if known is None:
            known = await run_in_threadpool(_look_up, services, digest)
            if len(self._known) >= self.MOST:
                self._known.clear()
            self._known[digest] = known
        return known


def _look_up(services: Services, digest: str) -> str:
    with reading(services.engine) as session:
        store = stores_of_keys(session, [digest]).get(digest)
    if store is None:
        raise no_store()
    return store.id


def no_store() -> Unauthorized:
    return Unauthorized("this API key opens no store; it may have been revoked")


async def call_of(request: Request, api_key: str) -> Call:
    """Raises Unauthorized for a key that opens no store."""
    services = await services_of(request)
    key = key_digest(api_key)
    state = request.app.state
    store_id = await state.doors.store_id(services, key)
    return Call(services, key, store_id, request.scope["path"], services.clock(), state.registering)


def once_of(request: Request, call: Call, key: str | None, body: bytes) -> Once:
    asked = f"{request.method} {call.path}\n".encode() + body
    return Once(call, key, hashlib.sha256(asked).hexdigest())


async def _call(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Call:
    if credentials is None:
        raise Unauthorized("send the store's API key: Authorization: Bearer <key>")
    call = await call_of(request, credentials.credentials)
    _refuse_unknown(request)
    return call


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
    return once_of(request, call, idempotency_key, await request.body())


OnceDep = Annotated[Once, Depends(_once)]
