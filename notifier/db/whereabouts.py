"""Where the goods are that lines of orders wait for."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy
from sqlmodel import Session, col

from notifier.db import bulk
from notifier.db.facts import Order
from notifier.db.inbound_tables import InboundShare, InboundShipment
from notifier.domain.inbound import Stage
from notifier.domain.whereabouts import Whereabouts, of_line

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def of_orders(session: Session, orders: Collection[Order]) -> dict[str, Whereabouts]:
    """By line of these orders, where its goods are; of those that coming shipments cover."""
    lines = {line.id: line.waiting - line.allocated for order in orders for line in order.lines}
    if not lines:
        return {}
    share, ship = InboundShare, InboundShipment
    query = (
        sqlalchemy.select(col(share.line_id), col(share.units), col(ship.stage), col(ship.staged_at))
        .join(ship, col(ship.id) == col(share.shipment_id))
        .where(
            col(share.store_id).in_({order.row.store_id for order in orders}),
            bulk.among(session, col(share.sku), {line.sku for order in orders for line in order.lines}),
            bulk.among(session, col(share.backorder_id), [order.row.id for order in orders]),
        )
    )
    shares: defaultdict[str, list[tuple[int, Whereabouts]]] = defaultdict(list)
    for line_id, units, stage, since in session.execute(query):
        shares[line_id].append((units, Whereabouts(Stage(stage), since or LONG_AGO)))
    found = {id_: of_line(lines[id_], mine) for id_, mine in shares.items() if id_ in lines}
    return {id_: where for id_, where in found.items() if where}
