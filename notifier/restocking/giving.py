"""Units that are set aside for orders, small or large restock: who gets them, and what is written of it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from notifier import telling
from notifier.db import gathered, policies, restocks, supply
from notifier.db.alike import Shapes, Sketch, changed_alone
from notifier.db.codec import policy_from_json
from notifier.db.gathered import Gathered
from notifier.domain.supply import Pile, Rule, Share, Waiting, along, pile, served
from notifier.planning import replan_alike

Orders = Mapping[str, Gathered]
"""Orders by id, as they stand with the line that is of one SKU."""


def heap(
    session: Session, store_id: str, sku: str, units: int, rule: Rule, known_by: datetime | None = None
) -> Pile:
    """Units at the head of the queue as it is now."""
    needs = restocks.needs(session, store_id, sku, known_by) if rule == "fair" else None
    return pile(units, rule, needs)


def sharing(
    session: Session,
    store_id: str,
    sku: str,
    start: Pile,
    *,
    known_by: datetime | None = None,
) -> Iterator[Share]:
    """Who gets units of it, the oldest order first, as the queue is now."""
    lines = restocks.queue(
        session, store_id, [sku], known_by=known_by, limit=start.left
    )  # each gets one at least
    for share, _ in along(start, (queued.line for queued in lines)):
        yield share


def count_served(
    session: Session,
    store_id: str,
    sku: str,
    start: Pile,
    needs: Mapping[int, int],
    known_by: datetime | None = None,
) -> int:
    """How many orders get units of it, as the queue is now; only where it must be is it gone along."""
    count = served(start, needs)
    if count is None:
        count = sum(1 for _ in sharing(session, store_id, sku, start, known_by=known_by))
    return count


def locked(session: Session, store_id: str, sku: str, ids: Collection[str]) -> Orders:
    """These orders, which stay so until the transaction ends, as does what their store's policy says."""
    own = policy_from_json(policies.steady(session, store_id).policy).skus.keys()
    found = gathered.read(session, sorted(ids), sku, own, lock=True)
    return {order.id: order for order in gathered.orders(found)}


def lacked(order: Gathered | None) -> int:
    """How many units the line lacks now; none, if it is gone."""
    return int(order.waiting) - int(order.allocated) if order else 0


def lacks(orders: Orders) -> Callable[[Waiting], Waiting]:
    """Of those orders, which are locked, a line as it is now."""

    def now(line: Waiting) -> Waiting:
        needed = lacked(orders.get(line.backorder_id))
        return Waiting(line.backorder_id, line.line_id, needed, line.placed_at)

    return now


def set_aside(
    session: Session,
    store_id: str,
    orders: Mapping[str, Orders],
    gifts: Mapping[str, Sequence[Share]],
    now: datetime,
) -> None:
    """Give them, by SKU, to these orders of a store, which are locked; each is changed and planned once."""
    store_row = policies.steady(session, store_id)
    shapes = Shapes(
        policy_from_json(store_row.policy),
        ZoneInfo(store_row.timezone),
        alone=telling.listened(session, store_id),
    )
    changed: dict[str, Sketch] = {}
    for sku, shares in gifts.items():
        for share in shares:
            order = orders[sku][share.backorder_id]
            sketch = shapes.sketch(order, order.eta, here=not share.still_waiting)
            # A shape is of an order of which one line changes.
            changed[order.id] = sketch._replace(shape=None) if order.id in changed else sketch
        before = [(int(orders[sku][it.backorder_id].allocated), it) for it in shares]
        restocks.set_aside(session, store_id, sku, before, now)
    changed_alone(session, changed.values())
    supply.ask(session, store_id, [sku for sku, shares in gifts.items() if shares])
    replan_alike(session, list(changed.values()), {}, now)
