"""Claims: one worker a message, the urgent first, nothing stranded, nobody's late word counts."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlmodel import col, select

from notifier import intake
from notifier.db import accounts, claims, outbox
from notifier.db.outbox import Claim
from notifier.db.sweep import sweep
from notifier.db.tables import MessageHistory, MessageRow, Store
from notifier.domain.message import MOVES, Kind, Status
from notifier.feedback import report
from notifier.providers.base import Unknown
from tests.house import LEASE, NOON, House, at_once, order

FINAL = {
    Status.SENT,  # nothing more is known until the mail service reports
    Status.DELIVERED,
    Status.BOUNCED,
    Status.COMPLAINED,
    Status.FAILED,
    Status.CANCELLED,
    Status.EXPIRED,
}


def claim(house: House, limit: int = 50) -> list[Claim]:
    with house.writing() as session:
        return claims.claim(session, house.clock.now, limit, LEASE, "outbox", {})


def settle(house: House, held: Claim, status: Status = Status.SENT, before: Status = Status.PLANNED) -> bool:
    with house.writing() as session:
        return outbox.settle(session, held, status, "because", house.clock.now, before=before)


def many(house: House, orders: int) -> None:
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        intake.register_many(session, shop, [order(str(n)) for n in range(orders)], house.clock.now)


def test_two_workers_never_claim_one_message(house: House) -> None:
    many(house, 60)

    def worker() -> list[str]:
        found = []
        while claims := claim(house, 5):
            found += [held.id for held in claims]
        return found

    found = at_once(*[worker] * 4)
    ids = [message_id for ids in found if isinstance(ids, list) for message_id in ids]
    assert len(ids) == len(set(ids)) == 60


def test_the_urgent_go_first(house: House) -> None:
    shipped, delayed = house.register("shipped"), house.register("delayed")
    house.dispatch()
    house.clock.now = NOON.replace(day=6, hour=8, minute=30)
    house.register("new")
    house.move(delayed, "2027-03-01")
    house.ship(shipped)
    house.register("counted", lines=[{"sku": "A", "name": "A", "quantity": 1, "eta": "2026-12-21"}])
    house.clock.now = NOON.replace(day=7, hour=10)
    kinds = [held.kind for held in claim(house)]
    assert kinds[-1] is Kind.COUNTDOWN
    assert set(kinds[:2]) == {Kind.SHIPPED, Kind.DELAY}
    assert set(kinds[2:-1]) == {Kind.EXPECTATION}


def test_a_claim_takes_no_more_than_asked_and_nothing_before_it_is_due(house: House) -> None:
    many(house, 5)
    assert len(claim(house, 2)) == 2
    assert len(claim(house, 50)) == 3
    assert claim(house) == []


def test_an_expired_claim_is_due_again_and_counts_as_another_attempt(house: House) -> None:
    house.register()
    (first,) = claim(house)
    house.clock.pass_time(seconds=LEASE.total_seconds() - 1)
    assert claim(house) == []
    house.clock.pass_time(seconds=1)
    (second,) = claim(house)
    assert (first.attempts, second.attempts) == (1, 2)
    assert first.token != second.token


def test_a_lost_claim_can_settle_freeze_or_release_nothing(house: House) -> None:
    house.register()
    (lost,) = claim(house)
    house.clock.now += LEASE
    claim(house)
    before = house.message()
    assert settle(house, lost) is False
    with house.writing() as session:
        frozen = outbox.Frozen(b"", "", "to", "whom", "subject", "v", {})
        assert outbox.freeze(session, [(lost, frozen, "outbox")], house.clock.now) == set()
        outbox.release(session, lost)
        outbox.postpone(session, lost, house.clock.now + LEASE, "later", house.clock.now)
    assert house.message() == before


def test_nothing_is_put_off_past_its_time(house: House) -> None:
    house.register()
    (held,) = claim(house)
    with house.writing() as session:
        outbox.postpone(session, held, held.expires_at + LEASE, "much later", house.clock.now)
    assert house.message().attempt_at == held.expires_at
    house.clock.now = held.expires_at
    with house.writing() as session:
        assert sweep(session, house.clock.now)["expired"] >= 1
    assert house.message().status == "expired"


def test_a_claim_settles_once(house: House) -> None:
    house.register()
    (held,) = claim(house)
    assert [settle(house, held), settle(house, held)] == [True, False]


def test_messages_of_a_paused_account_stay_and_go_when_the_pause_ends(house: House) -> None:
    house.register()
    until = house.clock.now + timedelta(minutes=10)
    with house.writing() as session:
        accounts.pause(session, "outbox", house.clock.now, "down", lambda _: until)
    assert claim(house) == []
    house.clock.now = until
    assert len(claim(house)) == 1


def test_pausing_from_many_threads_at_once_works(house: House) -> None:
    until = house.clock.now + timedelta(minutes=10)

    def pause() -> object:
        with house.writing() as session:
            return accounts.pause(session, "outbox", house.clock.now, "down", lambda _: until)

    assert at_once(*[pause] * 6) == [until] * 6


# --- the sweep ---------------------------------------------------------------------------------------------


def test_a_message_whose_worker_vanished_while_sending_is_in_doubt(house: House) -> None:
    class Vanished(BaseException):
        """As a kill looks from inside."""

    house.register()

    def vanish(point: str, _message_id: str) -> None:
        if point == "sending":
            raise Vanished

    post, house.post = house.post, replace(house.post, watch=vanish)
    with pytest.raises(Vanished):
        house.dispatch()
    house.post = post
    assert house.message().status == "sending"
    house.turn()
    assert house.message().status == "sending"
    house.clock.now += LEASE
    house.turn()
    assert house.message().status == "unknown"


@pytest.mark.parametrize("status", [Status.PLANNED, Status.HELD])
def test_a_message_too_late_to_be_true_expires_and_its_order_is_planned_again(
    house: House, status: Status
) -> None:
    backorder_id = house.register()
    with house.writing() as session:
        session.get_one(MessageRow, house.message().id).status = status.value
    house.clock.now = house.message().expires_at
    with house.writing() as session:
        assert sweep(session, house.clock.now)["expired"] >= 1
    expired = house.message()
    assert (expired.status, expired.reason) == ("expired", "too_late")
    assert house.history(expired)[-1] == (status.value, "expired", "too_late")
    assert house.order(backorder_id).replan_at == house.clock.now
    house.turn()
    assert "expectation" not in [envelope.kind for envelope in house.provider.taken]


@pytest.mark.parametrize("status", Status)
def test_no_message_is_ever_stranded(house: House, status: Status) -> None:
    """Whatever state a message is in, time alone brings it to an end, or to one that a person is shown."""
    house.register(lines=[{"sku": "A", "name": "A", "quantity": 1}])
    row = house.message()
    with house.writing() as session:
        kept = session.get_one(MessageRow, row.id)
        kept.status, kept.provider = status.value, "outbox"
        kept.lease_token, kept.lease_until = "gone", house.clock.now + LEASE
    house.provider.script = []
    for _ in range(8):
        house.turn()
        house.clock.pass_time(days=3)
    assert Status(house.message().status) in FINAL | {Status.UNKNOWN}
    if status in FINAL and not MOVES[status]:
        assert house.message().status == status


def test_every_change_of_a_message_is_kept_with_its_reason(house: House) -> None:
    """A whole life: planned, moved, postponed, sent, delivered, stopped; the history leads from state to state."""
    numbers = count()
    first, second = house.register("1"), house.register("2")
    house.dispatch()
    house.move(first, "2027-01-10")
    house.move(first, "2027-01-12")
    house.clock.pass_time(hours=30)
    house.turn()
    sent = house.message("delay:1", first)
    with house.writing() as session:
        report(
            session, "smtp", str(next(numbers)), sent.id, Status.DELIVERED, house.clock.now, house.clock.now
        )
    house.ship(first)
    house.cancel(second)
    house.turn()
    house.clock.pass_time(days=60)
    house.turn()
    with house.writing() as session:
        for row in house.messages():
            query = select(MessageHistory).where(MessageHistory.message_id == row.id)
            changes = session.exec(query.order_by(col(MessageHistory.id))).all()
            assert row.planned_at
            assert all(change.reason for change in changes)
            stands = Status.PLANNED
            for change in changes:
                assert change.before == stands
                assert Status(change.after) in MOVES[stands]
                stands = Status(change.after)
            assert stands == row.status


# --- reports -----------------------------------------------------------------------------------------------


def told(house: House, event: str, status: Status, message_id: str) -> bool:
    with house.writing() as session:
        return report(session, "sendgrid", event, message_id, status, NOON, NOON)


def test_a_report_that_is_faster_than_the_worker_is_not_lost(house: House) -> None:
    house.register()
    house.watch("accepted", lambda: told(house, "1", Status.DELIVERED, house.message().id))
    house.dispatch()
    assert house.message().status == "delivered"


def test_reports_only_ever_move_a_message_on(house: House) -> None:
    house.register()
    house.dispatch()
    message_id = house.message().id
    assert told(house, "1", Status.BOUNCED, message_id)
    assert not told(house, "2", Status.DELIVERED, message_id)
    assert house.message().status == "bounced"
    assert told(house, "3", Status.COMPLAINED, message_id)
    assert not told(house, "3", Status.COMPLAINED, message_id)


def test_a_report_clears_up_a_doubt(house: House) -> None:
    house.provider.script = [Unknown("no answer")]
    house.register()
    house.dispatch()
    assert told(house, "1", Status.DELIVERED, house.message().id)
    assert house.message().status == "delivered"


def test_a_report_about_somebody_elses_message_changes_nothing(house: House) -> None:
    house.register()
    assert not told(house, "1", Status.DELIVERED, "msg_of_another_system")
    assert house.message().status == "planned"


@pytest.mark.parametrize("column", ["lease_token", "lease_until", "attempts"])
def test_no_index_names_what_a_claim_changes(house: House, column: str) -> None:
    """So PostgreSQL can write a claim beside the row that it changes, and touch no index for it."""
    with house.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            query = "SELECT indexdef FROM pg_indexes WHERE tablename = 'message'"
        else:
            query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'message' AND sql > ''"
        definitions = connection.exec_driver_sql(query).scalars().all()
    assert len(definitions) > 5
    assert [it for it in definitions if column in it] == []
