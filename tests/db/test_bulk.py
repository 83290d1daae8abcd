"""Rows written in bulk come back as they were, whatever stands in them."""

from collections.abc import Collection
from datetime import date, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from notifier import intake
from notifier.db import bulk, concerns, registering
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.tables import Backorder, BackorderLine, Fact, MessageRow, Store
from notifier.errors import Unavailable
from tests.house import NOON, House, order

AWKWARD = "tab\t, line\n, return\r, back\\slash, \\N, \\., 'quotes', \"more\", 🎁, {brace}, %s, ?, :name"


def fact(house: House, backorder_id: str, **changes: object) -> dict[str, object]:
    return {
        "id": "fact_1",
        "store_id": house.store_id,
        "backorder_id": backorder_id,
        "at": NOON,
        "recorded_at": NOON,
        "kind": AWKWARD,
        "data": {"said": AWKWARD, "list": [1, None, True, {"deep": AWKWARD}]},
    } | changes


def kept(house: House) -> Fact:
    with reading(house.engine) as session:
        return session.exec(select(Fact).where(Fact.id == "fact_1")).one()


@pytest.mark.parametrize("write", [bulk.insert, bulk.insert_new])
def test_text_and_json_come_back_as_they_were(house: House, write: object) -> None:
    backorder_id = house.register()
    with house.writing() as session:
        assert callable(write)
        write(session, "fact", [fact(house, backorder_id)])
    row = kept(house)
    assert (row.kind, row.data) == (AWKWARD, fact(house, backorder_id)["data"])
    assert (row.at, row.at.utcoffset()) == (NOON, NOON.utcoffset())


@pytest.mark.parametrize("write", [bulk.insert, bulk.insert_new])
def test_times_come_back_in_utc_and_those_without_a_zone_are_refused(house: House, write: object) -> None:
    backorder_id = house.register()
    eastern = datetime.fromisoformat("2026-11-20T23:30:00.000001-05:00")
    assert callable(write)
    with house.writing() as session:
        write(session, "fact", [fact(house, backorder_id, at=eastern)])
    assert (kept(house).at, kept(house).at.tzname()) == (eastern, "UTC")
    naive = fact(house, backorder_id, id="fact_2", at=NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="has no zone"), house.writing() as session:
        write(session, "fact", [naive])


def test_changes_in_bulk_come_back_as_they_were_and_touch_no_other_row(house: House) -> None:
    backorder_id = house.register()
    zoned = datetime(2026, 12, 1, 23, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-5)))
    with house.writing() as session:
        bulk.insert(session, "fact", [fact(house, backorder_id, id=f"fact_{n}", kind="x") for n in range(3)])
        rows = [(bulk.stored(session, zoned), AWKWARD, f"fact_{n}") for n in (1, 2)]
        bulk.update_many(session, "fact", ("at", "kind", "id"), rows, also="store_id = store_id")
        bulk.update_many(session, "fact", ("kind", "id"), [])
    with reading(house.engine) as session:
        found = {
            it.id: (it.at, it.kind)
            for it in session.exec(select(Fact).where(col(Fact.id).startswith("fact_")))
        }
    assert found["fact_1"] == found["fact_2"] == (zoned, AWKWARD)
    assert found["fact_0"] == (NOON, "x")


def test_a_day_that_is_changed_in_bulk_stays_that_day_and_may_become_none(house: House) -> None:
    backorder_id = house.register()
    with house.writing() as session:
        line = session.exec(select(BackorderLine).where(BackorderLine.backorder_id == backorder_id)).one()
        for day in (date(2027, 3, 1), None):
            bulk.update_many(session, "backorder_line", ("eta", "id"), [(bulk.stored(session, day), line.id)])
            session.refresh(line)
            assert line.eta == day


def test_of_rows_whose_keys_are_taken_nothing_is_written(house: House) -> None:
    backorder_id = house.register()
    with house.writing() as session:
        assert bulk.insert_new(session, "fact", [fact(house, backorder_id)]) == {"fact_1"}
        more = [fact(house, backorder_id, kind="other"), fact(house, backorder_id, id="fact_2")]
        assert bulk.insert_new(session, "fact", more) == {"fact_2"}
    assert kept(house).kind == AWKWARD


def test_an_order_comes_back_as_it_was_written(house: House) -> None:
    line = {
        "sku": "A\\B 🎁",
        "name": "“Quoted”, it's 100 %",
        "quantity": 2,
        "unit_price": "0.10",
        "eta": "2026-12-20",
        "eta_earliest": "2026-12-18",
        "promised": "2026-12-15",
        "reason": "",
        "highlights": ["one", ""],
        "related": [{"name": "B", "url": "https://shop.example/b"}],
    }
    backorder_id = house.register(lines=[line], currency="USD", payment={"expires": "2026-12"})
    row = house.line(backorder_id, "A\\B 🎁")
    assert isinstance(row, BackorderLine)
    assert (row.name, row.unit_price, row.eta_reason) == (line["name"], "0.10", "")
    assert row.detail == {
        "highlights": ["one", ""],
        "related": [{"name": "B", "url": "https://shop.example/b"}],
    }
    assert house.order(backorder_id).payment == {"expires": "2026-12"}


@pytest.mark.parametrize("asked", [[AWKWARD], ["x", AWKWARD, ""], ["NULL"], ['"'], ["\\"], ["a,b", "{}"]])
def test_rows_are_found_by_any_text_among_many(house: House, asked: list[str]) -> None:
    backorder_id = house.register()
    kinds = [AWKWARD, "", "NULL", '"', "\\", "a,b", "{}", "x", "y"]
    with house.writing() as session:
        rows = [fact(house, backorder_id, id=f"fact_{n}", kind=kind) for n, kind in enumerate(kinds)]
        bulk.insert(session, "fact", rows)
    with reading(house.engine) as session:
        found = session.exec(select(Fact.kind).where(bulk.among(session, col(Fact.kind), asked))).all()
        nothing = session.exec(select(Fact.kind).where(bulk.among(session, col(Fact.kind), []))).all()
    assert sorted(found) == sorted(asked)
    assert list(nothing) == []


@pytest.mark.parametrize("count", [3, registering.FEW + 1])
def test_of_orders_that_another_process_wrote_first_nothing_is_written(
    house: House, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    first = house.register("2")
    asked, looked = concerns.registered, list[object]()

    def not_yet(
        session: Session, store_id: str, order_ids: Collection[str], skus: Collection[str]
    ) -> dict[str, tuple[str, str]]:
        looked.append(order_ids)
        return asked(session, store_id, order_ids, skus) if len(looked) > 1 else {}

    monkeypatch.setattr(intake, "registered", not_yet)
    news = [order(str(number)) for number in range(count)]
    with house.writing() as session:
        done = intake.register_many(session, session.get_one(Store, house.store_id), news, house.clock())
    results = [it for it in done if isinstance(it, intake.Registered)]
    assert [it.created for it in results] == [number != 2 for number in range(count)]
    assert results[2].backorder_id == first
    with reading(house.engine) as session:
        tables = (
            (Backorder.id, 1),
            (BackorderLine.backorder_id, 1),
            (Fact.backorder_id, 1),
            (MessageRow.backorder_id, None),
        )
        for of, each in tables:
            rows = dict(session.exec(select(of, func.count()).group_by(col(of))).all())
            assert rows.keys() == {it.backorder_id for it in results}
            assert set(rows.values()) == {each or rows[first]}


def test_a_database_that_goes_away_while_rows_are_copied_is_unavailable(postgresql_url: str) -> None:
    engine, other = make_engine(postgresql_url), make_engine(postgresql_url)
    rows = [("0001" + "x" * n,) for n in range(3)]
    with pytest.raises(Unavailable), transaction(engine) as session:  # noqa: PT012  what comes before is its stage
        pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with other.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        bulk.insert_stored(session, "alembic_version", ("version_num",), rows)
    with transaction(engine) as session:
        assert session.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
    engine.dispose()
    other.dispose()


def test_rows_that_the_database_refuses_are_no_outage(postgresql_url: str) -> None:
    engine = make_engine(postgresql_url)
    with pytest.raises(IntegrityError), transaction(engine) as session:
        bulk.insert_stored(session, "store", ("id", "name"), [("store-x", "X"), ("store-x", "X")])
    engine.dispose()
