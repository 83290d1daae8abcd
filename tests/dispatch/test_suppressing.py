"""Addresses that must not get mail: what is held, what goes all the same, and what comes back."""

import pytest
from sqlmodel import select

from notifier import feedback
from notifier.db import suppressions
from notifier.db.engine import reading
from notifier.db.tables import Suppression
from notifier.domain.message import Scope, Status
from notifier.providers.base import Unknown
from notifier.signed import naming
from notifier.suppressing import lift, set_waiting_series, suppress
from tests.dispatch.test_feedback import hear, suppressed, told
from tests.house import House

NAMING = naming("secret-of-the-tests")
JANE = {"email": "Jane@Example.com", "name": "Jane", "country": "CH"}


def forbid(house: House, address: str = "jane@example.com", scope: Scope = Scope.ALL) -> None:
    with house.writing() as session:
        suppress(session, house.store_id, address, scope, "asked us by telephone", "api", house.clock.now)


def allow(house: House, address: str = "jane@example.com") -> None:
    with house.writing() as session:
        found = suppressions.find(session, house.store_id, address=address, limit=9)
        lift(session, found, NAMING, house.clock.now)


def wish(house: House, backorder_id: str, reminders: bool) -> None:
    with house.writing() as session:
        set_waiting_series(session, house.store_id, backorder_id, reminders, NAMING, house.clock.now)


def test_nothing_goes_to_a_suppressed_address_and_it_says_why(house: House) -> None:
    forbid(house)
    house.register(customer=JANE)
    house.turn()
    assert house.provider.taken == []
    message = house.message()
    assert (message.status, message.reason, message.attempts) == (
        "held",
        "suppressed: asked us by telephone",
        0,
    )


def test_another_stores_suppression_is_its_own(house: House) -> None:
    House(house.engine, house.clock, store_id="store_2")
    with house.writing() as session:
        suppress(session, "store_2", "jane@example.com", Scope.ALL, "x", "api", house.clock.now)
    house.register(customer=JANE)
    house.turn()
    assert house.message().status == "sent"


def test_suppressing_twice_keeps_the_first_reason(house: House) -> None:
    forbid(house)
    with house.writing() as session:
        row, new = suppress(
            session, house.store_id, "JANE@example.com ", Scope.ALL, "another", "console", house.clock.now
        )
    assert (new, row.reason, row.source) == (False, "asked us by telephone", "api")


def test_lifting_gives_back_what_is_still_true(house: House) -> None:
    forbid(house)
    house.register(customer=JANE)
    house.turn()
    house.clock.pass_time(hours=1)
    allow(house)
    assert house.message().status == "planned"
    house.turn()
    assert house.message().status == "sent"
    assert [after for _, after, _ in house.history(house.message())] == [
        "planned",
        "held",
        "planned",
        "sending",
        "sent",
    ]


def test_lifting_does_not_give_back_what_facts_have_overtaken(house: House) -> None:
    backorder_id = house.register(customer=JANE)
    forbid(house)
    house.turn()
    house.ship(backorder_id, carrier="UPS", tracking_number="1Z")
    house.turn()
    assert house.statuses() == {"expectation": "cancelled"} | {
        key: status for key, status in house.statuses().items() if key != "expectation"
    }
    allow(house)
    house.turn()
    assert [envelope.kind for envelope in house.provider.taken] == ["shipped"]


def test_while_one_of_two_suppressions_stands_its_messages_stay_held(house: House) -> None:
    forbid(house)
    forbid(house, scope=Scope.WAITING)
    house.register(customer=JANE)
    house.turn()
    with house.writing() as session:
        lift(
            session,
            suppressions.find(session, house.store_id, scope=Scope.WAITING, limit=1),
            NAMING,
            house.clock.now,
        )
    house.turn()
    assert house.message().status == "held"


def test_another_address_for_the_customer_frees_what_was_held(house: House) -> None:
    forbid(house)
    backorder_id = house.register(customer=JANE)
    house.turn()
    house.change(backorder_id, customer={"email": "jane.doe@example.com"})
    house.turn()
    assert house.message().status == "sent"
    assert house.message().to_email == "jane.doe@example.com"


def test_what_is_held_too_long_expires(house: House) -> None:
    forbid(house)
    house.register(customer=JANE)
    house.turn()
    house.clock.pass_time(days=15)
    house.turn()
    assert house.message().status == "expired"


@pytest.mark.parametrize(
    ("status", "scope"), [(Status.BOUNCED, Scope.ALL), (Status.COMPLAINED, Scope.ALL)], ids=str
)
def test_a_hard_bounce_or_a_complaint_holds_all_that_comes_later(
    house: House, status: Status, scope: Scope
) -> None:
    house.register("1", customer=JANE)
    house.dispatch()
    hear(house, told(house.message().id, status, scope))
    assert suppressed(house) == {"jane@example.com": ("all", "sendgrid")}
    later = house.register("2", customer=JANE | {"email": "JANE@example.com"})
    house.turn()
    assert house.message("expectation", later).status == "held"


def test_a_bounce_that_may_pass_suppresses_nobody(house: House) -> None:
    house.register("1", customer=JANE)
    house.dispatch()
    hear(house, told(house.message().id, Status.BOUNCED))
    assert suppressed(house) == {}


def test_unsubscribing_at_the_mail_service_stops_reminders_only(house: House) -> None:
    house.register("1", customer=JANE)
    house.dispatch()
    hear(house, told(house.message().id, None, Scope.WAITING))
    assert suppressed(house) == {"jane@example.com": ("waiting", "sendgrid")}
    assert house.message().status == "sent"


def test_who_wants_no_reminders_gets_none_of_any_order_but_hears_of_delays(house: House) -> None:
    """Unsubscribing from the waiting series never stops word of a delay, nor of a parcel."""
    one = house.register("1", customer=JANE)
    two = house.register("2", customer=JANE)
    house.turn()
    wish(house, one, reminders=False)
    house.clock.pass_time(days=12)
    house.turn()
    assert {row.kind for row in house.messages() if row.sent_at} == {"expectation"}
    assert [row.reason for row in house.messages(two) if row.status == "held"] == [
        "suppressed: the customer wants no reminders"
    ]
    house.move(two, "2027-01-20", reason="late")
    house.clock.pass_time(hours=1)
    house.turn()
    house.ship(two, carrier="UPS", tracking_number="1Z")
    house.turn()
    assert [row.kind for row in house.messages(two) if row.status == "sent"] == [
        "expectation",
        "delay",
        "shipped",
    ]


def test_who_wants_reminders_again_gets_them_for_all_orders(house: House) -> None:
    one = house.register("1", customer=JANE)
    two = house.register("2", customer=JANE)
    house.turn()
    wish(house, one, reminders=False)
    wish(house, two, reminders=True)
    with reading(house.engine) as session:
        assert session.exec(select(Suppression)).all() == []
    house.clock.pass_time(days=12)
    house.turn()
    assert "countdown" in {row.kind for row in house.messages(two) if row.status == "sent"}


def test_a_message_in_doubt_is_not_sent_again_to_an_address_that_bounced_meanwhile(house: House) -> None:
    house.provider.removes_duplicates = True
    house.provider.script = [Unknown("no answer")]
    house.register(customer=JANE)
    house.dispatch()
    forbid(house)
    house.clock.pass_time(hours=1)
    house.turn()
    assert house.message().status == "unknown"
    assert len(house.provider.tried) == 1


def test_chunks_of_reports_never_reach_into_another_store(house: House) -> None:
    house.register(customer=JANE)
    house.dispatch()
    with house.writing() as session:
        feedback.keep(
            session,
            "store_of_nobody",
            "sendgrid",
            [told(house.message().id, None, Scope.ALL)],
            house.clock.now,
        )
    house.turn()
    assert suppressed(house) == {}
