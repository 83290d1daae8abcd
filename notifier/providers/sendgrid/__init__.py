"""Twilio SendGrid, by its own SDK over a transport that keeps connections and has time-outs."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import urllib3
from python_http_client import Client, exceptions
from python_http_client.client import Response
from sendgrid import SendGridAPIClient

from notifier.providers import mime, wire
from notifier.providers.base import Accepted, Envelope, Outcome, Rejected

_STANDARD = "https://api.sendgrid.com"
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
    """Sends one request per email, so that an answer that never came leaves one email in doubt."""

    name = "sendgrid"
    removes_duplicates = False

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None = None,
        *,
        options: Options | None = None,
        timeout_seconds: float = 20.0,
    ) -> None:
        self._options = options or Options()
        self._key = wire.key(api_key, "SENDGRID_API_KEY", "SG.xxxx.yyyy")
        host = wire.base(base_url, _STANDARD, "SENDGRID_BASE_URL")
        self.timeout_seconds = timeout_seconds
        self._pool = wire.transport(timeout_seconds)
        self._api = SendGridAPIClient(self._key, host=host)
        self._api.client = _PooledClient(self._pool, host, self._api.client.request_headers)

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Accepted once SendGrid has queued it; its X-Message-Id is the `ref`. Only events prove delivery."""
        try:
            body = _body(envelope, self._options)
        except mime.Unmailable as error:
            return Rejected(str(error))
        try:
            response = self._api.send(body)
        except exceptions.HTTPError as error:
            return wire.refusal("SendGrid", error.status_code, error.headers, error.body, now, self._key)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return wire.trouble("SendGrid", error, self._key)
        return Accepted(response.headers.get("X-Message-Id"))

    def close(self) -> None:
        """Hang up on every idle connection."""
        self._pool.clear()


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
        self, pool: urllib3.PoolManager, host: str, request_headers: dict[str, str], url_path: Any = None
    ) -> None:
        super().__init__(host=host, request_headers=request_headers, version=3, url_path=url_path)
        self.pool = pool

    def _build_client(self, name: str | None = None) -> "_PooledClient":
        path = [*self._url_path, name] if name else self._url_path
        return _PooledClient(self.pool, self.host, self.request_headers, path)

    def __getattr__(self, name: str) -> Any:
        return self._post if name == "post" else super().__getattr__(name)

    def _post(self, request_body: Any) -> Response:
        url = self._build_url(None)
        headers = {**self.request_headers, "Content-Type": "application/json"}
        body = json.dumps(request_body).encode()
        answer = self.pool.request("POST", url, body=body, headers=headers, preload_content=False)
        said = wire.read(answer)
        if not 200 <= answer.status < 300:
            raise exceptions.HTTPError(answer.status, answer.reason, said, answer.headers)
        return Response(_Answer(answer, said))


class _Answer:
    """A response in the shape that the SDK reads: that of `urllib.request`."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, said: bytes) -> None:
        self.getcode = lambda: answer.status
        self.read = lambda: said
        self.info = lambda: answer.headers
