"""What the installation vouches for: evidence that it signs, and names for addresses that it has forgotten.

Both keys are derived from the installation's secret key (HKDF, RFC 5869), one for each purpose.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from functools import lru_cache, partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from notifier.addresses import fold
from notifier.db.suppressions import Naming

ERASED = "@privacy.invalid"
"""How the name of an erased address ends: `.invalid` never resolves (RFC 2606), so no mail can go there."""


class Signer:
    """Signs with Ed25519 (RFC 8032). The public key is all that somebody needs to check, and can sign nothing."""

    def __init__(self, secret_key: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(_derived(secret_key, "evidence"))

    @property
    def public_key(self) -> str:
        """Its 32 bytes in base64."""
        return b64encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    @property
    def pem(self) -> str:
        """The public key for `openssl`."""
        spki = PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(Encoding.PEM, spki).decode()

    def sign(self, content: bytes) -> str:
        """The signature in base64."""
        return b64encode(self._key.sign(content)).decode()


def holds(public_key: str, signature: str, content: bytes) -> bool:
    """Whether the holder of that public key (base64) signed this content."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
        key.verify(b64decode(signature, validate=True), content)
    except (InvalidSignature, NotBase64, ValueError):
        return False
    return True


def read_public_key(text: str) -> str:
    """The base64 of a public key that is given so, or as PEM. Raises ValueError when it is neither."""
    if "-----BEGIN" in text:
        key = load_pem_public_key(text.encode())
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("it is a key of another kind; evidence is signed with Ed25519")
        return b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    try:
        raw = b64decode(text.strip(), validate=True)
    except NotBase64:
        raw = b""
    if len(raw) != 32:
        raise ValueError("it must be 32 bytes in base64, as in /head/public_key of a file, or PEM")
    return b64encode(raw).decode()


def pseudonym(secret_key: str, store_id: str, address: str) -> str:
    """What stands for an address where the address itself must not: the same for the same address of the same store.

    A keyed hash (HMAC-SHA-256): who has the database and not the secret key can't try addresses against it.
    """
    if address.endswith(ERASED):
        return address
    about = f"{store_id}\0{fold(address)}".encode()
    return (
        f"erased-{hmac.digest(_derived(secret_key, 'erased addresses'), about, 'sha256').hex()[:32]}{ERASED}"
    )


def naming(secret_key: str) -> Naming:
    """`pseudonym` with this secret key: for those who look for what an erased address has left."""
    return partial(pseudonym, secret_key)


@lru_cache(maxsize=32)
def _derived(secret_key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=b"notifier signed", info=purpose.encode()).derive(
        secret_key.encode()
    )
