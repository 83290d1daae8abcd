"""The bar of the console: each page belongs to one tab, which is marked there."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from notifier import endpoints, inbound, pages
from notifier.db import simulations
from notifier.db.overview import last_sent
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.inbound.wishes import NewInbound
from notifier.inputs import NewEndpoint
from notifier.rehearsal import perform
from notifier.simulate.library import stories
from notifier.simulate.story import check_scenario
from notifier.wording import publish
from notifier.words.render import Wording
from tests.pages.shop import Shop
from tests.pages.test_studio import TWO

TABS = {
    "/console": "Overview",
    "/console/backorders": "Backorders",
    "/console/backorders/{backorder_id}": "Backorders",
    "/console/backorders/{backorder_id}/evidence": "Backorders",
    "/console/skus": "SKUs",
    "/console/skus/{sku:path}": "SKUs",
    "/console/restocks": "SKUs",
    "/console/inbound": "On its way",
    "/console/inbound/{shipment_id}": "On its way",
    "/console/messages": "Messages",
    "/console/messages/{message_id}": "Messages",
    "/console/duties": "Duties",
    "/console/insights": "Insights",
    "/console/suppressions": "Suppressed",
    "/console/webhooks": "Webhooks",
    "/console/webhooks/{endpoint_id}": "Webhooks",
    "/console/shops": "Shops",
    "/console/templates": "Templates",
    "/console/templates/gallery": "Templates",
    "/console/templates/{kind}": "Templates",
    "/console/templates/{kind}/history": "Templates",
    "/console/templates/{kind}/trial": "Templates",
    "/console/policy": "Policy",
    "/console/simulate": "Simulate",
    "/console/simulate/plays/{play_id}": "Simulate",
    "/console/settings": "Settings",
    "/console/widget": "Settings",
}

NO_PAGES_OF_THE_CONSOLE = {
    "/console/login",  # before anybody is in
    "/console/messages/{message_id}/email",  # what stands in a page's frame
    "/console/templates/email",
    "/console/simulate/plays/{play_id}/emails/{number}",
    "/console/backorders/{backorder_id}/evidence.json",  # what is downloaded
    "/console/simulate/plays/{play_id}/story.json",
}


def test_every_address_of_the_console_is_known_to_have_a_tab_or_none() -> None:
    gets = {
        route.path
        for module in vars(pages).values()
        for route in getattr(getattr(module, "router", None), "routes", ())
        if "GET" in route.methods and route.path.startswith("/console")
    }
    assert gets == TABS.keys() | NO_PAGES_OF_THE_CONSOLE


@pytest.fixture
def parts_of_addresses(shop: Shop) -> dict[str, str]:
    """Something of the shop for each variable part of an address."""
    story = stories()["dates-a-date-kept"].text
    outcome = perform(*check_scenario(json.loads(story)), shop.services.settings).model_dump_json()
    services = shop.services
    with shop.writing() as session:
        store = session.get_one(Store, "store_fern")
        publish(session, store.id, Kind.COUNTDOWN, Wording(TWO), "console", shop.now, None)
        hook = NewEndpoint.model_validate({"url": "https://shop.example/hook"})
        coming = NewInbound.model_validate(
            {"reference": "PO-7", "lines": [{"sku": "ORN-RED", "quantity": 1}], "eta": "2027-01-20"}
        )
        return {
            "backorder_id": shop.ids["1042"],
            "sku:path": "SIDE%2FWALNUT%20160",
            "shipment_id": inbound.register(session, store, coming, shop.now).row.id,
            "message_id": last_sent(session, store.id, 1)[0][0].id,
            "endpoint_id": endpoints.create(session, services.hooks, store.id, hook, shop.now)[0].id,
            "kind": "countdown",
            "play_id": simulations.keep(session, store.id, "a date kept", story, outcome, shop.now),
        }


def test_each_page_marks_the_one_tab_that_it_belongs_to(
    operator: TestClient, parts_of_addresses: dict[str, str]
) -> None:
    marked = {}
    for path in TABS:
        address = path
        for name, value in parts_of_addresses.items():
            address = address.replace(f"{{{name}}}", value)
        page = operator.get(address, params={"sku": "ORN-RED"} if path == "/console/restocks" else {})
        bar = re.search(r'<nav aria-label="Console">.*?</nav>', page.text, re.DOTALL)
        assert bar, address
        marked[path] = re.findall(r'<a href="[^"]+" aria-current="page">([^<]+)</a>', bar[0])
    assert marked == {path: [tab] for path, tab in TABS.items()}
