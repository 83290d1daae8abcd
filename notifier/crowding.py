"""Whether a customer was written enough for now: across all their orders at a store, before a reminder leaves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from notifier.addresses import fold
from notifier.db import spacing
from notifier.db.facts import Order
from notifier.db.spacing import Sent
from notifier.domain.message import CHANGE_OF_DATE, WAITING_SERIES, Kind
from notifier.domain.policy import at_local, into_window, local_day
from notifier.domain.spacing import free_at, horizon


@dataclass(frozen=True, slots=True)
class Wait:
    """A message must wait until then."""

    until: datetime
    reason: str


def address(order: Order) -> spacing.Address:
    """Whose order it is: mailboxes that differ in case only are one customer."""
    return order.row.store_id, fold(order.row.email)


@dataclass(frozen=True, slots=True)
class Lately:
    """What customers were written lately (`sent`), and when word of a moved date is `due` to them, from now on."""

    sent: Mapping[spacing.Address, Sequence[Sent]]
    due: Mapping[spacing.Address, Sequence[datetime]]

    def too_much(self, order: Order, written: Sequence[str], now: datetime) -> Wait | None:
        """Until when another reminder for this order must wait, if it must.

        `written` are the orders of the same customer that this very batch sends a reminder for.
        """
        zone, window, whose = order.facts.customer.zone, order.policy.send_window, address(order)
        sent = [*self.sent.get(whose, ()), *(Sent(other, Kind.COUNTDOWN, now) for other in written)]
        reminders = [it for it in sent if it.kind in WAITING_SERIES]
        own = [it.at for it in reminders if it.backorder_id == order.row.id]
        others = [it.at for it in reminders if it.backorder_id != order.row.id]
        free = free_at(own, others, order.policy)
        if free is not None and free > now:
            return Wait(into_window(free, window, zone), "waits: another was just sent to this address")
        today = local_day(now, zone)
        moves = [it.at for it in sent if it.kind in CHANGE_OF_DATE]
        if any(local_day(at, zone) == today for at in (*moves, *self.due.get(whose, ()))):
            tomorrow = at_local(today + timedelta(days=1), window.start, zone)
            return Wait(
                into_window(tomorrow, window, zone), "waits: the customer hears of a moved date on this day"
            )
        return None


def look(
    session: Session, addresses: Collection[spacing.Address], orders: Iterable[Order], now: datetime
) -> Lately:
    """What these customers were written. Asks the database only where a reminder is about to leave."""
    if not addresses:
        return Lately({}, {})
    since = now - horizon(order.policy for order in orders)
    sent = spacing.sent_to(session, addresses, WAITING_SERIES | CHANGE_OF_DATE, since)
    due = spacing.planned_for(session, addresses, CHANGE_OF_DATE, now + timedelta(days=1))
    return Lately(sent, {whose: [max(at, now) for at in times] for whose, times in due.items()})
