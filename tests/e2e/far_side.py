"""A mail service that does what it is told, and remembers which emails customers got."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st

from notifier.providers.base import Accepted, Deferred, Envelope, Outcome, Rejected, Unavailable, Unknown


@dataclass
class FarSide:
    """A mail service that does what it is told and remembers which emails customers got.

    Of emails with one message id, customers get each only once if it `removes_duplicates`, provided that all of it
    was repeated.
    """

    removes_duplicates: bool
    name: str = "outbox"
    timeout_seconds: float = 1.0
    script: list[str] = field(default_factory=list)
    got: list[tuple[datetime, Envelope]] = field(default_factory=list)
    before: Callable[[Envelope], None] = lambda _: None

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        self.before(envelope)
        outcome = self.script.pop(0) if self.script else "accepted"
        if outcome in {"accepted", "taken, no answer"} and not (
            self.removes_duplicates and any(envelope == other for _, other in self.got)
        ):
            self.got.append((now, envelope))
        match outcome:
            case "accepted":
                return Accepted("ref")
            case "rejected":
                return Rejected("no such mailbox")
            case "mailbox busy":
                return Deferred("greylisted", account_wide=False)
            case "throttled":
                return Deferred("slow down", until=now + timedelta(seconds=30))
            case "throttled without a time":
                return Deferred("slow down")
            case "down":
                return Unavailable("no route")
            case "wrong key":
                return Unavailable("401", needs_person=True)
            case "adapter fails":
                raise RuntimeError("a fault of the adapter")
        return Unknown("no answer")

    def close(self) -> None:
        """Nothing is held open."""

    @contextmanager
    def says(self, outcomes: list[str]) -> Iterator[None]:
        """These, one a send, for as long as this lasts; then it takes everything."""
        self.script = list(outcomes)
        yield
        self.script = []


OUTCOMES = st.lists(
    st.sampled_from(
        ["accepted", "accepted", "taken, no answer", "not taken, no answer", "rejected", "mailbox busy",
         "throttled", "throttled without a time", "down", "wrong key", "adapter fails"]
    ),
    max_size=3,
)  # fmt: skip
