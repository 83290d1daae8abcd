"""Any mail server, by SMTP (RFC 5321)."""

import io
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

from notifier.errors import Misconfigured
from notifier.providers import mime, reason
from notifier.providers.base import (
    About,
    Accepted,
    Deferred,
    Envelope,
    Outcome,
    Rejected,
    Unavailable,
    Unknown,
)
from notifier.providers.patience import LARGEST_REPLY, Patience

_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_RIGHT = "smtp://user:password@host:port, smtps://… (TLS from the start) or smtp+starttls://…"
Refuse = Callable[[IPv4Address | IPv6Address], str | None]
_NO_ACCESS = {530, 534, 535, 538}  # RFC 4954, section 6: sign in first, too weak, wrong, or not without TLS
_IDLE_SECONDS = 60.0  # servers hang up on idle clients after some minutes
_MOST_PER_CONNECTION = 100  # servers that count messages per connection start refusing at some point


class Smtp:
    """Sends over pooled connections to the server that `url` names.

    `bounces_to` is the envelope's sender, where bounces go; the sender's own address where it is None. `tls` replaces
    the system's trust, for a private certificate authority. `refuse` says of an address why no connection is made to
    it, if so, whatever name leads there. One `send` takes at most
    `timeout_seconds`, of which a quarter for each address of the host to connect.
    """

    name = "smtp"
    removes_duplicates = False

    def __init__(
        self,
        url: str | None,
        *,
        bounces_to: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = 20.0,
        setting: str = "NOTIFIER_SMTP_URL",
        refuse: Refuse | None = None,
    ) -> None:
        self._setting, self._refuse = setting, refuse
        self._scheme, self._host, self._port, self._user, self._password = _parse(url, setting)
        self._bounces_to = _bounce_address(bounces_to)
        self._tls = tls or ssl.create_default_context()
        self.timeout_seconds = timeout_seconds
        self._idle: list[_Session] = []
        self._lock = threading.Lock()
        self._closed = False

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Accepted once the server has answered the end of the message with 250.

        Only the final dot hands a message over (RFC 5321, section 4.1.1.4): what breaks before it was not
        sent, what breaks between it and the answer is unknown.
        """
        try:
            mail = mime.build(envelope)
        except mime.Unmailable as error:
            return Rejected(str(error))
        deadline = time.monotonic() + self.timeout_seconds
        try:
            session = self._take(deadline)
        except (smtplib.SMTPException, OSError) as error:
            return self._no_session(error)
        try:
            outcome = self._transfer(session, mail)
        except (smtplib.SMTPException, OSError) as error:
            session.close()
            what = f"{self._where}: {self._words(error)}"
            if session.handed_over:
                return Unknown(f"the connection broke after the message was handed over to {what}")
            return Unavailable(f"the connection broke before the message was handed over to {what}")
        self._give_back(session)
        return outcome

    def close(self) -> None:
        """Hang up on every idle connection, and on those in use once they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._port}"

    def _take(self, deadline: float) -> "_Session":
        """A connection that answered just now, kept or new."""
        while True:
            with self._lock:
                session = self._idle.pop() if self._idle else None
            if session is None:
                return self._connect(deadline)
            # A server that went away silently must leave time for a new connection.
            session.deadline = min(deadline, time.monotonic() + self.timeout_seconds / 4)
            if time.monotonic() - session.used_at < _IDLE_SECONDS and session.alive():
                session.deadline = deadline
                return session
            session.close()

    def _give_back(self, session: "_Session") -> None:
        session.used_at = time.monotonic()
        session.messages += 1
        with self._lock:
            if not self._closed and session.messages < _MOST_PER_CONNECTION:
                self._idle.append(session)
                return
        session.close()

    def _connect(self, deadline: float) -> "_Session":
        make = partial(_TlsSession, context=self._tls) if self._scheme == "smtps" else _Session
        session = make(
            self._host,
            self._port,
            _greeting_name(),
            timeout=self.timeout_seconds / 4,
            deadline=deadline,
            refuse=self._refuse,
        )
        try:
            if session.sock:
                # The last dot goes in a packet of its own, which must not wait for the server's delayed ACK.
                session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._scheme == "smtp+starttls":
                session.starttls(context=self._tls)
            session.ehlo_or_helo_if_needed()
            if self._user:
                session.login(self._user, self._password)
        except BaseException:
            session.close()
            raise
        return session

    def _transfer(self, session: "_Session", mail: mime.Mail) -> Outcome:
        session.handed_over = False
        limit = session.esmtp_features.get("size", "")
        if limit.isdigit() and 0 < int(limit) < len(mail.content):
            return Rejected(f"the message has {len(mail.content)} bytes, {self._where} takes {limit}")
        options, notify = [], []
        if mail.utf8:
            if not session.has_extn("smtputf8"):
                return Rejected(f"{self._where} takes no address with letters beyond ASCII (SMTPUTF8)")
            options = ["SMTPUTF8"]
        if session.has_extn("dsn"):  # RFC 3461: a bounce then names our id, and brings no body back
            options += ["RET=HDRS", f"ENVID={mime.safe_id(mail.envelope_id)}"]
            notify = ["NOTIFY=FAILURE,DELAY"]
        code, said = session.mail(self._bounces_to or mail.sender, options)
        if code != 250:
            return self._refused("the sender", code, said, About.SENDER, account_wide=True)
        code, said = session.rcpt(mail.recipient, notify)
        if code not in (250, 251):
            return self._refused("the recipient", code, said, About.RECIPIENT)
        code, said = session.docmd("DATA")
        if code != 354:
            return self._refused("the message", code, said)
        session.send(re.sub(rb"(?m)^\.", b"..", mail.content))
        session.handed_over = True
        session.send(b".\r\n" if mail.content.endswith(b"\r\n") else b"\r\n.\r\n")
        code, said = session.getreply()
        if 200 <= code < 300:
            queued = re.search(rb"queued as ([\w.-]{1,64})", said)
            return Accepted(queued[1].decode() if queued else None)
        return self._refused("the message", code, said)

    def _refused(
        self, what: str, code: int, said: bytes, about: About | None = None, *, account_wide: bool = False
    ) -> Outcome:
        """What a refusal means; one that is not SMTP at all leaves the connection's fate to the caller."""
        words = f"{self._where} refused {what}: {code} {self._words(said)}"
        if code in _NO_ACCESS:
            return Unavailable(words, needs_person=True, about=About.KEY)
        if 400 <= code < 500:
            return Deferred(words, account_wide=account_wide or code == 421, about=about)
        if 500 <= code < 600:
            return Rejected(words, about)
        raise smtplib.SMTPServerDisconnected(f"an answer that is not SMTP: {self._words(said)}")

    def _no_session(self, error: Exception) -> Outcome:
        match error:
            case smtplib.SMTPAuthenticationError(smtp_code=code):
                # The server's text may quote the user name; the code says enough.
                words = f"{self._where} did not take the login of {self._setting} ({code})"
                if 400 <= code < 500:
                    return Deferred(words, about=About.KEY)
                return Unavailable(words, needs_person=True, about=About.KEY)
            case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
                words = f"{self._where} does not serve us: {code} {self._words(said)}"
                if 400 <= code < 500:
                    return Deferred(words, about=About.SERVER)
                return Unavailable(words, needs_person=code >= 500, about=About.SERVER)
            case smtplib.SMTPNotSupportedError():
                words = f"{self._where}: {self._words(error)}"
                return Unavailable(words, needs_person=True, about=About.TLS)
            case ssl.SSLCertVerificationError():
                words = f"{self._where} has a certificate that is not trusted: {error.verify_message}"
                return Unavailable(words, needs_person=True, about=About.TLS)
            case OSError():
                about = About.TLS if isinstance(error, ssl.SSLError) else About.SERVER
                return Unavailable(f"cannot reach {self._where}: {self._words(error)}", about=about)
        return Unavailable(f"cannot talk to {self._where}: {self._words(error)}")

    def _words(self, said: object) -> str:
        if isinstance(said, OSError):
            return reason.of_oserror(said, self._password)
        return reason.plain(said, self._password)


class _Session(smtplib.SMTP):
    """A connection that keeps to a deadline over all its steps, where `smtplib` knows one per step only."""

    def __init__(self, *arguments: Any, deadline: float, refuse: "Refuse | None", **options: Any) -> None:
        self.deadline, self.refuse = deadline, refuse
        self.used_at = 0.0
        self.messages = 0
        self.handed_over = False
        super().__init__(*arguments, **options)  # connects

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        """Connects to the very address that was checked, so that a name which changes its mind gains nothing."""
        if self.refuse is None:
            return super()._get_socket(host, port, timeout)  # type: ignore[misc]  # typeshed leaves it out
        error = OSError("leads nowhere")
        for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if why := self.refuse(ip_address(place[0])):
                error = OSError(f"{host} leads to {place[0]}, which {why}")
                continue
            try:
                return super()._get_socket(str(place[0]), port, timeout)  # type: ignore[misc]
            except OSError as failure:
                error = failure
        raise error

    def send(self, s: Any) -> None:
        self._hurry()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        self._hurry()
        if self.file is None and self.sock:
            self._replies = Patience(self.sock, lambda: self.deadline - time.monotonic())
            self.file = io.BufferedReader(self._replies)
        self._replies.may_bring = LARGEST_REPLY
        return super().getreply()

    def alive(self) -> bool:
        """Whether the server still answers; a server that restarted or timed us out does not."""
        try:
            return self.rset()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _hurry(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            self.close()
            raise TimeoutError("timed out")
        if self.sock:
            self.sock.settimeout(left)


class _TlsSession(_Session, smtplib.SMTP_SSL):
    """The same with TLS from the start."""


def _greeting_name() -> str:
    """Our name in EHLO, an address literal where the host has no full one (RFC 5321, section 4.1.4)."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _bounce_address(value: str | None) -> str | None:
    """Raises `Misconfigured` unless it is one bare address in ASCII, or nothing."""
    if not value:
        return None
    try:
        address = mime.address(value, "NOTIFIER_BOUNCE_ADDRESS")
    except mime.Unmailable as error:
        raise Misconfigured(str(error)) from None
    if not address.isascii():
        raise Misconfigured(
            f"NOTIFIER_BOUNCE_ADDRESS is {value!r}; it must be ASCII, like bounces@shop.example"
        )
    return address


def _parse(url: str | None, setting: str) -> Sequence[Any]:
    """Scheme, host, port, user and password. `Misconfigured` never quotes the URL: it holds a secret."""
    if not url:
        raise Misconfigured(f"{setting} is empty; it must be {_RIGHT}.")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        raise Misconfigured(f"{setting} cannot be read; it must be {_RIGHT}.") from None
    if scheme not in _PORTS:
        raise Misconfigured(f"{setting} starts with {scheme!r}; it must be {_RIGHT}.")
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise Misconfigured(
            f"{setting} must be {_RIGHT}, with nothing after the port;"
            " in the user name and password, write / ? # @ : as %2F %3F %23 %40 %3A."
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise Misconfigured(f"{setting} must have both a user name and a password, or neither.")
    return scheme, host, port or _PORTS[scheme], user, password
