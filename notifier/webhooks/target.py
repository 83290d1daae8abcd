"""Where a webhook may go. A store names any address, and we post from inside our network: so only public ones.

A name is looked up at each POST, every address that it stands for is checked, and the connection is made to the very
address that was, so that a name which changes its mind in between gains nothing.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
"""How networks without IPv4 reach it (RFC 6052): the last 32 bits are the IPv4 address that counts."""
OTHERS_INSIDE = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # protocol assignments; Oracle's cloud keeps its metadata there
            "168.63.129.16/32",  # Azure's wire server, by a public number
            "2001::/23",  # protocol assignments, Teredo among them, which wraps IPv4
            "2002::/16",  # 6to4, which wraps IPv4 too
            "3fff::/20",  # documentation (RFC 9637), newer than some Pythons
        ),
    )
)
"""Not private by their number, yet no place of a store's."""
PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "test", "invalid", "onion")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. `host` is a name in ASCII or an address, without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == standard else f"{host}:{self.port}"


def read(url: str, *, private: bool) -> Target:
    """A well-formed http(s) URL as a target. Raises ValueError, in words for whoever named it.

    `private` is for development: plain http and addresses of one's own network are good too.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("must be an address like https://shop.example/webhooks")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no user name or password; the signature says who sends")
    if parts.fragment:
        raise ValueError("must hold no part after #, which is never sent")
    if parts.port == 0:
        raise ValueError("must not name port 0")
    port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    host = parts.hostname.rstrip(".")
    target = Target(
        parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    )
    if not private:
        _check_public(target)
    return target


def _check_public(target: Target) -> None:
    if target.scheme != "https":
        raise ValueError("must start with https://, so that nobody on the way can read or change it")
    address = _as_address(target.host)
    if address is not None:
        if why := refusal(address):
            raise ValueError(f"must lead to a public address; {target.host} {why}")
    elif "." not in target.host or _is_private_name(target.host):
        raise ValueError(f"must lead to a public address; {target.host!r} is a name inside a network")


def _is_private_name(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in PRIVATE_NAMES)


def _as_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def refusal(address: Address) -> str | None:
    """Why nothing is posted to this address; None when it is public."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return "is an IPv4 address written as IPv6"
        if address in NAT64:
            return refusal(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in GLOBAL_UNICAST:
            return "is no public address"
    if address.is_multicast:
        return "is a multicast address"
    inside = any(address.version == net.version and address in net for net in OTHERS_INSIDE)
    return "is no public address" if inside or not address.is_global else None
