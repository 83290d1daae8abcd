"""What a platform's webhook does not tell is asked for: BigCommerce's API, read only, each call within a time."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3

from notifier.shops.bigcommerce import Documents

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
MOST_BYTES = 5_000_000
PAGE = 250
"""The most that one call of the API lists."""
MOST_PAUSE = 3600


class Away(Exception):
    """The API gave no order; the words say why, and where to mend it. `retry_after` is in seconds, if it named any."""

    def __init__(self, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail, self.retry_after = detail, retry_after


@dataclass(frozen=True, slots=True)
class BigCommerce:
    """The API at `base_url`, scheme and host. Connections are kept, redirects are not followed."""

    base_url: str
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(
            maxsize=4, retries=False, timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        ),
        repr=False,
    )

    def fetch(self, store_hash: str, token: str, ref: str) -> Documents | None:
        """An order with all that belongs to it; None where there is none. Raises Away."""
        home, number = f"/stores/{quote(store_hash, safe='')}", quote(ref, safe="")
        order = self._get(f"{home}/v2/orders/{number}", token)
        if not isinstance(order, dict):
            return None
        products, shipments, addresses = (
            self._get(f"{home}/v2/orders/{number}/{part}?limit={PAGE}", token)
            for part in ("products", "shipments", "shipping_addresses")
        )
        refunds = self._get(f"{home}/v3/orders/{number}/payment_actions/refunds", token)
        back = refunds.get("data") if isinstance(refunds, dict) else None
        return Documents(order, products, shipments, addresses, back)

    def close(self) -> None:
        """Hang up."""
        self._pool.clear()

    def _get(self, path: str, token: str) -> Any:
        """The JSON of an answer; None where there is nothing (204, 404)."""
        headers = {"X-Auth-Token": token, "Accept": "application/json", "User-Agent": "Notifier/1"}
        try:
            answer = self._pool.request(
                "GET", self.base_url + path, headers=headers, preload_content=False, redirect=False
            )
            try:
                body = answer.read(MOST_BYTES + 1)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Away(f"BigCommerce can't be reached: {type(error).__name__}") from None
        return _read(answer.status, answer.headers, body)


def _read(status: int, headers: Any, body: bytes) -> Any:
    if status in {204, 404}:
        return None
    if status in {401, 403}:
        raise Away(
            f"BigCommerce answered {status}: keys.bigcommerce.api_token does not open the store of"
            " keys.bigcommerce.store_hash, or may not read its orders"
        )
    if status != 200:
        raise Away(f"BigCommerce answered {status}", _pause(headers))
    if len(body) > MOST_BYTES:
        raise Away(f"BigCommerce answered more than {MOST_BYTES:,} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Away("BigCommerce answered what is no JSON") from None


def _pause(headers: Any) -> int | None:
    """How long it wants to be left alone: BigCommerce counts in milliseconds, the rest of the world in seconds."""
    for name, unit in (("X-Rate-Limit-Time-Reset-Ms", 1000), ("Retry-After", 1)):
        if re.fullmatch(r"\d{1,9}", value := headers.get(name, "")):
            return min(MOST_PAUSE, int(value) // unit + 1)
    return None
