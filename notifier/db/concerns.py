"""What is to be known before orders are registered: which are there already, and what of their store concerns them.

For most orders nothing does. Each question costs a way to the database and back, so all is asked for at once.
"""

import re
from collections.abc import Collection
from enum import StrEnum
from functools import cache

from sqlmodel import Session

from notifier.db import bulk

_ASKED = "concerns"


class Concern(StrEnum):
    LISTENER = "listener"
    """An endpoint wants to be told."""
    SPARE = "spare"
    """Units of one of these SKUs are on their way that nobody waits for yet."""
    LATE = "late"
    """Dates of one of these SKUs, or of some supplier, are missed more often than not."""


def registered(
    session: Session, store_id: str, order_ids: Collection[str], skus: Collection[str] = ()
) -> dict[str, tuple[str, str]]:
    """By order id, the id and the content digest of the orders that this store has registered.

    What concerns orders of these SKUs is known from then on.
    """
    postgresql = session.get_bind().dialect.name == "postgresql"
    asked = {
        "store": store_id,
        **bulk.listed(session, order_ids, "orders"),
        **bulk.listed(session, skus, "skus"),
    }
    rows = session.connection().exec_driver_sql(_question(postgresql=postgresql), asked).all()
    found = {Concern(name) for name, backorder_id, _ in rows if backorder_id is None}
    _known(session)[store_id] = frozenset(skus), found
    return {order_id: (backorder_id, content) for order_id, backorder_id, content in rows if backorder_id}


def concerns(session: Session, store_id: str, skus: Collection[str]) -> set[Concern]:
    """Which of these may concern orders of these SKUs; asked for once in a transaction."""
    known, found = _known(session).get(store_id, (frozenset[str](), set[Concern]()))
    if not known.issuperset(skus):
        registered(session, store_id, (), skus)
        found = _known(session)[store_id][1]
    return found


def _known(session: Session) -> dict[str, tuple[frozenset[str], set[Concern]]]:
    """By store, of which SKUs this transaction has asked, and what it was told."""
    known: dict[str, tuple[frozenset[str], set[Concern]]] = session.info.setdefault(_ASKED, {})
    return known


_QUESTION = """
SELECT order_id, id, content FROM backorder WHERE store_id = :store AND order_id IN (:orders)
UNION ALL
SELECT 'listener', NULL, NULL WHERE EXISTS (SELECT 1 FROM webhook_endpoint WHERE store_id = :store)
UNION ALL
SELECT 'spare', NULL, NULL WHERE EXISTS (
    SELECT 1 FROM inbound_line WHERE store_id = :store AND sku IN (:skus) AND arrived_at IS NULL AND spare > 0
)
UNION ALL
SELECT 'late', NULL, NULL WHERE EXISTS (
    SELECT 1 FROM sku_outlook WHERE store_id = :store AND sku IN (:skus) AND likely > 0
    UNION ALL
    SELECT 1 FROM supplier_outlook WHERE store_id = :store AND likely > 0
)
"""


@cache
def _question(*, postgresql: bool) -> str:
    """In the words of the driver."""
    if not postgresql:
        return re.sub(r"\((:orders|:skus)\)", r"(SELECT value FROM json_each(\1))", _QUESTION)
    listed = re.sub(r"IN \((:orders|:skus)\)", r"= ANY(\1)", _QUESTION)
    return re.sub(r":(\w+)", r"%(\1)s", listed)
