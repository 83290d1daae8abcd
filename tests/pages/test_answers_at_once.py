"""Answers from many tabs at once: one counts, and never more than there was."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.pages.happenings import (
    happened,
    open_units,
)
from tests.pages.shop import API_KEY, Shop, an_order, open_shop
from tests.pages.test_order_page import field, opened

# --- at once ----------------------------------------------------------------------------------------------


@pytest.fixture
def open_shop_on(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop with one order of three ornaments, on each kind of database."""
    shop = open_shop(database_url, tmp_path)
    from notifier.db.stores import create_store

    with shop.writing() as session:
        create_store(
            session, shop.now, name="Fern & Oak", timezone="America/New_York", country="US",
            store_id="store_fern", api_key=API_KEY,
        )  # fmt: skip
    shop.register("1", lines=[an_order("1")["lines"][0]])
    shop.dispatch()
    shop.move_date("1", "ORN-RED", "2027-02-12", "the kiln cracked")
    shop.pass_time(hours=2)
    shop.dispatch()
    yield shop
    shop.services.engine.dispose()


def at_once(shop: Shop, answers: list[dict[str, Any]]) -> list[Response]:
    """Send these from as many tabs, each with a connection of its own, at one moment."""
    together = Barrier(len(answers))

    def send(data: dict[str, Any]) -> Response:
        with TestClient(shop.app, follow_redirects=False) as tab:
            together.wait()
            return tab.post(shop.link("1"), data=data)

    with ThreadPoolExecutor(len(answers)) as tabs:
        return list(tabs.map(send, answers))


def test_the_same_answer_from_many_tabs_at_once_is_one(open_shop_on: Shop) -> None:
    shop = open_shop_on
    with TestClient(shop.app, follow_redirects=False) as tab:
        form = field(opened(tab, shop.link("1"), "cancel", sku="ORN-RED", units="1"), "cancel")
    one = {"action": "cancel", "form": form, "yes": "yes", "sku": "ORN-RED", "units": "1"}
    assert {sent.status_code for sent in at_once(shop, [one] * 4)} == {303}
    assert open_units(shop, "1") == {"ORN-RED": 2}
    assert len(happened(shop, "1", "cancelled")) == 1


def test_of_different_answers_from_two_tabs_at_once_one_counts(open_shop_on: Shop) -> None:
    shop = open_shop_on
    with TestClient(shop.app, follow_redirects=False) as tab:
        keep = field(opened(tab, shop.link("1"), "keep"), "keep")
        form = field(opened(tab, shop.link("1"), "cancel", sku="ORN-RED", units="2"), "cancel")
    off = {"action": "cancel", "form": form, "yes": "yes", "sku": "ORN-RED"}
    sent = at_once(shop, [off | {"units": "2"}, off | {"units": "3"}])
    assert sorted(it.status_code for it in sent) == [303, 409]
    [gone] = happened(shop, "1", "cancelled")
    assert open_units(shop, "1")["ORN-RED"] == 3 - sum(gone.data["units"].values())
    late = at_once(shop, [{"action": "keep", "form": keep, "yes": "yes"}])
    assert [it.status_code for it in late] == [409]


def test_a_shipment_and_a_cancellation_at_once_never_make_more_than_there_was(open_shop_on: Shop) -> None:
    shop = open_shop_on
    with TestClient(shop.app, follow_redirects=False) as tab:
        form = field(opened(tab, shop.link("1"), "cancel", sku="ORN-RED", units="3"), "cancel")
    off = {"action": "cancel", "form": form, "yes": "yes", "sku": "ORN-RED", "units": "3"}
    path = f"/v1/backorders/{shop.ids['1']}/shipments"
    parcel = {"lines": [{"sku": "ORN-RED", "quantity": 2}], "carrier": "UPS", "tracking_number": "1Z"}
    together = Barrier(2)

    def ship() -> int:
        with TestClient(shop.app) as store:
            together.wait()
            return store.post(path, json=parcel, headers={"Authorization": f"Bearer {API_KEY}"}).status_code

    def cancel() -> int:
        with TestClient(shop.app, follow_redirects=False) as tab:
            together.wait()
            return tab.post(shop.link("1"), data=off).status_code

    with ThreadPoolExecutor(2) as both:
        statuses = (both.submit(ship), both.submit(cancel))
        assert (statuses[0].result(), statuses[1].result()) in {(201, 409), (409, 303)}
    assert open_units(shop, "1")["ORN-RED"] in {0, 1}
