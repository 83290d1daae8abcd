"""What came of a story as the console shows it: months, a line of time for each customer, and their law."""

from calendar import Calendar
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from notifier.pages import plain
from notifier.pages.backorders import FACTS
from notifier.pages.plain import Label
from notifier.simulate.outcome import Outcome, Reader, Told

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Moment:
    """One place on a customer's line of time; `number` is that of an email among all emails of the story."""

    told: Told
    at: datetime
    title: str
    label: Label | None
    number: int | None = None

    @property
    def anchor(self) -> str:
        return f"email-{self.number}"


@dataclass(frozen=True, slots=True)
class Month:
    """Weeks of days; a day of another month is None. `emails` holds those of each day."""

    name: str
    weeks: list[list[date | None]]
    emails: dict[date, list[Moment]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    customer: Reader
    moments: list[Moment]
    months: list[Month]
    law: list[Told]

    @property
    def emails(self) -> int:
        return sum(moment.number is not None for moment in self.moments)


def people(outcome: Outcome) -> list[Person]:
    found, before = [], 0
    for customer in outcome.customers:
        zone = ZoneInfo(customer.timezone)
        moments = list(_moments(customer, zone, before))
        before += sum(moment.number is not None for moment in moments)
        law = [told for told in customer.told if told.event == "law"]
        found.append(Person(customer, moments, list(_months(moments)), law))
    return found


def emails(outcome: Outcome) -> list[Told]:
    """Every email that was sent, in the order of their numbers, from 1."""
    return [told for customer in outcome.customers for told in customer.told if told.event == "message"]


def _moments(customer: Reader, zone: ZoneInfo, number: int) -> Iterator[Moment]:
    for told in customer.told:
        at = told.at.astimezone(zone)
        match told.event:
            case "message":
                number += 1
                yield Moment(
                    told, at, plain.kind(told.kind), plain.message_state(told.status or "sent"), number
                )
            case "not_sent" | "planned":
                state = plain.message_state(told.status or told.event)
                yield Moment(told, at, f"No email: {plain.kind(told.kind)}", state)
            case "law":
                yield Moment(told, at, ", ".join(told.lines), plain.law_state(told.kind))
            case _:
                yield Moment(told, at, FACTS.get(told.kind) or told.kind.replace("_", " ").capitalize(), None)


def _months(moments: Sequence[Moment]) -> Iterator[Month]:
    """The months in which an email was sent; those between without any are left out."""
    sent = [moment for moment in moments if moment.number is not None]
    for (year, month), group in groupby(sent, key=lambda moment: (moment.at.year, moment.at.month)):
        days: dict[date, list[Moment]] = {}
        for moment in group:
            days.setdefault(moment.at.date(), []).append(moment)
        weeks = [
            [day if day.month == month else None for day in week]
            for week in Calendar().monthdatescalendar(year, month)
        ]
        yield Month(f"{date(year, month, 1):%B %Y}", weeks, days)


def said(event: Mapping[str, Any]) -> str:
    """An event of a story that was played, in a sentence."""
    units = ", ".join(f"{line.get('quantity', 'all')} × {line['sku']}" for line in event.get("lines") or ())
    order, sku, day = event.get("order_id"), event.get("sku"), event.get("eta") or "no date"
    why = f": {event['reason']}" if event.get("reason") else ""
    match event["do"]:
        case "register":
            placed = event["backorder"]
            goods = ", ".join(
                f"{line['quantity']} × {line['sku']} for {line.get('eta') or 'no date'}"
                for line in placed["lines"]
            )
            return f"{placed['customer']['email']} places order {placed['order_id']}: {goods}"
        case "eta":
            return f"{sku} of order {order} moves to {day}{why}"
        case "sku_eta":
            return f"{sku} moves to {day} for every order{why}"
        case "ship":
            return f"{units or 'all that is left'} of order {order} ships"
        case "restock":
            return f"{event['quantity']} × {sku} arrive, shared {event.get('rule', 'fifo')}"
        case "answer":
            return f"the customer of order {order} answers: {event['answer']}"
        case "cancel":
            return (
                f"the {event.get('by', 'store')} cancels {units or 'all that is left'} of order {order}{why}"
            )
        case "refund":
            return f"{event['amount']} {event['currency']} of order {order} are sent back"
        case "bounce" | "complain":
            fate = "comes back" if event["do"] == "bounce" else "is called spam"
            return f"the last {event['kind']} email of order {order} {fate}"
        case "unsubscribe":
            return f"the customer of order {order} wants no reminders"
        case "customer":
            return f"the store corrects the customer of order {order}: {', '.join(event['customer'])}"
        case "inbound" | "inbound_move":
            return f"shipment {event['reference']} {_of_shipment(event, units)}{why}"
        case "policy":
            return "the store’s policy becomes another one"
        case other:
            return f"{str(other).replace('_', ' ')} {order or sku or ''}".strip()


def _of_shipment(event: Mapping[str, Any], units: str) -> str:
    if event["do"] == "inbound":
        return f"is on its way with {units}, expected {event.get('eta') or 'no date'}"
    moved = [f"moves to {event['eta'] or 'no date'}"] if "eta" in event else []
    stage = [f"is {event['stage'].replace('_', ' ')}"] if "stage" in event else []
    return " and ".join(moved + stage) or "is corrected"
