"""Reading what platforms send: signatures, and JSON of which nothing can be taken for granted.

What is missing and needed, or is of the wrong kind, raises Invalid with the JSON pointer at which it stands. What only
decorates (a name, a price, a picture) is left out where it can't be used: no order is lost for it.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from notifier.errors import Fault, Invalid, NotifierError, Unauthorized
from notifier.faults import pointer

MAX_UNITS = 1_000_000
MOST = 500
"""How many lines, parcels and refunds of an order are looked at."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]+")
_YES = frozenset({"yes", "true", "1", "y", "on"})
_NO = frozenset({"no", "false", "0", "n", "off"})
_CALLED = {
    "backorder_eta": "eta",
    "backorder_earliest": "eta_earliest",
    "backorder_eta_earliest": "eta_earliest",
    "backorder_promised": "promised",
    "backorder_reason": "reason",
}


def check_signature(body: bytes, headers: Mapping[str, str], header: str, secret: str) -> None:
    """Raises Unauthorized unless `secret` signed the raw body: HMAC with SHA-256, in base64, in that header."""
    given = headers.get(header)
    if not given:
        raise Unauthorized(f"the request is not signed: no {header}")
    right = base64.b64encode(hmac.digest(secret.encode(), body, "sha256"))
    if not hmac.compare_digest(right, given.strip().encode("utf-8", "surrogateescape")):
        raise Unauthorized(
            f"{header} does not fit the body: the secret that is set here is not the one it was signed with, or the"
            " body was changed on its way"
        )


def delivery_id(*parts: str | bytes) -> str:
    """A name for what has none of its own: the same for the same request."""
    whole = b"\0".join(part.encode("utf-8", "replace") if isinstance(part, str) else part for part in parts)
    return f"sha256-{hashlib.sha256(whole).hexdigest()}"


def an_id(value: str | None) -> str | None:
    """A header that can name a delivery; None for what can't."""
    return value if value and re.fullmatch(r"[\x21-\x7e]{1,150}", value) else None


def clean(value: Any, most: int = 200) -> str:
    """Words to show: on one line, without what can't be seen, and not longer than that; empty for what are none."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    return " ".join(_UNSEEN.sub(" ", str(value)).split())[:most].strip()


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a JSON document, which knows where it stands."""

    value: Any
    path: tuple[str | int, ...] = ()

    @property
    def at(self) -> str:
        return pointer(self.path)

    def __getitem__(self, name: str) -> "Node":
        """The field of that name; a Node of None where there is none."""
        inside = self.value.get(name) if isinstance(self.value, dict) else None
        return Node(inside, (*self.path, name))

    def each(self) -> "Iterator[Node]":
        """The objects of a list. Raises Invalid for more than can be; what is no list has none."""
        items = self.value if isinstance(self.value, list) else []
        if len(items) > MOST:
            raise self.wrong(f"has {len(items)} entries; at most {MOST} can be read")
        for number, item in enumerate(items):
            if isinstance(item, dict):
                yield Node(item, (*self.path, number))

    def wrong(self, detail: str) -> Invalid:
        return Invalid(f"{self.at or 'the body'}: {detail}", (Fault(self.at, detail),))

    def text(self, most: int = 200) -> str:
        return clean(self.value, most)

    def needed(self, what: str) -> str:
        """Raises Invalid where no words stand here."""
        if not (found := self.text()):
            raise self.wrong(f"is needed: {what}")
        return found

    def whole(self, otherwise: int | None = None) -> int:
        """A number of units; Invalid where there is none, unless `otherwise` is given."""
        value = self.value
        if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_UNITS:
            return value
        if otherwise is not None:
            return otherwise
        raise self.wrong(f"must be a whole number of units from 0 to {MAX_UNITS:,}")

    def amount(self, *, signed: bool = False) -> Decimal | None:
        """Money, as text or as a number, with `signed` also below zero; None for what is none."""
        value = repr(self.value) if isinstance(self.value, float) else self.value
        if not isinstance(value, str | int) or isinstance(value, bool):
            return None
        try:
            amount = Decimal(value)
        except InvalidOperation:
            return None
        usable = amount.is_finite() and abs(amount) < 10**10 and (not amount or abs(amount) > Decimal("1e-9"))
        return amount if usable and (signed or amount >= 0) else None

    def instant(self) -> datetime | None:
        """A time with its offset, in UTC; None for what is none."""
        try:
            found = datetime.fromisoformat(self.value)
        except (TypeError, ValueError):
            return None
        if found.tzinfo is None or not 2000 <= found.year < 2100:
            return None
        return found.astimezone(UTC)

    def moment(self) -> datetime:
        """The same; Invalid where there is none."""
        if (found := self.instant()) is None:
            raise self.wrong("must be a time with its offset, like '2026-11-20T23:30:00-05:00'")
        return found

    def link(self) -> str | None:
        value = self.value
        usable = isinstance(value, str) and len(value) <= 2000 and re.match(r"https?://[^\s/]", value)
        return value if usable else None


def document(body: bytes) -> Node:
    """Raises NotifierError (400) for a body that is no JSON object."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise NotifierError("the body is not JSON") from None
    if not isinstance(value, dict):
        raise NotifierError("the body is no JSON object")
    return Node(value)


def said(entries: Sequence[tuple[str, Node]]) -> tuple[bool | None, dict[str, str], dict[str, str]]:
    """What a line's own words (names and values) say of its being a backorder: whether, the words, where they stand.

    `_backorder_eta`, `backorder-eta` and `Backorder ETA` are one name.
    """
    waits: bool | None = None
    words: dict[str, str] = {}
    where: dict[str, str] = {}
    for given, node in entries:
        name = re.sub(r"[\s_-]+", "_", given.strip().lower()).strip("_")
        if name == "backorder":
            answer = node.text().lower()
            if answer in _YES | _NO:
                waits = answer in _YES
        elif name in _CALLED and (value := node.text(500)):
            words[_CALLED[name]], where[_CALLED[name]] = value, node.at
    if words and waits is None:
        waits = True
    return waits, words, where
