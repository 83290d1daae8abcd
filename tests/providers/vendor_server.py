"""SendGrid and Klaviyo on one local HTTP server, as their own OpenAPI files describe them.

    with vendor_server() as vendors:
        provider = make("sendgrid", api_key="SG.test", base_url=vendors.address)
        provider.send(envelope, now)
        assert [email.subject for email in vendors.emails] == ["New ship date"]

A body that breaks the vendor's schema, or a rule that its manual states in words only, is refused as the
vendor would refuse it. `vendors.answer(Answer(...), ...)` scripts what comes next, one answer a request;
after them requests are taken again. `vendors.forget()` starts afresh.

The vendors' files lie in `specs/`, unchanged, with their licences.
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
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Vendor = Literal["sendgrid", "klaviyo"]
PATHS: Mapping[str, Vendor] = {"/v3/mail/send": "sendgrid", "/api/events": "klaviyo"}
SPECS = {
    "sendgrid": (
        "sendgrid-mail.json",
        "#/components/requestBodies/PostMailSend/content/application~1json/schema",
    ),
    "klaviyo": ("klaviyo-events.json", "#/components/schemas/EventCreateQueryV2"),
}
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
        return list({_identity(request, n): _email(request) for n, request in enumerate(taken)}.values())

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

    def next_answer(self) -> Answer | None:
        with self._lock:
            return self._script.pop(0) if self._script else None

    def record(self, request: Request, taken: bool) -> None:
        with self._lock:
            self.requests.append(request)
            if taken:
                self._taken.append(request)


@contextmanager
def vendor_server(tls: ssl.SSLContext | None = None) -> Iterator[Vendors]:
    """Both vendors on a free port of the loopback, by HTTPS where `tls` is given."""
    validator("sendgrid"), validator("klaviyo")  # a missing file is told before anything starts
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

    def do_POST(self) -> None:
        answer = self.state.next_answer()
        if answer and answer.drop == "before":
            self.close_connection = True
            return
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        vendor = PATHS.get(self.path)
        if vendor is None:
            self._say(Answer(404, body=b'{"errors": [{"message": "no such path"}]}'))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, faults = check(vendor, headers, raw)
        taken = not faults and (answer is None or answer.status < 300)
        self.state.record(Request(vendor, headers, raw, faults), taken)
        self._say(answer or Answer(status, body=_error(status, faults) if faults else b""))

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


def check(vendor: Vendor, headers: Mapping[str, str], raw: bytes) -> tuple[int, list[str]]:
    """The status that the vendor would give, and what is wrong."""
    scheme = {"sendgrid": "Bearer ", "klaviyo": "Klaviyo-API-Key "}[vendor]
    if not headers.get("authorization", "").startswith(scheme):
        return 401, [f"authorization: must start with {scheme}"]
    try:
        body = json.loads(raw)
    except ValueError as error:
        return 400, [f"body: {error}"]
    faults = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator(vendor).iter_errors(body)
    ]
    if not faults:
        faults = list(
            {"sendgrid": _sendgrid_rules, "klaviyo": _klaviyo_rules}[vendor](headers, body, len(raw))
        )
    return (400 if faults else 202), faults


def _klaviyo_rules(headers: Mapping[str, str], body: Any, size: int) -> Iterator[str]:
    """What Klaviyo's manual says and its schema does not."""
    attributes = body["data"]["attributes"]
    if "revision" not in headers:
        yield "revision: missing"
    if size > 5_000_000:
        yield "body: more than 5 MB"
    if len(attributes["properties"]) > 400:
        yield "properties: more than 400"
    known = {"properties", "time", "unique_id", "metric", "profile", "value", "value_currency", "backfill"}
    if unknown := attributes.keys() - known:
        yield f"attributes: {unknown}"


def _sendgrid_rules(headers: Mapping[str, str], body: Any, size: int) -> Iterator[str]:
    """What SendGrid's manual says and its schema does not."""
    if size > 30_000_000:
        yield "body: more than 30 MB"
    if reserved := RESERVED_HEADERS & {name.lower() for name in body.get("headers", {})}:
        yield f"headers: {reserved}"
    if [part["type"] for part in body["content"]] != ["text/plain", "text/html"]:
        yield "content: plain text comes first"
    for person in (person for item in body["personalizations"] for person in item["to"]):
        if set(";,") & set(person.get("name", "")):
            yield "to.name: must not contain ; or ,"


@cache
def validator(vendor: Vendor) -> Draft202012Validator:
    """The vendor's own schema of the request."""
    name, pointer = SPECS[vendor]
    spec = _as_json_schema(json.loads((Path(__file__).parent / "specs" / name).read_text(encoding="utf-8")))
    if vendor == "sendgrid":
        request = spec["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
        request["properties"]["custom_args"] = {
            "type": "object"
        }  # the file says string, the API takes no other
    registry: Registry[Any] = Registry().with_resource("urn:spec", DRAFT202012.create_resource(spec))
    return Draft202012Validator(
        {"$ref": f"urn:spec{pointer}"}, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema says `[type, "null"]`."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _as_json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        plain["type"] = [node["type"], "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]
    return plain


def _error(status: int, faults: list[str]) -> bytes:
    return json.dumps({"errors": [{"message": fault, "status": status} for fault in faults]}).encode()


def _identity(request: Request, number: int) -> object:
    if request.vendor == "sendgrid":
        return number  # no idempotency key: each request is an email
    event = request.body["data"]["attributes"]
    profile = event["profile"]["data"]["attributes"]["email"]
    return profile, event["metric"]["data"]["attributes"]["name"], event["unique_id"]


def _email(request: Request) -> Email:
    if request.vendor == "sendgrid":
        (person,) = request.body["personalizations"]
        text, html = (part["value"] for part in request.body["content"])
        return Email(
            person["custom_args"]["notification_id"],
            person["to"][0]["email"],
            request.body["subject"],
            text,
            html,
        )
    event = request.body["data"]["attributes"]
    told = event["properties"]
    to = event["profile"]["data"]["attributes"]["email"]
    return Email(event["unique_id"], to, told["subject"], told["text"], told["html"])
