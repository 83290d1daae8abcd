"""A story as it is written: the shapes of its events, its limits, and what is wrong with it, by event."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from notifier.domain.message import Kind
from notifier.errors import Fault, NotifierError
from notifier.faults import faults
from notifier.fields import Day, LongText, Moment, Text
from notifier.inputs import (
    CustomerChange,
    Input,
    NewAnswer,
    NewBackorder,
    NewCancellation,
    NewRefund,
    NewRestock,
    NewShipment,
    NewStoreInput,
    WithEta,
)
from notifier.policy_input import PolicyInput
from notifier.simulate.goods import Expect, MoveInbound

MAX_EVENTS = 2_000
MAX_BYTES = 5_000_000
MAX_SPAN = timedelta(days=3653)
"""How long a story may last, from its first event to its end: ten years."""
SETTLED_BY = timedelta(days=400)
"""How long a story without an `until` goes on after its last event."""


class ScenarioError(NotifierError):
    """A story that can't be read, or that can't have happened; `event` is the number of the one to blame, from 1.

    The pointers of its faults lead into that event; without one, into the story.
    """

    status, slug, title = 422, "scenario", "Impossible scenario"

    def __init__(self, detail: str, faults: tuple[Fault, ...] = (), event: int | None = None) -> None:
        super().__init__(f"event {event}: {detail}" if event else detail, faults)
        self.event = event


class _Event(Input):
    at: Moment


class OfOrder(_Event):
    """An event that happens to one order."""

    order_id: Text


class Register(_Event):
    do: Literal["register"]
    backorder: NewBackorder


class MoveEta(OfOrder, WithEta):
    do: Literal["eta"]
    sku: Text
    eta: Day | None = Field(...)
    reason: LongText | None = None


class MoveSkuEta(_Event, WithEta):
    do: Literal["sku_eta"]
    sku: Text
    eta: Day | None = Field(...)
    reason: LongText | None = None


class Restock(_Event, NewRestock):
    do: Literal["restock"]


class Ship(OfOrder, NewShipment):
    do: Literal["ship"]


class Say(OfOrder, NewAnswer):
    do: Literal["answer"]


class CancelOrder(OfOrder, NewCancellation):
    do: Literal["cancel"]


class RefundOrder(OfOrder, NewRefund):
    do: Literal["refund"]


class Bounce(OfOrder):
    do: Literal["bounce"]
    kind: Kind


class Complain(OfOrder):
    do: Literal["complain"]
    kind: Kind


class Unsubscribe(OfOrder):
    do: Literal["unsubscribe"]


class ChangeCustomer(OfOrder):
    do: Literal["customer"]
    customer: CustomerChange


class SetPolicy(_Event):
    do: Literal["policy"]
    policy: PolicyInput


Event = Annotated[
    Register
    | MoveEta
    | MoveSkuEta
    | Restock
    | Expect
    | MoveInbound
    | Ship
    | Say
    | CancelOrder
    | RefundOrder
    | Bounce
    | Complain
    | Unsubscribe
    | ChangeCustomer
    | SetPolicy,
    Field(discriminator="do"),
]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
VERBS = tuple(str(get_args(one.model_fields["do"].annotation)[0]) for one in get_args(get_args(Event)[0]))
"""What an event may `do`."""


class ScenarioStore(NewStoreInput):
    name: Text = "Simulated shop"


class Scenario(Input):
    """A store, its policy, and what happens, in order of time. `title` and `why` are for those who read it."""

    title: Text | None = None
    why: Annotated[str, Field(max_length=1_000)] | None = None
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
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError(f"is larger than {MAX_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError("is not UTF-8 text") from None
    return check_scenario(parse_scenario(text))


def parse_scenario(text: str) -> Any:
    """The JSON of a scenario. Raises ScenarioError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ScenarioError(f"line {error.lineno}, column {error.colno} is not JSON: {error.msg}") from None
    except ValueError as error:  # a number of thousands of digits
        raise ScenarioError(f"can't be read: {error}") from None
    except RecursionError:
        raise ScenarioError("is nested too deeply") from None


def check_scenario(data: Any) -> tuple[Scenario, list[Numbered]]:
    """A scenario, and its events, in order of time and within the limits. Raises ScenarioError."""
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(*_wrong(error)) from None
    if len(scenario.events) > MAX_EVENTS:
        too_many = f"a story may have {MAX_EVENTS:,} events at most, not {len(scenario.events):,}"
        raise ScenarioError(f"/events: {too_many}", (Fault("/events", too_many),))
    events = read_events(scenario.events)
    _refuse_end(scenario, events)
    return scenario, events


def read_events(events: Sequence[Any]) -> list[Numbered]:
    """The events of a story, numbered from 1. Raises ScenarioError at the first that is not in order of time."""
    numbered = []
    for number, raw in enumerate(events, start=1):
        kind = raw.get("do") if isinstance(raw, dict) else None
        if isinstance(raw, dict) and kind not in VERBS:
            wrong = f"is required: one of {', '.join(VERBS)}" if kind is None else _no_verb(kind)
            raise ScenarioError(f"/do: {wrong}", (Fault("/do", wrong),), event=number)
        try:
            numbered.append(Numbered(number, _EVENT.validate_python(raw)))
        except ValidationError as error:
            raise ScenarioError(*_wrong(error, kind), event=number) from None
    for before, after in pairwise(numbered):
        if after.event.at < before.event.at:
            wrong = (
                f"{after.event.at.isoformat()} lies before event {before.number}, "
                f"{before.event.at.isoformat()}; a story runs forward in time"
            )
            raise ScenarioError(f"/at: {wrong}", (Fault("/at", wrong),), event=after.number)
    return numbered


def _no_verb(kind: object) -> str:
    return f"{str(kind)[:40]!r} is no kind of event; there are {', '.join(VERBS)}"


def _refuse_end(scenario: Scenario, events: Sequence[Numbered]) -> None:
    """A story ends after its last event, and no later than `MAX_SPAN` after its first."""
    if not events:
        return
    first, last = events[0], events[-1]
    until = scenario.until or last.event.at
    if last.event.at > until:
        wrong = f"{last.event.at.isoformat()} lies after the story's end, until {until.isoformat()}"
        raise ScenarioError(f"/at: {wrong}", (Fault("/at", wrong),), event=last.number)
    if until - first.event.at > MAX_SPAN:
        wrong = f"{until.isoformat()} lies more than ten years after event 1, {first.event.at.isoformat()}"
        raise ScenarioError(f"/until: {wrong}", (Fault("/until", wrong),))


def _wrong(error: ValidationError, event: object = None) -> tuple[str, tuple[Fault, ...]]:
    """The faults in a line, and one by one; those of an event are named by their place in it."""
    found = tuple(Fault(fault.pointer.removeprefix(f"/{event}"), fault.detail) for fault in faults(error))
    return "; ".join(f"{one.pointer}: {one.detail}" if one.pointer else one.detail for one in found), found
