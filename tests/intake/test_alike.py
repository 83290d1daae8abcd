"""Planning the orders of one shape once writes what planning each of them by itself would have written."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from notifier import answering, restocking, skus
from notifier.db.alike import Shapes
from notifier.db.engine import make_engine, reading
from notifier.db.gathered import read
from notifier.db.migrate import upgrade
from notifier.db.moving import Wanted, moving
from notifier.db.tables import Backorder, BackorderLine, Fact, MessageHistory, MessageRow, Store
from notifier.domain.eta import Eta
from notifier.domain.policy import Policy
from notifier.domain.supply import Rule
from notifier.inputs import SkuEta
from tests.house import NOON, House

SKU, OTHER = "ORN-RED", "LAMP"

etas = st.none() | st.integers(0, 90).map(lambda days: f"{NOON.date() + timedelta(days=days)}")
places = st.sampled_from([("US", "America/New_York"), ("DE", "Europe/Berlin"), ("CH", "Pacific/Kiritimati")])
kinds_of_order = st.tuples(etas, st.none() | etas.map(lambda eta: [eta]), places)
"""The SKU's date, the date of another line if there is one, and whose order it is."""

waits = st.sampled_from([0.01, 0.3, 1, 5, 11, 24, 24 * 4, 24 * 9])
happenings = st.one_of(
    st.tuples(st.just("arrives"), st.integers(0, 1)),
    st.tuples(st.just("arrives"), st.integers(0, 1)),
    st.tuples(st.just("passes"), waits),
    st.tuples(st.just("passes"), waits),
    st.tuples(st.just("moves"), etas),
    st.tuples(st.just("moves"), etas),
    st.tuples(st.just("other moves"), etas),
    st.tuples(st.just("keeps"), st.none()),
    st.tuples(st.just("ships"), st.none()),
    st.tuples(st.just("restocks"), st.tuples(st.integers(1, 5), st.sampled_from(restocking.RULES))),
    st.tuples(st.just("unsubscribes"), st.none()),
    st.tuples(st.just("policy"), st.sampled_from([{"min_gap_hours": 100}, {"countdown_days": [5, 4, 3, 2, 1]},
                                                  {"delay_threshold_days": 5}, {"settle_minutes": 1440},
                                                  {"skus": {OTHER: {"countdown_days": [9, 2]}}},
                                                  {"skus": {SKU: {"delay_threshold_days": 5}}}])),
)  # fmt: skip


def at_once(house: House, eta: str | None) -> None:
    """The SKU's new date for all who wait."""
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        wanted = SkuEta.model_validate({"eta": eta, "reason": "fog", "confirm": True})
        skus.change_eta(session, shop, SKU, wanted, house.clock.now)


def one_by_one(house: House, eta: str | None) -> None:
    """The same by hand, order for order."""
    for id_ in ids(house):
        if house.line(id_).waiting:
            house.move(id_, eta, reason="fog")


def ids(house: House) -> list[str]:
    with reading(house.engine) as session:
        return list(session.exec(select(Backorder.id).order_by(col(Backorder.id))))


def hand_out(house: House, units: int, rule: Rule) -> None:
    """Units for all who wait, as a small restock."""
    with house.writing() as session:
        restocking.hand_out(session, house.store_id, {SKU: units}, rule, house.clock.now)


def live(
    house: House,
    kinds: list[Any],
    story: list[Any],
    move: Callable[[House, str | None], None] = at_once,
    give: Callable[[House, int, Rule], None] = hand_out,
) -> None:
    for number, (what, how) in enumerate(story):
        if what == "arrives":
            eta, other, (country, zone) = kinds[how % len(kinds)]
            lines = [{"sku": SKU, "name": "Ornament", "quantity": 2, "eta": eta}]
            lines += [{"sku": OTHER, "name": "Lamp", "quantity": 1, "eta": each} for each in other or ()]
            customer = {"email": f"c{number}@example.com", "country": country, "timezone": zone}
            # Placed when it all began, so that no date was promised for before that.
            house.register(f"{number:02}", lines=lines, customer=customer, placed_at=NOON.isoformat())
        elif what == "passes":
            house.clock.pass_time(hours=how)
            house.turn()
        elif what == "moves":
            move(house, how)
        elif what == "restocks":
            give(house, *how)
        elif what == "policy":
            with house.writing() as session:
                session.get_one(Store, house.store_id).policy = how
        else:
            for id_ in ids(house)[-1:]:
                to_one(house, id_, what, how)


def to_one(house: House, id_: str, what: str, how: Any) -> None:
    if what == "other moves" and any(line.sku == OTHER and line.waiting for line in lines_of(house, id_)):
        house.move(id_, how, OTHER)
    elif what == "keeps" and house.order(id_).status in {"open", "partly_shipped"}:
        house.answer(id_, "keep")
    elif what == "ships" and house.line(id_).waiting:
        house.ship(id_, lines=[{"sku": SKU, "quantity": 1}])
    elif what == "unsubscribes":
        with house.writing() as session:
            answering.set_waiting_series(session, house.store_id, id_, False, house.clock.now)


def lines_of(house: House, id_: str) -> list[BackorderLine]:
    with reading(house.engine) as session:
        return list(session.exec(select(BackorderLine).where(BackorderLine.backorder_id == id_)))


def whole(house: House) -> list[Any]:
    """All that is written, with names in the place of ids."""
    with reading(house.engine) as session:
        orders = {row.id: row.order_id for row in session.exec(select(Backorder))}
        lines = {row.id: row.sku for row in session.exec(select(BackorderLine))}
        keys = {row.id: row.key for row in session.exec(select(MessageRow))}
        rows = (
            [*_orders(session), *_lines(session, orders), *_messages(session, orders, lines)]
            + [
                ("fact", orders[f.backorder_id], f.kind, f"{f.at} {f.recorded_at}", _data(f.data))
                for f in session.exec(select(Fact))
            ]
            + [
                (
                    "history",
                    orders[h.backorder_id],
                    keys[h.message_id],
                    f"{h.at} {h.before} {h.after}",
                    f"{h.reason}",
                )
                for h in session.exec(select(MessageHistory))
            ]
        )
    return sorted(tuple(re.sub(r"\b[a-z]+_[0-9a-f]{32}", "id", word) for word in row) for row in rows)


def _data(data: dict[str, Any]) -> str:
    return str(
        sorted(
            (key, str(value))
            for key, value in data.items()
            if key not in {"line", "units", "lines", "source"}
        )
    )


def _orders(session: Session) -> list[Any]:
    return [
        ("order", o.order_id, o.status, f"{o.version}", f"{o.replan_at}")
        for o in session.exec(select(Backorder))
    ]


def _lines(session: Session, orders: dict[str, str]) -> list[Any]:
    return [
        ("line", orders[row.backorder_id], row.sku, f"{row.eta} {row.eta_earliest} {row.eta_reason}",
         f"{row.eta_changed_at} {row.law_state} {row.answer_by}")
        for row in session.exec(select(BackorderLine))
    ]  # fmt: skip


def _messages(session: Session, orders: dict[str, str], lines: dict[str, str]) -> list[Any]:
    return [
        ("message", orders[m.backorder_id], m.key,
         f"{m.kind} {m.urgency} {m.status} {m.reason} {m.attempts} {m.about}",
         f"{m.planned_at} {m.due_at} {m.attempt_at} {m.expires_at} {m.sent_at}",
         f"{sorted((lines[line_id], str(said)) for line_id, said in m.says.items())}")
        for m in session.exec(select(MessageRow))
    ]  # fmt: skip


def a_house() -> House:
    engine = make_engine("sqlite://")
    upgrade(engine)
    return House(engine)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(kinds_of_order, min_size=1, max_size=2),
    story=st.lists(happenings, min_size=6, max_size=16),
)
def test_what_a_change_of_the_sku_writes_is_what_changing_each_order_would_write(
    kinds: list[Any], story: list[Any]
) -> None:
    all_at_once, each = a_house(), a_house()
    live(all_at_once, kinds, story, at_once)
    live(each, kinds, story, one_by_one)
    assert whole(all_at_once) == whole(each)
    all_at_once.engine.dispose()
    each.engine.dispose()


# --- which orders are of one shape --------------------------------------------------------------------------


def shapes(house: House, eta: date) -> list[Any]:
    """The shape of each order that waits, for a move to that date now, in order of id."""
    now = house.clock.now
    wanted = Wanted(SKU, Eta(eta), "fog", now)
    with reading(house.engine) as session:
        found = moving(read(session, ids(house), SKU, ()), wanted, Shapes(Policy(), ZoneInfo("UTC")))
    return [it.order.shape for it in found]


def test_orders_that_differ_in_names_and_hours_long_past_are_of_one_shape(house: House) -> None:
    line = {"sku": SKU, "name": "Ornament", "quantity": 1, "eta": "2027-02-20"}
    for number, quantity in enumerate((1, 5, 2)):
        house.register(f"{number}", lines=[line | {"quantity": quantity}])
        house.turn()
        house.clock.pass_time(hours=3)
    first, second, third = shapes(house, date(2027, 3, 20))
    assert first == second == third


def test_where_a_countdown_is_near_hours_count(house: House) -> None:
    for number in range(2):
        house.register(f"{number}")
        house.turn()
        house.clock.pass_time(minutes=5)
    first, second = shapes(house, date(2026, 12, 15))
    assert first != second


def test_an_order_that_more_happened_to_is_planned_by_itself(house: House) -> None:
    shipped, answered, _ = (house.register(f"{number}") for number in range(3))
    house.turn()
    house.ship(shipped, lines=[{"sku": SKU, "quantity": 1}])
    house.answer(answered, "keep")
    assert [shape is None for shape in shapes(house, date(2027, 3, 20))] == [True, True, False]


def test_an_order_one_of_whose_emails_somebody_has_begun_to_send_is_planned_by_itself(house: House) -> None:
    house.register()
    house.turn()
    (before,) = shapes(house, date(2027, 3, 20))
    with house.writing() as session:
        planned = session.exec(select(MessageRow).where(MessageRow.status == "planned")).first()
        assert planned is not None
        planned.lease_token, planned.lease_until = "theirs", house.clock.now
    assert (before is None, shapes(house, date(2027, 3, 20))) == (False, [None])


def test_an_order_that_has_that_date_already_does_not_move(house: House) -> None:
    house.register()
    with reading(house.engine) as session:
        wanted = Wanted(SKU, Eta(date(2026, 12, 20)), None, house.clock.now)
        assert not moving(read(session, ids(house), SKU, ()), wanted, Shapes(Policy(), ZoneInfo("UTC")))
