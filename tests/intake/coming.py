"""Goods on their way as the tests speak of them: announced, changed, worked off, and who waits for them."""

from datetime import date, timedelta
from typing import Any

from sqlmodel import select

from notifier import inbound, skus
from notifier.db import supply
from notifier.db.engine import reading
from notifier.db.inbound_tables import InboundShare
from notifier.db.tables import Store
from notifier.inbound import Done, Effect, dealing
from notifier.inbound.wishes import InboundChange, NewInbound
from tests.house import NOON, House

SKU = "ORN-RED"
LAMP = "LAMP"


def wish(**changes: Any) -> NewInbound:
    body = {"reference": "PO-7", "lines": [{"sku": SKU, "quantity": 4}], "eta": "2026-12-28"}
    return NewInbound.model_validate(body | changes)


def expect(house: House, **changes: Any) -> Done:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return inbound.register(session, shop, wish(**changes), house.clock.now)


def change(house: House, shipment_id: str, **wanted: Any) -> Done:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return inbound.change(
            session, shop, shipment_id, InboundChange.model_validate(wanted), house.clock.now
        )


def preview(house: House, shipment_id: str | None = None, **wanted: Any) -> Effect:
    with reading(house.engine) as session:
        shop = session.get_one(Store, house.store_id)
        if shipment_id is None:
            return inbound.preview_new(session, shop, wish(**wanted), house.clock.now)
        return inbound.preview_change(
            session, shop, shipment_id, InboundChange.model_validate(wanted), house.clock.now
        )


def work(house: House) -> None:
    """What workers carry on."""
    while dealing.carry_on(house.engine, house.clock.now) or skus.carry_on(house.engine, house.clock.now):
        pass


def shares(house: House) -> dict[tuple[str, str, str], int]:
    """By shipment, order and SKU: the units that are waited for."""
    with reading(house.engine) as session:
        rows = session.exec(select(InboundShare)).all()
        return {(row.shipment_id, row.backorder_id, row.sku): row.units for row in rows}


def spare(house: House, shipment_id: str) -> dict[str, int]:
    with reading(house.engine) as session:
        return {row.sku: row.spare for row in supply.lines(session, [shipment_id])[shipment_id]}


def orders(house: House, *quantities: int, eta: str | None = "2026-12-20", **changes: Any) -> list[str]:
    """Orders that wait for so many units each, the oldest first."""
    return [
        house.register(
            f"{number}",
            placed_at=NOON - timedelta(days=20 - number),
            lines=[{"sku": SKU, "name": "Ornament", "quantity": quantity, "eta": eta}],
            **changes,
        )
        for number, quantity in enumerate(quantities)
    ]


def eta(house: House, backorder_id: str, sku: str = SKU) -> date | None:
    return house.line(backorder_id, sku).eta
