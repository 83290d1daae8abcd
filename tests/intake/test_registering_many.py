"""Orders that are registered together are as if each had come alone, and as their own rows ask for."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

from sqlmodel import col, select

from notifier import intake, planning
from notifier.db import facts as rows
from notifier.db.engine import reading
from notifier.db.tables import DUTY_DAYS, Backorder, BackorderLine, Fact, MessageRow, Store
from notifier.domain.law import standing
from notifier.domain.law.duties import dues
from notifier.inputs import NewBackorder
from tests.house import House, order

CUSTOMERS: tuple[dict[str, Any], ...] = (
    {"email": "jane@example.com", "timezone": "America/New_York", "country": "US", "locale": "en-US"},
    {"email": "jürgen@example.com", "name": 'J. "Ö" \\ 🎁', "timezone": "Asia/Tokyo", "country": "JP"},
    {"email": "marie@example.com", "timezone": "Pacific/Apia", "country": "FR"},
)
LINES: tuple[list[dict[str, Any]], ...] = (
    [{"eta": "2026-12-20"}],
    [{"eta": "2026-12-20", "unit_price": "9.50", "quantity": 2, "highlights": ["Mouth-blown", "“Signed”"]}],
    [{"eta": "2027-01-31", "eta_earliest": "2027-01-20", "promised": "2026-12-20", "reason": "held at customs"}],
    [{"eta": None}, {"eta": "2026-12-03", "essential_date": True, "image_url": "https://shop.example/a b.jpg"}],
    [{"eta": "2026-12-20", "related": [{"name": "Hooks", "url": "https://shop.example/hooks"}]}],
    [{"eta": "2027-03-01", "promised": "2026-12-01"}, {"eta": None, "promised": "2026-10-01"}],
)  # fmt: skip
LONG_AGO = {"placed_at": "2026-09-20T23:30:00.000001-05:00"}
TERMS: tuple[dict[str, Any], ...] = (
    {},
    LONG_AGO | {"order_url": "https://shop.example/1"},
    {"payment": {"expires": "2026-12", "paid": "20.00", "shipping": "4.00", "seller_credit": True}},
)


def every_kind() -> list[NewBackorder]:
    """Of each kind two, which differ in what only people read."""
    news = []
    for number, (customer, lines, terms, name) in enumerate(product(CUSTOMERS, LINES, TERMS, "ab")):
        placed = LONG_AGO if lines is LINES[-1] else {}
        goods = [
            {"sku": f"SKU-{place}-{name}", "name": f"Lamp {name}", "quantity": 1} | line
            for place, line in enumerate(lines)
        ]
        news.append(order(str(number), currency="USD", customer=customer, lines=goods, **placed | terms))
    return news


def register(house: House, news: list[NewBackorder]) -> None:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        results = intake.register_many(session, shop, news, house.clock.now)
    assert all(isinstance(it, intake.Registered) for it in results), results


def kept(house: House, order_ids: list[str]) -> list[object]:
    """All rows of these orders but for their ids."""
    with reading(house.engine) as session:
        found: list[object] = []
        for order_id in order_ids:
            row = session.exec(select(Backorder).where(Backorder.order_id == order_id)).one()
            lines = session.exec(
                select(BackorderLine)
                .where(BackorderLine.backorder_id == row.id)
                .order_by(col(BackorderLine.position))
            ).all()
            place = {line.id: number for number, line in enumerate(lines)}
            messages = session.exec(
                select(MessageRow).where(MessageRow.backorder_id == row.id).order_by(MessageRow.id)
            ).all()
            facts = session.exec(select(Fact).where(Fact.backorder_id == row.id)).all()
            found += [it.model_dump(exclude={"id", "backorder_id"}) for it in (row, *lines, *facts)]
            found += [
                it.model_dump(exclude={"id", "backorder_id", "says"})
                | {"says": {place[line_id]: said for line_id, said in it.says.items()}}
                for it in messages
            ]
        return found


def test_together_they_are_what_each_would_be_alone(house: House) -> None:
    news = every_kind()
    ids = [new.order_id for new in news]
    register(house, news)
    alone = House(house.engine, house.clock, store_id="store_2")
    for new in news:
        register(alone, [new.model_copy(update={"order_id": f"{new.order_id} alone"})])
    together, each = kept(house, ids), kept(house, [f"{id_} alone" for id_ in ids])
    own = {"store_id", "order_id", "content"}
    assert [_but(row, own) for row in together] == [_but(row, own) for row in each]


def _but(row: Any, names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_their_rows_are_what_planning_makes_of_them(house: House) -> None:
    register(house, every_kind())
    now = house.clock.now
    with house.writing() as session:
        orders = rows.load(session, session.exec(select(Backorder.id)).all(), lock=True)
        for it in orders.values():
            assert not planning.changes_of(it, now)
            bare = replace(it.facts, messages=())
            for row, line in zip(it.lines, it.facts.lines, strict=True):
                where = standing(bare, line, it.policy, now)
                days = dues(where)
                assert row.law_state == where.state
                assert [getattr(row, day) for day in DUTY_DAYS] == [getattr(days, day) for day in DUTY_DAYS]
        before = {it.row.id: it.row.model_dump() for it in orders.values()}
        planning.replan(session, orders.values(), now)
        session.expire_all()
        after = {row.id: row.model_dump() for row in session.exec(select(Backorder))}
    assert after == before


def test_what_comes_within_one_second_is_registered_by_it_and_planned_the_same(house: House) -> None:
    news, began = every_kind(), house.clock.now.replace(microsecond=0)
    house.clock.now = began + timedelta(milliseconds=1)
    register(house, news[0::2])
    house.clock.now = began + timedelta(milliseconds=999)
    register(house, news[1::2])
    house.clock.now = began + timedelta(seconds=1)
    register(house, [order("a second later", customer=CUSTOMERS[0])])
    with reading(house.engine) as session:
        loaded = rows.load(session, session.exec(select(Backorder.id)).all()).values()
        times = {it.row.order_id: it.row.registered_at for it in loaded}
        assert times.pop("a second later") == began + timedelta(seconds=1)
        assert set(times.values()) == {began}
        assert not any(planning.changes_of(it, began + timedelta(seconds=1)) for it in loaded)
