"""What is tried again, when, and when not: retries end with the truth, and stores choose what a doubt is worth."""

from datetime import timedelta

from notifier.db.claims import QUIET
from notifier.db.tables import MessageRow, Store
from notifier.delivery import LONGEST_BACKOFF
from notifier.domain.message import Status
from notifier.feedback import report
from notifier.providers.base import Deferred, Unavailable, Unknown
from tests.house import House


def expires_in(house: House, **duration: float) -> None:
    with house.writing() as session:
        row = session.get_one(MessageRow, house.message().id)
        row.expires_at = house.clock.now + timedelta(**duration)


def prefers_twice(house: House) -> None:
    with house.writing() as session:
        session.get_one(Store, house.store_id).policy = {"unknown_sends": "resend"}


# --- bounded by the truth ----------------------------------------------------------------------------------


def test_a_retry_that_would_come_too_late_expires_the_message_with_the_trouble_as_its_reason(
    house: House,
) -> None:
    backorder_id = house.register()
    expires_in(house, minutes=30)
    house.provider.script = [
        Deferred("mailbox full", house.clock.now + timedelta(minutes=45), account_wide=False)
    ]
    house.dispatch()
    message = house.message()
    assert message.status == "expired"
    assert message.sent_at is None
    assert message.reason == "too late to be tried again: deferred by outbox: mailbox full"
    assert house.history(message)[-1] == ("sending", "expired", message.reason)
    assert house.order(backorder_id).replan_at == house.clock.now


def test_a_retry_in_time_is_made(house: House) -> None:
    house.register()
    expires_in(house, minutes=30)
    house.provider.script = [
        Deferred("mailbox full", house.clock.now + timedelta(minutes=15), account_wide=False)
    ]
    house.dispatch()
    house.clock.pass_time(minutes=15)
    house.dispatch()
    assert house.message().status == "sent"


def test_a_message_whose_account_stays_paused_expires_and_its_history_says_why(house: House) -> None:
    house.register()
    expires_in(house, minutes=30)
    house.provider.always = Unavailable("down")
    for _ in range(10):
        house.turn()
        house.clock.pass_time(minutes=10)
    message = house.message()
    assert (message.status, message.reason) == ("expired", "too_late")
    assert ("sending", "planned", "outbox unavailable: down") in house.history(message)


# --- at least once, where a store wants that ---------------------------------------------------------------


def test_a_store_that_prefers_twice_to_not_at_all_gets_the_same_bytes_sent_again_after_a_quiet_time(
    house: House,
) -> None:
    prefers_twice(house)
    house.provider.script = [Unknown("the connection broke")]
    house.register()
    house.dispatch()
    doubtful_until = house.message().attempt_at + QUIET
    house.clock.now = doubtful_until - timedelta(seconds=1)
    house.turn()
    assert house.message().status == "unknown"
    house.clock.now = doubtful_until
    house.turn()
    first, second = house.provider.tried
    assert first == second
    assert (house.message().status, house.message().attempts) == ("sent", 2)
    assert "taken up again: the store prefers twice to not at all" in [
        reason for _, _, reason in house.history(house.message())
    ]


def test_evidence_that_comes_in_time_ends_the_doubt_and_nothing_is_sent_again(house: House) -> None:
    prefers_twice(house)
    house.provider.script = [Unknown("the connection broke")]
    house.register()
    house.dispatch()
    with house.writing() as session:
        now = house.clock.now
        report(session, "outbox", "1", house.message().id, Status.DELIVERED, now, now)
    house.clock.pass_time(hours=2)
    house.turn()
    assert len(house.provider.tried) == 1


def test_at_least_once_still_ends_with_the_attempts(house: House) -> None:
    prefers_twice(house)
    house.provider.always = Unknown("the connection broke")
    house.register()
    for _ in range(12):
        house.turn()
        house.clock.now += QUIET + 1.25 * LONGEST_BACKOFF
    assert house.message().status == "unknown"
    assert (
        len([mail for mail in house.provider.tried if mail.kind == "expectation"]) == house.post.max_attempts
    )


def test_another_stores_doubts_are_not_touched(house: House) -> None:
    other = House(house.engine, house.clock, house.provider, store_id="store_2")
    prefers_twice(other)
    house.provider.script = [Unknown("the connection broke")]
    house.register()
    house.dispatch()
    house.clock.pass_time(hours=3)
    house.turn()
    assert house.message().status == "unknown"
