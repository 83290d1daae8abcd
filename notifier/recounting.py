"""Prints what came of a story, for people: a calendar of what each customer gets, why, and why not the rest."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from notifier.simulate import Scenario
from notifier.simulate.outcome import Outcome, Reader, Told

STYLES = {"message": "bold", "law": "yellow", "not_sent": "dim", "planned": "dim", "fact": "cyan"}


def calendar(scenario: Scenario, outcome: Outcome) -> RenderableType:
    """The whole story, customer by customer, each on their own clock."""
    return Group(*_parts(scenario, outcome))


def _parts(scenario: Scenario, outcome: Outcome) -> Iterator[RenderableType]:
    for words in filter(None, (scenario.title, scenario.why)):
        yield Text(words)
    for customer in outcome.customers:
        orders = ", ".join(customer.orders)
        yield Text(
            f"\n{customer.name or customer.email} <{customer.email}>, {customer.timezone}, order {orders}"
        )
        yield _table(customer)


def _table(customer: Reader) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    several = len(customer.orders) > 1
    for _ in range(2 + several):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    zone, before = ZoneInfo(customer.timezone), ""
    for told in customer.told:
        local = told.at.astimezone(zone)
        day = f"{local:%a} {local.day} {local:%b %Y}"
        table.add_row(
            day if day != before else "",
            f"{local:%H:%M}",
            *[told.order_id] * several,
            Text(_words(told, zone), STYLES[told.event]),
        )
        before = day
    return table


def _words(told: Told, zone: ZoneInfo) -> str:
    lines = ", ".join(told.lines)
    match told.event:
        case "message":
            fate = f" ({told.status})" if told.status not in {"sent", "delivered"} else ""
            return f"EMAIL {told.kind}{fate}: {told.subject}\nwhy: {told.why}"
        case "not_sent":
            return f"no {told.kind} email{_for(told.due, zone)}: {told.why}"
        case "planned":
            return f"planned: {told.kind} email of {lines}; {told.why}"
        case "law":
            return f"law: {lines} is {told.kind}" + (f": {told.why}" if told.why != told.kind else "")
        case _:
            return told.why


def _for(due: datetime | None, zone: ZoneInfo) -> str:
    if due is None:
        return ""
    local = due.astimezone(zone)
    return f" on {local:%a} {local.day} {local:%b}, {local:%H:%M}"
