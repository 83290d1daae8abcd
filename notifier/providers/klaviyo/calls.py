"""Klaviyo's own SDK over our transport: one try a call, within its time, answered with a value."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from klaviyo_api import KlaviyoAPI
from pydantic import ValidationError

from notifier.errors import NotifierError
from notifier.providers import wire
from notifier.providers.base import Deferred, Rejected, Unavailable, Unknown
from notifier.providers.transport import NoAnswer, NotSent, Transport

Json = dict[str, Any]
Call = Callable[..., Any]
Failure = Rejected | Deferred | Unavailable | Unknown


class Api:
    """One account. `sdk` is the SDK, whose `…_without_preload_content` calls go through `ask`.

    Those hand back the answer as it came: the others lose a 429 whose Retry-After is no integer, and an error whose
    body is a page.
    """

    def __init__(self, key: str, host: str, timeout_seconds: float) -> None:
        self.key, self.host = key, host
        self.transport = Transport(timeout_seconds)
        self.sdk = KlaviyoAPI(key, max_retries=1, test_host=host)
        self.sdk.api_client.rest_client.pool_manager = self.transport

    @property
    def headers(self) -> dict[str, str]:
        """What the SDK sends with every call, for those that go past it."""
        return {
            "Authorization": f"Klaviyo-API-Key {self.key}",
            "revision": self.sdk.api_client.default_headers["revision"],
            "Accept": "application/vnd.api+json",
            "Content-Type": "application/vnd.api+json",
        }

    def ask(self, call: Call, now: datetime, *arguments: Any, **options: Any) -> Json | Failure:
        """The body that a call was answered with, empty where there is none; else what came of it."""
        try:
            answer = call(*arguments, **options)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            return Rejected(f"Klaviyo's SDK refuses it: {fault['loc']}: {fault['msg']}")
        except (NotSent, NoAnswer) as error:
            return wire.trouble("Klaviyo", error, self.key)
        if not 200 <= answer.status < 300:
            return wire.refusal("Klaviyo", answer.status, answer.headers, answer.data, now, self.key)
        try:
            body = json.loads(answer.data or b"{}")
        except ValueError:
            body = {}
        return body if isinstance(body, dict) else {}

    def must(self, what: str, call: Call, now: datetime, *arguments: Any, **options: Any) -> Json:
        """The same, where nothing can go on without it: raises NotifierError saying `what` did not work, and why."""
        answer = self.ask(call, now, *arguments, **options)
        if not isinstance(answer, dict):
            raise NotifierError(f"{what}: {answer.reason}")
        return answer

    def pages(self, what: str, call: Call, now: datetime, **options: Any) -> Iterator[Json]:
        """Each object of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.must(what, call, now, **options, **({"page_cursor": cursor} if cursor else {}))
            if not isinstance(page.get("data"), list):  # or what is there would be made a second time
                raise NotifierError(f"{what}: the answer holds no list; is {self.host} Klaviyo?")
            yield from page["data"]
            cursor = next_cursor(page)
            if cursor is None:
                return


def next_cursor(page: Json) -> str | None:
    """Where the next page begins, None on the last."""
    following = (page.get("links") or {}).get("next")
    return parse_qs(urlsplit(following).query).get("page[cursor]", [None])[0] if following else None
