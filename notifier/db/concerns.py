"""What of a store concerns its new orders. For most orders it is nothing, so all is asked for at once."""

import json
from collections.abc import Collection
from enum import StrEnum
from functools import cache

from sqlalchemy import TextClause, text
from sqlmodel import Session

_ASKED = "concerns"


class Concern(StrEnum):
    LISTENER = "listener"
    """An endpoint wants to be told."""
    SPARE = "spare"
    """Units of one of these SKUs are on their way that nobody waits for yet."""
    LATE = "late"
    """Dates of one of these SKUs, or of some supplier, are missed more often than not."""


def concerns(session: Session, store_id: str, skus: Collection[str]) -> set[Concern]:
    """Which of these may concern orders of these SKUs; asked for once in a transaction."""
    asked: dict[str, tuple[frozenset[str], set[Concern]]] = session.info.setdefault(_ASKED, {})
    known, found = asked.get(store_id, (frozenset(), set()))
    if not known.issuperset(skus):
        sqlite = session.get_bind().dialect.name == "sqlite"
        given = json.dumps(list(skus)) if sqlite else list(skus)
        rows = session.execute(_question(sqlite=sqlite), {"store": store_id, "skus": given})
        found = {Concern(name) for name in rows.scalars()}
        asked[store_id] = frozenset(skus), found
    return found


_QUESTION = """
SELECT 'listener' WHERE EXISTS (SELECT 1 FROM webhook_endpoint WHERE store_id = :store)
UNION ALL
SELECT 'spare' WHERE EXISTS (
    SELECT 1 FROM inbound_line WHERE store_id = :store AND sku = :skus AND arrived_at IS NULL AND spare > 0
)
UNION ALL
SELECT 'late' WHERE EXISTS (
    SELECT 1 FROM sku_outlook WHERE store_id = :store AND sku = :skus AND likely > 0
    UNION ALL
    SELECT 1 FROM supplier_outlook WHERE store_id = :store AND likely > 0
)
"""


@cache
def _question(*, sqlite: bool) -> TextClause:
    one_of = "IN (SELECT value FROM json_each(:skus))" if sqlite else "= ANY(:skus)"
    return text(_QUESTION.replace("= :skus", one_of))
