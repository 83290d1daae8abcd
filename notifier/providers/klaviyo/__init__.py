"""Klaviyo, by its own SDK: an event per email; the store's flow on its metric sends the mail."""

from collections.abc import Hashable, Sequence
from datetime import datetime

import orjson

from notifier.providers import mime, wire
from notifier.providers.base import (
    Accepted,
    Apart,
    Deferred,
    Envelope,
    Outcome,
    Rejected,
    Sent,
    Unavailable,
    Unknown,
)
from notifier.providers.klaviyo import event
from notifier.providers.klaviyo.calls import Api, next_cursor
from notifier.providers.reports import Report, from_klaviyo_events
from notifier.providers.transport import NoAnswer, NotSent

_STANDARD = "https://a.klaviyo.com"


_MOST_PAGES = 20  # of 200 events of one customer each


class Klaviyo:
    """Records one event per email. A repeated `unique_id` is dropped there, so sending again is safe."""

    name = "klaviyo"
    removes_duplicates = True
    fewest_together = 50  # a backlog: else singles, whose repeats Klaviyo drops
    most_together = 1000

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None = None,
        *,
        timeout_seconds: float = 20.0,
        setting: str = "KLAVIYO_API_KEY",
    ) -> None:
        self._key = wire.key(api_key, setting, "pk_xxxx (a private key with events:write)")
        self.timeout_seconds = timeout_seconds
        self.api = Api(self._key, wire.base(base_url, _STANDARD, "KLAVIYO_BASE_URL"), timeout_seconds)
        # A bulk goes past the SDK, which takes 230 ms to check a thousand events that were made right.
        self._bulk_url, self._headers = f"{self.api.host}/api/event-bulk-create-jobs", self.api.headers
        # The SDK builds its API anew at each access: it is kept.
        self._create_event = self.api.sdk.Events.create_event_without_preload_content

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Accepted once Klaviyo has taken the event; what its flow then does, only a webhook tells."""
        try:
            body = event.single(envelope)
        except mime.Unmailable as error:
            return Rejected(str(error))
        answer = self.api.ask(self._create_event, now, body)
        return Accepted() if isinstance(answer, dict) else answer

    def together(self, envelope: Envelope) -> Hashable | None:
        """Any events may share a request."""
        return self.name

    def send_many(self, envelopes: Sequence[Envelope], now: datetime) -> Sequence[Outcome | Apart]:
        """One bulk, of which Klaviyo takes all or, where it refuses, none.

        It is posted once and never again: a repeated `unique_id` would make it fail as a whole. In doubt, each event
        goes again by itself, where Klaviyo drops it if it has it.
        """
        body, left_out = event.bulk(envelopes)
        if body is None:
            return [left_out[place] for place in range(len(envelopes))]
        try:
            answer = self.api.transport.request(
                "POST", self._bulk_url, body=orjson.dumps(body), headers=self._headers
            )
        except (NotSent, NoAnswer) as error:
            outcome: Outcome | Apart = wire.trouble("Klaviyo", error, self._key)
        else:
            outcome = Accepted()
            if not 200 <= answer.status < 300:
                outcome = wire.refusal("Klaviyo", answer.status, answer.headers, answer.data, now, self._key)
        if isinstance(outcome, Rejected):
            outcome = Apart(outcome.reason)
        return [left_out.get(place, outcome) for place in range(len(envelopes))]

    def reports_of(
        self, sent: Sent, now: datetime
    ) -> Sequence[Report] | Rejected | Deferred | Unavailable | Unknown:
        """What Klaviyo's own events say of an email, its customer's since it was handed over (events:read)."""
        try:
            address = mime.address(sent.to, "to")
        except mime.Unmailable as error:
            return Rejected(str(error))
        call = self.api.sdk.Profiles.get_profiles_without_preload_content
        found = self.api.ask(call, now, filter=f'equals(email,"{address}")', fields_profile=["email"])
        if not isinstance(found, dict):
            return found
        reports: list[Report] = []
        for profile in found.get("data") or []:
            asked = {
                "filter": f'equals(profile_id,"{profile["id"]}"),'
                f"greater-or-equal(timestamp,{int(sent.since.timestamp())})",
                "include": ["metric"],
                "fields_metric": ["name"],
                "sort": "timestamp",
            }
            for _ in range(_MOST_PAGES):
                page = self.api.ask(self.api.sdk.Events.get_events_without_preload_content, now, **asked)
                if not isinstance(page, dict):
                    return page
                reports += from_klaviyo_events(page, sent.message_id, sent.subject)
                cursor = next_cursor(page)
                if cursor is None:
                    break
                asked["page_cursor"] = cursor
        return reports

    def close(self) -> None:
        """Hang up on every idle connection."""
        self.api.transport.close()
