"""A restock of many orders whose worker is killed again and again: no unit is given twice, and none is lost."""

import signal
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import col, select

from notifier import inbound, intake, restocking
from notifier.db.engine import reading
from notifier.db.restock_tables import Restock, RestockShare
from notifier.db.tables import BackorderLine, Fact, MessageRow, Store
from notifier.dispatch import dispatch
from notifier.domain.supply import Rule
from notifier.inbound.wishes import NewInbound
from notifier.inputs import NewRestock
from tests.e2e import mover
from tests.e2e.mover import CHUNK
from tests.e2e.test_crash import FORKS
from tests.house import NOON, House, order

SKU = "ORN-RED"
ORDERS = 4 * CHUNK
NEEDS = [n % 4 + 1 for n in range(ORDERS)]


def carry_on(url: str, last: int) -> int | None:
    process = FORKS.Process(target=mover.hand_out, args=(url, NOON.isoformat(), last))
    process.start()
    process.join(120)
    return process.exitcode


@pytest.fixture
def shop(engine: Engine) -> House:
    """A store with orders that wait for one SKU, the oldest first."""
    house = House(engine)
    with house.writing() as session:
        store = session.get_one(Store, house.store_id)
        news = [
            order(
                f"{n:05}",
                placed_at=NOON - timedelta(days=1, seconds=-n),
                lines=[{"sku": SKU, "name": "Ornament", "quantity": need, "eta": "2026-12-20"}],
            )
            for n, need in enumerate(NEEDS)
        ]
        intake.register_many(session, store, news, NOON)
    return house


def by_restock(rule: Rule) -> Callable[[House, int], None]:
    def arrive(house: House, units: int) -> None:
        with house.writing() as session:
            new = NewRestock(sku=SKU, quantity=units, rule=rule)
            restocking.restock(session, session.get_one(Store, house.store_id), new, NOON)

    return arrive


def by_shipment(house: House, units: int) -> None:
    body = {"reference": "PO-7", "lines": [{"sku": SKU, "quantity": units}], "eta": None, "stage": "arrived"}
    with house.writing() as session:
        store = session.get_one(Store, house.store_id)
        inbound.register(session, store, NewInbound.model_validate(body), NOON)


def expected(units: int, rule: Rule) -> list[int]:
    """What each order gets, told as people tell it."""
    got = [0] * ORDERS
    if rule == "fifo":
        for n, need in enumerate(NEEDS):
            got[n] = min(need, units - sum(got[:n]))
        return got
    while units and got != NEEDS:
        for n, need in enumerate(NEEDS):
            if units and got[n] < need:
                got[n], units = got[n] + 1, units - 1
    return got


def given(house: House) -> tuple[list[int], Restock]:
    """What each order has, the oldest first, as facts and the restock's list say too; and how far it is."""
    told, listed = Counter[str](), Counter[str]()
    with reading(house.engine) as session:
        rows = session.exec(select(BackorderLine).order_by(BackorderLine.backorder_id)).all()
        for fact in session.exec(select(Fact).where(Fact.kind == "allocated")):
            told[fact.backorder_id] += fact.data["quantity"]
        for share in session.exec(select(RestockShare)):
            listed[share.backorder_id] += share.units
        job = session.exec(select(Restock)).one()
    assert +Counter({row.backorder_id: row.allocated for row in rows}) == told == listed
    return [row.allocated for row in rows], job


@pytest.mark.parametrize(
    ("arrive", "rule"),
    [(by_restock("fifo"), "fifo"), (by_restock("fair"), "fair"), (by_shipment, "fifo")],
    ids=["fifo", "fair", "shipment"],
)
def test_it_is_finished_at_the_next_start_and_no_unit_is_given_twice(
    shop: House, database_url: str, arrive: Callable[[House, int], None], rule: Rule
) -> None:
    units = sum(NEEDS) - ORDERS // 2
    whole = expected(units, rule)
    arrive(shop, units)
    assert given(shop)[0] == [0] * ORDERS
    for chunks_done, last in ((0, 1), (1, 2), (1, 1), (2, 2)):
        assert carry_on(database_url, last) == -signal.SIGKILL
        got, job = given(shop)
        done = chunks_done * CHUNK
        assert got == whole[:done] + [0] * (ORDERS - done)
        assert (job.left, job.done, job.finished_at) == (units - sum(got), done, None)
    assert dispatch(shop.post)  # sending goes on meanwhile
    assert carry_on(database_url, 0) == 0
    got, job = given(shop)
    assert got == whole
    served = sum(bool(units) for units in whole)
    assert (job.left, job.done, job.total, job.finished_at) == (0, served, served, NOON)
    with reading(shop.engine) as session:
        reminders = session.exec(
            select(MessageRow.backorder_id, MessageRow.status, MessageRow.reason).where(
                col(MessageRow.kind) == "countdown"
            )
        ).all()
        filled = {
            row.backorder_id for row in session.exec(select(BackorderLine)) if row.allocated == row.quantity
        }
    assert {id_ for id_, status, why in reminders if (status, why) == ("cancelled", "set_aside")} == filled
