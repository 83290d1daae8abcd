"""A stage for one store: a clock that stands still until it is set, and the engine as workers run it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from notifier import skus
from notifier.db import facts as store
from notifier.db import played
from notifier.db.engine import reading, transaction
from notifier.db.planned import next_due
from notifier.db.sweep import sweep
from notifier.delivery import Post
from notifier.dispatch import dispatch, resend_doubtful
from notifier.domain.law import standing
from notifier.domain.law.course import given
from notifier.errors import NotifierError
from notifier.inbound import dealing
from notifier.planning import watch
from notifier.providers.base import Accepted, Envelope, Outcome
from notifier.restocking import chunks
from notifier.simulate.happen import happen
from notifier.simulate.story import SETTLED_BY, Numbered, ScenarioError


@dataclass
class VirtualClock:
    """Stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Recorder:
    """A mail service that takes everything and keeps it."""

    name: str = "outbox"
    removes_duplicates: bool = True
    timeout_seconds: float = 1.0
    taken: list[Envelope] = field(default_factory=list)

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        self.taken.append(envelope)
        return Accepted()

    def close(self) -> None:
        """Nothing to give back."""


Line = dict[str, Any]


class Stage:
    """One store, one clock, and the engine as workers run it: `play` puts a story on."""

    def __init__(self, post: Post, clock: VirtualClock, store_id: str) -> None:
        self._post, self._clock, self.store_id = post, clock, store_id
        self.engine = post.engine
        self._reported: set[str] = set()
        self._law: dict[str, str] = {}

    def play(self, events: Sequence[Numbered], until: datetime | None = None) -> Iterator[Line]:
        """Yield what happens, in order of time: emails that leave, and changes of where lines stand in law.

        A fact wins over an email due at the same instant. Raises ScenarioError when an event can't happen.
        """
        for item in events:
            if until is not None and item.event.at > until:
                break
            yield from self._run(item.event.at, short_of=True)
            self._clock.now = max(self._clock.now, item.event.at.astimezone(UTC))
            self._apply(item)
            yield from self._turn()
        yield from self._run(until or self._clock.now + SETTLED_BY)

    def _run(self, until: datetime, *, short_of: bool = False) -> Iterator[Line]:
        """Let time pass up to `until`, stopping wherever a message or an order wants attention."""
        while True:
            with reading(self.engine) as session:
                wake = next_due(session, self._clock.now)
            if wake is None or wake > until or (short_of and wake == until):
                break
            self._clock.now = wake
            yield from self._turn()
        self._clock.now = max(self._clock.now, until.astimezone(UTC))

    def _turn(self) -> Iterator[Line]:
        """What the worker's jobs do at one instant, until nothing is left to do."""
        busy = True
        while busy:
            with transaction(self.engine) as session:
                busy = any(sweep(session, self._clock.now).values())
            while (
                watch(self.engine, self._clock.now)
                or chunks.carry_on(self.engine, self._clock)
                or dealing.carry_on(self.engine, self._clock.now)
                or skus.carry_on(self.engine, self._clock.now)
            ):
                busy = True
            yield from self._law_changes()
            while dispatch(self._post) or resend_doubtful(self._post):
                busy = True
            yield from self._sent()

    def _sent(self) -> Iterator[Line]:
        with reading(self.engine) as session:
            left = played.sent_at(session, self.store_id, self._clock.now)
        for email in left:
            if email.row.id not in self._reported:
                self._reported.add(email.row.id)
                yield {
                    "at": _stamp(self._clock.now),
                    "event": "message",
                    "order_id": email.order_id,
                    "kind": email.row.kind,
                    "subject": email.row.subject,
                    "to": email.row.to_email,
                    "lines": list(email.skus),
                }

    def _law_changes(self) -> Iterator[Line]:
        with reading(self.engine) as session:
            rows = played.law_states(session, self.store_id)
            moved = [
                (line_id, backorder_id)
                for line_id, backorder_id, state in rows
                if self._law.get(line_id, "on_time" if state != "none" else "none") != state
            ]
            orders = store.load(session, {backorder_id for _, backorder_id in moved})
        self._law = {line_id: state for line_id, _, state in rows}
        for line_id, backorder_id in moved:
            yield self._law_line(orders[backorder_id], line_id)

    def _law_line(self, order: store.Order, line_id: str) -> Line:
        line = order.facts.line(line_id)
        where = standing(order.facts, line, order.policy, self._clock.now)
        details = {
            "notice": next(
                (said.notice for _, said in reversed(given(order.facts, line)) if said.notice), None
            ),
            "answer_by": where.answer_by.isoformat() if where.answer_by else None,
            "refund_by": where.refund_by.isoformat() if where.refund_by else None,
        }
        return {
            "at": _stamp(self._clock.now),
            "event": "law",
            "order_id": order.row.order_id,
            "sku": line.sku,
            "state": where.state,
            **{name: value for name, value in details.items() if value is not None},
        }

    def _apply(self, item: Numbered) -> None:
        try:
            with transaction(self.engine) as session:
                happen(session, self.store_id, item, self._clock.now)
        except ScenarioError:
            raise
        except NotifierError as error:
            raise ScenarioError(error.detail, error.faults, event=item.number) from None


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
