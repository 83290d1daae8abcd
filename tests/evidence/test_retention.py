"""What was kept long enough goes, in bounded steps, and nothing else does."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from notifier import evidence
from notifier.bootstrap import Services, build
from notifier.config import Settings
from notifier.db import retention
from notifier.db.engine import reading, transaction
from notifier.db.tables import MessageContent
from notifier.domain.evidence import verify, written
from notifier.retaining import retain
from notifier.signed import holds
from tests.house import TEMPLATES, House

US = {"email": "jane@example.com", "name": "Jane", "country": "US"}


def services(house: House, **settings: Any) -> Services:
    chosen = Settings(_env_file=None, templates_dir=TEMPLATES, **settings)
    return build(chosen, engine=house.engine, clock=house.clock, provider_for=lambda _: house.provider)


def words(house: House) -> set[str]:
    """The keys of the messages whose words are still there."""
    with reading(house.engine) as session:
        kept = set(session.exec(select(MessageContent.message_id)))
    return {row.key for row in house.messages() if row.id in kept}


def rows(house: House) -> int:
    """How many rows there are of orders and messages, in all tables."""
    count = 0
    with house.engine.connect() as connection:
        for table in SQLModel.metadata.sorted_tables:
            name = "id" if table.name == "backorder" else "backorder_id"
            column = table.c.get(name, table.c.get("message_id"))
            if column is not None:
                count += len(connection.execute(table.select().where(column.is_not(None))).all())
    return count


def lived(house: House, order_id: str = "1042") -> str:
    """Told, delayed with a legal notice, shipped."""
    id_ = house.register(order_id, customer=US)
    house.turn()
    house.clock.pass_time(days=1)
    house.move(id_, "2026-12-30", reason="held at customs")
    house.clock.pass_time(minutes=20)
    house.turn()
    house.ship(id_)
    house.turn()
    return id_


def test_the_words_of_old_emails_go_those_of_legal_notices_stay(house: House) -> None:
    id_ = lived(house)
    left = {row.key for row in house.messages(id_) if row.sent_at}
    assert words(house) == left
    assert {"expectation", "delay:1"} < left
    house.clock.pass_time(days=600)
    retain(services(house), threading.Event())
    assert words(house) == {"delay:1"}
    with reading(house.engine) as session:
        made = evidence.document(session, house.store_id, id_, "secret", house.clock.now)
    assert verify(written(made), holds).findings == ()
    welcome = next(m for m in made["messages"] if m["kind"] == "expectation")
    assert welcome["handed_over"][0]["body"] == "gone"
    assert welcome["handed_over"][0]["sha256"]


def test_words_are_kept_until_their_last_day_and_for_ever_where_no_end_is_set(house: House) -> None:
    lived(house)
    before = words(house)
    house.clock.pass_time(days=538)
    retain(services(house), threading.Event())
    assert words(house) == before
    house.clock.pass_time(days=9000)
    retain(services(house, keep_words_days=None, keep_orders_years=None), threading.Event())
    assert words(house) == before


def test_an_order_that_is_long_over_goes_with_all_its_rows(house: House) -> None:
    lived(house)
    house.clock.pass_time(days=5 * 366)
    assert retain(services(house), threading.Event()) == 0  # evidence is kept for five years at least
    assert rows(house) > 10
    house.clock.pass_time(days=400)
    assert retain(services(house), threading.Event()) == 1
    assert rows(house) == 0


def test_an_order_that_waits_or_of_which_money_is_owed_stays(house: House) -> None:
    house.register("waits", customer=US)
    owed = house.register("owed", customer=US)
    house.turn()
    house.cancel(owed)
    house.turn()
    house.clock.pass_time(days=20 * 366)
    house.turn()
    before = rows(house)
    assert retain(services(house, keep_words_days=None), threading.Event()) == 0
    assert rows(house) == before


def test_an_order_of_which_something_was_heard_lately_stays(house: House) -> None:
    id_ = lived(house)
    house.clock.pass_time(days=7 * 366)
    house.refund(id_, amount="1.00")
    assert retain(services(house), threading.Event()) == 0
    assert house.order(id_).order_id == "1042"


def test_each_step_looks_at_few_rows_and_all_are_reached(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for number in range(5):
        lived(house, str(number))
    house.clock.pass_time(days=600)
    steps, place = 0, ""
    following: str | None = place
    while following is not None:
        with transaction(house.engine) as session:
            following = retention.forget_words(session, house.clock.now - timedelta(days=540), following)
        steps += 1
    assert steps > 5
    assert words(house) == {"delay:1"}
    house.clock.pass_time(days=3000)
    assert retain(services(house), threading.Event()) == 5


def test_it_ends_early_when_told_to_stop(house: House) -> None:
    lived(house)
    house.clock.pass_time(days=9000)
    stopping = threading.Event()
    stopping.set()
    before = rows(house)
    assert retain(services(house), stopping) == 0
    assert rows(house) == before
