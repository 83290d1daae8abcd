"""An order's expected dates as an iCalendar feed (RFC 5545): whole days, in no zone."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from icalendar import Calendar, Event

from notifier.domain.order import Facts, Line, OrderStatus
from notifier.domain.policy import local_day
from notifier.domain.story import Move, revisions
from notifier.errors import NotFound
from notifier.pages.html import catalogs
from notifier.pages.order_words import tongue

PRODUCT = "-//Notifier//Order dates//EN"
LOOK_AGAIN = timedelta(hours=6)
"""How often whoever follows the feed should ask again (RFC 7986, 5.7)."""


def calendar(facts: Facts, moves: Sequence[Move], shop: str, address: str, now: datetime) -> bytes:
    """One event for each line that has, or had, a date. Raises NotFound when none ever had.

    The UID of a line's event never changes, and SEQUENCE grows by one with every new date, parcel and cancellation,
    so that a calendar which took an earlier file moves the event instead of adding one, and takes it off when the
    line is cancelled. Where nothing is to come any more because all was cancelled, the whole file says so (RFC 5546).
    """
    events = {
        line.id: event for line in facts.lines if (event := _event(facts, line, moves, shop, address, now))
    }
    if not events:
        raise NotFound("No item of this order has a date yet, so there is nothing to put in a calendar.")
    whole = Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    whole.add("method", "CANCEL" if all(it["status"] == "CANCELLED" for it in events.values()) else "PUBLISH")
    whole.add("x-wr-calname", f"{shop}: {facts.order_id}")
    whole.add("refresh-interval", LOOK_AGAIN, parameters={"VALUE": "DURATION"})
    whole.add("x-published-ttl", "PT6H")
    for event in events.values():
        whole.add_component(event)
    content: bytes = whole.to_ical()
    return content


def _event(
    facts: Facts, line: Line, moves: Sequence[Move], shop: str, address: str, now: datetime
) -> Event | None:
    days = _days(facts, line)
    if days is None:
        return None
    _ = catalogs[tongue(facts.customer).catalog].gettext
    title = _("Shipped: %(name)s") if line.status is OrderStatus.SHIPPED else _("Expected to ship: %(name)s")
    event = Event()
    event.add("uid", f"{line.id}@{facts.backorder_id}.notifier")
    event.add("sequence", _revision(facts, line, moves))
    event.add("dtstamp", now)
    event.add("dtstart", days[0])
    event.add("dtend", days[1] + timedelta(days=1))
    event.add("summary", f"{title % {'name': line.name}} ({shop})")
    event.add("url", address)
    event.add("transp", "TRANSPARENT")
    event.add("status", "CANCELLED" if _off(line) else "CONFIRMED" if line.waiting == 0 else "TENTATIVE")
    return event


def _revision(facts: Facts, line: Line, moves: Sequence[Move]) -> int:
    parcels = sum(bool(parcel.units.get(line.id)) for parcel in facts.shipments)
    return (
        revisions(moves, line.id)
        + parcels
        + sum(bool(gone.units.get(line.id)) for gone in facts.cancellations)
    )


def _days(facts: Facts, line: Line) -> tuple[date, date] | None:
    """The first and the last day of a line's event; for one that lost its date, the day that it once had."""
    if line.waiting == 0 and line.shipped:
        sent = max(parcel.at for parcel in facts.shipments if line.id in parcel.units)
        day = local_day(sent, facts.customer.zone)
        return day, day
    last = line.eta.latest or line.promised
    return (line.eta.earliest or last, last) if last else None


def _off(line: Line) -> bool:
    """Nothing of it is to come on a day that is known: cancelled, or its date was lost."""
    return line.status is OrderStatus.CANCELLED or (line.waiting > 0 and not line.eta.known)
