"""Every call, with values that nobody meant: always a declared answer, never a fault of ours."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.api import examples, policy_examples
from tests.api.client import Api, Json

HOSTILE: list[Any] = [
    *(None, True, 0, -1, 10**30, 1.5, [], {}, [None], {"a": 1}),
    *("", "\0", "\ud800", "🎁", "x" * 100_000, "../../x", "' OR 1=1", "1e999", "NaN"),
    *("2026-12-12", "9999-99-99", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
]
CALLS = [
    ("POST", "/v1/backorders", examples.NEW_BACKORDER),
    ("POST", "/v1/backorders/batch", examples.BATCH),
    ("PATCH", "/v1/backorders/{id}", examples.CHANGE | {"customer": examples.NEW_BACKORDER["customer"]}),
    ("POST", "/v1/backorders/{id}/shipments", examples.SHIPMENT),
    ("POST", "/v1/backorders/{id}/cancel", examples.CANCELLATION),
    ("POST", "/v1/backorders/{id}/refunds", examples.REFUND),
    ("PUT", "/v1/skus/ORN-RED/eta", examples.SKU_ETA),
    ("POST", "/v1/restocks", examples.RESTOCK),
    ("PUT", "/v1/policy", policy_examples.POLICY),
    ("POST", "/v1/webhook-endpoints", examples.NEW_ENDPOINT),
]


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place within a JSON value: its container, and its key there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [spot for key, part in inside for spot in ((value, key), *spots(part))]


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, str, Json]:
    """A call whose body has one value that nobody meant."""
    method, path, example = draw(st.sampled_from(CALLS))
    body = deepcopy(example)
    container, key = draw(st.sampled_from(spots(body)))
    container[key] = draw(st.sampled_from(HOSTILE))
    return method, path, body


def test_no_value_in_any_body_is_too_much(api: Api) -> None:
    backorder = api.register()["id"]

    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(spoilt())
    def answered(call: tuple[str, str, Json]) -> None:
        method, path, body = call
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        response = api.request(method, path.format(id=backorder), content=content, headers=headers)
        assert response.status_code < 500

    answered()
