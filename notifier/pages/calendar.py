"""An order's expected dates as an iCalendar file (RFC 5545): whole days, in no zone."""

from datetime import date, datetime, timedelta

from icalendar import Calendar, Event

from notifier.domain.order import Facts, Line, OrderStatus
from notifier.domain.policy import local_day
from notifier.errors import NotFound
from notifier.pages.html import catalogs
from notifier.pages.order_view import tongue

PRODUCT = "-//Notifier//Order dates//EN"


def calendar(facts: Facts, shop: str, address: str, now: datetime) -> bytes:
    """One event for each line that has, or had, a date. Raises NotFound when none ever had.

    The UID of a line's event never changes and SEQUENCE grows with every fact, so that a calendar which took an
    earlier file moves the event instead of adding one, and takes it off when the line is cancelled.
    """
    whole = Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    whole.add("method", "PUBLISH")
    whole.add("x-wr-calname", f"{shop}: {facts.order_id}")
    events = [event for line in facts.lines if (event := _event(facts, line, shop, address, now))]
    if not events:
        raise NotFound("No item of this order has a date yet, so there is nothing to put in a calendar.")
    for event in events:
        whole.add_component(event)
    content: bytes = whole.to_ical()
    return content


def _event(facts: Facts, line: Line, shop: str, address: str, now: datetime) -> Event | None:
    days = _days(facts, line)
    if days is None:
        return None
    _ = catalogs[tongue(facts).catalog].gettext
    title = _("Shipped: %(name)s") if line.status is OrderStatus.SHIPPED else _("Expected to ship: %(name)s")
    event = Event()
    event.add("uid", f"{line.id}@{facts.backorder_id}.notifier")
    event.add("sequence", facts.version)
    event.add("dtstamp", now)
    event.add("dtstart", days[0])
    event.add("dtend", days[1] + timedelta(days=1))
    event.add("summary", f"{title % {'name': line.name}} ({shop})")
    event.add("url", address)
    event.add("transp", "TRANSPARENT")
    event.add("status", "CANCELLED" if _off(line) else "CONFIRMED" if line.waiting == 0 else "TENTATIVE")
    return event


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
