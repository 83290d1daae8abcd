"""The far side: takes what POST /v3/mail/send brings, as fast as it can, and counts. A process of its own.

Prints its port; ends with its standard input. `--latency-ms` is how long each answer takes. GET / answers
`{"accepted": …, "first": …, "last": …}`, where the times are those of the monotonic clock that all processes share.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import time
from typing import cast

import uvloop

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nX-Message-Id: sink\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Count:
    """What was taken since the start."""

    accepted = 0
    first = 0.0
    last = 0.0


class Sink(asyncio.Protocol):
    """One connection. Raw, because a framework would cost more than the senders it measures."""

    def __init__(self, count: Count, latency: float) -> None:
        self._count, self._latency, self._buffer = count, latency, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.WriteTransport, transport).write

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._buffer, 0, head)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < end:
                return
            asked, self._buffer = self._buffer[:head], self._buffer[end:]
            self._answer(asked)

    def _answer(self, asked: bytes) -> None:
        count = self._count
        if asked.startswith(b"GET"):
            body = json.dumps({"accepted": count.accepted, "first": count.first, "last": count.last}).encode()
            self._write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            return
        count.last = time.monotonic()
        count.first = count.first or count.last
        count.accepted += 1
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._write, ACCEPTED)
        else:
            self._write(ACCEPTED)


async def serve(latency: float) -> None:
    loop = asyncio.get_running_loop()
    count = Count()
    server = await loop.create_server(lambda: Sink(count, latency), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(parser.parse_args().latency_ms / 1000))
