"""A legal notice that did not arrive is tried at once through the store's second mail service."""

from typing import Any

import pytest

from notifier.db.tables import Store
from notifier.domain.message import Scope, Status
from notifier.providers.base import Rejected
from tests.dispatch.test_failover import Two
from tests.dispatch.test_feedback import hear, told
from tests.house import House

AMERICAN: dict[str, Any] = {
    "customer": {"email": "jane@example.com", "country": "US"},
    "lines": [{"sku": "A", "name": "A", "quantity": 1, "eta": "2026-12-20", "promised": "2026-12-20"}],
}


@pytest.fixture
def two(house: House) -> Two:
    return Two(house.engine)


def delayed(house: House, eta: str = "2027-03-05") -> str:
    """An order whose delay is told in a notice, through the first mail service."""
    backorder_id = house.register(**AMERICAN)
    house.dispatch()
    house.clock.pass_time(hours=1)
    house.move(backorder_id, eta, sku="A", reason="late")
    house.clock.pass_time(hours=3)
    house.turn()
    return backorder_id


def state(house: House, backorder_id: str) -> tuple[str, object, object]:
    house.turn()
    line = house.line(backorder_id, "A")
    return line.law_state, line.notice_by, line.answer_by


@pytest.mark.parametrize("fate", [Status.BOUNCED, Status.FAILED], ids=str)
def test_a_notice_that_was_lost_goes_through_the_second_at_once(two: Two, fate: Status) -> None:
    backorder_id = delayed(two)
    assert state(two, backorder_id)[0] == "need_consent"
    hear(two, told(two.message("consent:1").id, fate, detail="blocked"))
    two.turn()
    (again,) = two.second.taken
    assert again.kind == "consent"
    assert "We will cancel automatically" in " ".join(again.text.split())
    second = two.message("consent:2")
    assert (second.status, second.provider) == ("sent", "smtp")
    assert f"handed to smtp instead of outbox ({fate} there)" in [why for _, _, why in two.history(second)]
    assert state(two, backorder_id)[0] == "need_consent"
    two.turn()
    assert len(two.second.taken) == 1


def test_one_that_the_first_refuses_goes_through_the_second(two: Two) -> None:
    backorder_id = two.register(**AMERICAN)
    two.dispatch()
    two.clock.pass_time(hours=1)
    two.provider.always = Rejected("550 this server is blocked")
    two.move(backorder_id, "2027-03-05", sku="A", reason="late")
    two.clock.pass_time(hours=3)
    two.turn()
    two.turn()
    assert [mail.kind for mail in two.second.taken] == ["consent"]
    assert state(two, backorder_id)[0] == "need_consent"


def test_when_both_lose_it_the_duty_stands_and_nothing_is_tried_for_ever(two: Two) -> None:
    backorder_id = delayed(two)
    for key in ("consent:1", "consent:2"):
        hear(two, told(two.message(key).id, Status.BOUNCED))
        two.turn()
    two.turn()
    assert [row.key for row in two.messages() if row.kind == "consent" and row.status != "planned"] == [
        "consent:1",
        "consent:2",
    ]
    law, notice_by, _ = state(two, backorder_id)
    assert (law, str(notice_by)) == ("on_time", "2026-12-20")


def test_nothing_goes_to_an_address_that_is_dead_whatever_the_mail_service(two: Two) -> None:
    backorder_id = delayed(two)
    hear(two, told(two.message("consent:1").id, Status.BOUNCED, Scope.ALL))
    two.turn()
    assert two.second.tried == []
    assert two.message("consent:2").status == "held"
    law, notice_by, _ = state(two, backorder_id)
    assert (law, str(notice_by)) == ("on_time", "2026-12-20")


def test_other_emails_are_not_tried_twice(two: Two) -> None:
    two.register(**AMERICAN)
    two.dispatch()
    hear(two, told(two.message().id, Status.BOUNCED))
    two.turn()
    assert two.second.tried == []


def test_without_a_second_the_notice_is_owed_and_tried_on_the_last_day(house: House) -> None:
    backorder_id = delayed(house)
    hear(house, told(house.message("consent:1").id, Status.BOUNCED))
    house.turn()
    law, notice_by, _ = state(house, backorder_id)
    assert (law, str(notice_by)) == ("on_time", "2026-12-20")
    assert "consent:2" not in house.statuses()
    assert house.statuses()["lapse:consent:2026-12-20"] == "planned"


def test_while_the_second_is_paused_the_first_tries_once_more(two: Two) -> None:
    delayed(two)
    two.pause("smtp")
    hear(two, told(two.message("consent:1").id, Status.BOUNCED))
    two.turn()
    assert two.second.tried == []
    assert two.message("consent:2").provider == "outbox"


def test_a_store_whose_second_is_its_first_has_one_channel(two: Two) -> None:
    with two.writing() as session:
        session.get_one(Store, two.store_id).second_provider = "outbox"
    delayed(two)
    hear(two, told(two.message("consent:1").id, Status.BOUNCED))
    two.turn()
    assert two.second.tried == []
