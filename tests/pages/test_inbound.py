"""Goods on their way, in the console."""

import re
from datetime import timedelta
from html import unescape

import pytest
from fastapi.testclient import TestClient

from notifier import skus
from notifier.inbound import dealing
from notifier.restocking import chunks
from tests.pages.shop import OTHER_KEY, Shop
from tests.pages.test_console import links, token
from tests.pages.test_order_page import everything

PAGE = "/console/inbound"
NEW = {
    "reference": "PO-7",
    "goods": "ORN-RED 7\nSIDE/WALNUT 160 2\n",
    "eta": "2027-01-20",
    "eta_earliest": "2027-01-18",
    "stage": "in_transit",
    "reason": "a storm",
}


def added(operator: TestClient) -> str:
    """The page of a shipment that was added by the form."""
    page = operator.get(PAGE, params={"ask": "true"} | NEW)
    sent = operator.post(PAGE, data=NEW | {"token": token(page, "Yes, add it")})
    assert sent.status_code == 303
    return sent.headers["Location"].partition("?")[0]


def test_units_for_very_many_orders_are_seen_to_be_set_aside(
    shop: Shop, operator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 0)
    path = added(operator)
    here = {"stage": "arrived"}
    page = operator.get(path, params={"ask": "true"} | here)
    assert operator.post(path, data=here | {"token": token(page, "Yes, it is here")}).status_code == 303
    assert "Units are being set aside" in operator.get(path).text
    assert re.search(r"0 of \d+ orders", operator.get("/console/skus/ORN-RED").text)
    while chunks.carry_on(shop.services.engine, lambda: shop.now):
        pass
    page = operator.get(path)
    assert "Units are set aside" in page.text
    assert re.search(r"[1-9] orders? got units", page.text)
    assert "Goods that arrived for very many" in operator.get("/console/skus/ORN-RED").text


def test_asking_what_a_shipment_would_do_does_nothing(shop: Shop, operator: TestClient) -> None:
    before = everything(shop)
    page = operator.get(PAGE, params={"ask": "true"} | NEW)
    assert page.status_code == 200
    assert "If PO-7 comes on Wed 20 Jan 2027" in page.text
    assert "orders move" in page.text
    assert everything(shop) == before


def test_a_shipment_is_added_moved_and_arrives_by_a_second_yes(shop: Shop, operator: TestClient) -> None:
    path = added(operator)
    page = operator.get(path, params={"done": "added"})
    assert "The shipment is added." in page.text
    assert "1042" in page.text
    assert path in links(operator.get(PAGE), f"{PAGE}/")
    assert path in links(operator.get("/console/skus/ORN-RED"), f"{PAGE}/")
    moved = {"eta": "2027-03-01", "eta_earliest": "", "stage": "customs", "reason": "customs"}
    page = operator.get(path, params={"ask": "true"} | moved)
    assert "Who must answer by when" in page.text
    assert operator.post(path, data=moved | {"token": token(page, "Yes, change it")}).status_code == 303
    assert "Monday, March 1, 2027" in operator.get(shop.link("1042")).text
    here = moved | {"stage": "arrived"}
    page = operator.get(path, params={"ask": "true"} | here)
    assert "will lack nothing of it" in page.text
    assert operator.post(path, data=here | {"token": token(page, "Yes, it is here")}).status_code == 303
    assert "Its units are set aside." in operator.get(path).text
    assert "set aside" in operator.get("/console/skus").text


def test_the_second_yes_is_for_what_was_shown(shop: Shop, operator: TestClient) -> None:
    path = added(operator)
    moved = {"eta": "2027-03-01", "eta_earliest": "", "stage": "customs", "reason": ""}
    shown = token(operator.get(path, params={"ask": "true"} | moved), "Yes, change it")
    before = everything(shop)
    for data in (moved | {"token": "x"}, moved | {"token": shown, "stage": "arrived"}):
        assert operator.post(path, data=data).status_code == 403
    assert operator.post(PAGE, data=NEW | {"token": shown}).status_code == 403
    assert everything(shop) == before


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"goods": "ORN-RED"}, "is not an SKU, a space and how many"),
        ({"goods": "ORN-RED 0"}, "lines.0.quantity"),
        ({"goods": "ORN-RED 1\nORN-RED 2"}, "stands twice"),
        ({"goods": ""}, "lines"),
        ({"reference": ""}, "reference"),
        ({"eta": "2026-11-30", "eta_earliest": ""}, "has passed"),
        ({"eta": "2027-01-01", "eta_earliest": "2027-02-01"}, "lies after"),
        ({"stage": "lost"}, "stage"),
    ],
)
def test_an_impossible_shipment_is_explained(operator: TestClient, wrong: dict[str, str], told: str) -> None:
    page = operator.get(PAGE, params={"ask": "true"} | NEW | wrong)
    assert page.status_code == 422
    assert told in page.text


def test_a_reference_that_is_taken_is_explained(operator: TestClient) -> None:
    added(operator)
    page = operator.get(PAGE, params={"ask": "true"} | NEW | {"eta": "2027-01-21"})
    assert page.status_code == 422
    assert "stands for another shipment already" in page.text


def test_a_move_of_very_many_shows_how_far_it_is(
    shop: Shop, operator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", 1)
    path = added(operator)
    assert "Dates are being moved" in operator.get(path).text
    while dealing.carry_on(shop.services.engine, shop.now) or skus.carry_on(shop.services.engine, shop.now):
        pass
    assert "Dates are being moved" not in operator.get(path).text


def test_another_store_sees_no_shipment_of_this_one(operator: TestClient, visitor: TestClient) -> None:
    path = added(operator)
    visitor.post("/console/login", data={"api_key": OTHER_KEY})
    assert visitor.get(path).status_code == 404
    assert links(visitor.get(PAGE), f"{PAGE}/") == []


def test_a_suppliers_record_is_held_against_the_date_entered(shop: Shop, operator: TestClient) -> None:
    now = shop.now
    shop.clock[0] = now - timedelta(days=150)
    maker = NEW | {"supplier": "Lumen Glass", "eta_earliest": "", "goods": "OLD 1"}
    for number, late in enumerate((5, 3, 8, 0, 6)):
        entered = maker | {
            "reference": f"PO-{number}", "eta": (shop.now + timedelta(days=10)).date().isoformat()
        }  # fmt: skip
        page = operator.get(PAGE, params={"ask": "true"} | entered)
        path = operator.post(PAGE, data=entered | {"token": token(page, "Yes, add it")}).headers["Location"]
        shop.pass_time(days=10 + late)
        here = {"eta": "", "eta_earliest": "", "stage": "arrived", "supplier": "Lumen Glass", "reason": ""}
        path = path.partition("?")[0]
        page = operator.get(path, params={"ask": "true"} | here)
        operator.post(path, data=here | {"token": token(page, "Yes, it is here")})
        shop.pass_time(days=20 - late)
    shop.clock[0] = now
    entered = NEW | {"supplier": "Lumen Glass", "eta_earliest": "", "eta": "2027-01-20"}
    page = operator.get(PAGE, params={"ask": "true"} | entered)
    assert page.text.count("Of the last 5 shipments of Lumen Glass, 4 came late") == 1
    likelier = unescape(re.findall(rf'href="({PAGE}[?]ask=true[^"]+)"', page.text)[0])
    assert "supplier=Lumen%20Glass" in likelier
    assert "History says otherwise" not in operator.get(likelier).text
    assert 'value="Lumen Glass"' in operator.get(likelier).text
