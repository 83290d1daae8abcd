"""A store with keys of its own, as tests give it them, and the test email that tries them."""

from typing import Any

from tests.api.client import Api, Json
from tests.providers.vendor_server import Vendors

KEY = "SG.a-key-of-the-tests-that-nobody-may-see-x7Qa"
OTHER_KEY = "SG.another-key-of-the-tests-just-as-secret-9zYw"
PASSWORD = "let-nobody-read-this-password"


def change(api: Api, **changes: Any) -> Json:
    answer: Json = api("PATCH", "/v1/store", json=changes)
    return answer


def with_sendgrid(api: Api, vendors: Vendors, key: str = KEY) -> str:
    """The name of the account that the store has of its own then."""
    keys = {"sendgrid": {"api_key": key, "base_url": vendors.address}}
    change(api, provider="sendgrid", sender="Glass & Light <hello@shop.example>", keys=keys)
    account: str = api("GET", "/v1/accounts")["data"][0]["account"]
    return account


def with_smtp(api: Api, server: str, **more: Any) -> Json:
    return change(api, provider="smtp", keys={"smtp": {"url": server}}, **more)


def trial(api: Api, to: str = "me@shop.example", **more: Any) -> Json:
    answer: Json = api("POST", "/v1/store/test-email", json={"to": to, **more})
    return answer
