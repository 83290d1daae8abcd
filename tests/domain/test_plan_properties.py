"""What holds of the plan whatever happens to an order."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.eta import Slip, slip
from notifier.domain.law import standing
from notifier.domain.message import (
    CHANGE_OF_DATE,
    IN_WINDOW,
    TELLS_DATES,
    WAITING_SERIES,
    Draft,
    Kind,
    Status,
)
from notifier.domain.order import Facts, OrderStatus, baseline
from notifier.domain.plan import ENDED_IN_LAW, plan, planned
from notifier.domain.policy import Policy, in_window, into_window, local_day
from tests.domain.builders import PLACED, a_line, an_order
from tests.domain.life import Life
from tests.domain.strategies import etas, happenings, orders, policies, zones

History = list[tuple[Any, ...]]


def lived(facts: Facts, policy: Policy, history: History, to_the_end: bool = True) -> Life:
    life = Life(facts, policy)
    for hours, what, details in history:
        life.until(life.now + timedelta(hours=hours))
        happen(life, what, *details)
        checked(life)
    if to_the_end:
        life.until(life.now + timedelta(days=200))
        checked(life)
    return life


def happen(life: Life, what: str, *details: Any) -> None:
    match what:
        case "moves":
            life.moves(*details)
        case "ships" | "cancels":
            units, line_id = details
            if any(line_id in {None, line.id} for line in life.facts.waiting_lines):
                getattr(life, what)(units, line_id)
        case "keeps":
            life.keeps()
        case "bounces":
            back = [m for m in life.sent if m.status is Status.SENT]
            if back:
                life.reports(back[-1], Status.BOUNCED)
        case "is_away":
            life.away_until(life.now + timedelta(hours=details[0]))
        case "unsubscribes":
            life.happens(unsubscribed=not life.facts.unsubscribed)
        case "travels":
            life.happens(customer=replace(life.facts.customer, timezone=details[0]))
        case "decides":
            life.policy = details[0]
            life.replan()


def checked(life: Life) -> None:
    """What must hold at every moment."""
    life.replan()
    assert not life.changes(), "planning twice changes nothing"
    wanted = {draft.key: draft for draft in plan(life.facts, life.policy, life.now)}
    for key in {"expectation", *wanted, *(message.key for message in life.facts.messages)}:
        assert planned(life.facts, life.policy, life.now, key) == wanted.get(key), "each alone as among all"
    keys = Counter(message.key for message in life.facts.messages)
    assert max(keys.values(), default=1) == 1, "no two messages share a key"
    for message in life.planned:
        assert message.due_at < message.expires_at
        assert message.expires_at > life.now
    if life.facts.status in {OrderStatus.SHIPPED, OrderStatus.CANCELLED}:
        assert {m.kind for m in life.planned} <= {Kind.SHIPPED, Kind.CANCELLED}
    reminders = [m for m in life.planned if m.kind is Kind.WAITING]
    assert len(reminders) <= 1, "only the next one is planned"


@given(orders(), policies, happenings())
def test_planning_twice_changes_nothing_whatever_happened(
    facts: Facts, policy: Policy, history: History
) -> None:
    lived(facts, policy, history)


STEADY = ("travels", "decides")
"""Left out where a rule speaks of one zone and one policy."""
PUNCTUAL = (*STEADY, "is_away", "bounces")
"""Left out, too, where it takes that emails leave when they are due, and arrive."""


@given(orders(), policies, happenings())
def test_no_email_leaves_outside_the_window_unless_a_legal_notice_would_come_too_late(
    facts: Facts, policy: Policy, history: History
) -> None:
    for sending in lived(facts, policy, [step for step in history if step[1] != "is_away"]).sendings:
        draft, zone, window = sending.draft, sending.facts.customer.zone, sending.policy.send_window
        if draft.kind in IN_WINDOW and not in_window(sending.at, window, zone):
            assert any(said.notice for said in draft.says.values())
            assert into_window(sending.at, window, zone) >= draft.expires_at


@given(orders(), policies, happenings())
def test_what_leaves_is_true_when_it_leaves(facts: Facts, policy: Policy, history: History) -> None:
    for sending in lived(facts, policy, history).sendings:
        today = local_day(sending.at, sending.facts.customer.zone)
        for line_id, said in sending.draft.says.items():
            line = sending.facts.line(line_id)
            gone = line.eta.latest is not None and line.eta.latest <= today and not said.eta.known
            assert said.eta == line.eta or said.notice or gone, "as it is known, or that nobody can say"
            if sending.draft.kind is Kind.PAYMENT:
                assert line.waiting
                assert sending.facts.card is not None
                assert line.eta.latest is not None
                assert line.eta.latest > sending.facts.card.last_day
            if sending.draft.kind is Kind.COUNTDOWN:
                assert line.waiting
                assert line.eta.latest is not None
                assert line.eta.latest >= today
            assert said.answer_by is None or said.answer_by >= today


@given(orders(), policies, happenings(without=STEADY))
def test_reminders_are_never_closer_than_the_gap_nor_two_countdowns_on_a_day(
    facts: Facts, policy: Policy, history: History
) -> None:
    life = lived(facts, policy, history)
    reminders = [s for s in life.sendings if s.draft.kind in WAITING_SERIES]
    for one, other in pairwise(reminders):
        assert other.at - one.at >= timedelta(hours=policy.min_gap_hours)
    zone = facts.customer.zone
    days = [local_day(s.at, zone) for s in reminders if s.draft.kind is Kind.COUNTDOWN]
    assert len(days) == len(set(days))


@given(orders(), policies, happenings())
def test_a_date_told_is_never_told_again_as_news(facts: Facts, policy: Policy, history: History) -> None:
    for sending in lived(facts, policy, history).sendings:
        if sending.draft.kind in CHANGE_OF_DATE:
            for line_id, said in sending.draft.says.items():
                line = sending.facts.line(line_id)
                before = baseline(sending.facts, line)
                threshold = sending.policy.of(line.sku).delay_threshold_days
                assert said.notice or slip(before, said.eta, threshold) is not Slip.NONE


@given(orders(), policies, happenings(without=PUNCTUAL))
def test_every_change_that_matters_is_told(facts: Facts, policy: Policy, history: History) -> None:
    life = lived(facts, policy, history, to_the_end=False)
    life.until(life.now + timedelta(minutes=policy.settle_minutes) + timedelta(days=2))
    today = local_day(life.now, facts.customer.zone)
    for line in life.facts.waiting_lines:
        if standing(life.facts, line, policy, life.now).state in ENDED_IN_LAW:
            continue
        told = [
            s.draft.says[line.id].eta
            for s in life.sendings
            if s.draft.kind in TELLS_DATES and line.id in s.draft.says
        ]
        assert told
        if line.eta.latest is None or line.eta.latest > today:
            moved = slip(told[-1], line.eta, policy.of(line.sku).delay_threshold_days)
            assert moved is Slip.NONE, (told, line.eta)


@given(orders(), policies, happenings(without=PUNCTUAL))
def test_with_notices_on_no_order_ends_by_law_unless_its_customer_was_asked(
    facts: Facts, policy: Policy, history: History
) -> None:
    policy = replace(policy, jurisdiction="us-ftc", auto_notice=True)
    in_time = {
        line.id
        for line in facts.lines
        if standing(facts, line, policy, facts.registered_at).state == "on_time"
    }
    life = lived(facts, policy, history)
    for line in life.facts.waiting_lines:
        ended = standing(life.facts, line, policy, life.now).state in ENDED_IN_LAW
        if ended and line.id in in_time:
            said = [s.draft.says[line.id] for s in life.sendings if line.id in s.draft.says]
            assert any(it.answer_by for it in said)


@given(orders(), policies, st.permutations(range(3)), st.data())
def test_facts_of_one_instant_may_come_in_any_order(
    facts: Facts, policy: Policy, turns: list[int], data: st.DataObject
) -> None:
    life = lived(facts, policy, data.draw(happenings()), to_the_end=False)
    steps = [
        ("moves", data.draw(etas(PLACED.date())), facts.lines[0].id),
        ("cancels", 1, facts.lines[-1].id) if len(facts.lines) > 1 else ("unsubscribes",),
        ("keeps",),
    ]

    def after(order: Iterable[int]) -> list[Draft]:
        other = Life(life.facts, life.policy, life.now)
        for turn in order:
            what, *details = steps[turn]
            happen(other, str(what), *details)
        assert not other.changes()
        return sorted(plan(other.facts, other.policy, other.now), key=lambda draft: draft.key)

    assert after(turns) == after(range(3))


@given(orders(years=(2000, 2099)), policies, st.sampled_from(sorted(available_timezones())), st.data())
def test_any_zone_and_any_year_can_be_planned(
    facts: Facts, policy: Policy, zone: str, data: st.DataObject
) -> None:
    facts = replace(facts, customer=replace(facts.customer, timezone=zone))
    first = facts.registered_at.date()
    lived(facts, policy, data.draw(happenings(first)))


@given(policies, zones)
def test_the_first_and_the_last_days_that_an_order_may_name_can_be_planned(policy: Policy, zone: str) -> None:
    for day in (date(2000, 1, 1), date(2100, 1, 1)):
        noon = datetime.combine(day, time(12), UTC)
        line = a_line(day, promised=day, eta_changed_at=noon)
        facts = an_order(line, zone=zone, placed_at=noon)
        lived(facts, policy, [(0, "moves", (day, "a")), (1, "moves", (None, "a"))])
