"""What a customer may ask of a store: their data, and to be forgotten, in every column of every table."""

import json
from typing import Any

import pytest

from notifier.db.engine import reading, transaction
from notifier.domain.evidence import verify
from notifier.domain.message import Scope, Status
from notifier.feedback import report
from notifier.signed import holds, pseudonym
from tests.api.client import Api, a_line
from tests.everywhere import where

ADDRESS = "zebediah.quux@example.com"
WHOM = {"email": ADDRESS}
CUSTOMER = {"email": ADDRESS, "name": "Zebediah Quux", "country": "US", "timezone": "America/New_York"}
WORDS = (ADDRESS, "zebediah", "quux")
ERASE, EXPORT = "/v1/customers/erase", "/v1/customers/export"
Json = dict[str, Any]


def secret(api: Api) -> str:
    return api.services.settings.secret_key.get_secret_value()


def lives(api: Api, order_id: str = "1042", *, ends: bool = True) -> str:
    """An order of Zebediah's that has left its marks in every table that can have any."""
    made = api.request(
        "POST",
        "/v1/webhook-endpoints",
        json={"url": "https://shop.example/webhooks/notifier"},
        headers={"Idempotency-Key": f"endpoint {order_id}"},
    )
    assert made.status_code == 201
    order = {"order_id": order_id, "currency": "USD", "customer": CUSTOMER, "lines": [a_line()],
             "order_url": f"https://shop.example/orders?for={ADDRESS}",
             "payment": {"expires": "2027-12", "update_url": f"https://shop.example/pay/{ADDRESS}"}}  # fmt: skip
    headers = {"Idempotency-Key": f"register {order_id}"}
    id_: str = api("POST", "/v1/backorders", 201, json=order, headers=headers)["id"]
    api.deliver()
    line = {"sku": "ORN-RED", "eta": "2026-12-20", "reason": f"Zebediah asked; write to {ADDRESS}"}
    api("PATCH", f"/v1/backorders/{id_}", json={"lines": [line]})
    api.clock.pass_by(minutes=20)
    api.deliver()
    sent = api.message(id_, "expectation")["id"]
    with transaction(api.services.engine) as session:
        now = api.clock.now
        report(session, "smtp", f"evt {order_id}", sent, Status.BOUNCED, now, now, f"550 <{ADDRESS}> Quux unknown",
               suppresses=Scope.ALL)  # fmt: skip
    api.request(
        "POST", "/v1/suppressions", json={"address": ADDRESS, "scope": "waiting", "reason": "Mr Quux said so"}
    )
    if ends:
        api(
            "POST",
            f"/v1/backorders/{id_}/cancel",
            json={"reason": "Zebediah Quux telephoned", "by": "customer"},
        )
        api.deliver()
    return id_


def test_an_erased_customer_stands_in_no_column_of_any_table(api: Api) -> None:
    id_ = lives(api)
    before = where(api.services.engine, *WORDS)
    assert {"backorder.email", "fact.data", "message_content.envelope", "message.to_email", "idempotency_key.body",
            "suppression.address", "backorder_line.eta_reason", "webhook_delivery.body"} <= before  # fmt: skip
    done = api("POST", ERASE, json=WHOM)
    assert (done["orders"], done["again"]) == (1, False)
    assert where(api.services.engine, *WORDS) == set()
    assert where(api.services.engine, done["pseudonym"]) >= {"backorder.email", "suppression.address"}
    order = api("GET", f"/v1/backorders/{id_}")
    assert (order["customer"]["email"], order["customer"]["name"]) == (done["pseudonym"], "")
    assert order["customer"]["country"] == "US"
    assert "erased" in [entry["what"] for entry in api("GET", f"/v1/backorders/{id_}/timeline")["data"]]


def test_the_evidence_of_an_erased_order_still_verifies_and_has_the_same_chain(api: Api) -> None:
    id_ = lives(api)
    path = f"/v1/backorders/{id_}/evidence"
    before = api.request("GET", path)
    api("POST", ERASE, json=WHOM)
    after = api.request("GET", path)
    verdict = verify(after.content, holds)
    assert verdict.findings == ()
    assert verdict.redacted >= 3
    assert verdict.bodies == 0
    old, new = before.json()["records"], after.json()["records"]
    assert [record["hash"] for record in new[: len(old)]] == [record["hash"] for record in old]
    assert "order.erased" in [record["kind"] for record in new[len(old) :]]
    left = [each for message in after.json()["messages"] for each in message["handed_over"]]
    assert {each["to_pseudonym"] for each in left} == {pseudonym(secret(api), api.store.store.id, ADDRESS)}
    assert {each["body"] for each in left} == {"gone"}
    assert not any(word in after.text.casefold() for word in WORDS)


def test_an_open_order_is_refused_by_name_and_nothing_changes(api: Api) -> None:
    lives(api, ends=False)
    before = where(api.services.engine, *WORDS)
    problem = api.problem(409, "POST", ERASE, json=WHOM)
    assert "'1042'" in problem["detail"]
    assert "open_orders" in problem["detail"]
    assert ADDRESS not in json.dumps(problem)
    assert where(api.services.engine, *WORDS) == before


def test_a_store_that_tells_the_customer_itself_ends_the_emails_and_the_clocks_run_on(api: Api) -> None:
    id_ = lives(api, ends=False)
    api("DELETE", "/v1/suppressions", params={"address": ADDRESS})
    api("POST", ERASE, json=WHOM | {"open_orders": "stop"})
    assert where(api.services.engine, *WORDS) == set()
    before = len(api("GET", "/v1/messages")["data"])
    api.clock.pass_by(days=14)
    api("PUT", "/v1/skus/ORN-RED/eta", json={"eta": "2027-03-01"})
    api.clock.pass_by(days=1)
    api.deliver()
    messages = api("GET", "/v1/messages")["data"]
    assert len(messages) == before
    assert {message["status"] for message in messages} <= {"bounced", "sent", "held", "cancelled"}
    order = api("GET", f"/v1/backorders/{id_}")
    assert order["status"] == "open"
    assert order["lines"][0]["law_state"] != "none"
    assert [entry["why"] for entry in api("GET", f"/v1/backorders/{id_}/timeline")["data"]
            if "erased" in entry["why"]]  # fmt: skip


def test_the_link_of_an_erased_customer_opens_nothing(api: Api) -> None:
    order = api("GET", f"/v1/backorders/{lives(api)}")
    page = order["status_url"].replace(api.services.settings.public_url, "")
    assert api.http.get(page).status_code == 200
    api("POST", ERASE, json=WHOM)
    assert api.http.get(page).status_code == 410
    anew = api("GET", f"/v1/backorders/{order['id']}")["status_url"]
    assert api.http.get(anew.replace(api.services.settings.public_url, "")).status_code == 410


def test_erasing_twice_answers_the_first_again(api: Api) -> None:
    lives(api)
    first = api("POST", ERASE, json=WHOM)
    api.clock.pass_by(days=1)
    second = api("POST", ERASE, json={"email": ADDRESS.upper()})
    assert second == first | {"again": True}


def test_an_address_that_nobody_has(api: Api) -> None:
    problem = api.problem(404, "POST", ERASE, json={"email": "nobody@example.com"})
    assert "nobody@example.com" not in json.dumps(problem)
    found = api("POST", EXPORT, json={"email": "nobody@example.com"})
    assert (found["orders"], found["suppressions"], found["erased_at"]) == ([], [], None)


def test_what_is_no_address_is_refused_with_its_place(api: Api) -> None:
    cases = [({"email": "nobody"}, "/email"), ({}, "/email"), (WHOM | {"open_orders": "yes"}, "/open_orders")]
    assert api.faults("POST", ERASE, cases) == []
    assert api.faults("POST", EXPORT, [({"email": None}, "/email"), (WHOM | {"x": 1}, "/x")]) == []


def test_another_stores_customer_is_not_ours(api: Api, other: Api) -> None:
    lives(api)
    found = other("POST", EXPORT, json=WHOM)
    assert (found["orders"], found["suppressions"], found["emails_of_other_orders"]) == ([], [], [])
    other.problem(404, "POST", ERASE, json=WHOM)
    other.register(order_id="9", customer=CUSTOMER, lines=[a_line()])
    other("POST", ERASE, json=WHOM | {"open_orders": "stop"})
    assert api("POST", EXPORT, json=WHOM)["orders"][0]["name"] == "Zebediah Quux"


def test_an_export_is_all_there_is(api: Api) -> None:
    id_ = lives(api)
    found = api("POST", EXPORT, json={"email": ADDRESS.upper()})
    (order,) = found["orders"]
    assert (order["id"], order["email"], order["name"]) == (id_, ADDRESS, "Zebediah Quux")
    assert order["lines"][0]["sku"] == "ORN-RED"
    assert "cancelled" in [fact["kind"] for fact in order["happened"]]
    (welcome,) = [email for email in order["emails"] if email["kind"] == "expectation"]
    assert "Zebediah" in welcome["words"]["text"]
    assert welcome["reports"][0]["kind"] == "bounced"
    assert {row["scope"] for row in found["suppressions"]} == {"all", "waiting"}
    assert "lease_token" not in json.dumps(found)
    api("POST", ERASE, json=WHOM)
    left = api("POST", EXPORT, json=WHOM)
    assert (left["orders"], left["erased_at"] is not None) == ([], True)
    assert len(left["suppressions"]) == 2


def test_an_erased_address_stays_suppressed_until_it_is_lifted(api: Api) -> None:
    lives(api)
    api("POST", ERASE, json=WHOM)
    again = api.register(order_id="2000", customer=CUSTOMER)["id"]
    api.deliver()
    assert api.message(again, "expectation")["status"] == "held"
    assert len(api("GET", "/v1/suppressions", params={"address": ADDRESS})["data"]) == 2
    api("DELETE", "/v1/suppressions", params={"address": ADDRESS})
    api.deliver()
    assert api.message(again, "expectation")["status"] == "sent"


def test_a_repeat_of_a_request_about_them_works_no_second_time(api: Api) -> None:
    id_ = lives(api)
    api("POST", ERASE, json=WHOM)
    order = {"order_id": "1042", "currency": "USD", "customer": CUSTOMER, "lines": [a_line()],
             "order_url": f"https://shop.example/orders?for={ADDRESS}",
             "payment": {"expires": "2027-12", "update_url": f"https://shop.example/pay/{ADDRESS}"}}  # fmt: skip
    repeat = api.http.post("/v1/backorders", json=order, headers={"Idempotency-Key": "register 1042"})
    assert (repeat.status_code, repeat.json()["title"]) == (410, "Erased")
    api.problem(409, "POST", "/v1/backorders", json=order)
    api.problem(409, "PATCH", f"/v1/backorders/{id_}", json={"customer": {"name": "Zebediah Quux"}})
    assert where(api.services.engine, *WORDS) == set()


def test_emails_to_an_earlier_address_go_and_the_order_goes_on(api: Api) -> None:
    id_ = api.register(customer=CUSTOMER)["id"]
    api.deliver()
    api("PATCH", f"/v1/backorders/{id_}", json={"customer": {"email": "zq@example.com"}})
    done = api("POST", ERASE, json=WHOM)
    assert (done["orders"], done["messages"]) == (0, 1)
    assert where(api.services.engine, ADDRESS) == set()
    api("POST", f"/v1/backorders/{id_}/shipments", 201, json={"carrier": "UPS", "tracking_number": "1Z"})
    api.deliver()
    assert api.message(id_, "shipped")["to"] == "zq@example.com"
    assert verify(api.request("GET", f"/v1/backorders/{id_}/evidence").content, holds).findings == ()


def test_an_erasure_is_remembered_without_the_address(api: Api) -> None:
    from sqlmodel import select

    from notifier.db.privacy_tables import Erasure

    lives(api)
    done = api("POST", ERASE, json=WHOM)
    with reading(api.services.engine) as session:
        (row,) = session.exec(select(Erasure)).all()
    assert (row.store_id, row.pseudonym, row.by, row.orders) == (
        api.store.store.id,
        done["pseudonym"],
        "api",
        1,
    )


@pytest.mark.parametrize("address", ["Jürgen.Groß@example.com", "o'brien+x%_@example.com"])
def test_addresses_that_are_written_strangely_go_too(api: Api, address: str) -> None:
    order = {"order_id": "7", "currency": "USD", "customer": {"email": address}, "lines": [a_line()]}
    id_ = api("POST", "/v1/backorders", 201, headers={"Idempotency-Key": "k"}, json=order)["id"]
    api.deliver()
    api("POST", f"/v1/backorders/{id_}/cancel", json={"reason": f"asked by {address}"})
    assert where(api.services.engine, address)
    api("POST", ERASE, json={"email": address})
    assert where(api.services.engine, address) == set()
