"""What a provider answers decides what becomes of a message, of its account, and of the next try."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlmodel import Session

from notifier import intake
from notifier.db import accounts, facts
from notifier.db.account_tables import ProviderAccount
from notifier.db.engine import reading
from notifier.db.facts import Order
from notifier.db.tables import Store
from notifier.delivery import FIRST_BACKOFF, LONGEST_BACKOFF
from notifier.dispatch import FIRST, dispatch
from notifier.errors import Misconfigured
from notifier.errors import Unavailable as DatabaseAway
from notifier.providers.base import Accepted, Deferred, Rejected, Unavailable, Unknown
from tests.house import House, make_post, order
from tests.providers.fake import Answer, Scripted


def account(house: House) -> ProviderAccount | None:
    with reading(house.engine) as session:
        return session.get(ProviderAccount, house.provider.name)


def test_an_accepted_message_is_sent_with_the_providers_name_for_it(house: House) -> None:
    house.provider.script = [Accepted("their-id")]
    house.register()
    house.dispatch()
    sent = house.message()
    assert (sent.status, sent.provider, sent.provider_ref, sent.attempts) == (
        "sent",
        "outbox",
        "their-id",
        1,
    )
    assert sent.sent_at == house.clock.now
    assert sent.to_email == "jane+1042@example.com"
    assert sent.subject
    assert sent.template_version
    assert house.history(sent) == [
        (None, "planned", "planned"),
        ("planned", "sending", "handed to outbox"),
        ("sending", "sent", "accepted by outbox"),
    ]


def test_a_rejected_message_has_failed_and_is_not_tried_again(house: House) -> None:
    house.provider.script = [Rejected("no such mailbox")]
    house.register()
    house.dispatch()
    house.clock.pass_time(days=1)
    house.turn()
    failed = house.message()
    assert (failed.status, failed.reason) == ("failed", "rejected by outbox: no such mailbox")
    assert [e.kind for e in house.provider.tried] == ["expectation"]


def test_a_message_that_may_have_been_taken_is_never_sent_again_by_itself(house: House) -> None:
    house.provider.script = [Unknown("the connection broke")]
    house.register()
    house.dispatch()
    for _ in range(30):
        house.clock.pass_time(hours=2)
        house.turn()
    doubtful = house.message()
    assert (doubtful.status, doubtful.reason) == ("unknown", "in doubt: the connection broke")
    assert house.provider.tried.count(house.provider.tried[0]) == 1


def test_a_doubtful_message_is_sent_again_byte_for_byte_where_duplicates_are_removed(house: House) -> None:
    house.provider.removes_duplicates = True
    house.provider.script = [Unknown("the connection broke")]
    house.register()
    house.dispatch()
    house.clock.pass_time(minutes=5)
    house.turn()
    first, second = house.provider.tried
    assert first == second
    again = house.message()
    assert (again.status, again.attempts) == ("sent", 2)
    assert [after for _, after, _ in house.history(again)] == [
        "planned",
        "sending",
        "unknown",
        "sending",
        "sent",
    ]


def test_a_doubtful_message_is_not_sent_again_once_the_facts_have_overtaken_it(house: House) -> None:
    house.provider.removes_duplicates = True
    house.provider.script = [Unknown("the connection broke")]
    backorder_id = house.register()
    house.dispatch()
    house.move(backorder_id, "2027-02-01")
    house.clock.pass_time(minutes=1)
    house.turn()
    house.clock.pass_time(hours=1)
    house.turn()
    doubtful = house.message()
    assert doubtful.status == "unknown"
    assert doubtful.reason == "in doubt, and overtaken by facts since: not sent again"
    assert [e.kind for e in house.provider.tried].count("expectation") == 1


def test_doubtful_messages_are_sent_again_only_so_often(house: House) -> None:
    house.provider.removes_duplicates = True
    house.provider.always = Unknown("the connection broke")
    house.register()
    for _ in range(12):
        house.turn()
        house.clock.pass_time(hours=2)
    assert house.message().status == "unknown"
    expectations = [e for e in house.provider.tried if e.kind == "expectation"]
    assert len(expectations) == house.post.max_attempts


def test_a_doubtful_message_stays_in_doubt_when_the_next_try_certainly_fails(house: House) -> None:
    house.provider.removes_duplicates = True
    house.provider.script = [Unknown("no answer"), Unavailable("refused")]
    house.register()
    house.dispatch()
    house.clock.pass_time(minutes=1)
    house.turn()
    assert house.message().status == "unknown"
    house.clock.pass_time(minutes=5)
    house.turn()
    assert house.message().status == "sent"


def test_a_deferred_message_waits_and_goes_later(house: House) -> None:
    house.provider.script = [Deferred("mailbox busy", account_wide=False)]
    house.register()
    house.dispatch()
    waiting = house.message()
    assert (waiting.status, waiting.attempts, waiting.sent_at) == ("planned", 1, None)
    assert waiting.attempt_at > house.clock.now
    house.dispatch()
    assert len(house.provider.tried) == 1
    house.clock.now = waiting.attempt_at
    house.dispatch()
    assert (house.message().status, house.message().attempts) == ("sent", 2)


def test_a_message_deferred_again_and_again_is_given_up(house: House) -> None:
    house.provider.always = Deferred("mailbox busy", account_wide=False)
    house.register()
    for _ in range(house.post.max_attempts + 2):
        house.dispatch()
        house.clock.pass_time(hours=2)
    given_up = house.message()
    assert given_up.status == "failed"
    assert given_up.reason == "gave up after 4 attempts: deferred by outbox: mailbox busy"


@pytest.mark.parametrize(
    "trouble",
    [Unavailable("down"), Unavailable("wrong key", needs_person=True), Deferred("too many")],
    ids=["unavailable", "needs a person", "throttled"],
)
def test_trouble_with_the_account_pauses_it_and_burns_no_attempt(house: House, trouble: Answer) -> None:
    house.provider.script = [trouble] * 3
    for number in range(5):
        house.register(str(number))
    house.dispatch()
    assert len(house.provider.tried) == 1
    assert {(row.status, row.attempts) for row in house.messages() if row.key == "expectation"} == {
        ("planned", 0)
    }
    row = account(house)
    assert row is not None
    assert row.paused_until is not None
    assert row.paused_until > house.clock.now
    for _ in range(4):
        house.clock.pass_time(hours=1, minutes=1)
        house.dispatch()
    assert {row.status for row in house.messages() if row.key == "expectation"} == {"sent"}
    row = account(house)
    assert row is not None
    assert (row.failures, row.paused_until, row.reason) == (0, None, None)


def test_many_sends_that_fail_together_are_one_trouble(house: House) -> None:
    house.provider.always = Unavailable("down")
    house.post = replace(house.post, threads=8)
    for number in range(16):
        house.register(str(number))
    house.dispatch()
    row = account(house)
    assert row is not None
    assert row.failures == 1
    assert row.paused_until is not None
    assert row.paused_until <= house.clock.now + 1.25 * FIRST_BACKOFF


def test_the_pause_doubles_up_to_an_hour(house: House) -> None:
    house.provider.always = Unavailable("down")
    house.register()
    pauses = []
    for _ in range(14):
        house.dispatch()
        row = account(house)
        assert row is not None
        assert row.paused_until is not None
        pauses.append(row.paused_until - house.clock.now)
        house.clock.now = row.paused_until
    assert FIRST_BACKOFF <= pauses[0] <= 1.25 * FIRST_BACKOFF
    assert all(pause <= 1.25 * LONGEST_BACKOFF for pause in pauses)
    assert pauses[-1] >= LONGEST_BACKOFF
    assert house.message().status == "planned"


@pytest.mark.parametrize("account_wide", [True, False])
def test_a_provider_that_says_come_back_at_once_is_not_hammered(house: House, account_wide: bool) -> None:
    house.provider.script = [Deferred("later", house.clock.now - timedelta(days=1), account_wide)]
    house.register()
    house.dispatch()
    house.clock.pass_time(seconds=0.9)
    house.dispatch()
    assert len(house.provider.tried) == 1
    house.clock.pass_time(seconds=0.2)
    house.dispatch()
    assert house.message().status == "sent"


@pytest.mark.parametrize("account_wide", [True, False])
def test_a_provider_that_says_come_back_in_a_year_is_asked_before(house: House, account_wide: bool) -> None:
    house.provider.script = [Deferred("later", house.clock.now + timedelta(days=365), account_wide)]
    house.register()
    house.dispatch()
    house.clock.pass_time(hours=1, seconds=1)
    house.dispatch()
    assert house.message().status == "sent"


def test_a_send_that_had_begun_before_a_pause_does_not_end_it(house: House) -> None:
    until = house.clock.now + timedelta(minutes=30)

    def another_worker_is_throttled(*_: object) -> Accepted:
        with house.writing() as session:
            accounts.pause(session, "outbox", house.clock.now, "too many", lambda _: until)
        return Accepted()

    house.provider.script = [another_worker_is_throttled]
    house.register()
    house.dispatch()
    row = account(house)
    assert row is not None
    assert row.paused_until == until


def test_a_faulty_adapter_leaves_its_message_in_doubt_and_the_others_leave(house: House) -> None:
    house.provider.script = [RuntimeError("secret inside")]
    for number in range(3):
        house.register(str(number))
    house.dispatch()
    found = [row for row in house.messages() if row.key == "expectation"]
    assert sorted(row.status for row in found) == ["sent", "sent", "unknown"]
    assert not any("secret" in (row.reason or "") for row in found)


def test_a_provider_that_is_not_set_up_pauses_and_doubts_nothing(house: House) -> None:
    def shelf(name: str) -> object:
        raise Misconfigured(f"{name} has no key")

    house.post = replace(house.post, provider_for=shelf)  # type: ignore[arg-type]  # it never answers
    house.register()
    house.dispatch()
    assert (house.message().status, house.message().attempts) == ("planned", 0)
    row = account(house)
    assert row is not None
    assert row.reason == "outbox has no key"


def test_paused_accounts_hold_back_only_their_own_stores(house: House) -> None:
    house.register("1")
    other = Scripted(name="smtp")
    house.post = make_post(house.engine, house.clock, house.provider, other)
    second = House(house.engine, house.clock, house.provider, store_id="store_2")
    second.register("2")
    with house.writing() as session:
        session.get_one(Store, "store_2").provider = "smtp"
        until = house.clock.now + timedelta(hours=1)
        accounts.pause(session, "outbox", house.clock.now, "down", lambda _: until)
    house.dispatch()
    assert [e.to for e in other.taken] == ["jane+2@example.com"]
    assert house.provider.tried == []


def test_eight_threads_send_each_message_once(house: House) -> None:
    house.post = replace(house.post, threads=8)
    with house.writing() as session:
        shop = session.get_one(Store, house.store_id)
        intake.register_many(session, shop, [order(str(n)) for n in range(120)], house.clock.now)
    house.dispatch()
    assert set(house.provider.counts().values()) == {1}
    assert len(house.provider.counts()) == 120


def test_what_was_accepted_is_settled_though_the_next_could_not_be_prepared(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.post = replace(house.post, threads=8)
    for number in range(FIRST + 3):
        house.register(str(number))
    load, calls = facts.load, count()

    def gone_the_second_time(session: Session, ids: Iterable[str]) -> dict[str, Order]:
        if next(calls) == 1:
            raise DatabaseAway("it is restarting")
        return load(session, ids)

    monkeypatch.setattr(facts, "load", gone_the_second_time)
    with pytest.raises(DatabaseAway):
        dispatch(house.post)
    now = Counter(row.status for row in house.messages() if row.key == "expectation")
    assert now == {"sent": FIRST, "planned": 3}
