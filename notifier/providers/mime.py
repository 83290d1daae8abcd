"""One email as bytes on the wire (RFC 5322, RFC 2045), the same bytes for the same envelope.

Two parts and a dozen headers are written here as they go out. The standard library's generator would parse and
fold them once more, which differs between versions of Python and has lost the quotes around names (CVE-2025-1795).
"""

import binascii
import hashlib
import re
from dataclasses import dataclass
from email.header import Header
from email.utils import format_datetime, quote

from notifier.providers.base import Envelope

_OURS = frozenset(
    "from to cc bcc sender reply-to subject date message-id mime-version auto-submitted"
    " content-type content-transfer-encoding received return-path dkim-signature".split()
)
# C0, DEL, C1, the two Unicode line breaks, and halves of characters, which no encoding can hold.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LONGEST_LINE = 900  # under the 998 octets of RFC 5322, section 2.1.1, with room for the header's name


class Unmailable(ValueError):
    """The envelope cannot become an email; the text says which field and why."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes over SMTP: the addresses of its envelope and the bytes of its message.

    `utf8` tells that an address needs a server with SMTPUTF8 (RFC 6531). `envelope_id` is our id.
    """

    sender: str
    recipient: str
    content: bytes
    utf8: bool
    envelope_id: str


def build(envelope: Envelope) -> Mail:
    """The email of `envelope`. Raises `Unmailable` where a header could not be written truthfully."""
    sender_name, sender = mailbox(envelope.sender, "sender")
    recipient = address(envelope.to, "to")
    headers = {
        "From": _name_addr(sender_name, sender),
        "To": _name_addr(one_line(envelope.to_name), recipient),
        "Subject": _words(one_line(envelope.subject)),
        "Date": format_datetime(envelope.occurred_at),
        "Message-ID": message_id(envelope, sender),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday notes, please
    }
    if envelope.reply_to:
        headers["Reply-To"] = _name_addr(*mailbox(envelope.reply_to, "reply_to"))
    headers |= {name: _folded(value) for name, value in extra_headers(envelope).items()}

    # "=_" cannot occur in quoted-printable (RFC 2045, section 6.7), so the boundary is never in the text.
    boundary = f"=_{hashlib.sha256(envelope.message_id.encode()).hexdigest()[:32]}"
    lines = [
        *(f"{name}: {value}" for name, value in headers.items()),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        f"--{boundary}",
        *_part("plain", envelope.text),
        f"--{boundary}",
        *_part("html", envelope.html),  # the last is preferred
        f"--{boundary}--",
        "",
    ]
    utf8 = not (sender.isascii() and recipient.isascii())
    return Mail(sender, recipient, "\r\n".join(lines).encode(), utf8, envelope.message_id)


def message_id(envelope: Envelope, sender: str) -> str:
    """The Message-ID header: our id at the domain of the address `sender`, the same on every attempt."""
    return f"<{safe_id(envelope.message_id)}@{sender.rpartition('@')[2]}>"


def _part(subtype: str, body: str) -> list[str]:
    text = body.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    return [
        f'Content-Type: text/{subtype}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        *binascii.b2a_qp(text).decode("ascii").split("\n"),
    ]


def mailbox(value: str, field: str) -> tuple[str, str]:
    """`Name <address>`, or an address alone, as (name, address). Raises `Unmailable`, naming `field`.

    The name may hold commas and quotes, which the standard library takes for the end of it.
    """
    name, bracket, rest = value.strip().rpartition("<")
    if not bracket:
        return "", address(value.strip(), field)
    return one_line(name).strip('" '), address(rest.removesuffix(">"), field)


def address(value: str, field: str) -> str:
    """`value` as an address that can stand in a header; a domain beyond ASCII becomes its `xn--` form.

    Raises `Unmailable`, naming `field`, for anything but one bare address.
    """
    local, _, domain = value.rpartition("@")
    if not (local and domain) or re.search(r"[\s\x00-\x20\x7f<>,;:\"()\[\]\\@]", local + domain):
        raise Unmailable(f"{field}: {value!r} is not an email address; right would be name@example.com")
    return f"{local}@{_ascii_domain(domain, field)}"


def _ascii_domain(domain: str, field: str) -> str:
    if domain.isascii():
        return domain
    lowered = domain.lower()
    try:
        encoded = lowered.encode("idna")
        # The standard library knows IDNA 2003 only, which turns ß into ss: another domain, another owner.
        same = encoded.decode("idna") == lowered
    except UnicodeError:
        same = False
    if not same:
        raise Unmailable(f"{field}: the domain {domain!r} must be written in its ASCII form (xn--…)")
    return encoded.decode("ascii")


def extra_headers(envelope: Envelope) -> dict[str, str]:
    """The envelope's own headers, each on one line. Raises `Unmailable` for one that is not its to set."""
    headers = {name: " ".join(one_line(value).split()) for name, value in envelope.headers.items()}
    for name, value in headers.items():
        if not re.fullmatch(r"[!-9;-~]+", name) or name.lower() in _OURS:
            raise Unmailable(f"headers: {name!r} cannot be set here")
        if not value.isascii() or any(len(word) > _LONGEST_LINE for word in value.split()):
            raise Unmailable(f"headers: {name} must be ASCII, in words of at most {_LONGEST_LINE} characters")
    return headers


def one_line(value: str) -> str:
    """`value` without line breaks and other control characters, so that it can never begin a header."""
    return _CONTROLS.sub(" ", value).strip()


def safe_id(given: str) -> str:
    """`given` if it can stand in a header and a file name, else a digest of it."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", given):
        return given
    return hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()


def _name_addr(name: str, spec: str) -> str:
    if not name:
        return spec
    phrase = f'"{quote(name)}"' if _fits_ascii(name) else _words(name)
    return f"{phrase} <{spec}>"


def _words(value: str) -> str:
    """As it is where ASCII will do, else encoded words (RFC 2047)."""
    if _fits_ascii(value):
        return value
    return Header(value, "utf-8", maxlinelen=60).encode(linesep="\r\n")


def _fits_ascii(value: str) -> bool:
    # "=?" in plain ASCII would be read as an encoded word that nobody wrote.
    return value.isascii() and "=?" not in value and len(value) <= _LONGEST_LINE


def _folded(value: str) -> str:
    """A header that programs read, such as a list of ids: never encoded, broken only where it must be."""
    return value if len(value) <= _LONGEST_LINE else value.replace(" ", "\r\n ")
