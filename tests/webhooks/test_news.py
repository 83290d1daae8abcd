"""What a store is told: which news comes of what happens, in the same transaction, and to whom."""

import json
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import event

from notifier import endpoints, intake, skus, suppressing
from notifier.db.endpoints import tell
from notifier.db.stores import create_store
from notifier.db.tables import Store
from notifier.domain.message import Scope, Status
from notifier.domain.news import News, Type, without_addresses
from notifier.inputs import SkuEta
from notifier.providers.base import Rejected, Unknown
from tests.house import order
from tests.webhooks.hearing import (
    Json,
    american,
    hear,
    told,
    types,
)
from tests.webhooks.stage import Stage

GUIDE = Path(__file__).parents[2] / "docs" / "webhooks.md"
# --- facts ------------------------------------------------------------------------------------------------


def test_every_fact_is_told(stage: Stage) -> None:
    stage.listen(*[type_ for type_ in Type if type_.startswith(("backorder", "consent"))])
    house = stage.house
    backorder_id = house.register("1042")
    house.move(backorder_id, "2027-01-05", reason="held at customs")
    house.move(backorder_id, "2026-12-30")
    house.move(backorder_id, None, reason="nobody knows")
    house.move(backorder_id, "2027-02-01", eta_earliest="2027-01-20")
    house.answer(backorder_id, "keep")
    house.ship(backorder_id, lines=[{"sku": "ORN-RED", "quantity": 1}], carrier="UPS", tracking_number="1Z")
    house.cancel(backorder_id, lines=[{"sku": "ORN-RED", "quantity": 1}], reason="broken")
    house.answer(backorder_id, "cancel")
    found = told(stage)
    assert {(item["backorder_id"], item["order_id"]) for item in found} == {(backorder_id, "1042")}
    about = [{k: v for k, v in item.items() if k not in {"backorder_id", "order_id"}} for item in found]
    line = {"sku": "ORN-RED", "eta_earliest": None}
    assert about == [
        {"type": "backorder.registered",
         "lines": [{"sku": "ORN-RED", "quantity": 3, "eta": "2026-12-20", "promised": "2026-12-20"}]},
        {"type": "backorder.delayed",
         "lines": [line | {"before": "2026-12-20", "eta": "2027-01-05", "reason": "held at customs"}]},
        {"type": "backorder.earlier",
         "lines": [line | {"before": "2027-01-05", "eta": "2026-12-30", "reason": None}]},
        {"type": "backorder.delayed",
         "lines": [line | {"before": "2026-12-30", "eta": None, "reason": "nobody knows"}]},
        {"type": "backorder.earlier",
         "lines": [line | {"before": None, "eta": "2027-02-01", "reason": None, "eta_earliest": "2027-01-20"}]},
        {"type": "consent.given", "skus": ["ORN-RED"]},
        {"type": "backorder.shipped", "status": "partly_shipped", "shipped_at": "2026-12-01T12:00:00Z",
         "carrier": "UPS", "tracking_number": "1Z", "tracking_url": None,
         "lines": [{"sku": "ORN-RED", "quantity": 1}]},
        {"type": "backorder.cancelled", "status": "partly_shipped", "by": "store", "reason": "broken",
         "lines": [{"sku": "ORN-RED", "quantity": 1}]},
        {"type": "consent.refused", "skus": ["ORN-RED"]},
        {"type": "backorder.cancelled", "status": "shipped", "by": "customer", "reason": None,
         "lines": [{"sku": "ORN-RED", "quantity": 1}]},
    ]  # fmt: skip


def test_a_date_that_did_not_move_is_no_news(stage: Stage) -> None:
    stage.listen()
    backorder_id = stage.house.register("1042")
    stage.house.move(backorder_id, "2026-12-20", reason="another reason")
    stage.house.move(backorder_id, "2026-12-20", eta_earliest="2026-12-18")
    assert types(stage) == ["backorder.registered"]


def test_dates_that_move_at_once_are_one_piece_of_news(stage: Stage) -> None:
    stage.listen("backorder.delayed", "backorder.earlier")
    lines = [{"sku": sku, "name": sku, "quantity": 1, "eta": "2026-12-20"} for sku in "ABC"]
    backorder_id = stage.house.register("1042", lines=lines)
    stage.house.change(
        backorder_id,
        lines=[
            {"sku": "A", "eta": "2026-12-24"},
            {"sku": "B", "eta": None},
            {"sku": "C", "eta": "2026-12-19"},
        ],
    )
    found = [(item["type"], [line["sku"] for line in item["lines"]]) for item in told(stage)]
    assert found == [("backorder.delayed", ["A", "B"]), ("backorder.earlier", ["C"])]


def test_a_sku_that_moves_is_told_for_each_order(stage: Stage) -> None:
    stage.listen("backorder.delayed")
    ids = {stage.house.register(str(number)) for number in range(5)}
    with stage.house.writing() as session:
        shop = session.get_one(Store, "store_1")
        wanted = SkuEta.model_validate({"eta": "2027-01-05"})
        skus.change_eta(session, shop, "ORN-RED", wanted, stage.house.clock.now)
    assert {item["backorder_id"] for item in told(stage)} == ids


def test_what_is_rolled_back_is_not_told(stage: Stage) -> None:
    stage.listen()

    def half() -> None:
        with stage.house.writing() as session:
            shop = session.get_one(Store, "store_1")
            intake.register(session, shop, order("1"), stage.house.clock.now)
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        half()
    assert told(stage) == []


def test_a_repeated_registration_is_told_once(stage: Stage) -> None:
    stage.listen("backorder.registered")
    stage.house.register("1")
    stage.house.register("1")
    assert len(told(stage)) == 1


# --- to whom ----------------------------------------------------------------------------------------------


def test_each_endpoint_gets_what_it_wants_and_other_stores_nothing(stage: Stage) -> None:
    with stage.house.writing() as session:
        create_store(session, stage.house.clock.now, name="Other", store_id="store_2")
    everything = stage.listen()
    delays = stage.listen("backorder.delayed")
    others = stage.listen(store_id="store_2")
    backorder_id = stage.house.register("1")
    stage.house.move(backorder_id, "2027-01-05")
    assert [row.type for row in stage.deliveries(everything)] == ["backorder.registered", "backorder.delayed"]
    assert [row.type for row in stage.deliveries(delays)] == ["backorder.delayed"]
    assert stage.deliveries(others) == []
    assert stage.deliveries(delays)[0].event_id == stage.deliveries(everything)[1].event_id


def test_a_store_without_an_endpoint_is_asked_for_once_a_transaction(stage: Stage) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: object) -> None:
        if "webhook" in statement:
            asked.append(statement)

    event.listen(stage.house.engine, "before_cursor_execute", note)
    with stage.house.writing() as session:
        shop = session.get_one(Store, "store_1")
        intake.register_many(
            session, shop, [order(str(number)) for number in range(50)], stage.house.clock.now
        )
    assert len(asked) == 1
    assert stage.deliveries() == []


def test_no_address_or_name_is_told(stage: Stage) -> None:
    stage.listen()
    backorder_id = american(stage)
    stage.house.provider.always = Rejected("550 5.1.1 <jane@example.com>: no such user")
    stage.house.dispatch()
    stage.house.answer(backorder_id, "keep")
    bodies = " ".join(row.body for row in stage.deliveries())
    assert "message.failed" in bodies
    assert "jane" not in bodies.lower()
    assert "doe" not in bodies.lower()


def test_addresses_are_taken_out_of_reasons() -> None:
    assert without_addresses("550 <jane+1@a.example>: no") == "550 <[address]>: no"
    assert without_addresses("to=jane.doe@münchen.example, again") == "[address], again"
    assert without_addresses("no address at all") == "no address at all"
    assert without_addresses(None) is None


# --- messages ---------------------------------------------------------------------------------------------


def test_what_becomes_of_messages_is_told(stage: Stage) -> None:
    stage.listen(*[type_ for type_ in Type if type_.startswith("message")])
    house = stage.house
    backorder_id = house.register("1042")
    house.dispatch()
    message = house.message()
    for status in (Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED):
        hear(stage, message.id, status, f"of {message.to_email}")
    found = told(stage)
    assert [item["type"] for item in found] == [
        f"message.{status}" for status in ("sent", "delivered", "bounced", "complained")
    ]
    assert found[2] == {
        "type": "message.bounced",
        "backorder_id": backorder_id,
        "order_id": "1042",
        "message_id": message.id,
        "kind": "expectation",
        "status": "bounced",
        "reason": "bounced as sendgrid reports: of [address]",
        "provider": "outbox",
        "skus": ["ORN-RED"],
    }


def test_a_report_that_is_told_twice_is_told_on_once(stage: Stage) -> None:
    stage.listen("message.delivered")
    stage.house.register("1042")
    stage.house.dispatch()
    for _ in range(3):
        hear(stage, stage.house.message().id, Status.DELIVERED)
    assert types(stage) == ["message.delivered"]


def test_messages_that_fail_are_held_or_are_in_doubt_are_told(stage: Stage) -> None:
    stage.listen("message.failed", "message.held", "message.unknown")
    house = stage.house
    with house.writing() as session:
        suppressing.suppress(
            session, "store_1", "jane+2@example.com", Scope.ALL, "their wish", "api", house.clock.now
        )
    house.provider.script = [Rejected("no such user"), Unknown("hung up")]
    house.register("1")
    house.dispatch()
    house.register("2")
    house.dispatch()
    house.register("3")
    house.dispatch()
    assert [(item["type"], item["order_id"]) for item in told(stage)] == [
        ("message.failed", "1"),
        ("message.held", "2"),
        ("message.unknown", "3"),
    ]


def test_a_message_whose_worker_vanished_is_told_as_in_doubt(stage: Stage) -> None:
    stage.listen("message.unknown")
    house = stage.house
    house.register("1")

    def dies(_envelope: object, _now: object) -> Any:
        raise KeyboardInterrupt

    house.provider.script = [dies]
    with pytest.raises(KeyboardInterrupt):
        house.dispatch()
    house.clock.pass_time(minutes=2)
    house.turn()
    assert types(stage) == ["message.unknown"]


# --- once -------------------------------------------------------------------------------------------------


def test_what_is_told_once_has_one_id_wherever_it_is_seen(stage: Stage) -> None:
    endpoint_id = stage.listen()
    item = News(Type.REFUND_DUE, "store_1", stage.house.clock.now, {}, once="bo_1 2026-12-10")
    for _ in range(2):
        with stage.house.writing() as session:
            tell(session, [item, item], stage.house.clock.now)
    (row,) = stage.deliveries(endpoint_id)
    assert row.event_id == item.id()
    assert News(Type.REFUND_DUE, "store_2", item.at, {}, once=item.once).id() != item.id()
    assert News(Type.LAW_CHANGED, "store_1", item.at, {}).id() is None


def test_a_paused_endpoint_s_news_is_held(stage: Stage) -> None:
    endpoint_id = stage.listen()
    with stage.house.writing() as session:
        row = endpoints.find(session, "store_1", endpoint_id)
        row.status = "paused"
        session.add(row)
    stage.house.register("1")
    assert [row.status for row in stage.deliveries()] == ["held"]


def test_every_type_is_documented_with_its_payload() -> None:
    guide = GUIDE.read_text()
    assert [type_ for type_ in Type if f"`{type_}`" not in guide] == []
    for found in guide.split("```json\n")[1:]:
        json.loads(found.split("```")[0])


def test_the_receiver_in_the_guide_takes_what_is_signed_and_nothing_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example: Json = {"__name__": "example"}
    exec(GUIDE.read_text().split("```python\n")[1].split("```")[0], example)  # noqa: S102  our own words
    example["Receiver"].log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), example["Receiver"])
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    stage.house.clock.now = datetime.now(UTC)
    endpoint_id = stage.listen(url=f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("WEBHOOK_SECRET", stage.secrets[endpoint_id])
    delivery_id = stage.test(endpoint_id)
    stage.call()
    with stage.house.writing() as session:
        endpoints.redeliver(session, "store_1", endpoint_id, delivery_id, stage.house.clock.now)
    stage.call()
    assert [row.response_status for row in stage.deliveries()] == [204]
    assert capsys.readouterr().out.count("endpoint.test {'endpoint_id'") == 1
    monkeypatch.setenv("WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwVwz5xJ2fZ2o=")
    stage.test(endpoint_id)
    stage.call()
    assert [row.response_status for row in stage.deliveries()] == [204, 401]
    server.shutdown()
    server.server_close()
    thread.join()
