"""What a product page says of goods that are waited for."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.believed import Belief, Supply, believed, newest
from notifier.domain.eta import UNKNOWN, Eta
from notifier.domain.hindsight import Outlook

TODAY = date(2026, 11, 27)
SOON, LATER, FAR = Eta(date(2026, 12, 12)), Eta(date(2026, 12, 19), date(2026, 12, 15)), Eta(date(2027, 2, 1))
LATE = Outlook(6, 6, 5, 5, 8, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("estimates", "said"),
    [
        ([], None),
        ([SOON], SOON),
        ([FAR, SOON, SOON], SOON),
        ([LATER, LATER, SOON, SOON, SOON], SOON),
        ([LATER, SOON], LATER),
        ([UNKNOWN, UNKNOWN, SOON], UNKNOWN),
    ],
    ids=["nobody waits", "one", "one put right by hand", "most", "as many: the newer", "nobody can say"],
)
def test_most_of_the_newest_orders_speak_for_the_next(estimates: list[Eta], said: Eta | None) -> None:
    assert newest(estimates) == said


@pytest.mark.parametrize(
    ("stated", "known", "origin", "said"),
    [
        (None, None, None, Belief(Supply.NONE)),
        (UNKNOWN, LATE, None, Belief(Supply.UNKNOWN)),
        (SOON, None, None, Belief(Supply.BACKORDER, SOON)),
        (LATER, None, None, Belief(Supply.BACKORDER, LATER)),
        (Eta(date(2026, 11, 26)), None, None, Belief(Supply.UNKNOWN)),
        (Eta(TODAY), None, None, Belief(Supply.BACKORDER, Eta(TODAY))),
        (
            Eta(date(2026, 12, 1), date(2026, 11, 20)),
            None,
            None,
            Belief(Supply.BACKORDER, Eta(date(2026, 12, 1))),
        ),
        (SOON, LATE, None, Belief(Supply.BACKORDER, Eta(date(2026, 12, 20), date(2026, 12, 17)))),
        (FAR, LATE, date(2026, 12, 12), Belief(Supply.BACKORDER, FAR)),
    ],
    ids=[
        "none",
        "unknown",
        "day",
        "range",
        "passed",
        "today",
        "begun",
        "history",
        "history is heeded already",
    ],
)
def test_what_is_said_to_who_orders_today(
    stated: Eta | None, known: Outlook | None, origin: date | None, said: Belief
) -> None:
    assert believed(stated, TODAY, known, origin) == said


days = st.integers(-60, 400).map(lambda number: TODAY + timedelta(days=number))


@given(st.none() | st.builds(Eta, st.none() | days), st.none() | st.just(LATE), st.none() | days)
def test_nothing_that_has_passed_is_ever_promised(
    stated: Eta | None, known: Outlook | None, origin: date | None
) -> None:
    said = believed(stated, TODAY, known, origin)
    assert said.eta.known == (said.supply is Supply.BACKORDER)
    if said.eta.latest:
        assert (said.eta.earliest or said.eta.latest) >= TODAY
