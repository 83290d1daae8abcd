"""Errors that people see. Each says what is wrong, where, and what would be right."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: `pointer` is a JSON pointer (RFC 6901) into it."""

    pointer: str
    detail: str


class NotifierError(Exception):
    """A refusal with a reason. `status` is the HTTP status it maps to, `slug` names the type."""

    status = 400
    slug = "bad-request"
    title = "Bad request"

    def __init__(self, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults


class NotFound(NotifierError):
    status, slug, title = 404, "not-found", "Not found"


class Unauthorized(NotifierError):
    status, slug, title = 401, "unauthorized", "Not authorised"


class Conflict(NotifierError):
    status, slug, title = 409, "conflict", "Conflict"


class Held(Conflict):
    """It would do very much at once, and so waits for a second yes. `radius` is what it would do, as its caller knows
    it; `more` is what an edge adds to its answer: that effect, and what to send to confirm.
    """

    slug, title = "needs-confirmation", "Held until confirmed"

    def __init__(self, detail: str, radius: object, **more: Any) -> None:
        super().__init__(detail)
        self.radius, self.more = radius, more


class Gone(NotifierError):
    """It was here, and is here no more."""

    status, slug, title = 410, "gone", "Gone"


class Invalid(NotifierError):
    """Well formed, but it can't be done; `faults` point at the fields."""

    status, slug, title = 422, "invalid", "Invalid input"


class TooMany(NotifierError):
    """Too often in too short a time; `wait` is after how many seconds it may be tried again."""

    status, slug, title = 429, "too-many", "Too many requests"

    def __init__(self, detail: str, wait: int) -> None:
        super().__init__(detail)
        self.wait = wait


class Unavailable(NotifierError):
    """Something this needs is away for now (the database, a disk); trying again later is right."""

    status, slug, title = 503, "unavailable", "Temporarily unavailable"


class Misconfigured(NotifierError):
    """A setting makes no sense; names the setting, its value, and what would be right."""

    status, slug, title = 500, "misconfigured", "Misconfigured"
