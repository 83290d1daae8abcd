"""What every mail service must do, asked of each in its own language.

A `Peer` is one far side: how to make a provider that talks to it, what it received, and how to break it.
"""

import email
import email.policy
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from notifier.providers import make
from notifier.providers.base import (
    Accepted,
    Deferred,
    Envelope,
    Outcome,
    Provider,
    Rejected,
    Unavailable,
    Unknown,
)
from tests.parts import SmtpServer
from tests.providers.bad_smtp import ENDLESS, HANG_UP, RESET, SILENCE, bad_smtp
from tests.providers.vendor_server import Answer, Email, Vendors

NETWORKED = ("smtp", "sendgrid", "klaviyo")
NOW = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
SECRET = "SG.do-not-show-this-1234567890"
PATIENCE = 2.0  # seconds that a send may take where the far side is broken: a quarter of it to connect

PLAIN = Envelope(
    message_id="0195d1f2-7a3c-7000-8000-0123456789ab",
    store_id="store-1",
    kind="delay",
    sender="Jane's Ornaments, Inc. <orders@shop.example>",
    to="jane@example.com",
    to_name="Jane Doe",
    subject="New ship date for order 1042: Friday, May 12",
    html='<!doctype html><html lang="en"><body><p>New date.</p></body></html>\n',
    text="New date: Friday, May 12.\n",
    occurred_at=datetime(2026, 3, 1, 14, 59, 30, 123456, tzinfo=UTC),
    reply_to="Help <help@shop.example>",
    headers={
        "List-Unsubscribe": "<https://shop.example/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
    properties={
        "order": {"id": "1042", "url": "https://shop.example/orders/1042"},
        "lines": [{"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "eta": {"latest": "2026-05-12"}}],
        "days_left": 12,
        "waiting": True,
    },
)

ENVELOPES = {
    "plain": PLAIN,
    "accents": replace(PLAIN, to_name="Zoë Ångström", subject="Neues Lieferdatum: 12. Mai – schön"),
    "emoji": replace(
        PLAIN, to_name="👩‍👩‍👧 Family", subject="🎄 On its way 🏴󠁧󠁢󠁥󠁮󠁧󠁿", text="🎄\n", html="<p>🎄</p>\n"
    ),
    "right to left": replace(PLAIN, to_name="יעל כהן", subject="תאריך משלוח חדש: 12 במאי", text="שלום\n"),
    "chinese": replace(
        PLAIN, to_name="山田太郎", subject="新しい発送日" * 12, html="<p>" + "発送" * 500 + "</p>\n"
    ),
    "long names": replace(PLAIN, to_name="Maximilian " * 30, subject="Word " * 60 + "end"),
    "one long word": replace(PLAIN, to_name="M" * 300, subject="W" * 1200, text="x" * 5000 + "\n"),
    "odd names": replace(
        PLAIN, to_name='Doe, Jane; "JD" (home) <x@y.z> \\', sender='"A, B; C" <orders@shop.example>'
    ),
    "names that look encoded": replace(
        PLAIN, to_name="=?utf-8?q?Bcc=3A?=", subject="=?utf-8?b?QUJD?= and =?x?="
    ),
    "dots and From": replace(PLAIN, text=".\n..\nFrom me\n.hidden\n", html="<p>\n.\n</p>\nFrom\n"),
    "spaces at the ends of lines": replace(PLAIN, text="a \nb\t\n \n=\n==3D\n", html="<p> \n</p>\t\n"),
}

ATTACKS = {
    "line feed in the name": replace(PLAIN, to_name="Jane\nBcc: thief@evil.example"),
    "CRLF in the name": replace(PLAIN, to_name="Jane\r\nBcc: thief@evil.example\r\n\r\n<p>gift</p>"),
    "CRLF in the subject": replace(PLAIN, subject="Hello\r\nBcc: thief@evil.example"),
    "unicode line breaks": replace(
        PLAIN, subject="a\u2028Bcc: thief@evil.example\x85b\x0bc", to_name="J\u2029B"
    ),
    "CRLF in the sender's name": replace(
        PLAIN, sender="Shop\r\nBcc: thief@evil.example <orders@shop.example>"
    ),
    "CRLF in a header": replace(
        PLAIN, headers={"List-Unsubscribe": "<https://a.example>\r\nBcc: thief@evil.example"}
    ),
    "an address in the name": replace(PLAIN, to_name="Jane <thief@evil.example>, thief@evil.example"),
}

REFUSED = {
    "two recipients": replace(PLAIN, to="jane@example.com, thief@evil.example"),
    "CRLF in the address": replace(PLAIN, to="jane@example.com\r\nRCPT TO:<thief@evil.example>"),
    "a name in the address": replace(PLAIN, to="thief@evil.example <jane@example.com"),
    "no domain": replace(PLAIN, to="jane"),
    "no sender": replace(PLAIN, sender="Shop"),
    "a header of ours": replace(PLAIN, headers={"Bcc": "thief@evil.example"}),
    "a colon in a header's name": replace(PLAIN, headers={"X: y\r\nBcc": "thief@evil.example"}),
}


@dataclass
class Peer:
    """One far side, running. `emails` is what customers got, `wire` the bytes of every send."""

    name: str
    provider: Provider
    emails: Callable[[], list[Email]]
    wire: Callable[[], list[bytes]]


@contextmanager
def outbox_peer(folder: Path) -> Iterator[Peer]:
    def files() -> list[bytes]:
        return [file.read_bytes() for file in sorted(folder.glob("*.eml"))]

    provider = make("outbox", folder=folder)
    yield Peer("outbox", provider, lambda: [as_email(raw) for raw in files()], files)
    provider.close()


@contextmanager
def smtp_peer(server: SmtpServer) -> Iterator[Peer]:
    server.forget()
    login = f"{server.username}:{server.password}"
    provider = make("smtp", url=f"smtp+starttls://{login}@{server.host}:{server.port}")

    def received() -> list[bytes]:
        return [message.content for message in server.received]

    yield Peer("smtp", provider, lambda: [as_email(raw) for raw in received()], received)
    provider.close()


@contextmanager
def vendor_peer(name: str, vendors: Vendors) -> Iterator[Peer]:
    vendors.forget()
    provider = make(name, api_key=SECRET, base_url=vendors.address)
    yield Peer(name, provider, lambda: vendors.emails, lambda: [request.raw for request in vendors.requests])
    provider.close()


def as_email(raw: bytes) -> Email:
    """What a mail program reads in `raw`."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    text, html = message.iter_parts()
    (to,) = message["To"].addresses
    message_id = message["Message-ID"].strip("<>").partition("@")[0]
    return Email(message_id, to.addr_spec, message["Subject"], _content(text), _content(html))


def _content(part: object) -> str:
    assert isinstance(part, email.message.EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


# --- replies --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """One way for the far side to behave: over HTTP, over SMTP (None where that has no such thing), and its meaning.

    `http` may differ by vendor. Of the meaning, a `reason` and a `ref` are not compared; a `Deferred`'s `until` is.
    """

    http: Answer | str | Mapping[str, Answer]
    smtp: dict[str, str] | str | None
    meaning: Outcome


CONNECTION_REFUSED, CONNECTION_IGNORED = "refused", "ignored"
HTML = b"<html><title>Attention Required! | Cloudflare</title>" + b"<p>blocked</p>" * 200 + b"</html>"
BAD_RECIPIENT = {
    "sendgrid": Answer(
        400,
        body=b'{"errors": [{"message": "Does not contain a valid address.",'
        b' "field": "personalizations.0.to.0.email", "help": null}]}',
    ),
    "klaviyo": Answer(
        400,
        body=b'{"errors": [{"id": "1", "status": 400, "code": "invalid", "title": "Invalid input.", "detail":'
        b' "Invalid email address", "source": {"pointer": "/data/attributes/profile/data/attributes/email"}}]}',
    ),
}
SOON = NOW + timedelta(seconds=45)

TABLE = {
    "200": Reply(Answer(200), None, Accepted()),
    "202": Reply(Answer(202), {}, Accepted()),
    "2xx with a body that is not JSON": Reply(Answer(202, body=b"\xff<not json"), None, Accepted()),
    "400 that names the recipient": Reply(BAD_RECIPIENT, {"RCPT": "550 5.1.1 no such user"}, Rejected("")),
    "400 with a body that is not JSON": Reply(Answer(400, body=HTML), {".": "554 5.7.1 no"}, Rejected("")),
    "401": Reply(Answer(401), {"AUTH": "535 5.7.8 no"}, Unavailable("", needs_person=True)),
    "403": Reply(Answer(403), {"MAIL": "530 5.7.0 sign in"}, Unavailable("", needs_person=True)),
    "403 with an HTML page": Reply(
        Answer(403, {"Content-Type": "text/html"}, HTML), None, Unavailable("", needs_person=False)
    ),
    "413": Reply(Answer(413), {".": "552 5.3.4 too big"}, Rejected("")),
    "429, Retry-After in seconds": Reply(Answer(429, {"Retry-After": "45"}), None, Deferred("", SOON)),
    "429, Retry-After a date": Reply(
        Answer(429, {"Retry-After": format_datetime(SOON, usegmt=True)}), None, Deferred("", SOON)
    ),
    "429 without Retry-After": Reply(Answer(429), {"CONNECT": "421 4.7.0 slow down"}, Deferred("")),
    "429, Retry-After nonsense": Reply(
        Answer(429, {"Retry-After": "in a while"}), {"MAIL": "451 4.7.1 too many"}, Deferred("")
    ),
    "500": Reply(Answer(500), None, Unknown("")),
    "503": Reply(Answer(503), None, Unknown("")),
    "503 with an HTML page": Reply(Answer(503, {"Retry-After": "30"}, HTML), None, Unknown("")),
    "nobody there": Reply(CONNECTION_REFUSED, CONNECTION_REFUSED, Unavailable("")),
    "a connect time-out": Reply(CONNECTION_IGNORED, CONNECTION_IGNORED, Unavailable("")),
    "a read time-out": Reply(Answer(delay=PATIENCE * 1.5), {".": SILENCE}, Unknown("")),
    "hung up after the request was written": Reply(Answer(drop="after"), {".": HANG_UP}, Unknown("")),
    "a reset after the request was written": Reply(Answer(drop="reset"), {".": RESET}, Unknown("")),
    "an answer in no known language": Reply(Answer(raw=b"\x00\xffwhat\r\n\r\n"), {".": "what?"}, Unknown("")),
    "a reply that never ends": Reply(Answer(endless="headers"), {".": ENDLESS}, Unknown("")),
    "a 202 whose body never ends": Reply(Answer(endless="body"), None, Accepted()),
    "a 400 whose body never ends": Reply(Answer(400, endless="body"), None, Rejected("")),
}
"""What every service is put through, and what each reply must mean whoever gives it."""

CASES = [
    (name, case)
    for case, reply in TABLE.items()
    for name in NETWORKED
    if reply.smtp is not None or name != "smtp"
]


@contextmanager
def facing(name: str, reply: Reply, vendors: Vendors) -> Iterator[Provider]:
    """The provider `name`, facing a far side that behaves so."""
    with ExitStack() as stack:
        vendors.forget()
        way = reply.smtp if name == "smtp" else reply.http
        if isinstance(way, Mapping) and name != "smtp":
            way = way[name]
        if isinstance(way, Answer):
            vendors.answer(way)
            address = vendors.address.removeprefix("http://")
        elif isinstance(way, dict):
            address = f"127.0.0.1:{stack.enter_context(bad_smtp(way))}"
        else:
            port = closed_port() if way == CONNECTION_REFUSED else full_port()
            address = f"127.0.0.1:{stack.enter_context(port)}"
        provider = make(
            name,
            url=f"smtp://user:{SECRET}@{address}",
            api_key=SECRET,
            base_url=f"http://{address}",
            timeout_seconds=PATIENCE,
        )
        stack.callback(provider.close)
        yield provider


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses: bound, so that nobody else takes it, but not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def full_port() -> Iterator[int]:
    """A port that neither takes nor refuses a connection: its queue is full, so the system drops the next."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
