"""A store's sending policy, and the clock arithmetic that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EU_LAW = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO GB".split()
)
"""Where the Consumer Rights Directive, or the same shape of it, rules late delivery (EU, EEA and UK)."""


CARRY_OUT = "carry_out"


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the customer's day in which emails may arrive: from `start`, until just before `end`."""

    start: time = time(9)
    end: time = time(20)

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("send_window must start before it ends")


@dataclass(frozen=True, slots=True)
class SkuPolicy:
    """What a store does otherwise for one SKU: only what is asked of each line by itself. None is the store's own.

    What is of a customer or of the law (hours, gaps, jurisdiction) can't differ by SKU: one email speaks of many lines.
    """

    countdown_days: tuple[int, ...] | None = None
    delay_threshold_days: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """When emails go. Days are local days of the customer, hours and minutes real ones."""

    countdown_days: tuple[int, ...] = (14, 7, 3, 1)
    send_window: Window = field(default_factory=Window)
    min_gap_hours: int = 20
    max_per_week: int = 5
    """How many emails of the waiting series a customer who has several orders gets in any seven days."""
    waiting_every_days: int | None = 7
    """How long after the last email an order that still waits is spoken of again; None: never."""
    next_word_days: int = 14
    """By when a customer to whom nobody can tell a date hears again."""
    payment_lead_days: int = 14
    """How long before a card's last day its owner is told that it runs out before the goods come."""
    settle_minutes: int = 15
    delay_threshold_days: int = 1
    jurisdiction: str = "auto"
    max_messages_per_change: int = 10_000
    auto_notice: bool = True
    deemed_cancellation: str = "ask"
    """What becomes of units that the law has cancelled by the passing of time: `ask`, a duty that waits for a person,
    or `carry_out`, taken off the order at once, as a cancellation by the law."""
    ask_further: bool = False
    """Whether a first notice that names a date also asks for consent to any further delay (16 CFR 435.2(b)(1)(iv))."""
    unknown_sends: str = "hold"
    """What becomes of an email that may have left, where the mail service doesn't remove duplicates: `hold` it for
    evidence or a person, so that it goes at most once, or `resend` it, so that it goes at least once."""
    skus: Mapping[str, SkuPolicy] = field(default_factory=dict)

    def of(self, sku: str) -> "Policy":
        """The policy for a line of this SKU."""
        own = self.skus.get(sku)
        if own is None:
            return self
        given = {it.name: getattr(own, it.name) for it in fields(own)}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    @property
    def first_countdown(self) -> int:
        """The most days before a date, of any SKU, on which a countdown goes; 0 where none does."""
        own = (day for sku in self.skus.values() for day in sku.countdown_days or ())
        return max((*self.countdown_days, *own), default=0)


def starved(policy: Policy) -> tuple[int, ...]:
    """The milestones of the store's own countdown for which its gap never leaves room: the one before is too near.

    Each goes at the earliest when the window opens and the gap is over, and on its own day or not at all.
    """
    opens, closes = (
        timedelta(hours=clock.hour, minutes=clock.minute)
        for clock in (policy.send_window.start, policy.send_window.end)
    )
    gap, last, left_out = timedelta(hours=policy.min_gap_hours), None, []
    for days in sorted(policy.countdown_days, reverse=True):
        day = timedelta(days=-days)
        due = day + opens if last is None else max(day + opens, last + gap)
        if due < day + closes:
            last = due
        else:
            left_out.append(days)
    return tuple(left_out)


def widest_gap(policy: Policy) -> int:
    """The most `min_gap_hours`, up to the policy's own, with which each of its milestones has room."""
    hours = range(policy.min_gap_hours, 0, -1)
    return next((gap for gap in hours if not starved(replace(policy, min_gap_hours=gap))), 0)


def jurisdiction(policy: Policy, country: str | None) -> str:
    """`us-ftc`, `eu` or `none`; by the customer's country when the policy says `auto`.

    An unknown country gets the strictest, which is the FTC rule: it alone ends orders by silence.
    """
    if policy.jurisdiction != "auto":
        return policy.jurisdiction
    if country is None or country == "US":
        return "us-ftc"
    return "eu" if country in EU_LAW else "none"


@lru_cache(maxsize=10_000)
def at_local(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """That wall time as an instant in UTC.

    A time that the spring change skips becomes the same distance past the change; a time that the autumn
    change repeats is its first occurrence (PEP 495, fold=0).
    """
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def in_window(at: datetime, window: Window, zone: ZoneInfo) -> bool:
    day = local_day(at, zone)
    return at_local(day, window.start, zone) <= at < at_local(day, window.end, zone)


def into_window(at: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """The first instant at or after `at` that lies in the window."""
    day = local_day(at, zone)
    for candidate in (day, day + timedelta(days=1), day + timedelta(days=2)):
        start, end = at_local(candidate, window.start, zone), at_local(candidate, window.end, zone)
        if at < end and start < end:
            return max(at, start)
    raise ValueError(f"no window opens within two days of {at.isoformat()}")
