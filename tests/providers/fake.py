"""A mail service that follows a script and counts what reached it: a real provider, without a network."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from notifier.providers.base import Accepted, Envelope, Outcome

Answer = Outcome | Exception | Callable[[Envelope, datetime], Outcome]


@dataclass
class Scripted:
    """Gives the answers of its script, one a send, then accepts everything. Safe for many threads.

    An exception in the script is raised, as only a faulty adapter does. `taken` is what was accepted.
    """

    name: str = "outbox"
    removes_duplicates: bool = False
    timeout_seconds: float = 1.0
    script: list[Answer] = field(default_factory=list)
    always: Answer | None = None
    tried: list[Envelope] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        with self._lock:
            self.tried.append(envelope)
            answer = self.script.pop(0) if self.script else self.always
        if isinstance(answer, Exception):
            raise answer
        outcome = answer(envelope, now) if callable(answer) else answer or Accepted("ref")
        if isinstance(outcome, Accepted):
            with self._lock:
                self.taken.append(envelope)
        return outcome

    def close(self) -> None:
        """Nothing is held open."""

    def counts(self) -> Counter[str]:
        """How often each message was taken, by its id."""
        return Counter(envelope.message_id for envelope in self.taken)
