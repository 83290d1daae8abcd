"""The figures as a person reads them, and what became of a SKU's dates."""

from datetime import timedelta
from html import unescape

import pytest
from fastapi.testclient import TestClient

from notifier import advising
from notifier.domain.hindsight import Outcome, Outlook
from notifier.pages.plots import HEIGHT, WORDS, bars, dots
from tests.pages.shop import NOW, OTHER_KEY, Shop


def live_through(shop: Shop, late: tuple[int, ...] = (5, 3, 8, 0, 6)) -> None:
    """A past in which one order after the other missed its date by that many days."""
    now = shop.now
    shop.clock[0] = now - timedelta(days=31 * len(late) + 30)
    for number, days in enumerate(late):
        eta = (shop.now + timedelta(days=10)).date().isoformat()
        line = {"sku": "ORN-RED", "name": "Red glass ornament", "quantity": 1, "eta": eta}
        shop.register(f"past-{number}", lines=[line])
        shop.pass_time(days=10 + days)
        shop.ship(f"past-{number}")
        shop.pass_time(days=21 - days)
    shop.clock[0] = now
    while advising.learn(shop.services.engine, shop.now):
        pass


def test_the_page_shows_each_figure_as_a_plot_and_as_a_table(shop: Shop, operator: TestClient) -> None:
    while advising.learn(shop.services.engine, shop.now):
        pass
    page = unescape(operator.get("/console/insights").text)
    for heading in ("What is waited for", "For how long", "Which dates slipped", "Which suppliers slipped",
                    "Sales lost to delays",
                    "Emails, and what became of them", "Deadlines near"):  # fmt: skip
        assert heading in page
    assert page.count('<svg class="plot') == page.count('role="img"') >= 5
    assert page.count("<title id=") == page.count("<desc id=") == page.count('role="img"')
    assert page.count("As a table") >= 4
    assert '<th scope="row">ORN-RED</th>' in page


def test_a_shop_without_a_past_has_a_page_too(visitor: TestClient) -> None:
    visitor.post("/console/login", data={"api_key": OTHER_KEY})
    page = visitor.get("/console/insights")
    assert page.status_code == 200
    assert "Nobody waits for anything." in page.text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("from=2026-12-02&to=2026-12-01", "must not lie after"),
        ("from=gestern", "'gestern' is not a date"),
        ("to=0001-01-01", "is not between 2000 and 2100"),
    ],
)
def test_a_period_that_makes_no_sense_is_said(operator: TestClient, asked: str, said: str) -> None:
    page = operator.get(f"/console/insights?{asked}")
    assert page.status_code == 422
    assert said in unescape(page.text)


def test_the_page_is_for_who_is_signed_in(visitor: TestClient) -> None:
    assert visitor.get("/console/insights").status_code == 303


def test_a_sku_shows_what_became_of_its_dates_and_advises_before_one_is_moved(
    shop: Shop, operator: TestClient
) -> None:
    live_through(shop)
    page = unescape(operator.get("/console/skus/ORN-RED").text)
    assert "Of the last 6 dates that were first named, 4 were missed." in page
    assert page.count('<circle class="late"') == 4
    assert page.count('<circle class="kept"') == 2
    assert "History says otherwise" not in page
    asked = operator.get("/console/skus/ORN-RED?ask=true&eta=2026-12-13")
    assert "History says otherwise: Thu 17 Dec 2026 to Sun 20 Dec 2026 is likelier." in unescape(asked.text)
    heeded = operator.get("/console/skus/ORN-RED?ask=true&eta=2026-12-26&eta_earliest=2026-12-23")
    assert "History says otherwise" not in unescape(heeded.text)


# --- where the marks stand -------------------------------------------------------------------------------


def test_the_longest_bar_is_as_wide_as_the_plot_and_what_is_more_than_nothing_is_seen() -> None:
    drawn = bars([("A", 1000, "1,000"), ("B", 500, "500"), ("C", 1, "1"), ("D", 0, "0")])
    assert [bar.width for bar in drawn] == [100, 50, 0.75, 0]
    assert bars([]) == ()
    assert [bar.width for bar in bars([("A", 0, "0")])] == [0]


def test_a_long_name_is_cut_in_the_plot_alone() -> None:
    (bar,) = bars([("x" * 200, 1, "1")])
    assert len(bar.label) == WORDS
    assert bar.label.endswith("…")


@pytest.mark.parametrize("late", [(0,), (5,), (-5,), (400, -30, 0), (1,) * 30])
def test_every_mark_lies_within_the_plot(late: tuple[int, ...]) -> None:
    day = NOW.date()
    past = [Outcome(day, day + timedelta(days=days), 1) for days in late]
    for known in (None, Outlook(5, 5, 5, 3, 9, day), Outlook(5, 5, 0, -2, 0, day)):
        plot = dots(past, known)
        assert all(0 <= dot.x <= 100 and 0 <= dot.y <= HEIGHT for dot in plot.dots)
        assert all(0 <= level.y <= HEIGHT for level in plot.levels)
        assert [dot.y < plot.levels[0].y for dot in plot.dots] == [days > 0 for days in late]
