from tests.api.client import Api

UNSET = {"set": False, "last4": None}
NO_KEYS = {
    "sendgrid": {"api_key": UNSET, "base_url": None, "unsubscribe_group": None, "templates": None,
                 "webhook_public_key": UNSET},
    "klaviyo": {"api_key": UNSET, "webhook_secret": UNSET},
    "smtp": {"url": UNSET, "server": None},
    "shopify": {"webhook_secret": UNSET},
    "woocommerce": {"webhook_secret": UNSET},
    "bigcommerce": {"webhook_secret": UNSET, "api_token": UNSET, "store_hash": None},
}  # fmt: skip


def test_a_store_tells_of_itself_but_not_its_key(api: Api) -> None:
    response = api.request("GET", "/v1/store")
    assert response.json() == {
        "id": api.store.store.id,
        "name": "Glass & Light",
        "timezone": "America/New_York",
        "locale": "en-US",
        "country": "US",
        "sender": "Notifier <notifier@localhost.localdomain>",
        "reply_to": None,
        "provider": "outbox",
        "second_provider": None,
        "digest_to": None,
        "digest_hour": 8,
        "widget": "off",
        "widget_key": None,
        "brand": {},
        "keys": NO_KEYS,
        "created_at": "2026-12-01T15:00:00Z",
    }
    assert api.store.api_key not in response.text
