"""A store's daily list of duties: when it goes, what it says, and that it never goes twice."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from notifier.db.digests import AGAIN, DutyDigest
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.digest import send_due
from notifier.domain.digest import due_day
from notifier.providers.base import Accepted, Outcome, Provider, Rejected, Unavailable, Unknown
from tests.house import House

LINE = {"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "unit_price": "9.50", "eta": "2026-12-20"}
MORNING = datetime(2026, 12, 3, 8, 0, tzinfo=UTC)


@pytest.fixture
def house(engine: Engine) -> House:
    """A store in UTC with a list at eight, and a refund that it owes by 10 December."""
    house = House(engine)
    choose(house, digest_to="owner@shop.example", digest_hour=8)
    backorder_id = house.register(
        customer={"email": "jane@example.com", "country": "US"}, currency="USD", lines=[LINE]
    )
    house.cancel(backorder_id)
    house.dispatch()
    house.provider.taken.clear()
    house.clock.now = MORNING
    return house


def choose(house: House, **settings: Any) -> None:
    with house.writing() as session:
        session.add(session.get_one(Store, house.store_id).sqlmodel_update(settings))


def lists(house: House) -> list[tuple[date, str]]:
    with reading(house.engine) as session:
        return [(row.day, row.status) for row in session.exec(select(DutyDigest))]


def taken(house: House) -> list[str]:
    return [envelope.subject for envelope in house.provider.taken]


def test_it_goes_once_a_day_from_its_hour_on(house: House) -> None:
    house.clock.now = MORNING - timedelta(seconds=1)
    send_due(house.post)
    assert taken(house) == []
    house.clock.now = MORNING
    for _ in range(3):
        send_due(house.post)
        house.clock.pass_time(hours=2)
    assert taken(house) == ["What the law asks: 0 overdue, 0 due today"]
    house.clock.now = MORNING + timedelta(days=7)
    send_due(house.post)
    house.clock.now = MORNING + timedelta(days=8)
    send_due(house.post)
    assert taken(house)[1:] == [
        "What the law asks: 0 overdue, 1 due today",
        "What the law asks: 1 overdue, 0 due today",
    ]


def test_it_names_what_is_due_of_whom_and_where_to_act(house: House) -> None:
    choose(house, locale="en-US")
    send_due(house.post)
    (envelope,) = house.provider.taken
    assert (envelope.to, envelope.kind) == ("owner@shop.example", "digest")
    for part in (envelope.html, envelope.text):
        for words in ("Send the money back $28.50", "Thursday, December 10, 2026", "Order 1042, ORN-RED"):
            assert words in part
        assert "https://notifier.example/console/duties" in part


@pytest.mark.parametrize(("locale", "words"), [("de", "Das Geld zurückzahlen"), ("ar", "أعد المبلغ")])
def test_it_is_in_the_store_s_language(house: House, locale: str, words: str) -> None:
    choose(house, locale=locale)
    send_due(house.post)
    (envelope,) = house.provider.taken
    assert words in envelope.text
    assert f'lang="{locale}' in envelope.html


def test_nothing_goes_without_an_address_or_without_a_duty(house: House) -> None:
    choose(house, digest_to=None)
    send_due(house.post)
    assert lists(house) == []
    choose(house, digest_to="owner@shop.example")
    for row in house.messages():
        house.refund(row.backorder_id, amount="28.50")
        break
    send_due(house.post)
    assert (taken(house), lists(house)) == ([], [(MORNING.date(), "empty")])


@pytest.mark.parametrize(
    ("answer", "status", "again"),
    [
        (Accepted(), "sent", False),
        (Rejected("no such user"), "failed", False),
        (Unknown("the connection broke"), "unknown", False),
        (Unavailable("out of order"), "waiting", True),
    ],
)
def test_it_is_tried_again_only_where_certainly_nothing_was_sent(
    house: House, answer: Outcome, status: str, again: bool
) -> None:
    house.provider.script.append(answer)
    send_due(house.post)
    assert lists(house) == [(MORNING.date(), status)]
    tried = len(house.provider.tried)
    house.clock.now += AGAIN - timedelta(seconds=1)
    send_due(house.post)
    assert len(house.provider.tried) == tried
    house.clock.now += timedelta(seconds=1)
    send_due(house.post)
    assert len(house.provider.tried) == tried + again


def test_whoever_dies_while_it_is_sent_leaves_it_unsent_and_nobody_doubles_it(house: House) -> None:
    class Killed(BaseException):
        pass

    def die(_account: str) -> Provider:
        raise Killed

    with pytest.raises(Killed):
        send_due(replace(house.post, provider_for=die))
    house.clock.pass_time(hours=3)
    send_due(house.post)
    assert (taken(house), lists(house)) == ([], [(MORNING.date(), "sending")])
    house.clock.now = MORNING + timedelta(days=1)
    send_due(house.post)
    assert len(taken(house)) == 1


def test_many_workers_at_once_send_it_once(house: House) -> None:
    workers = [threading.Thread(target=send_due, args=(house.post,)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(taken(house)) == 1


@pytest.mark.parametrize(
    ("at", "zone", "hour", "day"),
    [
        (datetime(2026, 3, 8, 6, 59, tzinfo=UTC), "America/New_York", 2, None),
        (datetime(2026, 3, 8, 7, 0, tzinfo=UTC), "America/New_York", 2, date(2026, 3, 8)),
        (datetime(2026, 11, 1, 5, 0, tzinfo=UTC), "America/New_York", 1, date(2026, 11, 1)),
        (datetime(2026, 11, 1, 6, 0, tzinfo=UTC), "America/New_York", 1, date(2026, 11, 1)),
        (datetime(2026, 7, 1, 20, 0, tzinfo=UTC), "Pacific/Kiritimati", 8, date(2026, 7, 2)),
        (datetime(2028, 2, 29, 8, 0, tzinfo=UTC), "UTC", 8, date(2028, 2, 29)),
    ],
    ids=["skipped hour", "the hour after", "repeated hour", "its second time", "far east", "29 February"],
)
def test_its_hour_is_the_store_s(at: datetime, zone: str, hour: int, day: date | None) -> None:
    assert due_day(at, zone, hour) == day
