"""Erasure while emails are on their way, and beside other work on the same orders."""

import pytest

from notifier import evidence, privacy
from notifier.db.engine import reading
from notifier.domain.evidence import verify, written
from notifier.domain.message import Status
from notifier.errors import Conflict
from notifier.feedback import report
from notifier.providers.base import Unknown
from notifier.signed import holds
from tests.everywhere import where
from tests.house import House, at_once

SECRET = "secret-of-the-tests"
ADDRESS = "quux@example.com"
QUUX = {"email": ADDRESS, "name": "Zebediah", "country": "CH"}
WORDS = (ADDRESS, "zebediah")


def erase(house: House, *, stop_open: bool = True) -> privacy.Erased:
    with house.writing() as session:
        return privacy.erase(
            session, house.store_id, ADDRESS, SECRET, house.clock.now, by="api", stop_open=stop_open
        )


def test_what_a_worker_has_claimed_does_not_leave_once_its_customer_is_erased(house: House) -> None:
    id_ = house.register(customer=QUUX)
    house.watch("claimed", lambda: erase(house))
    house.turn()
    house.turn()
    assert house.provider.tried == []
    assert set(house.statuses(id_).values()) == {"cancelled"}
    assert where(house.engine, *WORDS) == set()
    assert {row.reason for row in house.messages(id_)} == {"erased"}


@pytest.mark.parametrize("point", ["frozen", "sending", "accepted"])
def test_while_an_email_leaves_erasure_is_put_off_and_changes_nothing(house: House, point: str) -> None:
    id_ = house.register(customer=QUUX)
    refused: list[Conflict] = []

    def try_to() -> None:
        try:
            erase(house)
        except Conflict as error:
            refused.append(error)

    house.watch(point, try_to)
    house.turn()
    assert "try again" in refused[0].detail
    assert ADDRESS not in refused[0].detail
    assert house.message(backorder_id=id_).status == "sent"
    erase(house)
    assert where(house.engine, *WORDS) == set()


def test_what_is_in_doubt_is_never_sent_again_and_its_report_still_counts(house: House) -> None:
    house.provider.script = [Unknown("the line broke")]
    house.provider.removes_duplicates = True
    id_ = house.register(customer=QUUX)
    house.dispatch()
    erase(house)
    for _ in range(5):
        house.clock.pass_time(hours=1)
        house.turn()
    assert len(house.provider.tried) == 1
    sent = house.message(backorder_id=id_)
    with house.writing() as session:
        now = house.clock.now
        report(session, "outbox", "evt", sent.id, Status.DELIVERED, now, now, f"<{ADDRESS}> took it")
    assert house.message(backorder_id=id_).status == "delivered"
    assert where(house.engine, *WORDS) == set()


def test_what_failed_can_be_resent_by_nobody(house: House) -> None:
    from notifier.resolving import resolve

    house.provider.script = [Unknown("the line broke")]
    id_ = house.register(customer=QUUX)
    house.dispatch()
    erase(house)
    with house.writing() as session:
        doubtful = house.message(backorder_id=id_).id
        resolve(session, house.store_id, doubtful, "resend", house.clock.now)
    house.turn()
    assert len(house.provider.tried) == 1
    assert house.message(backorder_id=id_).status == "cancelled"


def test_of_two_erasures_at_once_one_is_the_first(house: House) -> None:
    house.register("1", customer=QUUX)
    house.register("2", customer=QUUX)
    house.turn()
    first, second = at_once(lambda: erase(house), lambda: erase(house))
    assert isinstance(first, privacy.Erased)
    assert isinstance(second, privacy.Erased)
    assert {first.orders, second.orders} <= {2}
    assert where(house.engine, *WORDS) == set()


def test_a_change_at_the_same_time_loses_nothing(house: House) -> None:
    id_ = house.register(customer=QUUX)
    house.turn()
    answers = at_once(lambda: erase(house), lambda: house.move(id_, "2026-12-27", reason="held at customs"))
    assert not any(isinstance(answer, Exception) for answer in answers), answers
    assert where(house.engine, *WORDS) == set()
    assert str(house.line(id_).eta) == "2026-12-27"
    with reading(house.engine) as session:
        made = evidence.document(session, house.store_id, id_, SECRET, house.clock.now)
    assert verify(written(made), holds).findings == ()


def test_a_mail_services_report_of_an_erased_email_suppresses_the_pseudonym(house: House) -> None:
    from notifier.db import suppressions
    from notifier.domain.message import Scope

    id_ = house.register(customer=QUUX)
    house.turn()
    done = erase(house)
    sent = house.message(backorder_id=id_)
    with house.writing() as session:
        now = house.clock.now
        report(session, "smtp", "e", sent.id, Status.COMPLAINED, now, now, suppresses=Scope.ALL)
    with reading(house.engine) as session:
        (row,) = suppressions.find(session, house.store_id, limit=5)
    assert row.address == done.pseudonym
    again = house.register("2", customer=QUUX)
    house.turn()
    assert house.message(backorder_id=again).status == "held"
