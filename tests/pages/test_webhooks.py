"""Webhook endpoints in the console."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from notifier import endpoints
from notifier.calling import Courier
from notifier.db.engine import reading
from notifier.db.webhook_tables import WebhookDelivery, WebhookEndpoint
from notifier.inputs import NewEndpoint
from tests.pages.shop import OTHER_KEY, Shop
from tests.pages.test_console import token
from tests.pages.test_order_page import everything
from tests.webhooks.receiver import Receiver, receiving, says

PATH = "/console/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def listen(shop: Shop, url: str, store_id: str = "store_fern") -> str:
    with shop.writing() as session:
        new = NewEndpoint.model_validate({"url": url})
        return endpoints.create(session, shop.services.hooks, store_id, new, shop.now)[0].id


def kept(shop: Shop) -> list[WebhookEndpoint]:
    with reading(shop.services.engine) as session:
        return list(session.exec(select(WebhookEndpoint)))


def deliveries(shop: Shop) -> list[WebhookDelivery]:
    with reading(shop.services.engine) as session:
        return list(session.exec(select(WebhookDelivery)))


def call(shop: Shop) -> None:
    courier = Courier(replace(shop.services.hooks))
    while courier.turn():
        courier.finish()
    courier.close()


def press(shop: Shop, operator: TestClient, path: str, button: str, action: str) -> str:
    """What the page says after a press of one of its buttons."""
    form = token(operator.get(path), button)
    sent = operator.post(f"{path}/{action}", data={"token": form})
    return operator.get(sent.headers["Location"]).text if sent.status_code == 303 else sent.text


def test_an_endpoint_is_added_and_its_secret_shown_once(shop: Shop, operator: TestClient) -> None:
    page = operator.get(PATH)
    assert "Nobody is told yet." in page.text
    form = {
        "url": " https://shop.example/hooks ",
        "events": ["notice.lost", "backorder.delayed"],
        "description": "the till",
        "token": token(page, ">Add<"),
    }
    sent = operator.post(PATH, data=form)
    assert sent.status_code == 200
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", sent.text.replace("&#43;", "+"))
    assert found
    (row,) = kept(shop)
    assert (row.url, row.events) == ("https://shop.example/hooks", ["backorder.delayed", "notice.lost"])
    assert "whsec_" not in operator.get(f"{PATH}/{row.id}").text
    assert "the till" in operator.get(PATH).text


def test_a_bad_url_is_explained_and_what_was_typed_stays(shop: Shop, operator: TestClient) -> None:
    form = token(operator.get(PATH), ">Add<")
    for url in ("", "nonsense", "https://jane:pw@shop.example/", "https://shop.example:0/"):
        sent = operator.post(PATH, data={"url": url, "description": "the till", "token": form})
        assert sent.status_code == 422
        assert 'role="alert"' in sent.text
        assert "the till" in sent.text
    sent = operator.post(PATH, data={"url": "https://shop.example/", "events": ["no.such"], "token": form})
    assert sent.status_code == 422
    assert kept(shop) == []


def test_a_test_is_sent_and_its_answer_shown(shop: Shop, operator: TestClient, receiver: Receiver) -> None:
    receiver.answers = [says(500, "<b>broken</b>"), says(204)]
    path = f"{PATH}/{listen(shop, receiver.url)}"
    assert "A test is on its way." in press(shop, operator, path, "Send a test", "test")
    call(shop)
    page = operator.get(path).text
    assert "it answered 500: &lt;b&gt;broken&lt;/b&gt;" in page
    assert "It has failed since" in page
    assert "Failing" in operator.get(PATH).text
    shop.pass_time(seconds=10)
    call(shop)
    page = operator.get(path).text
    assert "it answered 204" in page
    assert "It has failed since" not in page
    (row,) = deliveries(shop)
    assert "It goes once more" in press(shop, operator, path, "Once more", f"deliveries/{row.id}")
    call(shop)
    assert len(receiver.told) == 3


def test_a_paused_endpoint_stands_on_top_of_the_overview_and_is_resumed(
    shop: Shop, operator: TestClient, receiver: Receiver
) -> None:
    receiver.answers = [says(410), says(204)]
    path = f"{PATH}/{listen(shop, receiver.url)}"
    shop.register("2001")
    call(shop)
    front = operator.get("/console").text
    assert "Your own programs are not told what happens." in front
    assert front.index(receiver.url) < front.index("orders waiting")
    assert "It is told nothing until you resume it." in operator.get(path).text
    assert "It is told again" in press(shop, operator, path, "resume", "resume")
    call(shop)
    assert [row.status for row in deliveries(shop)] == ["delivered"]
    assert "Your own programs" not in operator.get("/console").text


def test_a_secret_is_changed_and_an_endpoint_deleted(shop: Shop, operator: TestClient) -> None:
    path = f"{PATH}/{listen(shop, 'https://shop.example/hooks')}"
    page = press(shop, operator, path, "New secret", "rotate")
    assert "whsec_" in page
    assert "The old one signs too for 24 hours." in page
    assert "The endpoint is deleted." in press(shop, operator, path, "Delete", "delete")
    assert kept(shop) == []
    assert operator.get(path).status_code == 404


def test_forms_that_are_not_ours_and_other_stores_change_nothing(shop: Shop, operator: TestClient) -> None:
    mine = listen(shop, "https://shop.example/hooks")
    others = listen(shop, "https://else.example/hooks", "store_else")
    before = everything(shop)
    assert operator.post(PATH, data={"url": "https://a.example/", "token": "x"}).status_code == 403
    for action in ("resume", "rotate", "test", "delete", "deliveries/del_1"):
        assert operator.post(f"{PATH}/{mine}/{action}", data={"token": "x"}).status_code == 403
    form = token(operator.get(f"{PATH}/{mine}"), "Delete")
    assert operator.post(f"{PATH}/{mine}/rotate", data={"token": form}).status_code == 403
    crossed = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert operator.post(f"{PATH}/{mine}/delete", data={"token": form}, headers=crossed).status_code == 403
    assert operator.get(f"{PATH}/{others}").status_code == 404
    assert "else.example" not in operator.get(PATH).text
    assert everything(shop) == before


def test_looking_changes_nothing_and_needs_signing_in(shop: Shop, visitor: TestClient) -> None:
    path = f"{PATH}/{listen(shop, 'https://shop.example/hooks')}"
    before = everything(shop)
    assert visitor.get(PATH).headers["Location"] == f"/console/login?next={PATH}"
    assert visitor.post(f"{path}/delete", data={"token": "x"}).status_code == 303
    assert visitor.get(f"{path}/delete").status_code in {404, 405}
    visitor.post("/console/login", data={"api_key": OTHER_KEY})
    assert visitor.get(path).status_code == 404
    assert everything(shop) == before


def test_what_happens_is_listed_in_pages(shop: Shop, operator: TestClient) -> None:
    path = f"{PATH}/{listen(shop, 'https://shop.example/hooks')}"
    for number in range(55):
        shop.register(f"30{number:02}")
    first = operator.get(path).text
    older = re.search(r'href="(\?before=[^"]+)"', first)
    assert older
    second = operator.get(f"{path}{older[1]}").text
    assert first.count(">Once more<") + second.count(">Once more<") == 55
    assert operator.get(f"{path}?before=%00").status_code == 200
    assert operator.get(f"{PATH}/%00").status_code == 404
