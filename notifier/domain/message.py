"""Emails as planning sees them: their kinds, their states, and the legal moves between those."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from notifier.domain.eta import Eta
from notifier.domain.inbound import Stage


class Kind(StrEnum):
    EXPECTATION = "expectation"
    COUNTDOWN = "countdown"
    DELAY = "delay"
    CONSENT = "consent"
    """A delay that the law lets stand only if the customer says yes."""
    EARLIER = "earlier"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    REFUND = "refund"
    """Money was sent back."""
    WAITING = "waiting"
    """The order is not forgotten, though there is nothing new; or word that was promised."""
    PAYMENT = "payment"
    """The card on file runs out before the goods come."""


class Stream(StrEnum):
    """What an email is in law, and so what it may hold: only the waiting series may be stopped, or may sell."""

    LEGAL = "legal"
    """A notice that the law wants, or may want: it goes whatever the customer has unsubscribed from."""
    SERVICE = "service"
    """News of an order that was placed."""
    WAITING = "waiting"
    """What makes the wait shorter: with one-click unsubscribe (RFC 8058) and the shop's postal address (CAN-SPAM)."""


STREAMS: Mapping[Kind, Stream] = MappingProxyType(
    {
        Kind.EXPECTATION: Stream.SERVICE,
        Kind.COUNTDOWN: Stream.WAITING,
        Kind.DELAY: Stream.LEGAL,
        Kind.CONSENT: Stream.LEGAL,
        Kind.EARLIER: Stream.SERVICE,
        Kind.SHIPPED: Stream.SERVICE,
        Kind.CANCELLED: Stream.LEGAL,
        Kind.REFUND: Stream.LEGAL,
        Kind.WAITING: Stream.WAITING,
        Kind.PAYMENT: Stream.SERVICE,
    }
)

WAITING_SERIES = frozenset(kind for kind, stream in STREAMS.items() if stream is Stream.WAITING)
"""What a customer may unsubscribe from, and what is spaced apart."""

CHANGE_OF_DATE = frozenset({Kind.DELAY, Kind.CONSENT, Kind.EARLIER})
"""What tells of a moved date."""

TELLS_DATES = frozenset({Kind.EXPECTATION, Kind.COUNTDOWN}) | CHANGE_OF_DATE
"""What a customer knows a date from. Word of a parcel or a cancellation mentions dates, but is not about them; nor is
a reminder that an order waits, so that small slips go on adding up."""

IN_WINDOW = WAITING_SERIES | CHANGE_OF_DATE | {Kind.PAYMENT}
"""What goes only in the customer's send window; the rest goes at once."""

URGENCY: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.SHIPPED: 0,
        Kind.CANCELLED: 0,
        Kind.REFUND: 0,
        Kind.CONSENT: 0,
        Kind.DELAY: 0,
        Kind.EXPECTATION: 1,
        Kind.EARLIER: 2,
        Kind.PAYMENT: 2,
        Kind.WAITING: 3,
        Kind.COUNTDOWN: 3,
    }
)
"""Which kind goes first when many are due; the lower the sooner."""


class Status(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The provider may have taken it; nobody knows yet."""
    HELD = "held"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.PLANNED: frozenset(
            {Status.PLANNED, Status.SENDING, Status.HELD, Status.FAILED, Status.CANCELLED, Status.EXPIRED}
        ),
        Status.SENDING: frozenset(
            {
                Status.PLANNED,
                Status.SENT,
                Status.DELIVERED,
                Status.BOUNCED,
                Status.COMPLAINED,
                Status.FAILED,
                Status.UNKNOWN,
                Status.EXPIRED,
            }
        ),
        Status.UNKNOWN: frozenset(
            {
                Status.SENDING,
                Status.PLANNED,
                Status.SENT,
                Status.DELIVERED,
                Status.BOUNCED,
                Status.COMPLAINED,
                Status.FAILED,
                Status.CANCELLED,
            }
        ),
        Status.SENT: frozenset({Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED, Status.FAILED}),
        Status.DELIVERED: frozenset({Status.BOUNCED, Status.COMPLAINED}),
        Status.BOUNCED: frozenset({Status.COMPLAINED}),
        Status.COMPLAINED: frozenset(),
        Status.FAILED: frozenset(
            {
                Status.PLANNED,
                Status.SENT,
                Status.DELIVERED,
                Status.BOUNCED,
                Status.COMPLAINED,
                Status.CANCELLED,
            }
        ),
        Status.HELD: frozenset({Status.PLANNED, Status.CANCELLED, Status.EXPIRED}),
        Status.CANCELLED: frozenset({Status.PLANNED}),
        Status.EXPIRED: frozenset(),
    }
)
"""The legal moves. A cancelled message never left the house, so facts that return may restore it."""


STAYED = frozenset({Status.PLANNED, Status.HELD, Status.CANCELLED, Status.EXPIRED})
"""What certainly did not leave the house."""

LOST = frozenset({Status.BOUNCED, Status.FAILED})
"""What left, or was tried, and did not arrive: a legal notice of that fate is no notice."""

UNHEARD = LOST | {Status.HELD, Status.EXPIRED}
"""What reached nobody: lost, held back, or too late to be true."""


def may_move(before: Status, after: Status) -> bool:
    return after in MOVES[before]


EVIDENCE = (Status.SENT, Status.FAILED, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED)
"""What mail services report of an email, the weakest first: of two reports the stronger holds, however late it came."""


def outweighs(reported: Status, known: Status) -> bool:
    """Whether a report moves a message on. Reports come in any order and twice, and must end in one state."""
    if known in EVIDENCE:
        return EVIDENCE.index(reported) > EVIDENCE.index(known)
    return known in {Status.SENDING, Status.UNKNOWN}


class Scope(StrEnum):
    """Which emails a suppressed address must not get."""

    ALL = "all"
    WAITING = "waiting"
    """The waiting series only; news of the order goes either way."""

    def covers(self, kind: Kind) -> bool:
        return self is Scope.ALL or kind in WAITING_SERIES


@dataclass(frozen=True, slots=True)
class Said:
    """What one email says of one line.

    `notice` names the legal notice that it is (`n1_short`, `n1_long`, `n1_indef`, `n2_renewed`), if any;
    `answer_by` the last day on which an answer to it counts.
    """

    eta: Eta
    notice: str | None = None
    answer_by: date | None = None
    further: bool = False
    """The notice also asks for consent to any further delay, for as long as the customer does not cancel."""
    next_word: date | None = None
    """The last day on which the customer hears again, where nobody knows the date."""
    stage: Stage | None = None
    """Where the goods are, where that is news; planning knows nothing of it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An email that should exist.

    `key` is made of the kind, ids and ISO dates only and is unique within the order. `says` holds, by line id, what
    the email tells. `about` is the id of the shipment or cancellation that caused it, else empty.
    `due_at` and `expires_at` are aware, in UTC, and `due_at < expires_at`.
    """

    key: str
    kind: Kind
    due_at: datetime
    expires_at: datetime
    says: Mapping[str, Said] = field(default_factory=dict)
    about: str = ""


DROPPED = "dropped by the store"
"""The reason that a person's decision to end a message leaves."""


@dataclass(frozen=True, slots=True)
class Message:
    """An email that exists in the outbox, in any state."""

    id: str
    key: str
    kind: Kind
    status: Status
    due_at: datetime
    expires_at: datetime
    says: Mapping[str, Said] = field(default_factory=dict)
    about: str = ""
    sent_at: datetime | None = None
    """When it was handed to the provider, as far as is known."""
    to: str | None = None
    """The address that it was sent to."""
    account: str | None = None
    """Through which account of a mail service it went."""
    dropped: bool = False
    """A person ended it: facts that return do not bring it back."""

    @property
    def may_have_left(self) -> bool:
        """Whether the customer may have it, or was tried: the next email must not repeat its news."""
        return self.dropped or self.status not in STAYED

    def is_over(self, now: datetime) -> bool:
        """Whether it can be planned no more, so that its key is used up."""
        return self.may_have_left or self.expires_at <= now

    def same_plan(self, draft: Draft) -> bool:
        return (self.due_at, self.expires_at, self.says, self.about) == (
            draft.due_at,
            draft.expires_at,
            draft.says,
            draft.about,
        )
