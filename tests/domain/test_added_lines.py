"""A line that is added to an order later: its clock in law, and the word on it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from notifier.domain.eta import Eta
from notifier.domain.happened import NEWS_LASTS
from notifier.domain.law.course import due_day
from notifier.domain.message import Draft, Kind, Message, Said, Status
from notifier.domain.order import Facts, Line
from notifier.domain.plan import plan, planned
from notifier.domain.reconcile import reconcile
from tests.domain.builders import PLACED, a_line, a_policy, an_order, on

ADDED = on(3, 10)
FIRST = a_line(date(2026, 4, 20), promised=date(2026, 4, 20))
LATER = a_line(date(2026, 5, 4), promised=date(2026, 5, 4), line_id="b", added_at=ADDED, eta_changed_at=ADDED)


def the_first(status: Status, *lines: Line) -> Message:
    """The email that told what to expect of these lines."""
    sent_at = None if status is Status.PLANNED else PLACED
    says = {line.id: Said(line.eta) for line in lines}
    expires_at = PLACED + NEWS_LASTS
    return Message("m1", "expectation", Kind.EXPECTATION, status, PLACED, expires_at, says, sent_at=sent_at)


def words(facts: Facts) -> list[Draft]:
    return [it for it in plan(facts, a_policy(), ADDED) if it.kind is Kind.EXPECTATION]


def test_the_thirty_days_of_an_added_line_count_from_when_it_was_added() -> None:
    line = a_line(None, line_id="b", added_at=ADDED)
    facts = an_order(a_line(None), line)
    assert due_day(facts, facts.lines[0]) == date(2026, 3, 31)
    assert due_day(facts, line) == date(2026, 4, 9)
    assert due_day(facts, LATER) == date(2026, 5, 4)


def test_what_the_first_email_did_not_tell_is_told_by_one_of_its_own() -> None:
    facts = an_order(FIRST, LATER, messages=(the_first(Status.SENT, FIRST),))
    (draft,) = words(facts)
    assert (draft.key, draft.due_at, draft.expires_at) == ("expectation:b", ADDED, ADDED + NEWS_LASTS)
    assert draft.says == {"b": Said(LATER.eta)}
    assert planned(facts, a_policy(), ADDED, "expectation:b") == draft
    assert not any(it.kind in {Kind.DELAY, Kind.EARLIER} for it in plan(facts, a_policy(), ADDED))


@pytest.mark.parametrize("status", [Status.SENDING, Status.UNKNOWN, Status.BOUNCED, Status.FAILED])
def test_what_may_have_left_is_not_relied_on_for_a_line_that_it_did_not_know(status: Status) -> None:
    (draft,) = words(an_order(FIRST, LATER, messages=(the_first(status, FIRST),)))
    assert draft.says.keys() == {"b"}


@pytest.mark.parametrize(
    "messages", [(), (the_first(Status.PLANNED, FIRST),), (the_first(Status.HELD, FIRST),)]
)
def test_a_first_email_that_is_still_to_leave_tells_all(messages: tuple[Message, ...]) -> None:
    (draft,) = words(an_order(FIRST, LATER, messages=messages))
    assert (draft.key, set(draft.says)) == ("expectation", {"a", "b"})


def test_lines_that_come_together_are_told_together_and_others_apart() -> None:
    third = replace(LATER, id="c", sku="C")
    fourth = replace(LATER, id="d", sku="D", added_at=ADDED + timedelta(hours=1))
    facts = an_order(FIRST, LATER, third, fourth, messages=(the_first(Status.SENT, FIRST),))
    assert [(it.key, set(it.says)) for it in words(facts)] == [
        ("expectation:b", {"b", "c"}),
        ("expectation:d", {"d"}),
    ]


def test_what_was_told_is_not_told_again_and_counts_as_told() -> None:
    says = {"b": Said(LATER.eta)}
    second = Message(
        "m2", "expectation:b", Kind.EXPECTATION, Status.SENT, ADDED, ADDED + NEWS_LASTS, says, sent_at=ADDED
    )
    facts = an_order(FIRST, LATER, messages=(the_first(Status.SENT, FIRST), second))
    assert words(facts) == []
    moved = replace(LATER, eta=Eta(date(2026, 6, 1)), eta_changed_at=on(3, 12))
    news = plan(replace(facts, lines=(FIRST, moved)), a_policy(), on(3, 12))
    late = [it for it in news if it.kind in {Kind.CONSENT, Kind.DELAY}]
    assert [set(it.says) for it in late][:1] == [{"b"}]


def test_a_first_email_that_comes_back_takes_the_word_on_the_line_in() -> None:
    """It was on its way, so the line got an email of its own; then the service was away, and it is planned again."""
    own = words(an_order(FIRST, LATER, messages=(the_first(Status.SENDING, FIRST),)))[0]
    waits = Message("m2", own.key, own.kind, Status.PLANNED, own.due_at, own.expires_at, own.says)
    facts = an_order(FIRST, LATER, messages=(the_first(Status.PLANNED, FIRST), waits))
    changes = reconcile(plan(facts, a_policy(), ADDED), facts, a_policy(), ADDED)
    assert [(it.message.id, it.reason) for it in changes.stop] == [("m2", "told_with_the_rest")]
    assert [set(it.draft.says) for it in changes.move if it.message.id == "m1"] == [{"a", "b"}]


def test_a_line_that_is_gone_before_its_word_left_gets_none() -> None:
    facts = an_order(FIRST, replace(LATER, cancelled=1), messages=(the_first(Status.SENT, FIRST),))
    assert words(facts) == []
