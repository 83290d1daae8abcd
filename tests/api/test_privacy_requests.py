"""What customers ask for by Shopify: kept once, done by a person or by workers, and never by a mistake."""

import json

import pytest

from notifier.privacy_requests import pursue
from tests.api.client import Api, assert_problem
from tests.api.shops import counts, order, post, tell, the_backorder, updated
from tests.everywhere import where
from tests.shops.signed import SECRET, Json, by_shopify, payload

PATH = "/v1/privacy-requests"
JANE = ("jane@example.com", "jane", "doe")


def requests(api: Api, **asked: str) -> list[Json]:
    found: list[Json] = api("GET", PATH, params=asked)["data"]
    return found


def work(api: Api) -> int:
    """What workers do every ten minutes."""
    secret_key = api.services.settings.secret_key.get_secret_value()
    return pursue(api.services.engine, secret_key, api.clock, lambda: False)


def lives(api: Api, *, ends: bool = True, **changes: object) -> Json:
    """Jane's order at Shopify, which is cancelled there in the end."""
    tell(api, "orders/create", order(**changes))
    api.deliver()
    if ends:
        cancelled = {"cancelled_at": "2026-12-01T09:59:09-05:00", "cancel_reason": "customer"}
        tell(api, "orders/cancelled", updated(order(**changes), 9, **cancelled))
        api.deliver()
    return order(**changes)


def test_who_asks_to_be_forgotten_is_so_by_itself(shop: Api) -> None:
    lives(shop)
    told = tell(shop, "customers/redact", payload("shopify/redact"))
    assert told["outcome"] == "asked"
    assert told["detail"] == (
        "kept: the customer is erased within minutes, or as soon as none of their orders waits; due on 2026-12-31"
    )
    (asked,) = requests(shop, state="open")
    assert (asked["kind"], asked["emails"], asked["due_at"]) == (
        "erase",
        ["jane@example.com"],
        "2026-12-31T15:00:00Z",
    )
    assert [(it["order_id"], it["waits"]) for it in asked["orders"]] == [("1042", False)]
    assert work(shop) == 1
    assert where(shop.services.engine, *JANE) == set()
    assert the_backorder(shop)["customer"]["email"].endswith("@privacy.invalid")
    (done,) = requests(shop)
    assert (done["emails"], done["orders"], done["erased"], done["done_at"]) == (
        [],
        [],
        1,
        "2026-12-01T15:00:00Z",
    )
    before = counts(shop)
    assert work(shop) == 0
    assert counts(shop) == before


def test_the_same_request_twice_does_one_thing(shop: Api) -> None:
    lives(shop)
    document = payload("shopify/redact")
    tell(shop, "customers/redact", document, "event-1")
    assert tell(shop, "customers/redact", document, "event-1")["again"]
    told = tell(shop, "customers/redact", document, "event-2")
    assert (told["outcome"], told["detail"]) == ("unchanged", "asked for before, and still open")
    assert len(requests(shop)) == 1
    assert work(shop) == 1
    kinds = [it["what"] for it in shop("GET", f"/v1/backorders/{the_backorder(shop)['id']}/timeline")["data"]]
    assert kinds.count("erased") == 1
    told = tell(shop, "customers/redact", document, "event-3")
    assert (told["outcome"], told["detail"]) == ("not_ours", "nothing is kept of this customer")


def test_who_still_waits_is_erased_when_that_is_over(shop: Api) -> None:
    lives(shop, ends=False)
    tell(shop, "customers/redact", payload("shopify/redact"))
    assert work(shop) == 0
    (asked,) = requests(shop, state="open")
    assert [(it["order_id"], it["waits"]) for it in asked["orders"]] == [("1042", True)]
    answered = shop("POST", f"{PATH}/{asked['id']}/answer")  # a person can't hurry it either
    assert (answered["request"]["done_at"], answered["exports"]) == (None, [])
    assert the_backorder(shop)["customer"]["email"] == "jane@example.com"
    shop("POST", f"/v1/backorders/{the_backorder(shop)['id']}/shipments", 201, json={"carrier": "UPS"})
    shop.deliver()
    assert work(shop) == 1
    assert where(shop.services.engine, *JANE) == set()


def test_a_store_that_stops_an_open_order_has_done_what_was_asked(shop: Api) -> None:
    lives(shop, ends=False)
    tell(shop, "customers/redact", payload("shopify/redact"))
    shop("POST", "/v1/customers/erase", json={"email": "jane@example.com", "open_orders": "stop"})
    assert where(shop.services.engine, *JANE) == set()
    work(shop)
    assert requests(shop)[0]["done_at"]


def test_other_addresses_of_the_orders_to_redact_go_too_and_nobody_elses(shop: Api) -> None:
    lives(shop)
    lives(shop, id=77, name="#1043", email="jane.doe@example.org")
    lives(shop, id=78, name="#1044", email="bob@example.net")
    tell(shop, "customers/redact", payload("shopify/redact", orders_to_redact=[77]))
    assert requests(shop)[0]["emails"] == ["jane.doe@example.org", "jane@example.com"]
    assert work(shop) == 2
    addresses = {it["customer"]["email"] for it in shop("GET", "/v1/backorders")["data"]}
    assert [it for it in addresses if not it.endswith("@privacy.invalid")] == ["bob@example.net"]


def test_a_request_without_an_address_is_about_its_orders(shop: Api) -> None:
    lives(shop)
    customer = {"id": 191167, "email": None, "phone": "555-625-1199"}
    tell(shop, "customers/redact", payload("shopify/redact", customer=customer))
    assert requests(shop)[0]["emails"] == ["jane@example.com"]


def test_data_are_handed_out_by_a_person_and_sent_to_nobody(shop: Api) -> None:
    lives(shop)
    told = tell(shop, "customers/data_request", payload("shopify/data_request"))
    assert told["detail"].startswith("kept as a task: a person of the store hands the customer their data")
    assert not any(word in json.dumps(told) for word in JANE)
    (asked,) = requests(shop, state="open")
    assert (asked["kind"], asked["emails"]) == ("export", ["jane@example.com"])
    assert work(shop) == 0
    answered = shop("POST", f"{PATH}/{asked['id']}/answer")
    (export,) = answered["exports"]
    assert (export["format"], export["address"], len(export["orders"])) == (
        "notifier-customer/1",
        "jane@example.com",
        1,
    )
    assert answered["request"]["done_at"]
    assert shop("POST", f"{PATH}/{asked['id']}/answer")["exports"] == []
    assert requests(shop, state="open") == []


def test_data_that_are_asked_for_are_handed_out_before_they_are_erased(shop: Api) -> None:
    lives(shop)
    tell(shop, "customers/data_request", payload("shopify/data_request"))
    tell(shop, "customers/redact", payload("shopify/redact"))
    assert work(shop) == 0
    (export,) = [it for it in requests(shop) if it["kind"] == "export"]
    assert shop("POST", f"{PATH}/{export['id']}/answer")["exports"]
    assert work(shop) == 1


def test_an_export_that_nobody_sees_to_holds_an_erasure_up_for_thirty_days_at_most(shop: Api) -> None:
    lives(shop)
    tell(shop, "customers/data_request", payload("shopify/data_request"))
    tell(shop, "customers/redact", payload("shopify/redact"))
    shop.clock.pass_by(days=30)
    assert work(shop) == 1
    (export,) = [it for it in requests(shop) if it["kind"] == "export"]
    assert shop("POST", f"{PATH}/{export['id']}/answer")["exports"] == []


def test_a_shop_that_goes_erases_nobody_until_a_person_says_so(shop: Api) -> None:
    lives(shop)
    lives(shop, id=77, name="#1043", email="ann@example.org", ends=False)
    shop.register(order_id="by-hand", customer={"email": "bob@example.net"})
    told = tell(shop, "shop/redact", payload("shopify/shop_redact"))
    assert told["detail"].startswith("kept as a task: nobody is erased before a person of the store says so")
    assert work(shop) == 0
    (asked,) = requests(shop)
    answered = shop("POST", f"{PATH}/{asked['id']}/answer")["request"]
    assert (answered["approved_at"], answered["done_at"]) == ("2026-12-01T15:00:00Z", None)
    assert work(shop) == 1
    assert where(shop.services.engine, "jane@example.com") == set()
    assert where(shop.services.engine, "ann@example.org")
    late = updated(
        order(id=77, name="#1043", email="ann@example.org"), 30, cancelled_at="2026-12-01T10:00:00-05:00"
    )
    tell(shop, "orders/cancelled", late)
    shop.deliver()
    assert work(shop) == 1
    assert where(shop.services.engine, "ann@example.org") == set()
    assert where(shop.services.engine, "bob@example.net")
    assert (requests(shop)[0]["done_at"], requests(shop)[0]["erased"]) == ("2026-12-01T15:00:00Z", 2)


def test_who_is_not_known_here_leaves_nothing(shop: Api) -> None:
    for topic, file in (
        ("customers/redact", "redact"),
        ("customers/data_request", "data_request"),
        ("shop/redact", "shop_redact"),
    ):
        assert tell(shop, topic, payload(f"shopify/{file}"))["outcome"] == "not_ours"
    assert requests(shop) == []
    assert where(shop.services.engine, *JANE) == set()


def test_a_request_that_is_not_signed_changes_nothing(shop: Api) -> None:
    lives(shop)
    before = counts(shop)
    for topic, file in (("customers/redact", "redact"), ("shop/redact", "shop_redact")):
        body, headers = by_shopify(topic, payload(f"shopify/{file}"), secret="shpss_another")
        assert_problem(post(shop, body, headers), 401)
    assert counts(shop) == before


@pytest.mark.parametrize(
    ("topic", "file", "changes", "at"),
    [
        ("customers/redact", "redact", {"customer": {}}, "/customer/id"),
        ("customers/redact", "redact", {"orders_to_redact": list(range(10_001))}, "/orders_to_redact"),
        ("customers/data_request", "data_request", {"data_request": None, "customer": None}, "/customer/id"),
        ("shop/redact", "shop_redact", {"shop_id": None}, "/shop_id"),
    ],
)
def test_what_can_not_be_read_is_refused_where_it_stands(
    shop: Api, topic: str, file: str, changes: Json, at: str
) -> None:
    lives(shop)
    problem = tell(shop, topic, payload(f"shopify/{file}", **changes), status=422)
    assert problem["errors"][0]["pointer"] == at
    assert requests(shop) == []


def test_strange_lists_of_orders_are_no_trouble(shop: Api) -> None:
    lives(shop)
    strange: tuple[object, ...] = (None, "all", [None, True, {"id": 1}, "x'); --", 2**70], {})
    for number, orders in enumerate(strange):
        document = payload(
            "shopify/redact", orders_to_redact=orders, customer={"id": number + 1, "email": "no@x"}
        )
        assert tell(shop, "customers/redact", document)["outcome"] == "not_ours"


def test_a_store_sees_and_answers_its_own_requests_alone(shop: Api, other: Api) -> None:
    lives(shop)
    tell(shop, "customers/data_request", payload("shopify/data_request"))
    (asked,) = requests(shop)
    assert requests(other) == []
    other.problem(404, "POST", f"{PATH}/{asked['id']}/answer")
    shop.problem(404, "POST", f"{PATH}/privacy_none/answer")
    assert requests(shop, state="open")


def test_requests_are_listed_newest_first(shop: Api) -> None:
    lives(shop)
    tell(shop, "customers/data_request", payload("shopify/data_request"))
    tell(shop, "customers/redact", payload("shopify/redact"))
    page = shop("GET", PATH, params={"limit": 1})
    assert [it["kind"] for it in page["data"]] == ["erase"]
    page = shop("GET", PATH, params={"limit": 1, "after": page["next"]})
    assert ([it["kind"] for it in page["data"]], page["next"]) == (["export"], None)


def test_a_store_that_listens_is_told_without_the_address(shop: Api) -> None:
    lives(shop)
    made = shop(
        "POST",
        "/v1/webhook-endpoints",
        201,
        json={"url": "https://shop.example/hear", "events": ["privacy.requested"]},
    )
    tell(shop, "customers/redact", payload("shopify/redact"))
    tell(shop, "customers/redact", payload("shopify/redact"), "again")
    (told,) = shop("GET", f"/v1/webhook-endpoints/{made['id']}/deliveries")["data"]
    assert told["type"] == "privacy.requested"
    assert SECRET not in json.dumps(told)
    assert not any(word in json.dumps(told) for word in JANE)
