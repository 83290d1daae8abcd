"""Secrets at rest: sealed with a key that is derived from the installation's secret key, one for each purpose."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from notifier.errors import Misconfigured

VERSION = "s1."
"""What every sealed text begins with, so that a later way of sealing can be told from this one."""
_NONCE_BYTES = 12


def seal(secret_key: str, purpose: str, text: str) -> str:
    """The text encrypted and authenticated (AES-256-GCM): never the same twice.

    Only the same `secret_key` and `purpose` open it, so what was sealed for one use can't be passed off for another.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(_key(secret_key, purpose)).encrypt(nonce, text.encode(), None)
    return VERSION + urlsafe_b64encode(nonce + sealed).decode()


def unseal(secret_key: str, purpose: str, sealed: str) -> str:
    """What was sealed; raises Misconfigured when it was sealed with another secret key or purpose, or is damaged."""
    try:
        if not is_sealed(sealed):
            raise ValueError("not sealed by this program")
        raw = urlsafe_b64decode(sealed.removeprefix(VERSION))
        opened = AESGCM(_key(secret_key, purpose)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)
    except (InvalidTag, NotBase64, ValueError):
        raise Misconfigured(
            f"the {purpose} in the database can't be opened with this NOTIFIER_SECRET_KEY;"
            " set the key that it was kept with, or enter it anew"
        ) from None
    return opened.decode()


def is_sealed(text: str) -> bool:
    """Whether this is something that `seal` made, rather than a text as it was."""
    return text.startswith(VERSION)


def _key(secret_key: str, purpose: str) -> bytes:
    """Derived (HKDF, RFC 5869) rather than used as it is: that key also signs links and sessions."""
    return HKDF(SHA256(), length=32, salt=b"notifier sealed", info=purpose.encode()).derive(
        secret_key.encode()
    )
