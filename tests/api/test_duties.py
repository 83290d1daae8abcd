"""What the law asks of the store, over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.client import Api, Json

# The store and its customers are in New York; it is 1 December 2026, ten in the morning.


def american(api: Api, order_id: str = "1042", *, eta: str | None = "2026-12-20", **changes: Any) -> str:
    """An order for two ornaments, promised for 20 December; its id."""
    line = {
        "sku": "ORN-RED",
        "name": "Red ornament",
        "quantity": 2,
        "unit_price": "9.50",
        "promised": "2026-12-20",
    }
    customer = {"email": "jane@example.com", "timezone": "America/New_York", "country": "US"}
    body = {"order_id": order_id, "customer": customer, "currency": "USD", "lines": [line | {"eta": eta}]}
    made: Json = api("POST", "/v1/backorders", 201, json=body | changes)
    return str(made["id"])


def duties(api: Api, **filters: Any) -> list[Json]:
    found: list[Json] = api("GET", "/v1/duties", params=filters)["data"]
    return found


def short(api: Api, **filters: Any) -> list[tuple[str, str]]:
    return [(it["duty"], it["due"]) for it in duties(api, **filters)]


def at(api: Api, *when: int) -> None:
    """The clock moves, and nobody plans anything again."""
    api.clock.now = datetime(*when, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day, hour


def test_an_order_on_time_asks_nothing_until_its_day_is_near(api: Api) -> None:
    american(api)
    assert duties(api) == []
    at(api, 2026, 12, 18, 12)
    assert short(api) == [("notice", "2026-12-20")]


def test_a_duty_says_whose_what_and_by_when(api: Api) -> None:
    backorder_id = american(api, eta="2027-03-05")
    assert duties(api) == [
        {
            "backorder_id": backorder_id,
            "order_id": "1042",
            "sku": "ORN-RED",
            "duty": "notice",
            "due": "2026-12-20",
            "ends_at": "2026-12-21T05:00:00Z",
            "overdue": False,
            "amount": None,
            "currency": None,
        }
    ]


def test_a_notice_that_was_given_leaves_the_answer_due(api: Api) -> None:
    american(api, eta="2027-03-05")
    for _ in range(30):
        api.clock.pass_by(hours=1)
        api.deliver()
    assert short(api) == [("answer", "2027-01-19")]


def test_a_deadline_that_passed_is_a_cancellation_and_a_refund_at_that_very_moment(api: Api) -> None:
    american(api)
    at(api, 2026, 12, 21, 5)  # midnight in New York
    assert short(api) == [("cancel", "2026-12-21"), ("refund", "2026-12-31")]
    (refund,) = duties(api, duty="refund")
    assert (refund["amount"], refund["currency"], refund["overdue"]) == ("19.00", "USD", False)
    api.deliver()
    assert short(api) == [("cancel", "2026-12-21"), ("refund", "2026-12-31")]


def test_what_is_overdue_comes_first_and_says_so(api: Api) -> None:
    american(api, "1")
    api("POST", f"/v1/backorders/{american(api, '2')}/cancel", json={})
    at(api, 2027, 1, 5, 12)
    assert [(it["order_id"], it["duty"], it["overdue"]) for it in duties(api)] == [
        ("2", "refund", True),
        ("1", "cancel", True),
        ("1", "refund", True),
    ]


def test_the_list_is_filtered_and_paged_without_losing_any(api: Api) -> None:
    ids = [american(api, str(number)) for number in range(5)]
    at(api, 2026, 12, 23, 12)
    whole = duties(api, limit=100)
    assert len(whole) == 10
    for planned_again in (False, True):
        if planned_again:
            api.deliver()
        paged: list[Json] = []
        after: str | None = None
        while True:
            page = api("GET", "/v1/duties", params={"limit": 3} | ({"after": after} if after else {}))
            paged += page["data"]
            after = page["next"]
            if after is None:
                break
        assert paged == whole
    assert [it["due"] for it in whole] == sorted(it["due"] for it in whole)
    assert {it["duty"] for it in duties(api, duty="refund")} == {"refund"}
    assert {it["backorder_id"] for it in duties(api, backorder_id=ids[2])} == {ids[2]}
    assert short(api, due_before="2026-12-22") == [("cancel", "2026-12-21")] * 5
    assert duties(api, sku="LAMP") == []


def test_done_is_done(api: Api) -> None:
    backorder_id = american(api)
    api("POST", f"/v1/backorders/{backorder_id}/cancel", json={})
    assert short(api) == [("refund", "2026-12-10")]
    api("POST", f"/v1/backorders/{backorder_id}/refunds", 201, json={"amount": "19.00", "currency": "USD"})
    assert duties(api) == []


def test_another_store_sees_none_of_it(api: Api, other: Api) -> None:
    american(api, eta=None)
    assert len(duties(api)) == 1
    assert duties(other) == []


@pytest.mark.parametrize(
    ("filters", "pointer"),
    [({"duty": "ship"}, "/duty"), ({"due_before": "tomorrow"}, "/due_before"), ({"after": "x"}, "/after")],
)
def test_a_bad_filter_is_named(api: Api, filters: dict[str, str], pointer: str) -> None:
    problem = api("GET", "/v1/duties", 422, params=filters)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_what_was_paid_tells_what_is_owed(api: Api) -> None:
    payment = {"paid": "25.47", "shipping": "4.95"}
    backorder_id = american(api, payment=payment)
    api("POST", f"/v1/backorders/{backorder_id}/cancel", json={"lines": [{"sku": "ORN-RED", "quantity": 1}]})
    assert [it["amount"] for it in duties(api)] == ["10.26"]
    api("POST", f"/v1/backorders/{backorder_id}/cancel", json={})
    assert [it["amount"] for it in duties(api)] == ["25.47"]


def test_the_store_s_own_credit_has_its_own_clock(api: Api) -> None:
    backorder_id = american(api, payment={"seller_credit": True})
    api("POST", f"/v1/backorders/{backorder_id}/cancel", json={})
    assert short(api) == [("refund", "2026-12-29")]


def test_in_the_eu_money_is_due_within_fourteen_days(api: Api) -> None:
    customer = {"email": "emma@example.com", "timezone": "Europe/Berlin", "country": "DE"}
    backorder_id = american(api, customer=customer)
    at(api, 2026, 12, 23, 12)
    assert duties(api) == []
    api("POST", f"/v1/backorders/{backorder_id}/cancel", json={"by": "customer"})
    assert short(api) == [("refund", "2027-01-06")]


def test_money_that_is_more_than_all_is_refused(api: Api) -> None:
    body = {
        "order_id": "1",
        "customer": {"email": "jane@example.com"},
        "currency": "USD",
        "payment": {"paid": "3.00", "shipping": "4.95"},
        "lines": [{"sku": "A", "name": "A", "quantity": 1}],
    }
    problem = api("POST", "/v1/backorders", 422, json=body)
    assert "shipping" in problem["errors"][0]["pointer"]


def test_a_country_that_does_not_exist_is_named(api: Api) -> None:
    body = {
        "order_id": "1",
        "customer": {"email": "jane@example.com", "country": "XX"},
        "lines": [{"sku": "A", "name": "A", "quantity": 1}],
    }
    problem = api("POST", "/v1/backorders", 422, json=body)
    assert problem["errors"] == [
        {
            "pointer": "/customer/country",
            "detail": "'XX' is not an ISO 3166-1 country; write two letters like 'US'",
        }
    ]
