"""Units that arrived, in the console: who would get them by either rule, and the second yes."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from notifier import skus
from notifier.db.engine import reading
from notifier.db.tables import BackorderLine
from notifier.restocking import chunks
from tests.pages.shop import Shop
from tests.pages.test_console import token

PAGE = "/console/restocks"
FIFO, FAIR = "Yes, the oldest order first", "Yes, one to each order in turn"


def allocated(shop: Shop) -> list[int]:
    with reading(shop.services.engine) as session:
        lines = session.exec(
            select(BackorderLine).where(BackorderLine.sku == "NEW").order_by(BackorderLine.id)
        )
        return [line.allocated for line in lines]


def waiting(shop: Shop) -> None:
    """Three orders that wait for three of a new thing each."""
    for number in range(3):
        line = {"sku": "NEW", "name": "Lamp", "quantity": 3, "eta": "2027-02-01", "unit_price": "10.00"}
        shop.register(f"n{number}", lines=[line], currency="USD")


def told_aside(operator: TestClient) -> str:
    """How many units the SKU's page says are set aside."""
    page = operator.get("/console/skus/NEW").text
    found = re.search(r"<b>([\d,]+)</b><span>of them set aside, not shipped yet", page)
    assert found
    return found[1]


def asked(operator: TestClient, button: str, quantity: str = "4") -> dict[str, str]:
    """The form with that button, as the page that foretells has it."""
    page = operator.get(PAGE, params={"sku": "NEW", "quantity": quantity})
    assert page.status_code == 200
    seen = page.text.split('name="seen" value="')[1].split('"')[0]
    rule = "fifo" if button == FIFO else "fair"
    return {"sku": "NEW", "quantity": quantity, "rule": rule, "seen": seen, "token": token(page, button)}


def test_the_page_of_a_sku_leads_to_who_would_get_units_by_either_rule(
    shop: Shop, operator: TestClient
) -> None:
    waiting(shop)
    page = operator.get("/console/skus/NEW")
    assert 'action="/console/restocks"' in page.text
    page = operator.get(PAGE, params={"sku": "NEW", "quantity": "4"})
    fifo, fair = page.text.split("The oldest order first")[1].split("One to each order in turn")
    assert "2 orders get 4 units" in fifo
    assert "3 orders get 4 units" in fair
    assert "USD can ship" in fifo
    assert allocated(shop) == [0, 0, 0], "asking does nothing"


@pytest.mark.parametrize(("button", "got"), [(FIFO, [3, 1, 0]), (FAIR, [2, 1, 1])])
def test_a_second_yes_sets_them_aside_by_the_rule_that_was_chosen(
    shop: Shop, operator: TestClient, button: str, got: list[int]
) -> None:
    waiting(shop)
    assert told_aside(operator) == "0"
    answer = operator.post(PAGE, data=asked(operator, button))
    assert answer.headers["Location"] == "/console/skus/NEW?aside=true"
    assert "The units are set aside" in operator.get(answer.headers["Location"]).text
    assert allocated(shop) == got
    assert told_aside(operator) == "4"
    shop.ship("n0")
    assert told_aside(operator) == str(4 - got[0]), "what has shipped waits for nothing any more"


@pytest.mark.parametrize("at_once", [500, 0])
def test_a_second_press_of_the_same_yes_gives_nothing_twice(
    shop: Shop, operator: TestClient, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(skus, "AT_ONCE", at_once)
    waiting(shop)
    form = asked(operator, FIFO)
    assert operator.post(PAGE, data=form).status_code == 303
    again = operator.post(PAGE, data=form)
    assert again.status_code == 422
    assert "units of NEW were set aside since" in again.text
    while chunks.carry_on(shop.services.engine, lambda: shop.now):
        pass
    assert allocated(shop) == [3, 1, 0]


@pytest.mark.parametrize(
    ("sku", "quantity", "says"),
    [
        ("NEW", "", "is no number of units"),
        ("NEW", "some", "is no number of units"),
        ("NEW", "-4", "is no number of units"),
        ("NEW", "0", "greater than or equal to 1"),
        ("NOPE", "4", "no order of this store waits for SKU"),
        ("<b>", "4", "SKU &#39;&lt;b&gt;&#39;"),
    ],
)
def test_what_can_not_be_set_aside_is_said(
    shop: Shop, operator: TestClient, sku: str, quantity: str, says: str
) -> None:
    waiting(shop)
    page = operator.get(PAGE, params={"sku": sku, "quantity": quantity})
    assert page.status_code == 422
    assert says in page.text


def test_a_yes_to_something_else_than_was_shown_is_refused(shop: Shop, operator: TestClient) -> None:
    waiting(shop)
    form = asked(operator, FIFO)
    for other in ({"quantity": "9"}, {"rule": "fair"}, {"seen": "1 "}, {"token": "none"}):
        assert operator.post(PAGE, data=form | other).status_code == 403
    assert allocated(shop) == [0, 0, 0]


def test_nobody_sees_it_without_signing_in(shop: Shop, visitor: TestClient) -> None:
    assert visitor.get(PAGE, params={"sku": "NEW"}).status_code == 303
