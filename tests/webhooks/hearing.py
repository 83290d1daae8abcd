"""What a store was told, as tests ask for it; an order under US law; and what a mail service reports."""

import json
from typing import Any

from notifier import feedback
from notifier.domain.message import Status
from tests.webhooks.stage import Stage

Json = dict[str, Any]
AMERICAN = {"email": "jane@example.com", "name": "Jane Doe", "country": "US"}


def told(stage: Stage, *types: str) -> list[Json]:
    """What the store was told so far, in order, of these types."""
    bodies = [json.loads(row.body) for row in stage.deliveries()]
    assert all(body.keys() == {"type", "timestamp", "data"} for body in bodies)
    return [body["data"] | {"type": body["type"]} for body in bodies if not types or body["type"] in types]


def types(stage: Stage) -> list[str]:
    return [item["type"] for item in told(stage)]


def american(stage: Stage, eta: str = "2026-12-20", **changes: Any) -> str:
    line = {"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "unit_price": "9.50", "eta": eta}
    return stage.house.register(customer=AMERICAN, currency="USD", lines=[line | changes])


def hear(stage: Stage, message_id: str, status: Status, detail: str = "") -> None:
    now = stage.house.clock.now
    with stage.house.writing() as session:
        feedback.report(session, "sendgrid", f"{message_id} {status}", message_id, status, now, now, detail)
