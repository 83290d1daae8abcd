"""Reading from a socket until a deadline over all that it brings.

A socket's own time-out begins anew with every byte, so a far side that sends one now and then would keep us for ever.
"""

import io
import socket
from collections.abc import Callable
from typing import Any

LARGEST_REPLY = 16_000_000
"""Bytes: far more than anything that is asked for, and little enough to hold."""


class Patience(io.RawIOBase):
    """What `sock` brings while `left()`, in seconds, is more than nothing. Raises TimeoutError afterwards."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._raw, self._left = sock, sock.makefile("rb", buffering=0), left
        self.may_bring = LARGEST_REPLY

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._left()
        if left <= 0 or self.may_bring <= 0:
            raise TimeoutError("timed out: the reply did not end")
        self._sock.settimeout(left)
        count = self._raw.readinto(buffer)
        self.may_bring -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
