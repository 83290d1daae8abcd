"""What a reminder says beyond its plan: where the goods are by the time that it leaves."""

from collections.abc import Mapping

from sqlmodel import Session

from notifier.db import whereabouts
from notifier.db.facts import Order
from notifier.domain.message import Kind, Said
from notifier.domain.whereabouts import with_progress


def as_it_goes(session: Session, order: Order, kind: Kind, says: Mapping[str, Said]) -> Mapping[str, Said]:
    """What an email of this kind would say if it left now."""
    if kind is not Kind.WAITING:
        return says
    return with_progress(order.facts, says, whereabouts.of_orders(session, [order]))
