"""HTTP to a vendor over connections that are kept, by libcurl: one try a request, within its time.

Both vendors' clients ship without time-outs, and without a way to tell a request that never left from an answer that
never came. For an email that difference is everything, so it is made here. And libcurl does its work, TLS included,
outside of the interpreter's lock, so that many requests at once cost no more than one after the other.
"""

import io
import os
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pycurl

from notifier.providers.patience import LARGEST_REPLY

_KEPT = 64  # connections: as many as NOTIFIER_SEND_THREADS can be
_UNTRUSTED = frozenset(
    {pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` by their names in lower case; `data` is as much of the body as came."""

    status: int
    reason: str
    headers: Mapping[str, str]
    data: bytes


class NotSent(Exception):
    """No connection stood, so nothing of the request has left. `tls` where it was not trusted."""

    def __init__(self, said: str, *, tls: bool) -> None:
        super().__init__(said)
        self.tls = tls


class NoAnswer(Exception):
    """The request may have arrived; nobody knows."""


class Transport:
    """Requests by as many threads as like. A quarter of `timeout_seconds` is for connecting.

    Certificates are those that Python's `ssl` trusts: the system's, or SSL_CERT_FILE's. No proxy, no redirect, no
    retry: a key is for one host, and an email for once.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._milliseconds = max(1, round(timeout_seconds * 1000))
        # The last used goes first: its connection is the warmest.
        self._idle: deque[pycurl.Curl] = deque(maxlen=_KEPT)

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_others: Any,
    ) -> Answer:
        """What it was answered, whatever the status. Raises NotSent and NoAnswer.

        Called as urllib3's `PoolManager.request` is, whose place it takes under Klaviyo's SDK; `_others` are what that
        asks of it, of which the time-outs are ours already.
        """
        try:
            curl = self._idle.pop()
        except IndexError:
            curl = _new(self._milliseconds)
        try:
            return _perform(
                curl, method, url, body.encode() if isinstance(body, str) else body, headers or {}
            )
        finally:
            self._idle.append(curl)

    def close(self) -> None:
        """Hang up on every idle connection."""
        while self._idle:
            self._idle.pop().close()


def _new(milliseconds: int) -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.NOSIGNAL, 1)  # which only one thread could use
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, milliseconds // 4))
    curl.setopt(pycurl.TIMEOUT_MS, milliseconds)
    trusted = ssl.get_default_verify_paths()
    if trusted.cafile:
        curl.setopt(pycurl.CAINFO, trusted.cafile)
    if trusted.capath:
        curl.setopt(pycurl.CAPATH, trusted.capath)
    return curl


def _perform(
    curl: pycurl.Curl, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    heard = _Heard()
    curl.setopt(pycurl.URL, url)
    # Without "Expect:", libcurl waits for leave to send what is large.
    curl.setopt(pycurl.HTTPHEADER, [*(f"{name}: {value}" for name, value in headers.items()), "Expect:"])
    curl.setopt(pycurl.HEADERFUNCTION, heard.header)
    curl.setopt(pycurl.WRITEFUNCTION, heard.body)
    if body is None:
        curl.setopt(pycurl.HTTPGET, 1)
    else:
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(body))
        # From a reader that can't go back: else libcurl would by itself send again what a kept connection took with it.
        curl.setopt(pycurl.READFUNCTION, io.BytesIO(body).read)
    curl.setopt(pycurl.CUSTOMREQUEST, method)
    try:
        curl.perform()
    except pycurl.error as error:
        if not heard.complete:
            raise _meaning(curl, *error.args) from None
    return Answer(heard.status, heard.reason, heard.headers, bytes(heard.data))


def _meaning(curl: pycurl.Curl, code: int, said: str) -> NotSent | NoAnswer:
    """What it means that no answer came."""
    if curl.getinfo(pycurl.REQUEST_SIZE) == 0:
        errno = curl.getinfo(pycurl.OS_ERRNO)
        words = os.strerror(errno) if code == pycurl.E_COULDNT_CONNECT and errno else said
        return NotSent(words, tls=code in _UNTRUSTED)
    return NoAnswer(said)


class _Heard:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.status, self.reason, self.complete = 0, "", False
        self.headers: dict[str, str] = {}
        self.data = bytearray()

    def header(self, line: bytes) -> None:
        text = line.decode("latin-1").strip()
        if text.startswith("HTTP/"):  # and again after an interim answer
            _, status, *reason = text.split(" ", 2)
            self.status, self.reason = int(status), "".join(reason)
            self.headers.clear()
        elif text:
            name, _, value = text.partition(":")
            self.headers[name.lower()] = value.strip()
        else:
            self.complete = self.status >= 200

    def body(self, part: bytes) -> int | None:
        if len(self.data) + len(part) > LARGEST_REPLY:
            return 0  # which ends it; the status is known
        self.data += part
        return None
