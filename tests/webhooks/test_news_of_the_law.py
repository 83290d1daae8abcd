"""What a store is told of the law: where a line stands, deadlines before they pass, and notices that were lost."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier import resolving
from notifier.confirming import confirm
from notifier.domain.message import Status
from notifier.providers.base import Rejected
from tests.dispatch.test_confirming import Reticent
from tests.house import make_post
from tests.webhooks.hearing import (
    american,
    hear,
    told,
    types,
)
from tests.webhooks.stage import Stage

# --- the law ----------------------------------------------------------------------------------------------


def test_where_the_law_stands_is_told_when_it_changes(stage: Stage) -> None:
    stage.listen("law.changed")
    house = stage.house
    backorder_id = american(stage)
    house.dispatch()
    house.move(backorder_id, "2027-03-05", reason="held at customs")
    house.clock.pass_time(hours=4)
    house.turn()
    house.turn()
    house.answer(backorder_id, "keep")
    states = [(line["before"], line["state"]) for item in told(stage) for line in item["lines"]]
    assert states == [("on_time", "need_consent"), ("need_consent", "consented")]
    assert told(stage)[0]["lines"][0] == {
        "sku": "ORN-RED",
        "before": "on_time",
        "state": "need_consent",
        "ship_by": "2027-01-19",
        "answer_by": "2027-01-19",
        "refund_by": None,
    }


def test_a_deadline_is_told_two_days_before_and_once(stage: Stage) -> None:
    stage.listen("deadline.near")
    house = stage.house
    backorder_id = american(stage)
    ends = datetime(2026, 12, 21, tzinfo=UTC)  # the store's day ends first, in UTC
    house.clock.now = ends - timedelta(hours=49)
    house.turn()
    assert told(stage) == []
    house.clock.now = ends - timedelta(hours=48)
    for _ in range(3):
        house.turn()
        house.clock.pass_time(minutes=30)
    (item,) = told(stage)
    assert item == {
        "type": "deadline.near",
        "backorder_id": backorder_id,
        "order_id": "1042",
        "duty": "notice",
        "skus": ["ORN-RED"],
        "due": "2026-12-20",
        "ends_at": "2026-12-21T00:00:00Z",
        "hours_left": 48.0,
    }


def test_an_answer_that_is_needed_soon_is_told(stage: Stage) -> None:
    house = stage.house
    backorder_id = american(stage)
    stage.listen("deadline.near")
    house.dispatch()
    house.move(backorder_id, "2027-03-05", reason="held at customs")
    house.clock.pass_time(hours=4)
    house.turn()
    house.turn()
    house.clock.now = datetime(2027, 1, 18, 12, tzinfo=UTC)
    house.turn()
    (item,) = told(stage)
    assert (item["duty"], item["due"], item["hours_left"]) == ("answer", "2027-01-19", 36.0)


def test_a_new_endpoint_hears_of_what_is_near_already(stage: Stage) -> None:
    american(stage, eta="2026-12-02", promised="2026-12-02")
    stage.house.turn()
    stage.listen("deadline.near")
    stage.house.turn()
    assert [item["due"] for item in told(stage)] == ["2026-12-02"]


def test_a_refund_that_is_owed_is_told_once_and_when_it_is_near(stage: Stage) -> None:
    stage.listen("refund.due", "deadline.near")
    house = stage.house
    backorder_id = american(stage)
    house.cancel(backorder_id)
    for _ in range(3):
        house.turn()
        house.clock.pass_time(hours=1)
    (item,) = told(stage)
    assert (item["type"], item["due"], item["skus"]) == ("refund.due", "2026-12-10", ["ORN-RED"])
    house.clock.now = datetime(2026, 12, 9, 1, tzinfo=UTC)
    house.turn()
    assert types(stage) == ["refund.due", "deadline.near"]
    house.refund(backorder_id)
    house.turn()
    assert types(stage) == ["refund.due", "deadline.near"]


@pytest.fixture
def noticed(stage: Stage) -> str:
    """An order whose customer was sent a legal notice, which needs an answer by 19 January."""
    stage.listen("notice.lost")
    backorder_id = american(stage)
    stage.house.dispatch()
    stage.house.move(backorder_id, "2027-03-05", reason="held at customs")
    stage.house.clock.pass_time(hours=4)
    stage.house.turn()
    return backorder_id


def test_a_legal_notice_that_bounces_is_told_with_the_hours_left(stage: Stage, noticed: str) -> None:
    notice = stage.house.message("consent:1")
    assert notice.status == "sent"
    hear(stage, notice.id, Status.BOUNCED, "no such user")
    hear(stage, notice.id, Status.COMPLAINED)
    (item,) = told(stage)
    assert item == {
        "type": "notice.lost",
        "backorder_id": noticed,
        "order_id": "1042",
        "message_id": notice.id,
        "kind": "consent",
        "status": "bounced",
        "reason": "bounced as sendgrid reports: no such user",
        "provider": "outbox",
        "skus": ["ORN-RED"],
        "due": "2026-12-20",
        "ends_at": "2026-12-21T00:00:00Z",
        "hours_left": 464.0,
    }


def test_a_notice_that_its_service_does_not_confirm_is_told_once(stage: Stage) -> None:
    stage.listen("notice.lost", "message.sent")
    house = stage.house
    american(stage)
    house.provider = Reticent(name="outbox")
    house.post = make_post(house.engine, house.clock, house.provider)
    house.dispatch()
    house.move(house.message().backorder_id, "2027-03-05", reason="held at customs")
    house.clock.pass_time(hours=4)
    house.turn()
    for _ in range(3):
        house.clock.pass_time(hours=7)
        confirm(house.post)
    assert types(stage) == ["message.sent", "message.sent", "notice.lost"]
    lost = told(stage)[-1]
    assert (lost["message_id"], lost["status"]) == (house.message("consent:1").id, "sent")
    assert "outbox does not confirm" in lost["reason"]


def test_a_notice_that_a_person_drops_is_lost_too(stage: Stage) -> None:
    stage.listen("notice.lost")
    house = stage.house
    backorder_id = american(stage)
    house.dispatch()
    house.provider.always = Rejected("no")
    house.move(backorder_id, "2027-03-05")
    house.clock.pass_time(hours=4)
    house.turn()
    failed = house.message("consent:1")
    assert failed.status == "failed"
    with house.writing() as session:
        resolving.resolve(session, "store_1", failed.id, "drop", house.clock.now)
    assert [(item["status"], item["message_id"]) for item in told(stage)] == [("failed", failed.id)]


def test_other_emails_that_bounce_are_no_lost_notices(stage: Stage) -> None:
    stage.listen("notice.lost")
    american(stage)
    stage.house.dispatch()
    hear(stage, stage.house.message().id, Status.BOUNCED)
    assert told(stage) == []
