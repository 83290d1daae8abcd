"""Plays a dated story through the real engine on a virtual clock: what would the customer get, and when?"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from sqlmodel import Session

from notifier import intake, skus
from notifier.db import facts as store
from notifier.db import played
from notifier.db.engine import reading, transaction
from notifier.db.planned import next_due
from notifier.db.registering import registered
from notifier.db.sweep import sweep
from notifier.db.tables import Store
from notifier.delivery import Post
from notifier.dispatch import dispatch, resend_doubtful
from notifier.domain.law import standing
from notifier.domain.law.course import given
from notifier.domain.message import Kind, Status
from notifier.errors import Invalid, NotFound, NotifierError
from notifier.faults import faults
from notifier.feedback import report
from notifier.inputs import (
    BackorderChange,
    Day,
    EtaChange,
    Input,
    Moment,
    NewAnswer,
    NewBackorder,
    NewCancellation,
    NewRefund,
    NewRestock,
    NewShipment,
    NewStoreInput,
    PolicyInput,
    SkuEta,
    Text,
    WithEta,
)
from notifier.planning import watch
from notifier.providers.base import Accepted, Envelope, Outcome

SETTLED_BY = timedelta(days=400)
"""How long a story without an `until` goes on after its last event."""


class ScenarioError(NotifierError):
    """A story that can't be read, or that can't have happened; names the event by its number, from 1."""

    status, slug, title = 422, "scenario", "Impossible scenario"


# --- the story ------------------------------------------------------------------------------------------


class _Event(Input):
    at: Moment


class _OfOrder(_Event):
    order_id: Text


class Register(_Event):
    do: Literal["register"]
    backorder: NewBackorder


class MoveEta(_OfOrder, WithEta):
    do: Literal["eta"]
    sku: Text
    eta: Day | None = Field(...)
    reason: Text | None = None


class MoveSkuEta(_Event, WithEta):
    do: Literal["sku_eta"]
    sku: Text
    eta: Day | None = Field(...)
    reason: Text | None = None


class Restock(_Event, NewRestock):
    do: Literal["restock"]


class Ship(_OfOrder, NewShipment):
    do: Literal["ship"]


class Say(_OfOrder, NewAnswer):
    do: Literal["answer"]


class CancelOrder(_OfOrder, NewCancellation):
    do: Literal["cancel"]


class RefundOrder(_OfOrder, NewRefund):
    do: Literal["refund"]


class Bounce(_OfOrder):
    do: Literal["bounce"]
    kind: Kind


Event = Annotated[
    Register | MoveEta | MoveSkuEta | Restock | Ship | Say | CancelOrder | RefundOrder | Bounce,
    Field(discriminator="do"),
]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class ScenarioStore(NewStoreInput):
    name: Text = "Simulated shop"


class Scenario(Input):
    """A store, its policy, and what happens, in any order of writing: it is played in order of time."""

    store: ScenarioStore = ScenarioStore()
    policy: PolicyInput = PolicyInput()
    events: list[Any]
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its number in the story, from 1."""

    number: int
    event: Event


def read_scenario(path: Path) -> tuple[Scenario, list[Numbered]]:
    """A scenario file. Raises ScenarioError with the event's number and what is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ScenarioError(f"line {error.lineno}, column {error.colno} is not JSON: {error.msg}") from None
    except ValueError as error:  # a number of thousands of digits
        raise ScenarioError(f"can't be read: {error}") from None
    except RecursionError:
        raise ScenarioError("is nested too deeply") from None
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(_wrong(error)) from None
    return scenario, read_events(scenario.events)


def read_events(events: Sequence[Any]) -> list[Numbered]:
    """The events in order of time; those at one instant keep the order in which they were written."""
    numbered = []
    for number, raw in enumerate(events, start=1):
        try:
            numbered.append(Numbered(number, _EVENT.validate_python(raw)))
        except ValidationError as error:
            kind = raw.get("do") if isinstance(raw, dict) else None
            raise ScenarioError(f"event {number}: {_wrong(error, kind)}") from None
    return sorted(numbered, key=lambda item: item.event.at)


def _wrong(error: ValidationError, event: object = None) -> str:
    """The faults in a line; those of an event are named by their place in it."""
    found = [(fault.pointer.removeprefix(f"/{event}"), fault.detail) for fault in faults(error)]
    return "; ".join(f"{place}: {detail}" if place else detail for place, detail in found)


# --- the stage ------------------------------------------------------------------------------------------


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
        self._post, self._clock, self._store_id = post, clock, store_id
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
            with reading(self._post.engine) as session:
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
            with transaction(self._post.engine) as session:
                busy = any(sweep(session, self._clock.now).values())
            while watch(self._post.engine, self._clock.now) or skus.carry_on(
                self._post.engine, self._clock.now
            ):
                busy = True
            yield from self._law_changes()
            while dispatch(self._post) or resend_doubtful(self._post):
                busy = True
            yield from self._sent()

    def _sent(self) -> Iterator[Line]:
        with reading(self._post.engine) as session:
            left = played.sent_at(session, self._store_id, self._clock.now)
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
        with reading(self._post.engine) as session:
            rows = played.law_states(session, self._store_id)
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

    # --- events ---

    def _apply(self, item: Numbered) -> None:
        try:
            with transaction(self._post.engine) as session:
                self._happen(session, item.event, item.number)
        except ScenarioError:
            raise
        except NotifierError as error:
            raise ScenarioError(f"event {item.number}: {error.detail}") from None

    def _happen(self, session: Session, event: Event, number: int) -> None:
        if isinstance(event, _OfOrder):
            self._happen_to(session, event, self._find(session, event), number)
            return
        now, store_row = self._clock.now, session.get_one(Store, self._store_id)
        match event:
            case Register():
                if not intake.register(session, store_row, event.backorder, now).created:
                    raise Invalid(f"order {event.backorder.order_id!r} is registered already")
            case MoveSkuEta():
                wanted = SkuEta(
                    eta=event.eta, eta_earliest=event.eta_earliest, reason=event.reason, confirm=True
                )
                skus.change_eta(session, store_row, event.sku, wanted, now)
            case Restock():
                skus.restock(session, store_row, event, now)

    def _happen_to(self, session: Session, event: _OfOrder, backorder_id: str, number: int) -> None:
        now, store_id = self._clock.now, self._store_id
        match event:
            case MoveEta():
                change = EtaChange(
                    sku=event.sku, eta=event.eta, eta_earliest=event.eta_earliest, reason=event.reason
                )
                intake.change(session, store_id, backorder_id, BackorderChange(lines=[change]), now)
            case Ship():
                intake.ship(session, store_id, backorder_id, event, now)
            case Say():
                intake.answer(session, store_id, backorder_id, event, now)
            case CancelOrder():
                intake.cancel(session, store_id, backorder_id, event, now)
            case RefundOrder():
                intake.refund(session, store_id, backorder_id, event, now)
            case Bounce():
                self._bounce(session, event, backorder_id, number)

    def _find(self, session: Session, event: _OfOrder) -> str:
        known = registered(session, self._store_id, [event.order_id])
        if event.order_id not in known:
            raise NotFound(f"no order {event.order_id!r} is registered by then")
        return known[event.order_id][0]

    def _bounce(self, session: Session, event: Bounce, backorder_id: str, number: int) -> None:
        message = played.last_sent(session, backorder_id, event.kind)
        if message is None:
            raise Invalid(
                f"no {event.kind.value} email of order {event.order_id!r} had been sent that could bounce"
            )
        now = self._clock.now
        report(session, "simulation", f"event {number}", message.id, Status.BOUNCED, now, now)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
