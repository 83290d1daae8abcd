"""Twilio SendGrid, by its own SDK over a transport that keeps connections and has time-outs."""

import json
import logging
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from python_http_client import Client, exceptions
from python_http_client.client import Response
from sendgrid import SendGridAPIClient

from notifier.errors import NotifierError
from notifier.providers import mime, reason, wire
from notifier.providers.base import Accepted, Apart, Envelope, Outcome, Rejected
from notifier.providers.transport import Answer, NoAnswer, NotSent, Transport

_STANDARD = "https://api.sendgrid.com"
_FAILURES = (exceptions.HTTPError, NotSent, NoAnswer)
_LARGEST_REQUEST = 25_000_000  # bytes of recipients; SendGrid takes 30 MB in all
_REFUSED_WHOLE = (400, 413, 422)  # for what is in the request: nothing of it was sent
_UNSUBSCRIBING = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
# At DEBUG this logger prints the Authorization header and the whole email.
logging.getLogger("python_http_client").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Options:
    """How one account is used. `sandbox`: everything is checked there and nothing is sent, nor reported.

    `unsubscribe_group`: SendGrid itself offers unsubscribing, from this group of the account, in place of our own
    one-click header. `templates`: the dynamic template by kind, for kinds that may share a request.
    """

    sandbox: bool = False
    unsubscribe_group: int | None = None
    templates: Mapping[str, str] = field(default_factory=dict)


class Sendgrid:
    """Sends one request per email, so that an answer that never came leaves one email in doubt.

    Only kinds with a dynamic template may share one, by `send_many`.
    """

    name = "sendgrid"
    removes_duplicates = False
    fewest_together = 2
    most_together = 1000  # personalizations of a request

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None = None,
        *,
        options: Options | None = None,
        timeout_seconds: float = 20.0,
        setting: str = "SENDGRID_API_KEY",
    ) -> None:
        self._options = options or Options()
        self._key = wire.key(api_key, setting, "SG.xxxx.yyyy")
        host = wire.base(base_url, _STANDARD, "SENDGRID_BASE_URL")
        self.timeout_seconds = timeout_seconds
        self._transport = Transport(timeout_seconds)
        self.api = SendGridAPIClient(self._key, host=host)
        self.api.client = _PooledClient(self._transport, host, self.api.client.request_headers)

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Accepted once SendGrid has queued it; its X-Message-Id is the `ref`. Only events prove delivery."""
        try:
            body = _body(envelope, self._options)
        except mime.Unmailable as error:
            return Rejected(str(error))
        outcome, _ = self._post(body, now)
        return outcome

    def together(self, envelope: Envelope) -> Hashable | None:
        """Emails of one kind and sender, where the store chose a template for the kind."""
        template = self._options.templates.get(envelope.kind)
        if template is None:
            return None
        return (
            template,
            envelope.kind,
            envelope.sender,
            envelope.reply_to,
            _in_group(envelope, self._options),
        )

    def send_many(self, envelopes: Sequence[Envelope], now: datetime) -> Sequence[Outcome | Apart]:
        """One request of which SendGrid takes all or, with a 400, certainly none: then whom it names is rejected."""
        outcomes: dict[int, Outcome | Apart] = {}
        people: list[dict[str, Any]] = []
        places: list[int] = []
        size = 0
        for place, envelope in enumerate(envelopes):
            try:
                person = _person(envelope, self._options)
            except mime.Unmailable as error:
                outcomes[place] = Rejected(str(error))
                continue
            size += len(json.dumps(person))
            if size > _LARGEST_REQUEST:
                outcomes[place] = Apart("the request has no more room")
                continue
            people.append(person)
            places.append(place)
        if people:
            first = envelopes[places[0]]
            body = {
                "personalizations": people,
                "from": _party(*mime.mailbox(first.sender, "sender")),
                "template_id": self._options.templates[first.kind],
                **_common(first, self._options),
            }
            outcome, blamed = self._post(body, now)
            for number, place in enumerate(places):
                outcomes[place] = _share(outcome, blamed, number)
        return [outcomes[place] for place in range(len(envelopes))]

    def _post(self, body: Mapping[str, Any], now: datetime) -> tuple[Outcome, Mapping[int, str] | None]:
        """What came of a request, and, where that was refused for what is in it, what is said of which recipient."""
        try:
            response = self.api.send(body)
        except exceptions.HTTPError as error:
            blamed = _blamed(error.body, self._key) if error.status_code in _REFUSED_WHOLE else None
            return self.meaning(error, now), blamed
        except _FAILURES as error:
            return self.meaning(error, now), None
        return Accepted(response.headers.get("x-message-id")), None

    def ask(self, what: str, call: Callable[..., Response], now: datetime, **options: Any) -> dict[str, Any]:
        """The body that a call of the SDK was answered with; NotifierError says that `what`, and why."""
        try:
            body = json.loads(call(**options).body or b"{}")
        except _FAILURES as error:
            raise NotifierError(f"{what}: {getattr(self.meaning(error, now), 'reason', '')}") from None
        except ValueError:
            raise NotifierError(f"{what}: SendGrid's answer is not JSON") from None
        return body if isinstance(body, dict) else {}

    def meaning(self, error: exceptions.HTTPError | NotSent | NoAnswer, now: datetime) -> Outcome:
        """What an exception of the SDK or the transport means."""
        if isinstance(error, exceptions.HTTPError):
            return wire.refusal("SendGrid", error.status_code, error.headers, error.body, now, self._key)
        return wire.trouble("SendGrid", error, self._key)

    def close(self) -> None:
        """Hang up on every idle connection."""
        self._transport.close()


def _share(outcome: Outcome, blamed: Mapping[int, str] | None, number: int) -> Outcome | Apart:
    """What a request's outcome means for the recipient at that place in it."""
    if blamed is None:
        return outcome
    if number in blamed:
        return Rejected(blamed[number])
    return Apart(getattr(outcome, "reason", ""))


def _blamed(body: bytes, key: str) -> dict[int, str]:
    """By its place, what is said of each recipient that a refusal names."""
    blamed = {}
    for where, what in wire.errors(body):
        if place := re.match(r"personalizations\.(\d+)\b", where):
            blamed[int(place[1])] = reason.plain(f"SendGrid refused it: {where}: {what}", key)
    return blamed


def _person(envelope: Envelope, options: Options) -> dict[str, Any]:
    """One of many in a request, whose email goes as data: the template holds nothing but its place."""
    _, sender = mime.mailbox(envelope.sender, "sender")
    return {
        "to": [_to(envelope)],
        "custom_args": {"notification_id": envelope.message_id},
        "headers": _headers(envelope, sender, options),
        "dynamic_template_data": {
            "subject": mime.one_line(envelope.subject),
            "html": envelope.html,
            "text": envelope.text,
        },
    }


def _body(envelope: Envelope, options: Options) -> dict[str, Any]:
    """The request of POST /v3/mail/send.

    `custom_args` and `categories` are kept for long and cannot be redacted: ids and kinds only, never a
    customer's data.
    """
    sender_name, sender = mime.mailbox(envelope.sender, "sender")
    body = {
        "personalizations": [
            {"to": [_to(envelope)], "custom_args": {"notification_id": envelope.message_id}}
        ],
        "from": _party(sender_name, sender),
        "subject": mime.one_line(envelope.subject),
        "content": [  # SendGrid wants them in this order
            {"type": "text/plain", "value": envelope.text},
            {"type": "text/html", "value": envelope.html},
        ],
        "headers": _headers(envelope, sender, options),
    }
    return body | _common(envelope, options)


def _common(envelope: Envelope, options: Options) -> dict[str, Any]:
    """What emails of one kind and sender have in common."""
    body: dict[str, Any] = {
        "categories": [envelope.kind],
        # Links carry signatures, and a rewritten link is one that no customer should trust.
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
    }
    if envelope.reply_to:
        body["reply_to"] = _party(*mime.mailbox(envelope.reply_to, "reply_to"))
    if options.sandbox:
        body["mail_settings"] = {"sandbox_mode": {"enable": True}}
    if _in_group(envelope, options):
        body["asm"] = {"group_id": options.unsubscribe_group}
    return body


def _headers(envelope: Envelope, sender: str, options: Options) -> dict[str, str]:
    """Unsubscribing is offered once, by SendGrid or by us: mail programs show but one of two such headers."""
    ours = {
        name: value
        for name, value in mime.extra_headers(envelope).items()
        if not (_in_group(envelope, options) and name.lower() in _UNSUBSCRIBING)
    }
    return {
        "Message-ID": mime.message_id(envelope, sender),
        "Auto-Submitted": "auto-generated",
        **ours,
    }


def _in_group(envelope: Envelope, options: Options) -> bool:
    """Only what a customer may unsubscribe from goes through a group: it must never stop news of the order."""
    offered = any(name.lower() in _UNSUBSCRIBING for name in envelope.headers)
    return options.unsubscribe_group is not None and offered


def _to(envelope: Envelope) -> dict[str, str]:
    return _party(mime.one_line(envelope.to_name), mime.address(envelope.to, "to"))


def _party(name: str, email: str) -> dict[str, str]:
    """SendGrid refuses a name with a comma or a semicolon."""
    name = " ".join(name.replace(",", " ").replace(";", " ").split())
    return {"email": email, "name": name} if name else {"email": email}


class _PooledClient(Client):  # type: ignore[misc]  # the package ships no types
    """The SDK's client with the sending of a request replaced, and nothing else.

    Its own opens a connection and loads the certificate store for each email (25 ms of CPU), and lets a
    header passed once stick to all later calls.
    """

    def __init__(
        self, transport: Transport, host: str, request_headers: dict[str, str], url_path: Any = None
    ) -> None:
        super().__init__(host=host, request_headers=request_headers, version=3, url_path=url_path)
        self.transport = transport

    def _build_client(self, name: str | None = None) -> "_PooledClient":
        path = [*self._url_path, name] if name else self._url_path
        return _PooledClient(self.transport, self.host, self.request_headers, path)

    def __getattr__(self, name: str) -> Any:
        if name not in ("get", "post"):
            return super().__getattr__(name)
        return partial(self._ask, name.upper())

    def _ask(self, verb: str, request_body: Any = None, query_params: Any = None) -> Response:
        headers = {**self.request_headers, "Content-Type": "application/json"}
        body = None if request_body is None else orjson.dumps(request_body)
        answer = self.transport.request(verb, self._build_url(query_params), body=body, headers=headers)
        if not 200 <= answer.status < 300:
            raise exceptions.HTTPError(answer.status, answer.reason, answer.data, answer.headers)
        return Response(_Answer(answer))


class _Answer:
    """An answer in the shape that the SDK reads: that of `urllib.request`."""

    def __init__(self, answer: Answer) -> None:
        self.getcode = lambda: answer.status
        self.read = lambda: answer.data
        self.info = lambda: answer.headers
