"""Signed links to a customer's own page. Whoever holds one may see that order, and answer from its form."""

import hmac
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import orjson
from itsdangerous import BadSignature, URLSafeSerializer
from itsdangerous.encoding import base64_encode
from itsdangerous.signer import SigningAlgorithm

from notifier.words.context import Links as EmailLinks

LINKS_LAST = timedelta(days=365)
"""How long a link opens its page, from the day on which it was written. Every email has a new one."""

FIRST_SERIES = 1
"""Of the links of an order that is new."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a link says: which order it opens, up to and including which day (in UTC), and in which series.

    Ending an order's links begins a new series; those of the old ones open nothing any more.
    """

    backorder_id: str
    series: int
    until: date

    def has_run_out(self, now: datetime) -> bool:
        return now.astimezone(UTC).date() > self.until


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads links. `public_url` is scheme and host; a new `secret` ends every link made with the old.

    Links that are made on one day for one order and series are equal, so a repeated question has the same answer.
    """

    public_url: str
    secret: str

    def order_token(self, backorder_id: str, series: int, now: datetime) -> str:
        until = now.astimezone(UTC).date() + LINKS_LAST
        return str(self._signer.dumps([backorder_id, series, until.toordinal()]))

    def order_page(self, backorder_id: str, series: int, now: datetime) -> str:
        return f"{self.public_url}/o/{self.order_token(backorder_id, series, now)}"

    def read_order(self, token: str) -> Key | None:
        """What a token says; None when we did not sign it. The signature is compared in constant time."""
        try:
            backorder_id, series, until = self._signer.loads(token)
        except (BadSignature, TypeError, ValueError):  # ours, but of a shape that we no longer write
            return None
        return Key(backorder_id, series, date.fromordinal(until))

    def for_email(self, backorder_id: str, series: int, now: datetime) -> EmailLinks:
        """All that an email links to. Opening any of them changes nothing."""
        page = self.order_page(backorder_id, series, now)
        return EmailLinks(
            order=page,
            keep=f"{page}?do=keep#answer",
            cancel=f"{page}?do=cancel#answer",
            unsubscribe=f"{page}/unsubscribe",
            preferences=f"{page}#preferences",
            calendar=f"{page}/calendar.ics",
        )

    @property
    def _signer(self) -> URLSafeSerializer:
        return _signer(self.secret)


class _Plain(URLSafeSerializer):
    """Tries no compression on what it signs: a few bytes never become fewer."""

    def dump_payload(self, obj: object) -> bytes:
        return base64_encode(orjson.dumps(obj))


class _AtOnce(SigningAlgorithm):
    """The same HMAC as by default, in one call."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha1")


@lru_cache(maxsize=16)
def _signer(secret: str) -> URLSafeSerializer:
    return _Plain(secret, salt="order page", signer_kwargs={"algorithm": _AtOnce()})
