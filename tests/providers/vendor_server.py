"""SendGrid and Klaviyo on one local HTTP server, as their own OpenAPI files describe them.

    with vendor_server() as vendors:
        provider = make("sendgrid", api_key="SG.test", base_url=vendors.address)
        provider.send(envelope, now)
        assert [email.subject for email in vendors.emails] == ["New ship date"]

A body that breaks the vendor's schema, or a rule that its manual states in words only, is refused as the
vendor would refuse it. `vendors.answer(Answer(...), ...)` scripts what comes next, one answer a request;
after them requests are taken again. `vendors.forget()` starts afresh.

What an account holds besides (metrics, templates, flows, what became of emails) is `vendors.account`.
"""

import contextlib
import json
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.providers import spec
from tests.providers.spec import Vendor
from tests.providers.vendor_account import Account

# https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send, "headers"
RESERVED_HEADERS = frozenset(
    "x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding to from subject"
    " reply-to cc bcc".split()
)


@dataclass(frozen=True)
class Answer:
    """What one request gets instead of being taken.

    `drop` hangs up `before` the request is read, or `after`, without a word, or with a `reset` of the connection.
    `raw` is sent in place of HTTP. `endless` goes on for ever with its headers or its body.
    """

    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0
    drop: Literal["before", "after", "reset"] | None = None
    raw: bytes | None = None
    endless: Literal["headers", "body"] | None = None


@dataclass(frozen=True)
class Request:
    """One request as it came, and what was wrong with it."""

    vendor: Vendor
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    raw: bytes
    faults: list[str]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass(frozen=True)
class Email:
    """What a customer would get, by either vendor."""

    message_id: str
    to: str
    subject: str
    text: str
    html: str


@dataclass
class Vendors:
    """The running server. `requests` is all that was read, oldest first; `connections` counts."""

    address: str = ""
    account: Account = field(default_factory=Account)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _taken: list[Request] = field(default_factory=list)
    _script: list[Answer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def emails(self) -> list[Email]:
        """The emails that customers would get, oldest first; a repeated event is dropped, as Klaviyo does."""
        with self._lock:
            taken = list(self._taken)
        # Where Klaviyo sees the same event again, the first is the one that is recorded.
        emails: dict[object, Email] = {}
        for identity, email in (it for n, request in enumerate(taken) for it in _emails(request, n)):
            emails.setdefault(identity, email)
        return list(emails.values())

    def answer(self, *answers: Answer) -> None:
        """Give the next requests these answers, one each."""
        with self._lock:
            self._script.extend(answers)

    def forget(self) -> None:
        """Start afresh: nothing received, nothing scripted."""
        with self._lock:
            self.requests.clear()
            self._taken.clear()
            self._script.clear()
            self.connections = 0
            self.account = Account()

    def next_answer(self) -> Answer | None:
        with self._lock:
            return self._script.pop(0) if self._script else None

    def record(self, request: Request, taken: bool) -> None:
        with self._lock:
            self.requests.append(request)
            if taken:
                self._taken.append(request)
                for event in _klaviyo_events(request):
                    self.account.recorded(event["metric"]["data"]["attributes"]["name"])


@contextmanager
def vendor_server(tls: ssl.SSLContext | None = None) -> Iterator[Vendors]:
    """Both vendors on a free port of the loopback, by HTTPS where `tls` is given."""
    spec.operations()  # a file that cannot be read is told before anything starts
    vendors = Vendors()

    class Handler(_Handler):
        state = vendors

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        vendors.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        try:
            yield vendors
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that keeps its connection must not keep the test
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up, or did not trust us, as a test wanted it to."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: Vendors

    def setup(self) -> None:
        super().setup()
        self.state.connections += 1

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        answer = self.state.next_answer()
        if answer and answer.drop == "before":
            self.close_connection = True
            return
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        operation = spec.find(self.command, path)
        if operation is None:
            self._say(Answer(404, body=b'{"errors": [{"message": "no such path"}]}'))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, faults = check(operation, path, query, headers, raw)
        taken = not faults and (answer is None or answer.status < 300)
        request = Request(operation.vendor, self.command, path, query, headers, raw, faults)
        self.state.record(request, taken and self.command == "POST")
        self._say(answer or self._usual(request, status))

    def _usual(self, request: Request, status: int) -> Answer:
        if request.faults:
            return Answer(status, body=_error(status, request.faults))
        body = request.body if request.raw else None
        host = self.headers["Host"]
        made = self.state.account.answer(request.method, request.path, request.query, body, host)
        if made is None:
            return Answer(202, body=b"")
        kind = {"Content-Type": "application/vnd.api+json"}
        return Answer(200 if request.method == "GET" else 201, kind, json.dumps(made).encode())

    def _say(self, answer: Answer) -> None:
        time.sleep(answer.delay)
        if answer.endless:
            self._never_end(answer)
            return
        if answer.drop == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if answer.drop or answer.raw is not None:
            if answer.raw:
                self.wfile.write(answer.raw)
            self.close_connection = True
            return
        body = _error(answer.status, ["scripted"]) if answer.body is None else answer.body
        if answer.status < 300 and answer.body is None:
            body = b""
        try:
            self.send_response(answer.status)
            for name, value in {"X-Message-Id": f"sg{len(self.state.requests)}", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client gave up waiting, as a test wanted it to
            self.close_connection = True

    def _never_end(self, answer: Answer) -> None:
        """A byte now and then, so that no time-out of a single read ever passes, until the client has had enough."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(f"HTTP/1.1 {answer.status} Odd\r\n".encode())
            self.wfile.write(
                b"X-More: " if answer.endless == "headers" else b"Content-Length: 99999999\r\n\r\n"
            )
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server names it)
        """Say nothing: the tests read `requests`."""


def check(
    operation: spec.Operation, path: str, query: str, headers: Mapping[str, str], raw: bytes
) -> tuple[int, list[str]]:
    """The status that the vendor would give, and what is wrong."""
    vendor = operation.vendor
    scheme = {"sendgrid": "Bearer ", "klaviyo": "Klaviyo-API-Key "}[vendor]
    if not headers.get("authorization", "").startswith(scheme):
        return 401, [f"authorization: must start with {scheme}"]
    try:
        body = json.loads(raw) if operation.body else None
    except ValueError as error:
        return 400, [f"body: {error}"]
    faults = list(operation.faults(query, body))
    if vendor == "klaviyo" and "revision" not in headers:
        faults.append("revision: missing")
    if not faults and path == "/v3/mail/send":
        faults = list(_sendgrid_rules(body, len(raw)))
    if not faults and path in ("/api/events", "/api/event-bulk-create-jobs") and body:
        faults = list(_klaviyo_rules(body, len(raw)))
    return (400 if faults else 202), faults


def _klaviyo_rules(body: Any, size: int) -> Iterator[str]:
    """What Klaviyo's manual says and its schema does not."""
    if size > 5_000_000:
        yield "body: more than 5 MB"
    events = list(_events_in(body))
    if len(events) > 1000:
        yield "events: more than 1000"
    if len({_identity(event) for event in events}) < len(events):
        yield "events: a unique_id is repeated for its profile and metric"
    known = {"properties", "time", "unique_id", "metric", "profile", "value", "value_currency", "backfill"}
    for event in events:
        if len(event["properties"]) > 400:
            yield "properties: more than 400"
        if unknown := event.keys() - known:
            yield f"attributes: {unknown}"


def _sendgrid_rules(body: Any, size: int) -> Iterator[str]:
    """What SendGrid's manual says and its schema does not."""
    if size > 30_000_000:
        yield "body: more than 30 MB"
    people = body["personalizations"]
    for headers in (body.get("headers", {}), *(person.get("headers", {}) for person in people)):
        if reserved := RESERVED_HEADERS & {name.lower() for name in headers}:
            yield f"headers: {reserved}"
    if "template_id" in body:
        if any("substitutions" in person for person in people):
            yield "substitutions: not with a dynamic template"
    elif [part["type"] for part in body["content"]] != ["text/plain", "text/html"]:
        yield "content: plain text comes first"
    if len(people) > 1000:
        yield "personalizations: more than 1000"
    for person in (person for item in body["personalizations"] for person in item["to"]):
        if set(";,") & set(person.get("name", "")):
            yield "to.name: must not contain ; or ,"


def _error(status: int, faults: list[str]) -> bytes:
    return json.dumps({"errors": [{"message": fault, "status": status} for fault in faults]}).encode()


def _emails(request: Request, number: int) -> Iterator[tuple[object, Email]]:
    """What customers get by one request, each with what the vendor knows it by."""
    if request.vendor == "sendgrid" and request.path == "/v3/mail/send":
        body = request.body
        for place, person in enumerate(body["personalizations"]):
            told = person.get("dynamic_template_data")
            text, html = (
                (part["value"] for part in body["content"]) if not told else (told["text"], told["html"])
            )
            subject = told["subject"] if told else body["subject"]
            message_id = person["custom_args"]["notification_id"]
            # No idempotency key: each request is an email.
            yield (number, place), Email(message_id, person["to"][0]["email"], subject, text, html)
    for event in _klaviyo_events(request):
        if not event.get("backfill"):
            told = event["properties"]
            to = event["profile"]["data"]["attributes"]["email"]
            yield _identity(event), Email(event["unique_id"], to, told["subject"], told["text"], told["html"])


def _klaviyo_events(request: Request) -> Iterator[Any]:
    if request.path in ("/api/events", "/api/event-bulk-create-jobs") and request.raw:
        yield from _events_in(request.body)


def _events_in(body: Any) -> Iterator[Any]:
    """The events of a single or a bulk request, each with its profile."""
    attributes = body["data"]["attributes"]
    if body["data"]["type"] == "event":
        yield attributes
        return
    for person in attributes["events-bulk-create"]["data"]:
        for event in person["attributes"]["events"]["data"]:
            yield event["attributes"] | {"profile": person["attributes"]["profile"]}


def _identity(event: Any) -> object:
    """What Klaviyo knows an event by."""
    profile = event["profile"]["data"]["attributes"]["email"]
    return profile, event["metric"]["data"]["attributes"]["name"], event["unique_id"]
