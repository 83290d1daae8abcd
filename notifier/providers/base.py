"""What every mail service must be able to do, and the words in which it answers.

An adapter never sleeps, retries, logs secrets or touches the database: it tries once, within its timeouts,
and says what happened as a value.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from notifier.providers.reports import Report


@dataclass(frozen=True, slots=True)
class Envelope:
    """One rendered email, frozen: a retry sends these very bytes.

    `message_id` is ours and the same on every attempt; `sender` and `reply_to` are `Name <address>`.
    `headers` are extra mail headers. `properties` are JSON values for services that render by themselves
    (Klaviyo); `occurred_at` is the aware time that the email was first rendered, the same on a retry.
    """

    message_id: str
    store_id: str
    kind: str
    sender: str
    to: str
    to_name: str
    subject: str
    html: str
    text: str
    occurred_at: datetime
    reply_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


class About(StrEnum):
    """What a person must look at where something is refused; no part of what the refusal means."""

    KEY = "key"
    """The key or login itself: wrong, or revoked."""
    RIGHTS = "rights"
    """What the key may do."""
    SENDER = "sender"
    RECIPIENT = "recipient"
    SERVER = "server"
    """Its name, its port, and the road to it."""
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service has it. `ref` is its own name for the message, where it gives one."""

    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """This message will never be taken as it is: a bad address, a refused body. Nothing was sent."""

    reason: str
    about: About | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: throttled. Nothing was sent. `until` is an aware time, None if the service named none.

    `account_wide` tells that the whole account must wait, not this message alone.
    """

    reason: str
    until: datetime | None = None
    account_wide: bool = True
    about: About | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The service or our access to it is out of order; certainly nothing was sent.

    `needs_person` tells that waiting alone will not mend it (a wrong key).
    """

    reason: str
    needs_person: bool = False
    about: About | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been taken: the connection broke, or the answer never came, after it was handed over."""

    reason: str


Outcome = Accepted | Rejected | Deferred | Unavailable | Unknown


@dataclass(frozen=True, slots=True)
class Apart:
    """The request that it was one of many in was refused, or had no room for it: certainly nothing was sent."""

    reason: str


class Provider(Protocol):
    """A mail service. Safe for use from many threads at once."""

    @property
    def name(self) -> str:
        """`outbox`, `smtp`, `sendgrid` or `klaviyo`."""

    @property
    def removes_duplicates(self) -> bool:
        """Whether sending the same `message_id` twice reaches the customer once."""

    @property
    def timeout_seconds(self) -> float:
        """The longest that one `send` can take, connection included."""

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        """Try once. Never raises for anything that the service or the network does."""

    def close(self) -> None:
        """Give back connections."""


@runtime_checkable
class Bundling(Provider, Protocol):
    """A mail service that can take many emails in one request, each with an outcome of its own."""

    @property
    def fewest_together(self) -> int:
        """With fewer at hand, each goes by itself."""

    @property
    def most_together(self) -> int:
        """How many one request may carry."""

    def together(self, envelope: Envelope) -> Hashable | None:
        """What emails that may share a request have in common; None for one that goes by itself."""

    def send_many(self, envelopes: Sequence[Envelope], now: datetime) -> Sequence[Outcome | Apart]:
        """Try one request, within `timeout_seconds`; the outcome of each, in order.

        Never raises for anything that the service or the network does. No answer is `Unknown` for each of them.
        """


@dataclass(frozen=True, slots=True)
class Sent:
    """An email that was handed over, as a service may know it. `since` is when, aware."""

    message_id: str
    to: str
    subject: str
    since: datetime


@runtime_checkable
class Witness(Provider, Protocol):
    """A mail service that only takes word of an email, and must be asked what became of it."""

    def reports_of(
        self, sent: Sent, now: datetime
    ) -> "Sequence[Report] | Rejected | Deferred | Unavailable | Unknown":
        """What it recorded of that email, empty for nothing yet; else why it could not be asked. Never raises."""
