"""Orders, policies and what may happen to them, for the properties of planning."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st

from notifier.domain.eta import Eta
from notifier.domain.order import Customer, Facts, card
from notifier.domain.policy import Policy, SkuPolicy, Window
from tests.domain.builders import PLACED, a_line, an_order

ZONES = [
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # its clock changes by half an hour
    "Pacific/Apia",  # had no 30 December 2011
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "Antarctica/Troll",  # its clock changes by two hours
]

START = PLACED.date()

zones = st.sampled_from(ZONES)
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start, end = sorted(draw(st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1])))
    return Window(start, end)


policies = st.builds(
    Policy,
    countdown_days=st.lists(st.integers(1, 30), max_size=6, unique=True).map(
        lambda days: tuple(sorted(days, reverse=True))
    ),
    send_window=st.just(Window()) | windows(),
    min_gap_hours=st.sampled_from([0, 1, 20, 48, 100]),
    waiting_every_days=st.sampled_from([None, None, 7, 30]),
    next_word_days=st.sampled_from([3, 14]),
    payment_lead_days=st.sampled_from([0, 14]),
    settle_minutes=st.sampled_from([0, 15, 60, 1440]),
    delay_threshold_days=st.sampled_from([0, 1, 1, 3, 10]),
    jurisdiction=st.sampled_from(["auto", "us-ftc", "eu", "none"]),
    auto_notice=st.booleans(),
    ask_further=st.booleans(),
    skus=st.dictionaries(
        st.sampled_from("AB"),
        st.builds(
            SkuPolicy,
            countdown_days=st.sampled_from([None, (), (10, 2)]),
            delay_threshold_days=st.sampled_from([None, 0, 5]),
        ),
        max_size=1,
    ),
)


def etas(first: date, most_days: int = 120) -> st.SearchStrategy[Eta]:
    """Unknown, a day, or a range, not long before or after `first`."""
    days = st.integers(-10, most_days).map(lambda days: first + timedelta(days=days))
    ranges = st.tuples(days, st.integers(0, 14)).map(lambda it: Eta(it[0] + timedelta(days=it[1]), it[0]))
    return st.just(Eta()) | days.map(Eta) | days.map(Eta) | ranges


instants_of_day = st.integers(0, 24 * 4 - 1).map(lambda quarters: timedelta(minutes=15 * quarters))


@st.composite
def orders(draw: st.DrawFn, first: date = START, years: tuple[int, int] | None = None) -> Facts:
    """An order of one to three lines, just registered, perhaps placed some days before."""
    if years:
        first = draw(st.dates(date(years[0], 1, 1), date(years[1], 12, 31)))
    registered = datetime.combine(first, time(0), UTC) + draw(instants_of_day)
    expected = etas(first)
    promised = st.none() | st.integers(0, 60).map(lambda days: first + timedelta(days=days))
    lines = [
        a_line(
            draw(expected),
            promised=draw(promised),
            line_id=line_id,
            quantity=draw(st.integers(1, 3)),
            eta_changed_at=registered,
        )
        for line_id in "abc"[: draw(st.integers(1, 3))]
    ]
    month = draw(st.none() | st.integers(-40, 100).map(lambda days: first + timedelta(days=days)))
    customer = Customer(
        "alice@example.com",
        timezone=draw(zones),
        country=draw(st.sampled_from(["US", "DE", "JP", None])),
    )
    return an_order(
        *lines,
        placed_at=registered - timedelta(days=draw(st.sampled_from([0, 0, 0, 1, 20, 40]))),
        registered_at=registered,
        customer=customer,
        store_timezone=draw(zones),
        card=card({"expires": f"{month:%Y-%m}"}) if month else None,
    )


line_ids = st.sampled_from("abc")

# What happens, each with its hours of waiting before: from minutes, so that changes settle together, to weeks.
waits = st.sampled_from([0.0, 0.1, 0.2, 1, 5, 11, 24, 24 * 3, 24 * 10, 24 * 25])


def happenings(
    first: date = START, without: tuple[str, ...] = ()
) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """A history: (hours before it, what, its details); some kinds of happening may be left out."""
    moves = st.tuples(waits, st.just("moves"), st.tuples(etas(first), line_ids))
    others = st.one_of(
        st.tuples(waits, st.just("ships"), st.tuples(st.none() | st.integers(1, 2), st.none() | line_ids)),
        st.tuples(waits, st.just("cancels"), st.tuples(st.none() | st.integers(1, 2), st.none() | line_ids)),
        st.tuples(waits, st.just("keeps"), st.just(())),
        st.tuples(waits, st.just("bounces"), st.just(())),
        st.tuples(waits, st.just("is_away"), st.tuples(st.sampled_from([2, 30, 400]))),
        st.tuples(waits, st.just("unsubscribes"), st.just(())),
        st.tuples(waits, st.just("travels"), st.tuples(zones)),
        st.tuples(waits, st.just("decides"), st.tuples(policies)),
    )
    return st.lists((moves | moves | others).filter(lambda it: it[1] not in without), max_size=10)
