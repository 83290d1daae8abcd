"""What holds of every law, whatever happens to an order: the same facts, the same answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.eta import Eta
from notifier.domain.law import refunds_owed, standing
from notifier.domain.law.course import GIVEN
from notifier.domain.law.standing import EU_STATES, NO_LAW, US_STATES, Notice, Standing
from notifier.domain.message import Message, Status
from notifier.domain.order import Answer, Cancellation, Choice, Done, Facts, Refund, Shipment
from tests.domain.builders import (
    PLACED,
    a_cancellation,
    a_line,
    a_message,
    a_policy,
    a_shipment,
    an_order,
    on,
)

ZONES = ["America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo", "Africa/Cairo", "UTC"]
LAWS = {"us-ftc": US_STATES, "eu": EU_STATES, "none": (NO_LAW, "shipped", "cancelled")}
NOTICES = [None, "n1_short", "n1_long", "n1_indef", "n2_renewed"]
CANCELLED = {"cancelled", "refunded", "refund_overdue"}
CONSENTED = {"consented", "indefinite"}
AN_HOUR = timedelta(hours=1)

T = TypeVar("T")

# Few days, those around T and X among them, and midnights: events meet each other and the deadlines.
days = st.sampled_from([0, 1, 20, 29, 30, 31, 32, 45, 59, 60, 61, 62, 75, 90, 120]).map(
    lambda days: PLACED.date() + timedelta(days=days)
)
clocks = st.sampled_from([time(0), time(4), time(5), time(12), time(22)])
instants = st.builds(datetime.combine, days, clocks, st.just(UTC))
etas = st.none() | days


@st.composite
def messages(draw: st.DrawFn) -> Message:
    at, eta, notice = draw(instants), draw(etas), draw(st.sampled_from(NOTICES))
    status = draw(st.sampled_from(Status))
    return a_message(at, eta, notice, answer_by=draw(etas), status=status, further=draw(st.booleans()))


@st.composite
def orders(draw: st.DrawFn) -> Facts:
    line = a_line(
        draw(etas),
        quantity=draw(st.integers(1, 3)),
        promised=draw(st.none() | days),
        essential_date=draw(st.booleans()),
        unit_price=draw(st.sampled_from([None, Decimal("4.50")])),
    )
    answer = st.builds(
        Answer,
        instants,
        st.sampled_from(Choice),
        st.sampled_from([(), ("a",), ("b",)]),
        st.booleans(),
        etas,
    )
    units = st.integers(1, 3)
    return replace(
        an_order(line, zone=draw(st.sampled_from(ZONES))),
        store_timezone=draw(st.sampled_from(ZONES)),
        seller_credit=draw(st.booleans()),
        paid=draw(st.sampled_from([None, None, Decimal(0), Decimal("15.20")])),
        messages=tuple(draw(st.lists(messages(), max_size=4, unique_by=lambda message: message.key))),
        answers=tuple(draw(st.lists(answer, max_size=3))),
        shipments=tuple(draw(st.lists(st.builds(a_shipment, instants, units), max_size=2))),
        cancellations=tuple(draw(st.lists(st.builds(a_cancellation, instants, units), max_size=2))),
        refunds=tuple(Refund(at, Decimal(9), "USD") for at in draw(st.lists(instants, max_size=2))),
        done=tuple(Done(at, "refund", "a", "paid in cash") for at in draw(st.lists(instants, max_size=1))),
    )


laws = st.sampled_from(sorted(LAWS))


def where(facts: Facts, now: datetime, law: str = "us-ftc") -> Standing:
    return standing(facts, facts.lines[0], a_policy(jurisdiction=law), now)


def instants_of(facts: Facts) -> list[datetime]:
    happened: Sequence[Answer | Shipment | Cancellation | Refund | Done] = (
        *facts.answers,
        *facts.shipments,
        *facts.cancellations,
        *facts.refunds,
        *facts.done,
    )
    return [fact.at for fact in happened] + [m.sent_at for m in facts.messages if m.sent_at]


@given(orders(), instants, laws)
def test_every_state_has_a_name_in_its_law(facts: Facts, now: datetime, law: str) -> None:
    assert where(facts, now, law).state in LAWS[law]


@given(orders(), instants, laws, st.randoms(use_true_random=False))
def test_the_order_of_facts_does_not_matter(facts: Facts, now: datetime, law: str, random: Random) -> None:
    def shuffled(some: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(random.sample(some, len(some)))

    other = replace(
        facts,
        messages=shuffled(facts.messages),
        answers=shuffled(facts.answers),
        shipments=shuffled(facts.shipments),
        cancellations=shuffled(facts.cancellations),
        refunds=shuffled(facts.refunds),
    )
    assert where(other, now, law) == where(facts, now, law)


@given(orders(), instants, laws, st.floats(0, 1))
def test_between_two_facts_time_changes_nothing_but_at_changes_at(
    facts: Facts, now: datetime, law: str, part: float
) -> None:
    before = where(facts, now, law)
    ahead = [at for at in instants_of(facts) if at > now]
    quiet_until = min(
        [*ahead, before.changes_at or datetime.max.replace(tzinfo=UTC), now + timedelta(days=200)]
    )
    assert quiet_until > now, "changes_at lies ahead"
    later = now + (quiet_until - now) * part
    assert where(facts, min(later, quiet_until - timedelta(microseconds=1)), law) == before


@given(orders(), instants, laws)
def test_changes_at_is_when_something_changes(facts: Facts, now: datetime, law: str) -> None:
    before = where(facts, now, law)
    if before.changes_at and not any(now < at <= before.changes_at for at in instants_of(facts)):
        assert where(facts, before.changes_at, law) != before


@given(orders(), instants, instants, laws)
def test_shipped_is_final(facts: Facts, one: datetime, other: datetime, law: str) -> None:
    if where(facts, min(one, other), law).state == "shipped":
        assert where(facts, max(one, other), law).state == "shipped"


@given(orders(), instants, instants)
def test_an_order_cancelled_by_law_comes_back_only_by_shipping(
    facts: Facts, one: datetime, other: datetime
) -> None:
    if where(facts, min(one, other)).state in CANCELLED:
        assert where(facts, max(one, other)).state in {*CANCELLED, "shipped"}


# No consent that nobody gave, no duty shortened, none without a clock.


@given(orders(), instants)
def test_no_state_of_consent_without_an_express_yes(facts: Facts, now: datetime) -> None:
    yes = [it for it in facts.answers if it.choice is Choice.KEEP and it.at <= now and "b" not in it.line_ids]
    if where(facts, now).state in CONSENTED:
        assert yes
        asked = [m.sent_at for m in facts.messages if m.sent_at and m.status in GIVEN and m.says["a"].notice]
        assert min(asked) <= max(it.at for it in yes), "a yes to nothing is no consent"


@given(orders(), instants)
def test_consent_to_any_further_delay_needs_that_question_and_that_answer(
    facts: Facts, now: datetime
) -> None:
    asked = any(said.further for message in facts.messages for said in message.says.values())
    answered = any(answer.further for answer in facts.answers)
    if not asked or not answered:
        silent = replace(facts, answers=tuple(replace(it, further=False) for it in facts.answers))
        assert where(facts, now) == where(silent, now)


@given(orders(), instants, laws, etas)
def test_an_estimate_that_improves_shortens_no_duty_and_turns_no_question_into_silence(
    facts: Facts, now: datetime, law: str, better: date | None
) -> None:
    line = facts.lines[0]
    better = min(day for day in (better, line.eta.latest, date(2026, 9, 1)) if day)
    before = where(facts, now, law)
    after = where(replace(facts, lines=(replace(line, eta=Eta(better)),)), now, law)
    unmoved = ("state", "ship_by", "answer_by", "refund_by", "cancel_by", "changes_at")
    assert [getattr(after, name) for name in unmoved] == [getattr(before, name) for name in unmoved]


@given(orders(), instants, laws)
def test_no_duty_is_without_a_clock(facts: Facts, now: datetime, law: str) -> None:
    found = where(facts, now, law)
    match found.state:
        case "on_time" | "silence_ok" | "consented":
            assert found.ship_by
            assert found.changes_at
            assert law == "eu" or (found.lapse and found.lapse.give_by == found.ship_by)
        case "need_consent" | "renewed":
            assert found.answer_by
            assert found.changes_at
        case "refund_overdue":
            assert found.refund_by
        case "cancelled" | "terminated" if law != "none":
            owed = refunds_owed(facts, a_policy(jurisdiction=law), now)
            assert bool(found.refund_by) == bool(owed) == bool(found.changes_at)
            assert found.refund_by or facts.paid == 0
        case "refunded":
            assert not refunds_owed(facts, a_policy(jurisdiction=law), now)
    assert not found.notice or found.notice.give_by == found.ship_by


# A store that does its duty: a notice as soon as it is demanded, the can't-say notice on the last day.

estimates = st.dictionaries(st.integers(0, 90), st.none() | st.integers(0, 200), max_size=6)


def waited(facts: Facts, estimates: dict[int, int | None], keeps: bool) -> list[Standing]:
    """Live 120 days with the order, estimates moving by script; the customer always says keep, or nothing."""
    lived = []
    for day in range(120):
        now = on(3, 1) + timedelta(days=day)
        if day in estimates:
            moved = estimates[day]
            eta = Eta(None if moved is None else PLACED.date() + timedelta(days=moved))
            facts = replace(facts, lines=(replace(facts.lines[0], eta=eta),))
        found = where(facts, now)
        ends_today = found.changes_at is not None and found.changes_at <= now + timedelta(days=1)
        lapse = found.lapse if ends_today else None
        if notice := found.notice or lapse:
            facts = replace(facts, messages=(*facts.messages, as_given(notice, now)))
        if keeps and where(facts, now).answer_by:
            facts = replace(facts, answers=(*facts.answers, Answer(now + AN_HOUR, Choice.KEEP)))
        lived.append(where(facts, now + 2 * AN_HOUR))
    return lived


def as_given(notice: Notice, at: datetime) -> Message:
    return a_message(at, notice.revised, notice.kind, answer_by=notice.answer_by)


@given(estimates)
def test_an_order_is_never_cancelled_while_its_customer_consents_in_time(
    script: dict[int, int | None],
) -> None:
    states = {found.state for found in waited(an_order(), script, keeps=True)}
    assert not states & CANCELLED


@given(estimates)
def test_consent_is_never_invented(script: dict[int, int | None]) -> None:
    lived = waited(an_order(), script, keeps=False)
    assert not {found.state for found in lived} & CONSENTED
    # Without a word from the customer, no order outlives the silence limit.
    assert lived[-1].state in CANCELLED


# Which law


@pytest.mark.parametrize(
    ("country", "policy", "state"),
    [
        ("US", "auto", "cancelled"),
        (None, "auto", "cancelled"),
        ("DE", "auto", "late"),
        ("GB", "auto", "late"),
        ("JP", "auto", NO_LAW),
        ("DE", "us-ftc", "cancelled"),
        ("US", "none", NO_LAW),
    ],
)
def test_the_customer_s_country_chooses_the_law_unless_the_policy_does(
    country: str | None, policy: str, state: str
) -> None:
    facts = an_order(country=country)
    assert standing(facts, facts.lines[0], a_policy(jurisdiction=policy), on(4, 2)).state == state


def test_without_a_law_a_line_only_ships_or_is_cancelled() -> None:
    facts = an_order()
    assert where(facts, on(9, 1), "none") == Standing(NO_LAW)
    assert where(replace(facts, shipments=(a_shipment(on(4, 1)),)), on(9, 1), "none") == Standing("shipped")
    ended = replace(facts, cancellations=(a_cancellation(on(4, 1)),))
    assert where(ended, on(9, 1), "none") == Standing("cancelled")


def test_a_date_is_a_day_everywhere() -> None:
    assert where(an_order(zone="Asia/Tokyo"), PLACED).ship_by == date(2026, 4, 1)
