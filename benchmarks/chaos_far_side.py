"""A mail service on a bad day: slow, throttling, and forgetting to answer. It takes SendGrid's and Klaviyo's requests.

Prints its port; ends with its standard input. GET / tells every email that customers got, by message id, with the
times (Unix seconds) at which it was taken, and how often each kind of trouble was made. Klaviyo's repeats of one
event (same profile, metric, time and `unique_id`) are taken and dropped, as Klaviyo does; of a bulk with a repeat in
it nothing is taken, and nothing said.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import sys
import time
from collections import Counter
from typing import Any, cast

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CAPACITY = 300
"""Requests a second; beyond it the answer is 429 with a Retry-After."""
CURT_FIRST, CURT_EVERY = 30.0, 90.0
"""Seconds to the first answer of 429 that names no time, and between them: they pause a careful sender for long."""
SLOW = 5.0
"""Seconds; longer than the senders here wait."""

TROUBLE = {
    "dropped after taking": 0.004,
    "dropped before taking": 0.002,
    "500 after taking": 0.001,
    "500 before taking": 0.001,
    "answered too late": 0.001,
}
"""What goes wrong with a request, and how often."""


class Service:
    """What the service knows: who got what, and what it did wrong."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.emails: dict[str, dict[str, float]] = {}
        self.troubles: Counter[str] = Counter()
        self._budget, self._filled = float(CAPACITY), time.monotonic()
        self._curt_at = time.monotonic() + CURT_FIRST

    def answer(self, path: str, body: bytes) -> tuple[float, bytes | None]:
        """After how many seconds to answer what; None hangs up."""
        if refusal := self._throttled():
            return 0.0, refusal
        wait = self.dice.expovariate(1 / 0.02)
        (trouble,) = self.dice.choices([*TROUBLE, ""], [*TROUBLE.values(), 1 - sum(TROUBLE.values())])
        if trouble:
            self.troubles[trouble] += 1
        if "before" not in trouble:
            self._take(path, json.loads(body))
        if trouble.startswith("dropped"):
            return wait, None
        if trouble.startswith("500"):
            return wait, response("500 Internal Server Error", body=b'{"errors":[{"message":"oops"}]}')
        return SLOW if trouble else wait, response("202 Accepted", "X-Message-Id: chaos\r\n")

    def _throttled(self) -> bytes | None:
        now = time.monotonic()
        if now >= self._curt_at:
            self._curt_at = now + CURT_EVERY
            self.troubles["429 without a time"] += 1
            return response("429 Too Many Requests")
        self._budget = min(CAPACITY, self._budget + (now - self._filled) * CAPACITY)
        self._filled = now
        if self._budget < 1:
            self.troubles["429 with a time"] += 1
            return response("429 Too Many Requests", "Retry-After: 1\r\n")
        self._budget -= 1
        return None

    def _take(self, path: str, body: dict[str, Any]) -> None:
        if path == "/api/events":
            event = body["data"]["attributes"]
            self._keep(event["unique_id"], _identity(event["profile"], event))
        elif path == "/api/event-bulk-create-jobs":
            people = body["data"]["attributes"]["events-bulk-create"]["data"]
            events = [
                (
                    event["attributes"]["unique_id"],
                    _identity(person["attributes"]["profile"], event["attributes"]),
                )
                for person in people
                for event in person["attributes"]["events"]["data"]
            ]
            if any(identity in self.emails.get(message, {}) for message, identity in events):
                self.troubles["bulks with a repeat, of which nothing was taken"] += 1
                return
            self.troubles["bulks"] += 1
            for message, identity in events:
                self._keep(message, identity)
        else:
            message = body["personalizations"][0]["custom_args"]["notification_id"]
            self._keep(message, str(len(self.emails.get(message, ()))))  # no key: each request is an email

    def _keep(self, message: str, identity: str) -> None:
        got = self.emails.setdefault(message, {})
        if identity in got:
            self.troubles["repeats removed"] += 1
        got.setdefault(identity, time.time())

    def told(self) -> bytes:
        emails = {message: list(got.values()) for message, got in self.emails.items()}
        return json.dumps({"emails": emails, "troubles": self.troubles}).encode()


def _identity(profile: dict[str, Any], event: dict[str, Any]) -> str:
    """What Klaviyo knows a repeat by, beside its `unique_id`."""
    email = profile["data"]["attributes"]["email"]
    return json.dumps([email, event["metric"]["data"]["attributes"]["name"], event["time"]])


def response(status: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, service: Service) -> None:
        self._service, self._buffer = service, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._buffer, 0, head)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < end:
                return
            asked, body = self._buffer[:head], self._buffer[head + 4 : end]
            self._buffer = self._buffer[end:]
            method, path, _ = asked.split(b"\r\n", 1)[0].decode().split(" ")
            if method == "GET":
                self._transport.write(response("200 OK", body=self._service.told()))
            else:
                self._later(*self._service.answer(path.split("?")[0].rstrip("/"), body))

    def _later(self, wait: float, said: bytes | None) -> None:
        asyncio.get_running_loop().call_later(wait, self._say, said)

    def _say(self, said: bytes | None) -> None:
        if said is None:
            self._transport.abort()
        elif not self._transport.is_closing():  # whoever asked may have been killed meanwhile
            self._transport.write(said)


async def serve(seed: int) -> None:
    loop = asyncio.get_running_loop()
    service = Service(seed)
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(parser.parse_args().seed))
