"""One POST to a store's endpoint: signed, to a checked address, within a hard time, and never anywhere else.

The standard library's clients bound each read, not the whole; a receiver that answers one byte a second would keep us
for ever. Here every wait, from looking the name up to the last byte read, is taken from one budget.
"""

import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from ipaddress import ip_address
from pathlib import Path
from queue import Empty, SimpleQueue

from standardwebhooks.webhooks import Webhook

from notifier.webhooks import target as targets
from notifier.webhooks.target import Target

MOST_BYTES = 64 * 1024
"""How much of an answer is read, headers included."""
GRACE_SECONDS = 1.0
"""How long the rest of an answer is waited for once its status is known, which is all that counts."""
READ, SHOWN = 4096, 200
"""How many bytes of an answer's body are read, and how many characters of them are kept."""
USER_AGENT = "Notifier-Webhooks/1"

Resolve = Callable[[str, int], Sequence[str]]
Dial = Callable[[str, int, float], socket.socket]


class Unreached(Exception):
    """No answer came; the words say why."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the endpoint said: its status, the first words of its body, and how long it wants to be left alone."""

    status: int
    words: str
    retry_after_seconds: int | None = None


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _dial(address: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=seconds)


@dataclass(frozen=True)
class Caller:
    """How calls are made. `private` allows plain http and private addresses; `seconds` is for a call as a whole.

    `authorities` is a PEM file of whom to trust; None: those that the system trusts.
    """

    private: bool = False
    seconds: float = 15.0
    authorities: Path | None = None
    resolve: Resolve = _look_up
    dial: Dial = _dial

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authorities)

    def post(self, url: str, event_id: str, body: str, secrets: Sequence[str], now: datetime) -> Answered:
        """Post an event, signed with each of these secrets. Redirects are answers, and are not followed.

        Raises Unreached when no answer came: refused address, no connection, bad certificate, out of time.
        """
        budget = _Budget(self.seconds)
        try:
            target = targets.read(url, private=self.private)
            with self._connect(target, budget) as connection:
                connection.settimeout(budget.left())
                connection.sendall(_request(target, event_id, body, secrets, now))
                return _answer(connection, budget)
        except TimeoutError:
            raise Unreached(f"no answer within {self.seconds:g} seconds") from None
        except ssl.SSLCertVerificationError as error:
            raise Unreached(f"its certificate is not good: {error.verify_message}") from error
        except RemoteDisconnected as error:
            raise Unreached("it hung up without an answer") from error
        except HTTPException as error:
            raise Unreached(f"it does not speak HTTP: {type(error).__name__}") from error
        except (OSError, ValueError) as error:
            raise Unreached(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error

    def _connect(self, target: Target, budget: "_Budget") -> socket.socket:
        """A connection to an address that was checked. The certificate must be the name's all the same."""
        trouble: OSError = OSError("its name has no address")
        addresses = self._addresses(target, budget)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                plain = self.dial(address, target.port, budget.left() / left)  # so that each has its turn
            except OSError as error:
                trouble = error
                continue
            if target.scheme == "http":
                return plain
            try:
                plain.settimeout(budget.left())
                return self._tls.wrap_socket(plain, server_hostname=target.host)
            except BaseException:
                plain.close()
                raise
        raise trouble

    def _addresses(self, target: Target, budget: "_Budget") -> Sequence[str]:
        """What the name stands for now. One address that is not public, and none of them is called."""
        found = _in_time(lambda: self.resolve(target.host, target.port), budget)
        for address in found:
            why = targets.refusal(ip_address(address.partition("%")[0]))
            if why and not self.private:
                raise Unreached(f"{target.host} leads to {address}, which {why}")
        return found


class _Budget:
    """What is left of the seconds that a call may take. Raises TimeoutError when nothing is."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def no_more_than(self, seconds: float) -> None:
        self._until = min(self._until, time.monotonic() + seconds)


def _in_time(look_up: Callable[[], Sequence[str]], budget: _Budget) -> Sequence[str]:
    """Looking a name up takes as long as the system likes: so it is waited for, not done, here."""
    answers: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()

    def run() -> None:
        try:
            answers.put(look_up())
        except OSError as error:
            answers.put(error)
        except UnicodeError:
            answers.put(OSError("its name can't be looked up"))

    threading.Thread(target=run, name="webhook-name", daemon=True).start()
    try:
        answer = answers.get(timeout=budget.left())
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise Unreached(f"its name can't be looked up: {answer.strerror or answer}")
    return answer


def _request(target: Target, event_id: str, body: str, secrets: Sequence[str], now: datetime) -> bytes:
    signatures = " ".join(Webhook(secret).sign(event_id, now, body) for secret in secrets)
    content = body.encode()
    headers = {
        "Host": target.authority,
        "User-Agent": USER_AGENT,
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signatures,
        "Accept": "*/*",
        "Connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + content


def _answer(connection: socket.socket, budget: _Budget) -> Answered:
    response = HTTPResponse(_Bounded(connection, budget), method="POST")  # type: ignore[arg-type]  # it asks a socket for makefile alone
    response.begin()
    budget.no_more_than(GRACE_SECONDS)
    try:
        said = response.read(READ)
    except (OSError, HTTPException):
        said = b""  # the status stands, whatever becomes of the words
    after = response.headers.get("Retry-After", "")
    words = " ".join("".join(c if c.isprintable() else " " for c in said.decode("utf-8", "replace")).split())
    return Answered(
        response.status, words[:SHOWN], int(after) if re.fullmatch(r"[0-9]{1,9}", after) else None
    )


class _Bounded(io.RawIOBase):
    """What a socket has to say, up to `MOST_BYTES` of it, within the budget."""

    def __init__(self, connection: socket.socket, budget: _Budget) -> None:
        self._connection, self._budget, self._room = connection, budget, MOST_BYTES

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typed for any buffer; a BufferedReader gives this one
        if not self._room:
            raise HTTPException("its answer is too long")
        self._connection.settimeout(self._budget.left())
        count = self._connection.recv_into(buffer[: self._room])
        self._room -= count
        return count
