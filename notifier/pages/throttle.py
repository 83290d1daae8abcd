"""Counts what somebody did too often, within bounds of time and memory. Of this process only."""

import math
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


class Tap:
    """Lets `burst` through at once and `rate` a second from then on, to each of `who`: one number is kept for each.

    It is the generic cell rate algorithm (ITU-T I.371): the instant at which all that was taken will have run in.
    """

    def __init__(self, rate: float, burst: int, most: int = 10_000) -> None:
        self.rate, self.burst, self.most = rate, burst, most
        self._full: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def take(self, who: str, now: datetime) -> int:
        """Take one; after how many seconds that may be tried again, 0 where it was let through."""
        at = now.timestamp()
        with self._lock:
            full = max(self._full.get(who, at), at) + 1 / self.rate
            over = full - at - self.burst / self.rate
            if over > 1e-6:
                return math.ceil(over)
            self._full[who] = full
            self._full.move_to_end(who)
            if len(self._full) > self.most:
                self._full.popitem(last=False)
        return 0


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
