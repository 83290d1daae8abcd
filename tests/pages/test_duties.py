"""What the law asks of the store, in the console."""

import re
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from notifier.db.engine import reading
from notifier.db.facts import load
from notifier.domain.order import Facts
from tests.pages.shop import API_KEY, OTHER_KEY, Shop

PATH = "/console/duties"


@pytest.fixture
def ended(shop: Shop) -> str:
    """The id of an order that the law has cancelled: two ornaments, promised for 12 December."""
    backorder_id = shop.register("2001")
    shop.clock[0] = datetime(2026, 12, 15, 15, tzinfo=UTC)
    shop.dispatch()
    return backorder_id


@pytest.fixture
def clerk(ended: str, visitor: TestClient) -> TestClient:
    """A browser signed in on that day."""
    assert visitor.post("/console/login", data={"api_key": API_KEY}).status_code == 303
    return visitor


def facts(shop: Shop, backorder_id: str) -> Facts:
    with reading(shop.services.engine) as session:
        return load(session, [backorder_id])[backorder_id].facts


def row(page: str, order_id: str, what: str) -> str:
    """The row of that duty, of the order of that number."""
    rows: list[str] = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    (found,) = [text for text in rows if f">{order_id}</a>" in text and what in text]
    return found


def act(clerk: TestClient, page: str, order_id: str, what: str, action: str, **entered: str) -> Response:
    """Fill in the form of a duty and send it."""
    text = row(page, order_id, what)
    form = text[text.index(f'action="{PATH}/{action}"') :].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    return clerk.post(f"{PATH}/{action}", data=hidden | entered)


def test_duties_stand_nearest_first_and_overdue_is_said_in_words(
    shop: Shop, clerk: TestClient, ended: str
) -> None:
    page = clerk.get(PATH).text
    cancelled = row(page, "2001", "Cancel<")
    assert "Overdue" in cancelled
    refund = row(page, "2001", "Send the money back")
    assert "28.50 USD" in refund
    assert "Overdue" not in refund
    days = re.findall(r"(\d+) (Dec|Jan) (\d{4}) <small>", page)
    dates = [datetime.strptime(" ".join(day), "%d %b %Y").replace(tzinfo=UTC) for day in days]
    assert dates == sorted(dates)
    assert clerk.get("/console").text.count("duties of the law near") == 1


def test_duties_are_filtered_by_kind_and_sku(clerk: TestClient, ended: str) -> None:
    page = clerk.get(PATH, params={"duty": "refund", "sku": "ORN-RED"}).text
    assert "Send the money back <strong>" in page
    assert 'action="/console/duties/cancel"' not in page
    assert "No such duty." in clerk.get(PATH, params={"sku": "nothing\0"}).text
    assert clerk.get(PATH, params={"after": "x y z"}).status_code == 200


def test_a_refund_is_reported_from_the_page(shop: Shop, clerk: TestClient, ended: str) -> None:
    page = clerk.get(PATH).text
    what = "Send the money back"
    too_much = act(clerk, page, "2001", what, "refund", amount="99", currency="USD")
    assert too_much.status_code == 422
    assert "more than is left" in too_much.text
    nonsense = act(clerk, page, "2001", what, "refund", amount="much", currency="USD")
    assert "amount: " in nonsense.text
    done = act(clerk, page, "2001", what, "refund", amount="28.50", currency="USD", method="Visa")
    assert done.headers["location"] == f"{PATH}?done=refunded"
    assert [refund.method for refund in facts(shop, ended).refunds] == ["Visa"]
    assert "the customer is told" in clerk.get(f"{PATH}?done=refunded").text


def test_a_line_is_cancelled_from_the_page(shop: Shop, clerk: TestClient, ended: str) -> None:
    act(clerk, clerk.get(PATH).text, "2001", "Cancel<", "cancel")
    assert facts(shop, ended).lines[0].cancelled == 3
    assert [it.by for it in facts(shop, ended).cancellations] == ["store"]


def test_a_duty_is_called_done_with_a_reason(shop: Shop, clerk: TestClient, ended: str) -> None:
    page = clerk.get(PATH).text
    without = act(clerk, page, "2001", "Send the money back", "done", reason=" ")
    assert without.status_code == 422
    act(clerk, page, "2001", "Send the money back", "done", reason="paid in cash")
    assert [(it.duty, it.reason) for it in facts(shop, ended).done] == [("refund", "paid in cash")]
    assert "paid in cash" in clerk.get(f"/console/backorders/{ended}").text


def test_a_form_from_elsewhere_changes_nothing(shop: Shop, clerk: TestClient, ended: str) -> None:
    for action in ("refund", "cancel", "done"):
        form = {"token": "made up", "backorder_id": ended, "sku": "ORN-RED", "duty": "refund", "reason": "x"}
        assert clerk.post(f"{PATH}/{action}", data=form).status_code == 403
    assert facts(shop, ended).cancellations == ()


def test_another_store_sees_and_changes_none_of_it(shop: Shop, visitor: TestClient, ended: str) -> None:
    visitor.post("/console/login", data={"api_key": OTHER_KEY})
    page = visitor.get(PATH).text
    assert "2001" not in page
    own = re.findall(r'name="token" value="([^"]+)"', page)[0]
    form = {"token": own, "backorder_id": ended, "sku": "ORN-RED"}
    assert visitor.post(f"{PATH}/cancel", data=form).status_code == 403
    assert facts(shop, ended).cancellations == ()
