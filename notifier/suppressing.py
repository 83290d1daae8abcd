"""Who must get no mail: addresses that bounced or complained, and customers who want no reminders.

A message to such an address is held when it is due, not earlier, so that lifting a suppression gives back what is
still true. Every function takes a session inside a transaction and the time `now`.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from notifier import answering
from notifier.db import facts as store
from notifier.db import suppressions
from notifier.db.facts import Order
from notifier.db.suppressions import Naming
from notifier.db.tables import Suppression
from notifier.domain.message import Kind, Scope
from notifier.planning import replan

LIFTED = "its address gets mail again"


def suppress(
    session: Session, store_id: str, address: str, scope: Scope, reason: str, source: str, now: datetime
) -> tuple[Suppression, bool]:
    """Write no more to this address within `scope`; True where it was not suppressed so already."""
    return suppressions.add(session, store_id, address, scope, reason, source, now)


def lift(session: Session, rows: Sequence[Suppression], naming: Naming, now: datetime) -> None:
    """Write to these addresses again, beginning with what was held and is still true."""
    suppressions.remove(session, rows)
    for store_id, address in sorted({(row.store_id, row.address) for row in rows}):
        held = suppressions.orders_held(session, store_id, address, naming)
        store.versions(session, held)
        suppressions.give_back(session, held, LIFTED, now)
        replan(session, store.load(session, held, lock=True).values(), now)


def set_waiting_series(
    session: Session, store_id: str, backorder_id: str, wanted: bool, naming: Naming, now: datetime
) -> None:
    """The customer of this order wants reminders, of all their orders with this store, or wants none.

    Raises NotFound. Other emails go either way.
    """
    answering.set_waiting_series(session, store_id, backorder_id, wanted, now)
    email = store.load(session, [backorder_id])[backorder_id].row.email
    if not wanted:
        suppress(session, store_id, email, Scope.WAITING, "the customer wants no reminders", "customer", now)
    else:
        found = suppressions.find(
            session, store_id, address=email, naming=naming, scope=Scope.WAITING, limit=2
        )
        lift(session, found, naming, now)


def is_quiet(session: Session, order: Order, naming: Naming) -> bool:
    """Whether the address of this order gets no reminders."""
    address = (order.row.store_id, order.row.email)
    return (
        suppressions.against(suppressions.of(session, [address], naming).get(address, ()), Kind.COUNTDOWN)
        is not None
    )
