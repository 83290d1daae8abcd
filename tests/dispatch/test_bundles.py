"""Many messages in one request: each is still claimed, frozen and settled for itself."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from notifier.db import accounts
from notifier.db.engine import reading
from notifier.dispatch import dispatch
from notifier.domain.pace import Pace
from notifier.providers.base import (
    Accepted,
    Apart,
    Deferred,
    Envelope,
    Outcome,
    Rejected,
    Unavailable,
    Unknown,
)
from tests.house import House, make_post
from tests.providers.fake import Scripted


@dataclass
class Bundles(Scripted):
    """Takes emails of one kind together; `bad` are addresses that it refuses, and names, when it sees them."""

    fewest_together: int = 2
    most_together: int = 1000
    bundles: list[list[str]] = field(default_factory=list)
    whole: list[Outcome | Apart] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    fault: Exception | None = None

    def together(self, envelope: Envelope) -> Hashable | None:
        return envelope.kind

    def send_many(self, envelopes: Sequence[Envelope], now: datetime) -> Sequence[Outcome | Apart]:
        self.bundles.append([envelope.to for envelope in envelopes])
        if self.fault:
            raise self.fault
        if self.whole:
            return [self.whole.pop(0)] * len(envelopes)
        if any(envelope.to in self.bad for envelope in envelopes):
            return [Rejected("bad") if it.to in self.bad else Apart("refused") for it in envelopes]
        self.taken.extend(envelopes)
        return [Accepted("together")] * len(envelopes)


@pytest.fixture
def service(house: House) -> Bundles:
    """The house sends through this, and has six orders whose first email is due."""
    service = Bundles(name="outbox")
    house.provider = service
    house.post = make_post(house.engine, house.clock, service)
    for number in range(6):
        house.register(str(number))
    return service


def statuses(house: House) -> list[str]:
    return [row.status for row in house.messages() if row.key == "expectation"]


def test_what_is_due_together_goes_in_one_request(house: House, service: Bundles) -> None:
    house.dispatch()
    assert [len(bundle) for bundle in service.bundles] == [6]
    assert service.tried == []
    assert statuses(house) == ["sent"] * 6
    assert {row.provider_ref for row in house.messages() if row.key == "expectation"} == {"together"}


def test_with_threads_too(house: House, service: Bundles) -> None:
    house.post = replace(house.post, threads=4)
    service.bad = {"jane+2@example.com"}
    house.dispatch()
    assert sorted(statuses(house)) == ["failed"] + ["sent"] * 5


def test_each_message_is_frozen_before_the_request_leaves(house: House, service: Bundles) -> None:
    seen: list[list[str]] = []
    house.watch("sending", lambda: seen.append(statuses(house)))
    house.dispatch()
    assert seen == [["sending"] * 6]


def test_too_few_go_by_themselves(house: House, service: Bundles) -> None:
    service.fewest_together = 7
    house.dispatch()
    assert service.bundles == []
    assert len(service.tried) == 6
    assert statuses(house) == ["sent"] * 6


def test_no_request_has_more_than_its_service_takes(house: House, service: Bundles) -> None:
    service.most_together = 4
    house.dispatch()
    assert sorted(len(bundle) for bundle in service.bundles) == [2, 4]
    assert statuses(house) == ["sent"] * 6


def test_one_bad_recipient_fails_alone(house: House, service: Bundles) -> None:
    service.bad = {"jane+3@example.com"}
    house.dispatch()
    assert [len(bundle) for bundle in service.bundles] == [6, 5]
    assert sorted(statuses(house)) == ["failed"] + ["sent"] * 5
    (failed,) = [row for row in house.messages() if row.status == "failed"]
    assert failed.to_email == "jane+3@example.com"
    assert set(service.counts().values()) == {1}


def test_a_refusal_that_names_nobody_lets_each_go_by_itself(house: House, service: Bundles) -> None:
    service.whole = [Apart("something is wrong")]
    service.script = [Rejected("this one was it")]
    house.dispatch()
    assert len(service.bundles) == 1
    assert len(service.tried) == 6
    assert sorted(statuses(house)) == ["failed"] + ["sent"] * 5


def test_no_answer_leaves_each_in_doubt_and_none_is_sent_again(house: House, service: Bundles) -> None:
    service.whole = [Unknown("time-out")]
    house.dispatch()
    assert statuses(house) == ["unknown"] * 6
    house.clock.pass_time(hours=1)
    house.turn()
    assert len(service.bundles) == 1
    assert service.tried == []
    assert statuses(house) == ["unknown"] * 6


def test_a_bundle_in_doubt_goes_again_one_by_one_where_repeats_are_removed(
    house: House, service: Bundles
) -> None:
    service.whole, service.removes_duplicates = [Unknown("time-out")], True
    house.dispatch()
    house.clock.pass_time(minutes=1)
    house.turn()
    assert len(service.bundles) == 1
    assert len(service.tried) == 6
    assert statuses(house) == ["sent"] * 6


def test_an_adapter_that_fails_leaves_each_in_doubt(house: House, service: Bundles) -> None:
    service.fault = RuntimeError("a faulty adapter")
    house.dispatch()
    assert statuses(house) == ["unknown"] * 6


@pytest.mark.parametrize("trouble", [Deferred("slow down"), Unavailable("away")])
def test_trouble_with_the_account_pauses_it_once_and_burns_no_attempt(
    house: House, service: Bundles, trouble: Outcome
) -> None:
    service.whole = [trouble]
    house.dispatch()
    assert statuses(house) == ["planned"] * 6
    assert {row.attempts for row in house.messages()} == {0}
    with reading(house.engine) as session:
        account = accounts.find(session, "outbox")
    assert account is not None
    assert account.failures == 1


def test_a_request_that_could_not_end_within_the_lease_is_not_begun(house: House, service: Bundles) -> None:
    service.timeout_seconds = house.post.lease.total_seconds() + 1
    dispatch(house.post)
    assert service.bundles == []
    assert service.tried == []
    assert statuses(house) == ["planned"] * 6


def test_what_goes_together_uses_the_budget_of_bundles_and_not_that_of_singles(
    house: House, service: Bundles
) -> None:
    single, bundle = Pace(per_second=0.001, burst=6), Pace(per_second=0.001, burst=1)
    house.post = replace(house.post, paces={"outbox": single}, bulk_paces={"outbox": bundle})
    house.dispatch()
    assert len(service.bundles) == 1
    for number in range(6, 12):
        house.register(str(number))
    house.dispatch()
    assert len(service.bundles) == 1, "one bundle was all that its budget had"
    assert len(service.tried) == 6, "that of singles was still whole"
    assert statuses(house) == ["sent"] * 12
    house.register("12")
    house.dispatch()
    assert len(service.tried) == 6, "now it is used up"
