"""Clocks disagree, and jump: nothing is sent twice, and all goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.pace import Pace
from notifier.providers.base import Accepted, Envelope
from tests.house import LEASE, Clock, House

POINTS = ("claimed", "frozen", "sending", "accepted", "settled")


def fast(house: House, ahead: timedelta) -> House:
    """Another worker, whose clock is ahead."""
    return House(house.engine, Clock(house.clock.now + ahead), house.provider)


def all_sent_once(house: House) -> bool:
    return set(house.provider.counts().values()) == {1} and {
        row.status for row in house.messages() if row.key == "expectation"
    } == {"sent"}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_a_minute_ahead_doubles_nothing_that_another_is_about_to_send(
    house: House, point: str
) -> None:
    for number in range(4):
        house.register(str(number))
    ahead = fast(house, LEASE)
    house.watch(point, ahead.turn)
    house.turn()
    ahead.clock.pass_time(minutes=5)
    ahead.turn()
    assert set(house.provider.counts().values()) == {1}
    left = {row.status for row in house.messages() if row.key == "expectation"}
    assert left <= {"sent", "unknown"}


def test_an_answer_clears_up_the_doubt_that_a_fast_clock_has_cast(house: House) -> None:
    ahead = fast(house, LEASE)

    def slow(_envelope: Envelope, _now: object) -> Accepted:
        ahead.turn()
        assert house.message().status == "unknown"
        return Accepted("theirs")

    house.provider.script = [slow]
    house.register()
    house.turn()
    assert house.message().status == "sent"
    assert all_sent_once(house)


def test_workers_a_minute_apart_share_a_budget_without_filling_it_twice(house: House) -> None:
    pace = {"outbox": Pace(per_second=1, burst=5)}
    ahead = fast(house, timedelta(minutes=1))
    house.post, ahead.post = replace(house.post, paces=pace), replace(ahead.post, paces=pace)
    for number in range(60):
        house.register(str(number))
    for _ in range(20):
        for worker in (house, ahead):
            worker.dispatch()
            worker.clock.pass_time(seconds=1)
    assert 20 <= len(house.provider.taken) <= 5 + 5 + 20
    assert set(house.provider.counts().values()) == {1}


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("point", POINTS)
def test_a_clock_that_jumps_an_hour_doubles_nothing_and_all_goes_on(
    house: House, point: str, hours: int
) -> None:
    for number in range(4):
        house.register(str(number))
    house.watch(point, lambda: house.clock.pass_time(hours=hours))
    for _ in range(8):
        house.turn()
        house.clock.pass_time(minutes=20)
    assert all_sent_once(house)


def test_a_budget_outlives_a_clock_that_is_set_back(house: House) -> None:
    house.post = replace(house.post, paces={"outbox": Pace(per_second=1, burst=1)})
    house.clock.pass_time(hours=2)
    for number in range(3):
        house.register(str(number))
    house.dispatch()
    house.clock.pass_time(hours=-1)
    for _ in range(4):
        house.clock.pass_time(seconds=1)
        house.dispatch()
    assert len(house.provider.taken) >= 1
    house.clock.pass_time(hours=1, minutes=1)
    for _ in range(4):
        house.clock.pass_time(seconds=1)
        house.dispatch()
    assert all_sent_once(house)
