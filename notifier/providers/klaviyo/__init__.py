"""Klaviyo, by its own SDK: an event per email; the store's flow on its metric sends the mail."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import urllib3
from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import OpenApiException
from pydantic import ValidationError

from notifier.providers import mime, wire
from notifier.providers.base import Accepted, Envelope, Outcome, Rejected

_STANDARD = "https://a.klaviyo.com"

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "expectation": "Backorder Expected",
        "countdown": "Backorder Countdown",
        "delay": "Backorder Delayed",
        "consent": "Backorder Consent Needed",
        "earlier": "Backorder Earlier",
        "shipped": "Backorder Shipped",
        "cancelled": "Backorder Cancelled",
    }
)
"""The metric that a flow starts on, by kind. A kind not listed is `Backorder` and its name."""

# Limits of Create Event, in Klaviyo's own OpenAPI file.
_MOST_PROPERTIES = 400
_LONGEST_STRING = 100_000
_LARGEST_BODY = 5_000_000


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
            body = _body(envelope)
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


def _body(envelope: Envelope) -> dict[str, Any]:
    """The request of POST /api/events. Raises `Unmailable` past one of Klaviyo's limits.

    The profile is named by its address alone, and none of its fields are set: they are the store's. What a
    retry must repeat for it to be recognised (profile, metric, `unique_id`, `time`) comes from the envelope.
    """
    properties = {
        **envelope.properties,
        "notification_id": envelope.message_id,
        "customer_name": mime.one_line(envelope.to_name),
        "subject": mime.one_line(envelope.subject),
        "html": envelope.html,
        "text": envelope.text,
    }
    body = {
        "data": {
            "type": "event",
            "attributes": {
                "unique_id": envelope.message_id,
                "time": envelope.occurred_at.astimezone(UTC).isoformat(timespec="seconds"),
                "metric": {"data": {"type": "metric", "attributes": {"name": metric(envelope.kind)}}},
                "profile": {
                    "data": {
                        "type": "profile",
                        "attributes": {"email": mime.address(envelope.to, "to")},
                    }
                },
                "properties": properties,
            },
        }
    }
    _check_sizes(properties, body)
    return body


def metric(kind: str) -> str:
    """The name of the metric that an email of this kind is recorded under."""
    return METRICS.get(kind, f"Backorder {kind.replace('_', ' ').title()}")


def _check_sizes(properties: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    if len(properties) > _MOST_PROPERTIES:
        raise mime.Unmailable(f"properties: {len(properties)}, Klaviyo takes at most {_MOST_PROPERTIES}")
    for name, value in properties.items():
        if any(len(text.encode("utf-8", "replace")) > _LONGEST_STRING for text in _strings(value)):
            raise mime.Unmailable(f"{name}: longer than the {_LONGEST_STRING} bytes that Klaviyo takes")
    size = len(json.dumps(body))
    if size > _LARGEST_BODY:
        raise mime.Unmailable(f"the event has {size} bytes, Klaviyo takes at most {_LARGEST_BODY}")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
