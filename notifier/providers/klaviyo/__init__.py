"""Klaviyo, by its own SDK: an event per email; the store's flow on its metric sends the mail."""

from datetime import datetime

import urllib3
from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import OpenApiException
from pydantic import ValidationError

from notifier.providers import mime, wire
from notifier.providers.base import Accepted, Envelope, Outcome, Rejected
from notifier.providers.klaviyo import event

_STANDARD = "https://a.klaviyo.com"


class Klaviyo:
    """Records one event per email. A repeated `unique_id` is dropped there, so sending again is safe."""

    name = "klaviyo"
    removes_duplicates = True

    def __init__(
        self, api_key: str | None, base_url: str | None = None, *, timeout_seconds: float = 20.0
    ) -> None:
        self._key = wire.key(api_key, "KLAVIYO_API_KEY", "pk_xxxx (a private key with events:write)")
        host = wire.base(base_url, _STANDARD, "KLAVIYO_BASE_URL")
        self.timeout_seconds = timeout_seconds
        self._pool = wire.transport(timeout_seconds)
        # The SDK asks for no time-out unless each call brings one, whatever its transport is set to.
        self._timeouts = (timeout_seconds / 4, timeout_seconds * 3 / 4)
        api = KlaviyoAPI(self._key, max_retries=1, test_host=host)
        api.api_client.rest_client.pool_manager = self._pool
        # The call that hands back the answer as it came: the others lose a 429 whose Retry-After is no
        # integer, and an error whose body is a page. The SDK builds its API anew at each access: it is kept.
        self._create_event = api.Events.create_event_without_preload_content

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Accepted once Klaviyo has taken the event; what its flow then does, only a webhook tells."""
        try:
            body = event.single(envelope)
        except mime.Unmailable as error:
            return Rejected(str(error))
        try:
            answer = self._create_event(body, _request_timeout=self._timeouts)
            said = wire.read(answer)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            return Rejected(f"Klaviyo's SDK refuses the event: {fault['loc']}: {fault['msg']}")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return wire.trouble("Klaviyo", error, self._key)
        except OpenApiException as error:  # how the SDK passes on a TLS connection that broke later
            return wire.trouble("Klaviyo", error, self._key)
        if 200 <= answer.status < 300:
            return Accepted()
        return wire.refusal("Klaviyo", answer.status, answer.headers, said, now, self._key)

    def close(self) -> None:
        """Hang up on every idle connection."""
        self._pool.clear()
