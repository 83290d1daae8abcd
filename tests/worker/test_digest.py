"""A store's daily list of duties: when it goes, what it says, and that it goes at least once."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import col, select

from notifier.db.digests import AGAIN, ATTEMPTS, DutyDigest, end, last
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.digest import send_due
from notifier.domain.digest import due_day
from notifier.providers.base import Accepted, Outcome, Provider, Rejected, Unavailable, Unknown
from notifier.words.render import Rendered, TemplateFault, Templates
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
    house.provider.tried.clear()
    house.clock.now = MORNING
    return house


def choose(house: House, **settings: Any) -> None:
    with house.writing() as session:
        session.add(session.get_one(Store, house.store_id).sqlmodel_update(settings))


def lists(house: House) -> list[tuple[date, str]]:
    with reading(house.engine) as session:
        return [
            (row.day, row.status) for row in session.exec(select(DutyDigest).order_by(col(DutyDigest.day)))
        ]


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
    ("answer", "status", "tries"),
    [
        (Accepted(), "sent", 1),
        (Rejected("no such user"), "failed", 1),
        (Unknown("the connection broke"), "unknown", ATTEMPTS),
        (RuntimeError("a faulty adapter"), "unknown", ATTEMPTS),
        (Unavailable("out of order"), "waiting", 10),
    ],
)
def test_what_is_not_known_to_have_gone_is_tried_again_and_doubts_not_for_ever(
    house: House, answer: Outcome | Exception, status: str, tries: int
) -> None:
    house.provider.always = answer
    send_due(house.post)
    assert lists(house) == [(MORNING.date(), status)]
    for _ in range(9):
        tried = len(house.provider.tried)
        house.clock.now += AGAIN - timedelta(seconds=1)
        send_due(house.post)
        assert len(house.provider.tried) == tried
        house.clock.now += timedelta(seconds=1)
        send_due(house.post)
    assert len(house.provider.tried) == tries
    assert lists(house) == [(MORNING.date(), status)]
    assert {envelope.message_id for envelope in house.provider.tried} == {"digest_store_1_2026-12-03"}


class Killed(BaseException):
    """The process dies."""


def killed(house: House) -> None:
    def die(_account: str) -> Provider:
        raise Killed

    with pytest.raises(Killed):
        send_due(replace(house.post, provider_for=die))


def test_whoever_dies_while_it_is_sent_leaves_it_for_another(house: House) -> None:
    killed(house)
    assert (taken(house), lists(house)) == ([], [(MORNING.date(), "sending")])
    house.clock.now += AGAIN - timedelta(seconds=1)
    send_due(house.post)
    assert taken(house) == [], "who sends it may be alive"
    house.clock.pass_time(seconds=1)
    send_due(house.post)
    send_due(house.post)
    assert (len(taken(house)), lists(house)) == (1, [(MORNING.date(), "sent")])


def test_a_list_that_kills_whoever_sends_it_ends_and_is_said_to(house: House) -> None:
    for _ in range(ATTEMPTS):
        killed(house)
        house.clock.now += AGAIN
    send_due(replace(house.post, provider_for=lambda _: pytest.fail("it was handed over once more")))
    house.clock.now = MORNING + timedelta(days=1)
    send_due(house.post)
    assert len(taken(house)) == 1, "the next day's has everything"
    house.clock.pass_time(hours=2)
    for ended in (1, 0):
        with house.writing() as session:
            assert end(session, house.clock.now) == ended
    assert lists(house) == [(MORNING.date(), "missed"), (house.clock.now.date(), "sent")]


def test_a_template_that_does_not_render_fails_one_list_and_says_why(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> Rendered:
        raise TemplateFault("digest.j2", 3, "no such variable", "renders")

    monkeypatch.setattr(Templates, "letter", fault)
    send_due(house.post)
    with reading(house.engine) as session:
        failed = last(session, house.store_id)
    assert failed is not None
    assert (failed.status, failed.detail) == (
        "failed",
        "the template does not render: digest.j2:3: no such variable",
    )


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
