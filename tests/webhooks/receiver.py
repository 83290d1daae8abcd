"""A store's endpoint: a real server, plain or with TLS, that keeps what it was told and answers as it is bidden."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from standardwebhooks.webhooks import Webhook

Answer = Callable[[BaseHTTPRequestHandler], None]


def says(status: int, body: str = "", **headers: str) -> Answer:
    """An ordinary answer; `Retry_After` is a header's name."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        content = body.encode()
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def raw(answer: bytes) -> Answer:
    """These very bytes."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)

    return write


def hangs_up(_handler: BaseHTTPRequestHandler) -> None:
    """Reads the request and goes."""


def never_answers(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.recv(1)  # until the caller has had enough


def drips(before: bytes, drop: bytes) -> Answer:
    """Says `before`, then `drop` again and again, slowly enough that no single read takes long."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(before)
        for _ in range(2000):
            handler.wfile.write(drop)
            time.sleep(0.01)

    return answer


def floods(before: bytes, piece: bytes) -> Answer:
    """Says `before`, then `piece` without end, as fast as it is taken."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(before)
        while True:
            handler.wfile.write(piece)

    return answer


@dataclass
class Told:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """What it says, its signature checked as receivers do; raises where it is not good."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """`answers` are given one after the other, the last one for good."""

    port: int
    authorities: Path | None
    told: list[Told] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=lambda: [says(204)])

    @property
    def url(self) -> str:
        scheme = "https" if self.authorities else "http"
        return f"{scheme}://localhost:{self.port}/told?shop=1"

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["Content-Length"])
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.told.append(Told(handler.path, headers, handler.rfile.read(length)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        with suppress(OSError):  # the caller has left
            answer(handler)


@contextmanager
def receiving(certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A receiver on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self)

        def do_GET(self) -> None:
            raise AssertionError("nobody asks a receiver with GET")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A caller that does not trust us hangs up in the middle of it."""

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server.server_address[1], certificate[0] if certificate else None)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
