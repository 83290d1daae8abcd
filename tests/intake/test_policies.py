"""Changing a policy: every open order follows, whatever happens at the same time and whatever is killed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from sqlmodel import select

from notifier import intake, planning, policies
from notifier.db.engine import make_engine, reading
from notifier.db.policy_tables import PolicyVersion, Replanning
from notifier.db.tables import Store
from notifier.domain.effect import How
from notifier.domain.message import Status
from notifier.errors import Conflict
from notifier.inputs import BackorderChange
from notifier.policy_input import PolicyInput
from tests.house import House, order


def set_policy(house: House, made_from: int | None = None, **policy: Any) -> None:
    with house.writing() as session:
        wanted = PolicyInput.model_validate(policy)
        policies.change(session, house.store_id, wanted, "a test", house.clock.now, made_from)


def follow(house: House) -> None:
    while planning.watch(house.engine, house.clock.now):
        pass


def countdowns(house: House, backorder_id: str) -> set[str]:
    """The days of those that are planned."""
    return {
        key.partition(":")[2]
        for key, status in house.statuses(backorder_id).items()
        if key.startswith("countdown") and status == Status.PLANNED
    }


def jobs(house: House) -> list[Replanning]:
    with reading(house.engine) as session:
        return list(session.exec(select(Replanning).order_by(Replanning.id)))


def test_a_change_waits_for_who_is_registering_and_then_that_order_follows(house: House) -> None:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        registered = intake.register(session, shop, order(), house.clock.now)
        change = Thread(target=set_policy, args=(house,), kwargs={"countdown_days": [5]})
        change.start()
        change.join(0.5)
        assert change.is_alive()
    change.join(15)
    assert not change.is_alive()
    follow(house)
    assert countdowns(house, registered.backorder_id) == {"2026-12-15"}


def test_whoever_read_the_store_before_the_change_plans_with_what_it_is_now(postgresql_url: str) -> None:
    """On SQLite nobody changes anything beside somebody who writes."""
    house = House(make_engine(postgresql_url))
    backorder_id = house.register()
    with house.writing() as session:
        session.get_one(Store, house.store_id)
        set_policy(house, countdown_days=[5])
        follow(house)
        moved = BackorderChange.model_validate({"lines": [{"sku": "ORN-RED", "eta": "2026-12-24"}]})
        intake.change(session, house.store_id, backorder_id, moved, house.clock.now)
    assert countdowns(house, backorder_id) == {"2026-12-19"}
    house.engine.dispose()


def test_nobody_waits_in_a_circle_and_no_order_is_left_behind(house: House) -> None:
    def registers(worker: int) -> list[str]:
        return [house.register(f"{worker}-{number}") for number in range(8)]

    def changes() -> list[str]:
        for days in range(2, 8):
            set_policy(house, countdown_days=[days])
            planning.watch(house.engine, house.clock.now)
        return []

    with ThreadPoolExecutor(4) as pool:
        running = [*(pool.submit(registers, worker) for worker in range(3)), pool.submit(changes)]
        ids = [id_ for done in running for id_ in done.result(60)]
    follow(house)
    assert len(ids) == 24
    assert {day for id_ in ids for day in countdowns(house, id_)} == {"2026-12-13"}


def test_what_is_killed_half_way_goes_on_where_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "CHUNK", 2)
    ids = [house.register(f"{number}") for number in range(5)]
    set_policy(house, countdown_days=[5])
    assert planning.follow(house.engine, house.clock.now)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(planning, "replan", dies)
        with pytest.raises(KeyboardInterrupt):
            planning.follow(house.engine, house.clock.now)
    (job,) = jobs(house)
    assert (job.done, job.total, job.finished_at) == (2, 5, None)
    assert [countdowns(house, id_) == {"2026-12-15"} for id_ in ids] == [True, True, False, False, False]
    follow(house)
    (job,) = jobs(house)
    assert (job.done, job.finished_at, job.overtaken) == (5, house.clock.now, False)
    assert [countdowns(house, id_) for id_ in ids] == [{"2026-12-15"}] * 5


def test_a_later_change_does_the_rest_of_an_earlier_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK", 2)
    ids = [house.register(f"{number}") for number in range(3)]
    set_policy(house, countdown_days=[5])
    planning.follow(house.engine, house.clock.now)
    set_policy(house, countdown_days=[4])
    follow(house)
    assert [(job.version, job.done, job.overtaken) for job in jobs(house)] == [(2, 2, True), (3, 3, False)]
    assert [countdowns(house, id_) for id_ in ids] == [{"2026-12-16"}] * 3


def test_the_same_policy_in_other_words_is_no_new_version(house: House) -> None:
    set_policy(house, countdown_days=[1, 3, 7, 14], min_gap_hours=20)
    assert jobs(house) == []
    with reading(house.engine) as session:
        assert [row.version for row in session.exec(select(PolicyVersion))] == [1]


def test_of_two_editors_the_second_is_told(house: House) -> None:
    set_policy(house, made_from=1, countdown_days=[5])
    with pytest.raises(Conflict, match="version 2 now, and this was made from version 1"):
        set_policy(house, made_from=1, countdown_days=[4])
    assert len(jobs(house)) == 1


def test_what_was_foreseen_is_what_happens(house: House) -> None:
    for number in range(4):
        lines = [
            {"sku": sku, "name": sku, "quantity": 1, "eta": f"2026-12-{20 + number + days}"}
            for sku, days in (("A", 0), ("B", 1))
        ]
        house.register(f"{number}", lines=lines)
        house.clock.pass_time(days=1)
        house.turn()
    house.move(house.register("moved"), "2027-01-10")
    wanted = PolicyInput.model_validate(
        {"countdown_days": [9, 2], "send_window": "10:00-18:00", "skus": {"B": {"countdown_days": [3]}}}
    )
    with reading(house.engine) as session:
        shop = session.get_one(Store, house.store_id)
        outlook = policies.preview(session, shop, wanted.policy, house.clock.now)
    before = {row.id: row.due_at for row in house.messages() if row.status == Status.PLANNED}
    assert sum(outlook.before.values()) == len(before)
    with house.writing() as session:
        policies.change(session, house.store_id, wanted, "a test", house.clock.now)
    follow(house)
    after = {row.id: row.due_at for row in house.messages() if row.status == Status.PLANNED}
    assert sum(outlook.after.values()) == len(after)
    assert outlook.shifts[How.ADDED] == len(after.keys() - before.keys())
    assert outlook.shifts[How.CANCELLED] == len(before.keys() - after.keys())
    assert outlook.shifts[How.MOVED] == sum(before[id_] != after[id_] for id_ in before.keys() & after.keys())
    assert min(outlook.shifts[how] for how in (How.ADDED, How.CANCELLED, How.MOVED)) > 0
