"""Every list and every detail of the console, on each kind of database, with whatever stands in an address."""

from pathlib import Path
from urllib.parse import quote

from fastapi.testclient import TestClient

from notifier import endpoints, inbound
from notifier.db.tables import Store
from notifier.inbound.wishes import NewInbound
from notifier.inputs import NewEndpoint
from tests.pages.shop import API_KEY, open_shop, stock


def test_every_page_reads_on_both_databases_and_no_address_breaks_it(
    database_url: str, tmp_path: Path
) -> None:
    shop = open_shop(database_url, tmp_path)
    stock(shop)
    with shop.writing() as session:
        new = NewEndpoint.model_validate({"url": "https://shop.example/hooks"})
        hook = endpoints.create(session, shop.services.hooks, "store_fern", new, shop.now)[0].id
        endpoints.test(session, "store_fern", hook, shop.now)
        goods = [{"sku": "ORN-RED", "quantity": 4}]
        coming = NewInbound.model_validate({"reference": "P", "lines": goods, "eta": "2027-01-20"})
        shipment = inbound.register(session, session.get_one(Store, "store_fern"), coming, shop.now).row.id
    with TestClient(shop.app, follow_redirects=False) as client:
        client.post("/console/login", data={"api_key": API_KEY})
        for path in (
            "/console",
            "/console/messages?status=sent&status=delivered&kind=shipped",
            "/console/backorders",
            f"/console/backorders/{shop.ids['1043']}",
            "/console/skus",
            "/console/skus/ORN-RED?ask=true&eta=2027-02-20",
            "/console/restocks?sku=ORN-RED&quantity=3",
            "/console/inbound?ask=true&reference=PO&goods=ORN-RED+9&eta=2027-02-20",
            f"/console/inbound/{shipment}?ask=true&eta=2027-03-20&stage=customs",
            "/console/suppressions",
            "/console/webhooks",
            f"/console/webhooks/{hook}",
            "/console/shops",
            shop.link("1043"),
        ):
            assert (path, client.get(path).status_code) == (path, 200)
        for odd in ("\0", "%", "_", "'", "\\", "🎄", "x" * 5000):
            word = quote(odd, safe="")
            for path in (
                f"/console/backorders?q={word}&before={word}",
                f"/console/messages?status={word}&before={word}",
                f"/console/suppressions?address={word}&before={word}",
                f"/console/webhooks/{hook}?before={word}",
                f"/console/inbound/{shipment}?after={word[:100]}",
                f"/console/inbound?before={word[:100]}",
                f"/console/shops?before={word[:100]}&outcome={word[:100]}",
            ):
                assert (path, client.get(path).status_code) == (path, 200)
            for path in (
                f"/console/backorders/{word}",
                f"/console/messages/{word}",
                f"/console/skus/{word}",
                f"/console/inbound/{word}",
                f"/console/webhooks/{word}",
                f"/o/{word}",
            ):
                assert (path, client.get(path).status_code) == (path, 404)
            assert client.get(f"/console/restocks?sku={word[:100]}&quantity={word[:10]}").status_code == 422
            assert client.get(f"/console/restocks?sku={word[:100]}&quantity=3").status_code == 422
            asked = f"/console/skus/ORN-RED?ask=true&eta={word}&reason={word}"
            assert client.get(asked).status_code == 422
            assert client.post("/console/login", data={"api_key": odd}).status_code in {401, 422, 429}
    shop.services.engine.dispose()
