"""One order living under the planner: facts arrive, time passes, and what is due is sent, all in memory."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from notifier.domain.eta import Eta
from notifier.domain.law import standing
from notifier.domain.message import WAITING_SERIES, Draft, Kind, Message, Status
from notifier.domain.order import Answer, Cancellation, Choice, Facts, Line, Shipment
from notifier.domain.plan import plan, window_for
from notifier.domain.policy import Policy, into_window
from notifier.domain.reconcile import Changes, reconcile
from notifier.domain.spacing import free_at
from tests.domain.builders import an_order


@dataclass(frozen=True)
class Sending:
    """An email as it left, with what was known just before."""

    draft: Draft
    at: datetime
    facts: Facts
    policy: Policy


class Life:
    """An order from its registration on. `now` only moves forward; every fact plans the order again."""

    def __init__(self, facts: Facts, policy: Policy | None = None, now: datetime | None = None) -> None:
        self.facts, self.policy = facts, policy or Policy()
        self.now = now or facts.registered_at
        self.reasons: list[tuple[str, str]] = []
        """(key, reason) of every email that moved or stopped."""
        self.sendings: list[Sending] = []
        self._attempts: dict[str, datetime] = {}
        self.replan()

    # --- facts ---

    def happens(self, **changed: object) -> None:
        self.facts = replace(self.facts, **changed)  # type: ignore[arg-type]  # the names are those of Facts
        self.replan()

    def moves(self, eta: date | Eta | None, line_id: str = "a") -> None:
        """The store expects another date."""
        new = eta if isinstance(eta, Eta) else Eta(eta)
        self.happens(
            lines=tuple(
                replace(line, eta=new, eta_changed_at=self.now)
                if line.id == line_id and line.waiting and line.eta != new
                else line
                for line in self.facts.lines
            )
        )

    def ships(self, units: int | None = None, line_id: str | None = None) -> None:
        taken = self._take("shipped", units, line_id)
        parcel = Shipment(f"s{len(self.facts.shipments)}", self.now, self.now, taken)
        self.happens(shipments=(*self.facts.shipments, parcel))

    def cancels(self, units: int | None = None, line_id: str | None = None, by: str = "store") -> None:
        taken = self._take("cancelled", units, line_id)
        cancellation = Cancellation(f"c{len(self.facts.cancellations)}", self.now, taken, by)
        self.happens(cancellations=(*self.facts.cancellations, cancellation))

    def keeps(self) -> None:
        """The customer says: keep waiting."""
        self.happens(answers=(*self.facts.answers, Answer(self.now, Choice.KEEP)))

    def _take(self, column: str, units: int | None, line_id: str | None) -> dict[str, int]:
        taken = {
            line.id: line.waiting if units is None else min(units, line.waiting)
            for line in self.facts.waiting_lines
            if line_id in {None, line.id}
        }
        self.facts = replace(
            self.facts,
            lines=tuple(
                replace(line, **{column: getattr(line, column) + taken.get(line.id, 0)})
                for line in self.facts.lines
            ),
        )
        return taken

    def reports(self, message: Message, status: Status) -> None:
        """The mail service says what became of an email."""
        self._write(replace(message, status=status))
        self.replan()

    # --- time ---

    def until(self, then: datetime) -> None:
        """Time passes, and the worker is there."""
        self._send_due()
        while (wake := self._wakes()) is not None and wake <= then:
            self.now = wake
            self._send_due()
        self.now = max(self.now, then)

    def away_until(self, then: datetime) -> None:
        """Time passes, and nothing is sent."""
        self.now = max(self.now, then)

    def _wakes(self) -> datetime | None:
        due = [at for m in self.planned for at in (self._attempts.get(m.id, m.due_at), m.expires_at)]
        clocks = [standing(self.facts, line, self.policy, self.now).changes_at for line in self.facts.lines]
        return min((at for at in [*due, *clocks] if at and at > self.now), default=None)

    def _send_due(self) -> None:
        self.replan()
        for message in self.planned:
            draft = {draft.key: draft for draft in plan(self.facts, self.policy, self.now)}.get(message.key)
            if (
                draft is not None
                and max(draft.due_at, self._attempts.get(message.id, draft.due_at)) <= self.now
            ):
                self._send(message, draft)
                self.replan()

    def _send(self, message: Message, draft: Draft) -> None:
        opens = window_for(draft, self.facts, self.policy, self.now)
        if draft.kind in WAITING_SERIES:
            reminders = [m.sent_at for m in self.sent if m.kind in WAITING_SERIES and m.sent_at]
            free = free_at(reminders, (), self.policy)
            if free is not None and free > self.now:
                opens = into_window(free, self.policy.send_window, self.facts.customer.zone)
        if opens > self.now:
            self._attempts[message.id] = opens
        else:
            self.sendings.append(Sending(draft, self.now, self.facts, self.policy))
            self._write(
                replace(message, status=Status.SENT, sent_at=self.now, says=draft.says, due_at=draft.due_at)
            )

    # --- the outbox ---

    @property
    def planned(self) -> list[Message]:
        found = [m for m in self.facts.messages if m.status is Status.PLANNED]
        return sorted(found, key=lambda m: (m.due_at, m.key))

    @property
    def sent(self) -> list[Message]:
        found = [m for m in self.facts.messages if m.sent_at is not None]
        return sorted(found, key=lambda m: (m.sent_at or m.due_at, m.id))

    @property
    def story(self) -> list[tuple[Kind, datetime]]:
        """What the customer got, and when."""
        return [(m.kind, m.sent_at) for m in self.sent if m.sent_at]

    @property
    def kinds(self) -> list[Kind]:
        return [m.kind for m in self.sent]

    def replan(self) -> None:
        self.apply(self.changes())

    def changes(self) -> Changes:
        return reconcile(plan(self.facts, self.policy, self.now), self.facts, self.policy, self.now)

    def apply(self, changes: Changes) -> None:
        for draft in changes.add:
            self._write(_message(f"m{len(self.facts.messages):04}", draft))
        for move in changes.move:
            assert move.draft.kind is move.message.kind, "a key stands for one kind"
            self._write(_message(move.message.id, move.draft))
            self._attempts.pop(move.message.id, None)
            self.reasons.append((move.message.key, move.reason))
        for stop in changes.stop:
            self._write(replace(stop.message, status=stop.status))
            self.reasons.append((stop.message.key, stop.reason))

    def _write(self, message: Message) -> None:
        others = (m for m in self.facts.messages if m.id != message.id)
        self.facts = replace(self.facts, messages=(*others, message))


def _message(message_id: str, draft: Draft) -> Message:
    return Message(
        message_id,
        draft.key,
        draft.kind,
        Status.PLANNED,
        draft.due_at,
        draft.expires_at,
        draft.says,
        draft.about,
    )


def days(count: float) -> timedelta:
    return timedelta(days=count)


def a_life(*lines: Line, order: dict[str, Any] | None = None, **policy: Any) -> Life:
    """An order's life without law and reminders, unless the policy says otherwise."""
    quiet = {"jurisdiction": "none", "countdown_days": (), "waiting_every_days": None}
    return Life(an_order(*lines, **(order or {})), Policy(**(quiet | policy)))
