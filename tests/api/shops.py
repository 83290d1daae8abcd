"""Shop platforms as tests play them: what they post, and what has come of it."""

from collections.abc import Mapping
from typing import Any

import httpx2
import sqlalchemy
from hypothesis import strategies as st
from sqlalchemy import func
from sqlmodel import SQLModel

from notifier.db.engine import reading
from tests.api.client import Api
from tests.shops.signed import Json, by_shopify, payload

MUG = {"name": "_backorder_eta", "value": "2026-12-20"}


def post(
    api: Api, body: bytes, headers: Mapping[str, str], store_id: str = "", platform: str = "shopify"
) -> Any:
    """As a platform posts: with its signature, and without any key of the store's."""
    given = {"Authorization": "", "Content-Type": "application/json", **headers}
    path = f"/webhooks/{platform}/{store_id or api.store.store.id}"
    return api.request("POST", path, content=body, headers=given)


def tell(api: Api, topic: str, document: Any, event: str = "", status: int = 200) -> Json:
    body, headers = by_shopify(topic, document, event)
    answer: httpx2.Response = post(api, body, headers)
    assert answer.status_code == status, answer.text
    told: Json = answer.json()
    return told


def order(**changes: Any) -> Json:
    return payload("shopify/order", **changes)


def an_item(document: Json, number: int = 0, /, **changes: Any) -> Json:
    """The document with a line item changed."""
    items = [dict(item) for item in document["line_items"]]
    items[number] |= changes
    return document | {"line_items": items}


def updated(document: Json, seconds: int, **changes: Any) -> Json:
    """The document as it is that many seconds after it was made."""
    return document | {"updated_at": f"2026-12-01T09:59:{seconds:02}-05:00"} | changes


def backorders(api: Api) -> list[Json]:
    found: list[Json] = api("GET", "/v1/backorders")["data"]
    return found


def the_backorder(api: Api) -> Json:
    (found,) = backorders(api)
    return found


def counts(api: Api) -> dict[str, int]:
    """How many rows every table has."""
    with reading(api.services.engine) as session:
        return {
            table.name: session.execute(sqlalchemy.select(func.count()).select_from(table)).scalar_one()
            for table in SQLModel.metadata.sorted_tables
        }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
