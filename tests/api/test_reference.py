"""The reference is good enough to make a client from."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.api.client import Api, Json, Reference

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROMISED = {
    "register_backorder",
    "register_backorders",
    "list_backorders",
    "get_backorder",
    "change_backorder",
    "get_timeline",
    "report_shipment",
    "cancel_backorder",
    "report_refund",
    "revoke_links",
    "set_sku_eta",
    "get_sku_change",
    "get_sku_history",
    "get_insights",
    "get_availability",
    "restock",
    "get_restock",
    "list_restock_shares",
    "add_inbound_shipment",
    "list_inbound_shipments",
    "get_inbound_shipment",
    "change_inbound_shipment",
    "list_inbound_waiters",
    "list_messages",
    "get_message",
    "resolve_message",
    "get_policy",
    "set_policy",
    "get_store",
    "change_store",
    "test_store",
    "list_templates",
    "get_template",
    "publish_template",
    "reset_template",
    "list_template_versions",
    "preview_template",
    "test_template",
    "get_template_draft",
    "keep_template_draft",
    "drop_template_draft",
    "list_suppressions",
    "suppress_address",
    "lift_suppression",
    "lift_suppressions",
    "list_webhook_endpoints",
    "create_webhook_endpoint",
    "get_webhook_endpoint",
    "change_webhook_endpoint",
    "delete_webhook_endpoint",
    "resume_webhook_endpoint",
    "rotate_webhook_secret",
    "test_webhook_endpoint",
    "list_webhook_deliveries",
    "redeliver_webhook",
    "simulate",
    "take_sendgrid_events",
    "take_klaviyo_events",
    "take_shopify_event",
    "take_woocommerce_event",
    "take_bigcommerce_event",
    "list_shop_events",
    "list_privacy_requests",
    "answer_privacy_request",
    "get_health",
    "get_readiness",
    "get_metrics",
}


def operations(reference: Reference) -> Iterator[tuple[str, str, Json]]:
    for path, methods in reference.document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_call_has_a_name_of_its_own(reference: Reference) -> None:
    names = [operation["operationId"] for _, _, operation in operations(reference)]
    assert len(names) == len(set(names))
    assert set(names) >= PROMISED


def test_every_call_says_what_it_does(reference: Reference) -> None:
    assert all(operation.get("description") for _, _, operation in operations(reference))


def test_every_call_of_a_store_declares_its_key_and_its_problems(reference: Reference) -> None:
    for path, _, operation in operations(reference):
        if path.startswith("/v1"):
            assert operation["security"] == [{"apiKey": []}]
            for status in ("401", "422", "503"):
                schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}


def test_every_body_has_an_example_that_is_right(reference: Reference) -> None:
    for path, _, operation in operations(reference):
        if "requestBody" in operation:
            media = operation["requestBody"]["content"]["application/json"]
            schema = media["schema"]
            examples = media.get("examples") or schema.get("examples")
            assert examples, path
            for example in examples if isinstance(examples, list) else examples.values():
                reference.validator(schema).validate(example)


def test_every_example_of_an_answer_is_right(reference: Reference) -> None:
    schemas = reference.document["components"]["schemas"]
    examples = {name: schema["example"] for name, schema in schemas.items() if "example" in schema}
    assert {"Backorder", "Message", "Problem", "Event"} <= examples.keys()
    for name, example in examples.items():
        reference.validator({"$ref": f"#/components/schemas/{name}"}).validate(example)


def test_every_reference_within_it_leads_somewhere(reference: Reference) -> None:
    names = set(re.findall(r"#/components/schemas/([^'\"]+)", str(reference.document)))
    assert names <= reference.document["components"]["schemas"].keys()


def test_its_pages_are_read_without_a_network(api: Api, page: "Page") -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    home = str(api.http.base_url)
    page.goto(f"{home}/docs")
    page.get_by_text("Register Backorder", exact=True).wait_for()
    page.get_by_text("Set Sku Eta", exact=True).click()
    page.get_by_text("Move every open line of this SKU").first.wait_for()
    assert [url for url in asked if not url.startswith((home, "data:"))] == []


def test_the_guide_knows_every_path(reference: Reference) -> None:
    guide = Path(__file__).parents[2].joinpath("docs/api.md").read_text()
    assert [path for path in reference.document["paths"] if path not in guide] == []
