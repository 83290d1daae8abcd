"""Counts what somebody did too often, within bounds of time and memory. Of this process only."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from threading import Lock

from fastapi import Request


class Throttle:
    """Allows `allowed` within any stretch of `within`, to each of `who`.

    At most `most` of them are known at a time; who was quiet the longest makes room.
    """

    def __init__(self, allowed: int, within: timedelta, most: int = 10_000) -> None:
        self.allowed, self.within, self.most = allowed, within, most
        self._counted: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def wait(self, who: str, now: datetime) -> int:
        """For how many seconds more this is too often; 0 when it is not."""
        with self._lock:
            counted = self._counted.get(who)
            if counted is None or len(counted) < self.allowed or counted[0] <= now - self.within:
                return 0
            return max(1, round((counted[0] + self.within - now).total_seconds()))

    def count(self, who: str, now: datetime) -> None:
        with self._lock:
            counted = self._counted.setdefault(who, deque(maxlen=self.allowed))
            self._counted.move_to_end(who)
            counted.append(now)
            if len(self._counted) > self.most:
                self._counted.popitem(last=False)


def visitor(request: Request) -> str:
    """Who asks, as far as can be told: an IPv4 address, or the network of an IPv6 address, which one person owns."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and not address.ipv4_mapped:
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)


@dataclass
class Limits:
    """What is too often, of whatever an unknown visitor may do."""

    wrong_keys: Throttle = field(default_factory=lambda: Throttle(5, timedelta(minutes=5)))
    wrong_links: Throttle = field(default_factory=lambda: Throttle(30, timedelta(minutes=5)))
    """By network. Only links that we never signed count: who shares a network with a guesser is not kept out."""
    answers: Throttle = field(default_factory=lambda: Throttle(30, timedelta(minutes=10)))
    """By order, whatever came of them."""
