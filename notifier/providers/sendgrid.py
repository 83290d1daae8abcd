"""Twilio SendGrid, by its own SDK over a transport that keeps connections and has time-outs."""

import json
import logging
from datetime import datetime
from typing import Any

import urllib3
from python_http_client import Client, exceptions
from python_http_client.client import Response
from sendgrid import SendGridAPIClient

from notifier.providers import mime, wire
from notifier.providers.base import Accepted, Envelope, Outcome, Rejected

_STANDARD = "https://api.sendgrid.com"
# At DEBUG this logger prints the Authorization header and the whole email.
logging.getLogger("python_http_client").setLevel(logging.WARNING)


class Sendgrid:
    """Sends one request per email, so that an answer that never came leaves one email in doubt."""

    name = "sendgrid"
    removes_duplicates = False

    def __init__(
        self, api_key: str | None, base_url: str | None = None, *, timeout_seconds: float = 20.0
    ) -> None:
        self._key = wire.key(api_key, "SENDGRID_API_KEY", "SG.xxxx.yyyy")
        host = wire.base(base_url, _STANDARD, "SENDGRID_BASE_URL")
        self.timeout_seconds = timeout_seconds
        self._pool = wire.transport(timeout_seconds)
        self._api = SendGridAPIClient(self._key, host=host)
        self._api.client = _PooledClient(self._pool, host, self._api.client.request_headers)

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Accepted once SendGrid has queued it; its X-Message-Id is the `ref`. Only events prove delivery."""
        try:
            body = _body(envelope)
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


def _body(envelope: Envelope) -> dict[str, Any]:
    """The request of POST /v3/mail/send.

    `custom_args` and `categories` are kept for long and cannot be redacted: ids and kinds only, never a
    customer's data.
    """
    sender_name, sender = mime.mailbox(envelope.sender, "sender")
    to = _party(mime.one_line(envelope.to_name), mime.address(envelope.to, "to"))
    headers = {
        "Message-ID": mime.message_id(envelope, sender),
        "Auto-Submitted": "auto-generated",
        **mime.extra_headers(envelope),
    }
    body = {
        "personalizations": [{"to": [to], "custom_args": {"notification_id": envelope.message_id}}],
        "from": _party(sender_name, sender),
        "subject": mime.one_line(envelope.subject),
        "content": [  # SendGrid wants them in this order
            {"type": "text/plain", "value": envelope.text},
            {"type": "text/html", "value": envelope.html},
        ],
        "headers": headers,
        "categories": [envelope.kind],
        # Links carry signatures, and a rewritten link is one that no customer should trust.
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
    }
    if envelope.reply_to:
        body["reply_to"] = _party(*mime.mailbox(envelope.reply_to, "reply_to"))
    return body


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
