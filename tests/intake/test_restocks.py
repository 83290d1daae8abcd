"""Units for very many orders: handed out in chunks, whatever happens between two of them."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from notifier import restocking, skus
from notifier.db import restocks
from notifier.db.engine import reading
from notifier.db.restock_tables import Restock
from notifier.db.shop_tables import SkuEstimate
from notifier.db.sku_estimates import keep
from notifier.db.tables import Backorder, BackorderLine, Fact, Store
from notifier.domain.eta import Eta
from notifier.inputs import NewRestock
from notifier.restocking import Restocked, chunks
from tests.house import NOON, House, at_once
from tests.intake.test_alike import a_house, whole

SKU = "ORN-RED"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 0)
    monkeypatch.setattr(chunks, "CHUNK", 2)


def line(quantity: int) -> list[dict[str, Any]]:
    return [{"sku": SKU, "name": "Ornament", "quantity": quantity, "eta": "2026-12-20"}]


def orders(house: House, *needs: int) -> list[str]:
    """Orders that lack so many units, the oldest first."""
    return [
        house.register(f"{n}", lines=line(need), placed_at=NOON - timedelta(days=9 - n))
        for n, need in enumerate(needs)
    ]


def restock(house: House, units: int, rule: str = "fifo") -> Restocked | Restock:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        new = NewRestock.model_validate({"sku": SKU, "quantity": units, "rule": rule})
        return restocking.restock(session, shop, new, house.clock.now)


def begin(house: House, units: int, rule: str = "fifo") -> str:
    job = restock(house, units, rule)
    assert isinstance(job, Restock)
    return job.id


def one_chunk(house: House) -> bool:
    with patch.object(chunks, "CHUNKS", 1):
        return chunks.carry_on(house.engine, house.clock)


def finish(house: House) -> None:
    while chunks.carry_on(house.engine, house.clock):
        pass


def how_far(house: House, job: str) -> Restock:
    with reading(house.engine) as session:
        return session.get_one(Restock, job)


def allocated(house: House) -> dict[str, int]:
    with reading(house.engine) as session:
        names = {row.id: row.order_id for row in session.exec(select(Backorder))}
        found = {names[row.backorder_id]: row.allocated for row in session.exec(select(BackorderLine))}
    return dict(sorted(found.items()))


def told(house: House) -> Counter[str]:
    """How many units the facts about each order say that it was given."""
    units: Counter[str] = Counter()
    with reading(house.engine) as session:
        names = {row.id: row.order_id for row in session.exec(select(Backorder))}
        for fact in session.exec(select(Fact).where(Fact.kind == "allocated")):
            units[names[fact.backorder_id]] += fact.data["quantity"]
    return units


def noted(house: House, job: str) -> Counter[str]:
    """The same by the list of the restock."""
    units: Counter[str] = Counter()
    with reading(house.engine) as session:
        names = {row.id: row.order_id for row in session.exec(select(Backorder))}
        for row in restocks.shares(session, job, 0, 1000):
            units[names[row.backorder_id]] += row.units
    return units


# --- in chunks as at once ----------------------------------------------------------------------------------

_waiting = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(_waiting, st.integers(1, 20), st.sampled_from(restocking.RULES), st.integers(1, 3), st.integers(1, 3))
def test_in_chunks_it_is_what_it_is_at_once(
    waiting: list[tuple[int, int]], units: int, rule: str, size: int, together: int
) -> None:
    whole_one, in_chunks = a_house(), a_house()
    for house in (whole_one, in_chunks):
        for n, (quantity, day) in enumerate(waiting):
            house.register(f"{n}", lines=line(quantity), placed_at=NOON - timedelta(days=day))
        house.turn()
    with patch.object(skus, "AT_ONCE", 100):
        done = restock(whole_one, units, rule)
    job = begin(in_chunks, units, rule)
    with patch.object(chunks, "CHUNK", size), patch.object(chunks, "CHUNKS", together):
        finish(in_chunks)
    assert isinstance(done, Restocked)
    end = how_far(in_chunks, job)
    assert (end.left, end.done, end.total) == (done.left_over, len(done.allocated), len(done.allocated))
    assert end.finished_at == in_chunks.clock.now
    assert allocated(in_chunks) == allocated(whole_one)
    assert whole(in_chunks) == whole(whole_one)
    for house in (whole_one, in_chunks):
        house.engine.dispose()


def test_the_list_tells_who_got_what_the_oldest_first(house: House) -> None:
    ids = orders(house, 3, 2, 1)
    job = begin(house, 5)
    finish(house)
    with reading(house.engine) as session:
        rows = [
            (row.place, row.backorder_id, row.units, row.still_waiting)
            for row in restocks.shares(session, job, 0, 9)
        ]
    assert rows == [(1, ids[0], 3, 0), (2, ids[1], 2, 0)]


def test_few_orders_get_theirs_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 2)
    orders(house, 1, 1, 1, 1)
    assert isinstance(restock(house, 2), Restocked)
    assert isinstance(restock(house, 2, "fair"), Restocked)
    orders_more = [house.register(f"more{n}", lines=line(1)) for n in range(3)]
    assert isinstance(restock(house, 3), Restock)
    assert [house.line(id_).allocated for id_ in orders_more] == [0, 0, 0]


# --- what happens between two chunks -----------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "got"), [("fifo", [2, 2, 1, 0]), ("fair", [2, 1, 1, 1])])
def test_units_are_given_as_far_as_a_chunk_goes(house: House, rule: str, got: list[int]) -> None:
    orders(house, 2, 2, 2, 2)
    job = begin(house, 5, rule)
    assert one_chunk(house)
    assert list(allocated(house).values()) == [*got[:2], 0, 0]
    far = how_far(house, job)
    assert (far.done, far.left, far.finished_at) == (2, 5 - sum(got[:2]), None)
    finish(house)
    assert list(allocated(house).values()) == got


def cancels(house: House, ids: list[str]) -> None:
    house.cancel(ids[2])


def ships(house: House, ids: list[str]) -> None:
    house.ship(ids[2])


def needs_less(house: House, ids: list[str]) -> None:
    house.cancel(ids[2], lines=[{"sku": SKU, "quantity": 1}])


@pytest.mark.parametrize(
    ("happens", "rule", "got", "left"),
    [
        (cancels, "fifo", [2, 2, 0, 2], 1),
        (ships, "fifo", [2, 2, 0, 2], 1),
        (needs_less, "fifo", [2, 2, 1, 2], 0),
        # What it does not take any more is shared again, the oldest first.
        (cancels, "fair", [2, 2, 0, 2], 1),
        (ships, "fair", [2, 2, 0, 2], 1),
        (needs_less, "fair", [2, 2, 1, 2], 0),
    ],
)
def test_what_an_order_needs_no_more_goes_to_others(
    house: House, happens: Callable[[House, list[str]], None], rule: str, got: list[int], left: int
) -> None:
    ids = orders(house, 2, 2, 2, 2)
    job = begin(house, 7, rule)
    one_chunk(house)
    happens(house, ids)
    finish(house)
    assert list(allocated(house).values()) == got
    assert how_far(house, job).left == left
    assert (
        told(house) == noted(house, job) == Counter({f"{n}": units for n, units in enumerate(got) if units})
    )


def test_fair_shares_what_is_freed_again_from_the_oldest_on(house: House) -> None:
    ids = orders(house, 3, 3, 3, 3)
    begin(house, 4, "fair")
    one_chunk(house)
    house.cancel(ids[3])
    finish(house)
    assert list(allocated(house).values()) == [2, 1, 1, 0]


@pytest.mark.parametrize("rule", restocking.RULES)
def test_who_registers_meanwhile_gets_what_is_left_by_those_who_waited(house: House, rule: str) -> None:
    orders(house, 2, 2, 2, 2)
    job = begin(house, 9, rule)
    one_chunk(house)
    house.clock.pass_time(minutes=1)
    # Both would stand in front of the chunk that is next.
    house.register("late", lines=line(2), placed_at=NOON - timedelta(days=30))
    house.register("later", lines=line(1), placed_at=NOON - timedelta(days=8))
    finish(house)
    assert allocated(house) == {"0": 2, "1": 2, "2": 2, "3": 2, "late": 1, "later": 0}
    assert (how_far(house, job).left, how_far(house, job).done) == (0, 5)


def test_what_is_for_nobody_is_left_over_and_new_orders_need_not_wait(house: House) -> None:
    orders(house, 1, 1)
    with house.writing() as session:
        keep(session, house.store_id, SKU, Eta(None), None, house.clock.now)
    job = begin(house, 3)
    finish(house)
    assert (how_far(house, job).left, how_far(house, job).done) == (1, 2)
    with reading(house.engine) as session:
        assert session.exec(select(SkuEstimate)).all() == []


def test_an_order_that_is_planned_meanwhile_is_planned_by_what_it_has(house: House) -> None:
    """A new date between two chunks sends word to those who lack units, and to nobody who has them."""
    ids = orders(house, 2, 2, 2, 2)
    house.turn()
    begin(house, 8)
    one_chunk(house)
    for id_ in ids:
        house.move(id_, None, reason="fog")
    assert word_of_the_move(house) == dict.fromkeys(ids[2:], ("planned", None))
    finish(house)
    assert word_of_the_move(house) == dict.fromkeys(ids[2:], ("cancelled", "set_aside"))


def word_of_the_move(house: House) -> dict[str, tuple[str, str | None]]:
    return {
        row.backorder_id: (row.status, row.reason)
        for row in house.messages()
        if row.kind in {"delay", "consent"} and not row.key.startswith("lapse")
    }


# --- two at once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [("fifo", "fair"), ("fair", "fifo"), ("fair", "fair"), ("fifo", "fifo")])
def test_restocks_of_one_sku_are_as_if_one_had_waited_for_the_other(
    house: House, rules: tuple[str, str]
) -> None:
    orders(house, 3, 1, 3, 3)
    one_by_one = a_house()
    orders(one_by_one, 3, 1, 3, 3)
    first = begin(house, 5, rules[0])
    one_chunk(house)
    second = begin(house, 4, rules[1])
    finish(house)
    for units, rule in zip((5, 4), rules, strict=True):
        begin(one_by_one, units, rule)
        finish(one_by_one)
    assert allocated(house) == allocated(one_by_one)
    assert noted(house, first) + noted(house, second) == told(house)
    one_by_one.engine.dispose()


def test_even_a_small_one_waits_for_its_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    orders(house, 2, 2, 2)
    first = begin(house, 4)
    monkeypatch.setattr(skus, "AT_ONCE", 500)
    second = begin(house, 1)
    finish(house)
    assert (noted(house, first), noted(house, second)) == (Counter({"0": 2, "1": 2}), Counter({"2": 1}))
    assert isinstance(restock(house, 1), Restocked)


def test_those_of_other_skus_and_stores_do_not_wait(house: House) -> None:
    other = House(house.engine, house.clock, house.provider, "store_2")
    for shop in (house, other):
        orders(shop, 1)
        begin(shop, 1)
    with reading(house.engine) as session:
        assert len(restocks.under_way(session, house.store_id, [SKU, "X"])) == 1
    finish(house)
    assert told(house) == {"0": 2}  # an order of that name in each


def test_each_chunk_is_written_by_the_time_that_it_is_worked_off(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restock that comes while others are worked off is not over before it began."""
    monkeypatch.setattr(chunks, "CHUNK", 1)
    orders(house, *[1] * 4)
    first, second = begin(house, 2), list[str]()

    def rest() -> bool:
        house.clock.pass_time(seconds=10)
        if not second:
            second.append(begin(house, 2))
        return False

    began = house.clock.now
    assert not chunks.carry_on(house.engine, house.clock, rest)
    with reading(house.engine) as session:
        facts = session.exec(select(Fact).where(Fact.kind == "allocated").order_by(col(Fact.recorded_at)))
        assert [(fact.recorded_at - began).seconds for fact in facts] == [0, 10, 20, 30]
    for job in (first, *second):
        done = how_far(house, job)
        assert done.finished_at is not None
        assert done.finished_at >= done.at
    assert how_far(house, second[0]).at > how_far(house, first).at


def test_workers_side_by_side_give_nothing_twice(house: House) -> None:
    orders(house, *[3] * 9)
    jobs = [begin(house, 10, rule) for rule in ("fair", "fifo", "fair")]

    def work() -> None:
        for _ in range(60):
            chunks.carry_on(house.engine, house.clock)

    def small() -> None:
        restock(house, 1)

    errors = [it for it in at_once(work, work, small, work) if it is not None]
    assert errors == []
    finish(house)
    assert sum(allocated(house).values()) == sum(told(house).values()) == 27
    far = [how_far(house, job) for job in jobs]
    assert all(job.finished_at for job in far)
    assert sum(job.left for job in far) in {3, 4}  # the single unit may have come last


# --- before it is done -------------------------------------------------------------------------------------


def test_a_dry_run_keeps_no_list_of_orders_in_memory_and_tells_what_comes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.restocking.ledger.BLOCK", 2)
    monkeypatch.setattr("notifier.restocking.ledger.IN_MEMORY", 50)
    monkeypatch.setattr("notifier.restocking.foretelling.GLANCE", 2)
    monkeypatch.setattr(restocks, "READ", 2)
    orders(house, *[2] * 7)
    with reading(house.engine) as session:
        new = NewRestock.model_validate({"sku": SKU, "quantity": 11, "rule": "fair"})
        shop = session.get_one(Store, house.store_id)
        foretold = restocking.foretell_restock(session, shop, new, house.clock.now)
    assert foretold.rules
    for rule, (told_of, outcome) in foretold.rules.items():
        twin = a_house()
        orders(twin, *[2] * 7)
        job = begin(twin, 11, rule)
        finish(twin)
        assert [it.quantity for it in told_of.allocated] == [it for it in allocated(twin).values() if it]
        assert (len(told_of.allocated), told_of.left_over) == (
            how_far(twin, job).done,
            how_far(twin, job).left,
        )
        assert outcome.filled == sum(it == 2 for it in allocated(twin).values())
        twin.engine.dispose()
    assert [*foretold.allocated] == [*foretold.rules["fair"][0].allocated]
    assert next(iter(foretold.allocated)) in foretold.allocated
