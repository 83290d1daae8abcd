"""A date that history contradicts is answered with advice, its evidence, and nothing changed."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from notifier import advising
from notifier.db.engine import transaction
from notifier.db.insight_tables import SkuNews
from tests.api.client import START, Api, Json, a_line

SKU = "ORN-RED"
LATE = (5, 3, 8, 0, 6)
"""By how many days each of the past dates was missed."""


def learn(api: Api) -> None:
    while advising.learn(api.services.engine, api.clock()):
        pass


def live_through(api: Api, late: tuple[int, ...] = LATE, sku: str = SKU) -> None:
    """One order after the other, a month apart, whose date is missed by that many days."""
    api.clock.now = START - timedelta(days=31 * len(late))
    for number, days in enumerate(late):
        eta = api.clock.now.date() + timedelta(days=10)
        order = api.register(
            order_id=f"{sku}-{number}", placed_at=..., lines=[a_line(sku, eta=eta.isoformat())]
        )
        api.clock.pass_by(days=10 + days)
        api("POST", f"/v1/backorders/{order['id']}/shipments", 201, json={})
        api.clock.pass_by(days=21 - days)
    learn(api)


def suggested(answer: Json) -> list[tuple[str, str]]:
    return [(it["suggested"]["eta_earliest"], it["suggested"]["eta"]) for it in answer.get("advice") or ()]


def test_a_date_that_history_contradicts_is_registered_as_it_is_and_answered_with_advice(api: Api) -> None:
    live_through(api)
    order = api.register()
    (advice,) = order["advice"]
    assert advice["entered"] == {"eta": "2026-12-12", "eta_earliest": None}
    assert advice["suggested"] == {"eta": "2026-12-20", "eta_earliest": "2026-12-17"}
    assert advice["evidence"] == {
        "observations": 5,
        "dates": 5,
        "late": 4,
        "likely_days": 5,
        "safe_days": 8,
        "since": "2026-07-09",
    }
    assert "of the last 5 dates that were first named for ORN-RED, 4 were missed" in advice["because"]
    assert order["lines"][0]["eta"] == "2026-12-12"
    assert "advice" not in api("GET", f"/v1/backorders/{order['id']}")


def test_each_entry_of_a_batch_gets_its_own(api: Api) -> None:
    live_through(api)
    batch = {
        "backorders": [
            {"order_id": "a", "customer": {"email": "a@example.com"}, "lines": [a_line("B", unit_price=...)]},
            {"order_id": "b", "customer": {"email": "b@example.com"}, "lines": [a_line(unit_price=...)]},
        ]
    }
    first, second = api("POST", "/v1/backorders/batch", json=batch)["results"]
    assert suggested(first["backorder"]) == []
    assert suggested(second["backorder"]) == [("2026-12-17", "2026-12-20")]


def test_who_takes_the_advice_is_not_advised_again(api: Api) -> None:
    live_through(api)
    order = api.register()
    taken = {"sku": SKU, "eta": "2026-12-20", "eta_earliest": "2026-12-17"}
    path = f"/v1/backorders/{order['id']}"
    assert suggested(
        api("PATCH", path, json={"lines": [taken | {"eta": "2026-12-14", "eta_earliest": None}]})
    ) == [("2026-12-17", "2026-12-20")]
    assert "advice" not in api("PATCH", path, json={"lines": [taken]})
    assert "advice" not in api("PATCH", path, json={"customer": {"name": "Jane"}})
    learn(api)
    assert "advice" not in api.register(order_id="next", lines=[a_line(eta="2026-12-20")])


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_new_date_for_the_sku_is_advised_on_too(api: Api, dry_run: bool) -> None:
    live_through(api)
    api.register()
    wanted = {"eta": "2026-12-15", "dry_run": dry_run}
    assert suggested(api("PUT", f"/v1/skus/{SKU}/eta", json=wanted)) == [("2026-12-17", "2026-12-20")]
    wanted = {"eta": "2026-12-20", "eta_earliest": "2026-12-17", "dry_run": dry_run}
    assert suggested(api("PUT", f"/v1/skus/{SKU}/eta", json=wanted)) == []
    assert suggested(api("PUT", f"/v1/skus/{SKU}/eta", json={"eta": None, "dry_run": dry_run})) == []


def test_no_advice_from_few_dates_nor_from_dates_that_were_kept(api: Api) -> None:
    live_through(api, (5, 3, 8, 6))
    live_through(api, (0, 0, -2, 9, 0, 1), sku="KEPT")
    assert "advice" not in api.register()
    assert "advice" not in api.register(order_id="kept", lines=[a_line("KEPT")])


def test_the_history_shows_what_became_of_each_date(api: Api) -> None:
    live_through(api)
    order = api.register()
    api.clock.pass_by(hours=1)
    api("PATCH", f"/v1/backorders/{order['id']}", json={"lines": [{"sku": SKU, "eta": "2026-12-19"}]})
    api.clock.pass_by(days=1)
    api("PUT", f"/v1/skus/{SKU}/eta", json={"eta": None, "reason": "nobody knows"})
    learn(api)
    told = api("GET", f"/v1/skus/{SKU}/history")
    assert [it["days_late"] for it in told["dates"]] == list(LATE)
    assert all(it["units"] == 3 for it in told["dates"])
    assert [(it["named"], it["became"], it["days"], it["lines"]) for it in told["moves"]] == [
        ("2026-12-12", "2026-12-19", 7, 1),
        ("2026-12-19", None, None, 1),
    ]
    assert told["outlook"]["likely_days"] == 5


def test_goods_whose_date_was_moved_count_from_the_first(api: Api) -> None:
    one = api.register(order_id="1")
    api.clock.pass_by(days=1)
    api("PUT", f"/v1/skus/{SKU}/eta", json={"eta": "2026-12-18"})
    two = api.register(order_id="2", placed_at=..., lines=[a_line(eta="2026-12-18")])
    api.clock.now = START + timedelta(days=19)
    for order in (one, two):
        api("POST", f"/v1/backorders/{order['id']}/shipments", 201, json={})
    learn(api)
    told = api("GET", f"/v1/skus/{SKU}/history")["dates"]
    assert told == [{"named": "2026-12-12", "shipped": "2026-12-20", "days_late": 8, "units": 6}]


def test_a_date_that_is_taken_back_at_once_never_moved(api: Api) -> None:
    orders = [api.register(order_id=str(number)) for number in range(2)]
    for eta in ("2026-12-19", "2026-12-12"):
        api.clock.pass_by(minutes=5)
        api("PATCH", f"/v1/backorders/{orders[0]['id']}", json={"lines": [{"sku": SKU, "eta": eta}]})
    learn(api)
    assert api("GET", f"/v1/skus/{SKU}/history")["moves"] == []
    api("PATCH", f"/v1/backorders/{orders[1]['id']}", json={"lines": [{"sku": SKU, "eta": "2026-12-19"}]})
    learn(api)
    api.clock.pass_by(hours=5)
    api("PATCH", f"/v1/backorders/{orders[1]['id']}", json={"lines": [{"sku": SKU, "eta": "2026-12-12"}]})
    learn(api)
    told = api("GET", f"/v1/skus/{SKU}/history")["moves"]
    assert [it["days"] for it in told] == [7, -7]


def test_the_ship_day_is_the_stores(api: Api) -> None:
    order = api.register()
    api.clock.pass_by(days=11)
    shipped_at = "2026-12-12T23:30:00-05:00"  # the 13th in UTC
    api.clock.pass_by(days=3)
    api("POST", f"/v1/backorders/{order['id']}/shipments", 201, json={"shipped_at": shipped_at})
    learn(api)
    assert api("GET", f"/v1/skus/{SKU}/history")["dates"][0]["shipped"] == "2026-12-12"


def test_goods_of_which_no_date_was_ever_named_tell_nothing(api: Api) -> None:
    order = api.register(lines=[a_line(eta=None, reason="nobody knows")])
    api("POST", f"/v1/backorders/{order['id']}/shipments", 201, json={})
    learn(api)
    assert api("GET", f"/v1/skus/{SKU}/history") == {"sku": SKU, "outlook": None, "dates": [], "moves": []}


def test_a_line_without_a_date_at_first_counts_from_the_one_that_was_found(api: Api) -> None:
    order = api.register(lines=[a_line(eta=None, reason="nobody knows")])
    for eta in ("2026-12-05", "2026-12-08"):
        api("PATCH", f"/v1/backorders/{order['id']}", json={"lines": [{"sku": SKU, "eta": eta}]})
        api.clock.pass_by(days=2)
    api("POST", f"/v1/backorders/{order['id']}/shipments", 201, json={})
    learn(api)
    told = api("GET", f"/v1/skus/{SKU}/history")["dates"]
    assert [(it["named"], it["shipped"]) for it in told] == [("2026-12-05", "2026-12-05")]


def test_another_stores_history_is_its_own(api: Api, other: Api) -> None:
    live_through(api)
    assert other("GET", f"/v1/skus/{SKU}/history")["dates"] == []
    assert "advice" not in other.register()


def test_news_is_folded_once_however_often(api: Api) -> None:
    live_through(api)
    before = api("GET", f"/v1/skus/{SKU}/history")
    learn(api)
    assert api("GET", f"/v1/skus/{SKU}/history") == before
    with transaction(api.services.engine) as session:
        assert session.exec(select(SkuNews)).all() == []
    assert date.fromisoformat(before["dates"][0]["named"]) < START.date()


@pytest.mark.parametrize("sku", ["x" * 201, "%20", "a%00b"])
def test_a_sku_that_can_be_none_is_refused(api: Api, sku: str) -> None:
    fault = api.problem(422, "GET", f"/v1/skus/{sku}/history")["errors"][0]
    assert (fault["pointer"], fault["in"]) == ("/sku", "path")
