"""The SMTP server of the tests, a program of its own: `smtp_server.py CERTIFICATE KEY FOLDER USER PASSWORD`.

Prints its two ports (STARTTLS, TLS), writes each message to FOLDER as N.eml and its envelope as N.json, and
ends when its standard input does. Some recipients make it misbehave as servers do in life:
`refused@…` is turned down for good (550), `busy@…` for now (451), and after a message to `vanish@…` it
hangs up without an answer, so that the sender cannot know.
"""

import asyncio
import itertools
import json
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

RCPT_ANSWERS = {"refused": "550 5.1.1 no such mailbox", "busy": "451 4.2.1 mailbox busy, try later"}


class Keep:
    """Keeps what it is handed, in files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_RCPT(  # noqa: N802 (aiosmtpd names it)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = RCPT_ANSWERS.get(address.partition("@")[0])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        number = next(self.numbers)
        assert isinstance(envelope.original_content, bytes)
        (self.folder / f"{number:06}.eml").write_bytes(envelope.original_content)
        facts = {"sender": envelope.mail_from, "recipients": envelope.rcpt_tos}
        # The envelope is what readers look for, so it comes last and whole.
        partial = self.folder / f"{number:06}.partial"
        partial.write_text(json.dumps(facts))
        partial.rename(partial.with_suffix(".json"))
        if any(address.startswith("vanish@") for address in envelope.rcpt_tos):
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 2.0.0 taken"


async def main(certificate: str, key: str, folder: str, username: str, password: str) -> None:
    def log_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth: Any) -> AuthResult:
        right = LoginPassword(username.encode(), password.encode())
        return AuthResult(success=auth == right, handled=False)

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    speak = partial(SMTP, Keep(Path(folder)), auth_required=True, authenticator=log_in)
    loop = asyncio.get_running_loop()
    starttls = await loop.create_server(lambda: speak(tls_context=tls, require_starttls=True), "127.0.0.1", 0)
    # To aiosmtpd a connection that began with TLS is not a secured one, hence the setting.
    from_first_byte = await loop.create_server(lambda: speak(auth_require_tls=False), "127.0.0.1", 0, ssl=tls)
    ports = (server.sockets[0].getsockname()[1] for server in (starttls, from_first_byte))
    print(*ports, flush=True)  # noqa: T201 (this is how it tells them)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
