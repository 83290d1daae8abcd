"""A new estimate for a SKU, and goods that arrive, reach every order that waits: all of them, once, as foretold."""

from collections import Counter
from dataclasses import asdict, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from notifier import intake, restocking, skus
from notifier.db.engine import make_engine, reading
from notifier.db.migrate import upgrade
from notifier.db.tables import BackorderLine, SkuChange, Store
from notifier.domain.message import CHANGE_OF_DATE
from notifier.errors import Conflict
from notifier.inputs import NewRestock, SkuEta
from notifier.radius import Radius
from notifier.restocking import Restocked
from tests.house import NOON, House, order

SKU = "ORN-RED"


def change(house: House, eta: str | None, **more: Any) -> Radius | SkuChange:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return skus.change_eta(
            session, shop, SKU, SkuEta.model_validate({"eta": eta} | more), house.clock.now
        )


def preview(house: House, eta: str | None, **more: Any) -> Radius:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return skus.preview_eta(
            session, shop, SKU, SkuEta.model_validate({"eta": eta} | more), house.clock.now
        )


def restock(house: House, quantity: int, rule: str = "fifo", **more: Any) -> Restocked:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        new = NewRestock.model_validate({"sku": SKU, "quantity": quantity, "rule": rule} | more)
        done = (restocking.foretell_restock if new.dry_run else restocking.restock)(
            session, shop, new, house.clock.now
        )
        assert isinstance(done, Restocked)
        return done


def many(house: House, orders: int, **changes: Any) -> None:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        news = [order(f"{n:05}", **changes) for n in range(orders)]
        intake.register_many(session, shop, news, house.clock.now)


def etas(house: House) -> Counter[date | None]:
    with reading(house.engine) as session:
        return Counter(row.eta for row in session.exec(select(BackorderLine).where(BackorderLine.sku == SKU)))


# --- a new estimate ----------------------------------------------------------------------------------------


def test_a_change_moves_every_open_line_and_no_other(house: House) -> None:
    waiting, shipped = house.register("waiting"), house.register("shipped")
    other = house.register("other", lines=[{"sku": "X", "name": "X", "quantity": 1, "eta": "2026-12-20"}])
    house.ship(shipped)
    radius = change(house, "2027-01-15", reason="held at customs")
    assert isinstance(radius, Radius)
    assert radius.backorders == 1
    assert house.line(waiting).eta == date(2027, 1, 15)
    assert house.line(waiting).eta_reason == "held at customs"
    assert house.line(shipped).eta == date(2026, 12, 20)
    assert house.line(other, "X").eta == date(2026, 12, 20)


def test_a_dry_run_changes_nothing(house: House) -> None:
    house.register()
    before = (house.messages(), etas(house))
    assert preview(house, "2027-01-15").backorders == 1
    assert (house.messages(), etas(house)) == before


def test_a_dry_run_that_reads_ahead_tells_what_one_that_does_not_would(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(house, 23)
    house.dispatch()
    house.register("not-told-yet")
    within = preview(house, "2027-03-15")
    monkeypatch.setattr(skus, "GLANCE", 5)
    with reading(house.engine) as session:
        wanted = SkuEta(eta=date(2027, 3, 15))
        shop = session.get_one(Store, house.store_id)
        beside = skus.preview_eta(session, shop, SKU, wanted, house.clock.now)
    assert beside.backorders == 24
    assert len(beside.samples) == len(within.samples) == 5
    assert replace(beside, samples=()) == replace(within, samples=())


def test_a_change_names_the_value_at_risk_and_shows_samples(house: House) -> None:
    line = {"sku": SKU, "name": "Ornament", "quantity": 3, "unit_price": "9.50", "eta": "2026-12-20"}
    house.register("1", currency="USD", lines=[line])
    house.register("2", currency="EUR", lines=[line])
    house.dispatch()
    radius = preview(house, "2027-03-15")
    assert radius.value_at_risk == {"USD": Decimal("28.50"), "EUR": Decimal("28.50")}
    assert len(radius.samples) == 2
    assert radius.needs_consent == 0
    sooner = preview(house, "2026-12-10")
    assert sooner.value_at_risk == {}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    firsts=st.lists(
        st.sampled_from([None, "2026-12-05", "2026-12-20", "2027-02-01"]), min_size=1, max_size=5
    ),
    countries=st.lists(st.sampled_from(["US", "DE", "CH"]), min_size=5, max_size=5),
    told=st.booleans(),
    passed=st.integers(0, 30),
    eta=st.sampled_from([None, "2026-12-04", "2026-12-20", "2026-12-21", "2027-01-10", "2027-06-01"]),
)
def test_what_a_dry_run_foretells_then_happens(
    firsts: list[str | None], countries: list[str], told: bool, passed: int, eta: str | None
) -> None:
    engine = make_engine("sqlite://")
    upgrade(engine)
    house = House(engine)
    for number, (first, country) in enumerate(zip(firsts, countries, strict=False)):
        line = {"sku": SKU, "name": "Ornament", "quantity": 1, "eta": first}
        customer = {"email": f"c{number}@example.com", "country": country}
        house.register(str(number), lines=[line], customer=customer)
    if told:
        house.dispatch()
    house.clock.pass_time(days=passed)
    if told:
        house.turn()
    before = {row.id: (row.status, row.says) for row in house.messages()}
    foretold = preview(house, eta)
    done = change(house, eta)
    assert isinstance(done, Radius)
    made = Counter(
        row.kind
        for row in house.messages()
        if row.status == "planned"
        and not row.key.startswith("lapse")
        and (
            before.get(row.id, ("new", {}))[0] in {"new", "cancelled"}
            or (row.kind in CHANGE_OF_DATE and before[row.id][1] != row.says)
        )
    )
    assert {str(kind): number for kind, number in foretold.messages.items()} == made
    assert asdict(done) | {"samples": ()} == asdict(foretold) | {"samples": ()}
    engine.dispose()


def test_a_change_that_would_send_too_much_is_refused_until_confirmed(house: House) -> None:
    many(house, 3)
    house.dispatch()
    with house.writing() as session:
        session.get_one(Store, house.store_id).policy = {"max_messages_per_change": 2}
    with pytest.raises(Conflict, match=r"would send \d+ messages to 3 orders.*confirm: true"):
        change(house, "2027-03-15")
    assert etas(house) == {date(2026, 12, 20): 3}
    change(house, "2027-03-15", confirm=True)
    assert etas(house) == {date(2027, 3, 15): 3}


# --- large changes -----------------------------------------------------------------------------------------


@pytest.fixture
def large(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A store where a change of more than ten orders is large, and a chunk is twenty orders."""
    monkeypatch.setattr(skus, "AT_ONCE", 10)
    monkeypatch.setattr(skus, "CHUNK", 20)
    monkeypatch.setattr(skus, "CHUNKS", 1)
    many(house, 70)
    house.dispatch()
    house.clock.pass_time(minutes=1)
    return house


def job_of(house: House, job: Radius | SkuChange) -> SkuChange:
    assert isinstance(job, SkuChange)
    with house.writing() as session:
        return session.get_one(SkuChange, job.id)


def test_a_large_change_is_worked_off_in_chunks_while_sending_goes_on(large: House) -> None:
    job = change(large, "2027-03-15")
    assert etas(large) == {date(2026, 12, 20): 70}
    done = []
    while skus.carry_on(large.engine, large.clock.now):
        done.append(job_of(large, job).done)
        large.clock.pass_time(minutes=16)
        large.dispatch()
    assert done == [20, 40, 60, 70, 70]
    assert etas(large) == {date(2027, 3, 15): 70}
    assert job_of(large, job).finished_at is not None
    assert large.provider.counts().most_common(1)[0][1] == 1
    assert Counter(e.kind for e in large.provider.taken)["delay"] == 70


def test_a_chunk_that_crashes_is_done_again_and_no_line_twice(
    large: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = change(large, "2027-03-15")
    assert skus.carry_on(large.engine, large.clock.now)

    class Killed(BaseException):
        """As a kill looks from inside."""

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(skus, "replan_alike", dies)
        with pytest.raises(Killed):
            skus.carry_on(large.engine, large.clock.now)
    assert etas(large) == {date(2026, 12, 20): 50, date(2027, 3, 15): 20}
    while skus.carry_on(large.engine, large.clock.now):
        pass
    assert etas(large) == {date(2027, 3, 15): 70}
    assert job_of(large, job).done == 70
    large.turn()
    delays = [row for row in large.messages() if row.key == "delay:1"]
    assert len(delays) == 70


def test_a_newer_change_takes_the_place_of_one_that_is_still_worked_off(large: House) -> None:
    old = change(large, "2027-03-15")
    skus.carry_on(large.engine, large.clock.now)
    large.clock.pass_time(minutes=1)
    new = change(large, "2027-05-01")
    assert job_of(large, old).finished_at is not None
    while skus.carry_on(large.engine, large.clock.now):
        pass
    assert etas(large) == {date(2027, 5, 1): 70}
    assert job_of(large, new).done == 70


def test_a_line_moved_by_hand_meanwhile_keeps_its_own_date(large: House) -> None:
    change(large, "2027-03-15")
    large.clock.pass_time(minutes=1)
    by_hand = max(row.backorder_id for row in large.messages())
    large.move(by_hand, "2027-01-05")
    while skus.carry_on(large.engine, large.clock.now):
        pass
    assert etas(large) == {date(2027, 3, 15): 69, date(2027, 1, 5): 1}


# --- goods that arrive -------------------------------------------------------------------------------------


def three(house: House) -> list[str]:
    """Three orders that wait for 3, 2 and 1 units, the oldest first."""
    ids = []
    for number, quantity in enumerate((3, 2, 1)):
        placed = NOON - timedelta(days=10 - number)
        line = {"sku": SKU, "name": "Ornament", "quantity": quantity, "eta": "2026-12-20"}
        ids.append(house.register(str(number), placed_at=placed, lines=[line]))
    return ids


@pytest.mark.parametrize(
    ("rule", "units", "given"),
    [
        ("fifo", 4, [3, 1, 0]),
        ("fair", 4, [2, 1, 1]),
        ("fair", 2, [1, 1, 0]),
        ("fifo", 9, [3, 2, 1]),
        ("fair", 9, [3, 2, 1]),
    ],
)
def test_goods_that_arrive_are_shared_by_the_rule(
    house: House, rule: str, units: int, given: list[int]
) -> None:
    ids = three(house)
    foretold = restock(house, units, rule, dry_run=True)
    assert [house.line(each).allocated for each in ids] == [0, 0, 0]
    done = restock(house, units, rule)
    assert (done.allocated, done.left_over) == (tuple(foretold.allocated), foretold.left_over)
    assert [house.line(each).allocated for each in ids] == given
    assert done.left_over == max(0, units - 6)
    assert sum(item.quantity for item in done.allocated) == sum(given)


def test_goods_set_aside_are_not_given_away_again(house: House) -> None:
    ids = three(house)
    restock(house, 3)
    restock(house, 2)
    assert [house.line(each).allocated for each in ids] == [3, 2, 0]
    house.ship(ids[0])
    assert house.line(ids[0]).allocated == 0
    house.cancel(ids[1], lines=[{"sku": SKU, "quantity": 1}])
    assert house.line(ids[1]).allocated == 1


def test_a_dry_run_counts_planned_word_that_would_say_more(house: House) -> None:
    both = [{"sku": sku, "name": sku, "quantity": 1, "eta": "2026-12-20"} for sku in (SKU, "LAMP")]
    backorder_id = house.register("1", lines=both)
    house.dispatch()
    house.move(backorder_id, "2027-01-15", "LAMP")
    radius = preview(house, "2027-01-15")
    assert sum(count for kind, count in radius.messages.items() if kind in CHANGE_OF_DATE) == 1


# --- slips -------------------------------------------------------------------------------------------------


def us_order(house: House) -> str:
    line = {"sku": SKU, "name": "Ornament", "quantity": 1, "eta": "2026-12-20"}
    return house.register("1", lines=[line], customer={"email": "a@example.com", "country": "US"})


def told(house: House) -> list[str]:
    return [email.kind for email in house.provider.taken]


def test_a_change_taken_back_within_the_settling_time_sends_nothing(house: House) -> None:
    us_order(house)
    house.dispatch()
    change(house, "2027-02-20")
    house.clock.pass_time(minutes=14)
    house.turn()
    change(house, "2026-12-20")
    house.clock.pass_time(minutes=30)
    house.turn()
    assert told(house) == ["expectation"]


def test_a_small_move_is_damped_but_not_past_a_legal_limit(house: House) -> None:
    us_order(house)
    house.register("2", customer={"email": "b@example.com", "country": "DE"})
    with house.writing() as session:
        session.get_one(Store, house.store_id).policy = {"delay_threshold_days": 5}
    house.dispatch()
    foretold = preview(house, "2026-12-22")
    assert foretold.messages == {"delay": 1}
    change(house, "2026-12-22")
    house.clock.pass_time(minutes=20)
    house.turn()
    assert told(house) == ["expectation", "expectation", "delay"]
    assert house.provider.taken[-1].to == "a@example.com"


def test_a_dry_run_says_who_must_answer_by_when(house: House) -> None:
    backorder_id = us_order(house)
    house.register("2", customer={"email": "b@example.com", "country": "DE"})
    house.dispatch()
    radius = preview(house, "2027-03-20")
    assert radius.needs_consent == 1
    ((day, who),) = radius.answer_by.items()
    assert (day, who.backorders, who.first) == (date(2027, 1, 19), 1, (backorder_id,))
