"""The weekly word names the stage that the goods have come to: as of the moment that it leaves, and once."""

import pytest

from notifier import inbound
from notifier.db import facts as store
from notifier.db.engine import reading
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.inbound.wishes import InboundChange, NewInbound
from notifier.progress import as_it_goes
from notifier.providers.base import Deferred, Unknown
from tests.house import House

ETA = "2027-02-20"


def expect(house: House, stage: str = "ordered", quantity: int = 9) -> str:
    """A shipment that covers the order."""
    body = {
        "reference": "PO-7",
        "lines": [{"sku": "ORN-RED", "quantity": quantity}],
        "eta": ETA,
        "stage": stage,
    }
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        return inbound.register(session, shop, NewInbound.model_validate(body), house.clock.now).row.id


def comes_to(house: House, shipment_id: str, stage: str) -> None:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        wanted = InboundChange.model_validate({"stage": stage})
        inbound.change(session, shop, shipment_id, wanted, house.clock.now)


@pytest.fixture
def waits(house: House) -> str:
    """An order that is reminded of itself every week, a day after it was told what to expect."""
    house.set_policy(countdown_days=[])
    backorder_id = house.register(
        lines=[{"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "eta": ETA}],
    )
    house.dispatch()
    house.clock.pass_time(days=1)
    return backorder_id


def week_passes(house: House) -> str:
    """What the weekly word of that week says."""
    before = len(house.provider.taken)
    for hours in (*[24] * 6, 23, 1):
        house.clock.pass_time(hours=hours)
        house.turn()
    (envelope,) = house.provider.taken[before:]
    assert envelope.kind == "waiting"
    return envelope.text


def test_each_stage_is_told_once_and_a_week_without_news_tells_none(house: House, waits: str) -> None:
    shipment_id = expect(house)
    assert "News of Red ornament: the shipment to us has been ordered." in week_passes(house)
    assert "News of" not in week_passes(house)
    comes_to(house, shipment_id, "in_transit")
    comes_to(house, shipment_id, "customs")
    assert "News of Red ornament: the shipment to us is now at customs." in week_passes(house)
    comes_to(house, shipment_id, "in_transit")
    comes_to(house, shipment_id, "customs")
    assert "News of" not in week_passes(house)


def test_a_shipment_that_covers_a_part_only_is_no_news(house: House, waits: str) -> None:
    expect(house, "customs", quantity=2)
    assert "News of" not in week_passes(house)


def test_an_email_that_is_tried_again_says_the_same(house: House, waits: str) -> None:
    shipment_id = expect(house, "customs")
    house.provider.script = [Deferred("mailbox full", None, account_wide=False)]
    assert "now at customs" in week_passes(house)
    comes_to(house, shipment_id, "in_transit")
    assert "on its way" in week_passes(house)


def test_an_email_in_doubt_goes_again_as_it_was(house: House, waits: str) -> None:
    house.set_policy(countdown_days=[], unknown_sends="resend")
    expect(house, "customs")
    house.provider.script = [Unknown("no answer")]
    assert "now at customs" in week_passes(house)
    assert len({it.text for it in house.provider.tried if it.kind == "waiting"}) == 1
    assert [it.kind for it in house.provider.tried].count("waiting") == 2
    assert house.message("waiting:1").status == "sent"


def test_what_would_go_now_is_shown_with_its_stage(house: House, waits: str) -> None:
    expect(house, "customs")
    with reading(house.engine) as session:
        order = store.load(session, [waits])[waits]
        (planned,) = (m for m in order.facts.messages if m.kind is Kind.WAITING)
        said = as_it_goes(session, order, planned.kind, planned.says)
        assert [it.stage for it in said.values()] == ["customs"]
        assert as_it_goes(session, order, Kind.DELAY, planned.says) is planned.says


def test_the_stage_of_another_stores_goods_is_none_of_ours(house: House, waits: str) -> None:
    other = House(house.engine, house.clock, store_id="store_2")
    expect(other, "customs")
    assert "News of" not in week_passes(house)
