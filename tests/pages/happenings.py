"""What came of an answer, as the database has it."""

from sqlmodel import select

from notifier.db.engine import reading
from notifier.db.tables import Backorder, BackorderLine, Fact
from tests.pages.shop import Shop


def happened(shop: Shop, order_id: str, *kinds: str) -> list[Fact]:
    query = select(Fact).where(Fact.backorder_id == shop.ids[order_id]).order_by(Fact.id)
    with reading(shop.services.engine) as session:
        return [fact for fact in session.exec(query) if fact.kind in kinds]


def open_units(shop: Shop, order_id: str) -> dict[str, int]:
    query = select(BackorderLine.sku, BackorderLine.waiting).where(
        BackorderLine.backorder_id == shop.ids[order_id]
    )
    with reading(shop.services.engine) as session:
        return dict(session.exec(query).all())


def locale(shop: Shop, order_id: str) -> str:
    with reading(shop.services.engine) as session:
        return session.get_one(Backorder, shop.ids[order_id]).locale


def law_state(shop: Shop, order_id: str) -> str:
    query = select(BackorderLine.law_state).where(BackorderLine.backorder_id == shop.ids[order_id])
    with reading(shop.services.engine) as session:
        return session.exec(query).one()
