"""What is common to both vendors: their settings, and what their answers mean."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from notifier.errors import Misconfigured
from notifier.providers import reason
from notifier.providers.base import About, Deferred, Rejected, Unavailable, Unknown
from notifier.providers.transport import NoAnswer, NotSent

_LONGEST_PAUSE = timedelta(hours=1)  # a service that names a later time is asked again after this


def base(url: str | None, standard: str, setting: str) -> str:
    """`url`, or `standard` where there is none. Raises `Misconfigured` unless it is scheme and host alone."""
    chosen = (url or standard).rstrip("/")
    try:
        parts = urlsplit(chosen)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.path or parts.query or parts.fragment or parts.username:
        shown = re.sub("//.*@", "//***@", chosen)
        raise Misconfigured(
            f"{setting} is {shown!r}; it must be scheme and host with no path, like {standard}."
        )
    return chosen


def key(value: str | None, setting: str, looks_like: str) -> str:
    """`value`, checked that it can stand in a header. Raises `Misconfigured`, which never quotes it."""
    if not value:
        raise Misconfigured(f"{setting} is empty; it must be an API key, which looks like {looks_like}.")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise Misconfigured(
            f"{setting} has a space, a line break or a letter that no API key has; copy it again."
        )
    return value


def refusal(
    vendor: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime, *secrets: str
) -> Rejected | Deferred | Unavailable | Unknown:
    """What an answer other than 2xx means. `now` is aware; 5xx may have been taken all the same."""
    words = reason.plain(f"{vendor} answered {status}: {_said(body)}", *secrets)
    if status >= 500:
        return Unknown(words)
    if status == 429:
        return Deferred(words, until=_not_before(headers, now))
    if status == 403 and not _is_json(body):
        # A firewall's page in front of the API, which comes and goes; the API itself refuses in JSON.
        return Unavailable(words)
    if status == 403 and any(where == "from" for where, _ in errors(body)):
        # A sender that the account may not use: one store's, not everybody's.
        return Rejected(words, About.SENDER)
    if status in (401, 402, 403):
        about = {401: About.KEY, 403: About.RIGHTS}.get(status)
        return Unavailable(words, needs_person=True, about=about)
    if status in (400, 409, 413, 422):
        return Rejected(words, _about(body))
    # Redirects, 404, 405 and the like say that this is not the API, not that the message is bad.
    return Unavailable(words, needs_person=True, about=About.SERVER)


def trouble(vendor: str, error: NotSent | NoAnswer, *secrets: str) -> Unavailable | Unknown:
    """What it means that the transport brought no answer."""
    if isinstance(error, NotSent):
        about = About.TLS if error.tls else About.SERVER
        return Unavailable(reason.plain(f"cannot reach {vendor}: {error}", *secrets), about=about)
    return Unknown(reason.plain(f"{vendor} gave no answer: {error}", *secrets))


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return not body.strip()
    return True


def _said(body: bytes) -> str:
    told = "; ".join(f"{where}: {what}" if where else what for where, what in errors(body))
    return told or body.decode("utf-8", "replace").strip() or "no reason given"


def errors(body: bytes) -> list[tuple[str, str]]:
    """Where and what, as both vendors list it under `errors`; empty where a body does not."""
    try:
        return [_where_and_what(error) for error in json.loads(body)["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _about(body: bytes) -> About | None:
    """Whose address is refused, if it is one: both vendors name the field."""
    for where, _ in errors(body):
        path = re.split(r"[./]", where)
        if "from" in path or "reply_to" in path:
            return About.SENDER
        if "to" in path or "email" in path:
            return About.RECIPIENT
    return None


def _where_and_what(error: Mapping[str, Any]) -> tuple[str, str]:
    source = error.get("source") or {}
    where = error.get("field") or source.get("pointer") or source.get("parameter") or ""
    return str(where), str(error.get("message") or error.get("detail") or error.get("title") or "")


def _not_before(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The time told, if it is to come: Retry-After (RFC 9110, section 10.2.3), or SendGrid's X-RateLimit-Reset."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    until = None
    try:
        if after := named.get("retry-after"):
            seconds = after.replace(".", "", 1).isdigit()
            until = now + timedelta(seconds=float(after)) if seconds else parsedate_to_datetime(after)
        elif reset := named.get("x-ratelimit-reset"):
            until = datetime.fromtimestamp(float(reset), UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a value that means nothing names no time
    if until is None:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(until, now + _LONGEST_PAUSE) if until > now else None
