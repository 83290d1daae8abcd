"""The evidence of an order that has lived: what stands in it, and that it can be checked without us."""

import hashlib
import json
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from notifier import evidence
from notifier.db.engine import reading
from notifier.domain.evidence import canonical, verify, written
from notifier.domain.message import Status
from notifier.errors import NotFound
from notifier.feedback import report
from notifier.providers.base import Accepted, Unknown
from notifier.signed import Signer, holds, pseudonym
from tests.house import House

SECRET = "secret-of-the-tests"
JANE = {"email": "jane@example.com", "name": "Jane Doe", "country": "US"}
Json = dict[str, Any]


def document(house: House, backorder_id: str, store_id: str = "store_1") -> Json:
    with reading(house.engine) as session:
        return evidence.document(session, store_id, backorder_id, SECRET, house.clock.now)


def good(made: Json) -> bool:
    return verify(written(made), holds, Signer(SECRET).public_key).findings == ()


def tell(house: House, key: str, status: Status) -> None:
    message = house.message(key)
    with house.writing() as session:
        report(session, "smtp", f"evt {key}", message.id, status, house.clock.now, house.clock.now,
               "250 jane@example.com took it")  # fmt: skip


@pytest.fixture
def lived(house: House) -> tuple[House, str]:
    """Told, delayed past what silence agrees to, told so, kept by the customer, part shipped, refunded."""
    house.provider.always = lambda envelope, _: Accepted(f"ref-{envelope.kind}")
    id_ = house.register(customer=JANE, currency="USD")
    house.turn()
    house.clock.pass_time(days=1)
    house.move(id_, "2027-02-10", reason="held at customs")
    house.clock.pass_time(minutes=20)
    house.turn()
    tell(house, "consent:1", Status.DELIVERED)
    house.clock.pass_time(days=1)
    house.answer(id_, "keep")
    house.ship(id_, lines=[{"sku": "ORN-RED", "quantity": 1}], carrier="UPS", tracking_number="1Z")
    house.cancel(id_, lines=[{"sku": "ORN-RED", "quantity": 1}], by="customer", reason="asked by telephone")
    house.refund(id_)
    house.turn()
    return house, id_


def test_the_whole_story_stands_in_it(lived: tuple[House, str]) -> None:
    house, id_ = lived
    made = document(house, id_)
    kinds = [record["kind"] for record in made["records"]]
    assert good(made)
    for kind in ("order.registered", "message.sent", "order.eta_changed", "report.delivered", "order.answered",
                 "order.shipped", "order.cancelled", "order.refunded"):  # fmt: skip
        assert kind in kinds
    promised = made["records"][kinds.index("order.registered")]["data"]["lines"][0]
    assert (promised["sku"], promised["promised"], promised["name"]) == (
        "ORN-RED", "2026-12-20", "Red ornament",
    )  # fmt: skip
    moved = made["records"][kinds.index("order.eta_changed")]["data"]
    assert (moved["before"], moved["eta"], moved["reason"], moved["source"]) == (
        "2026-12-20", "2027-02-10", "held at customs", "order",
    )  # fmt: skip


def test_a_notice_stands_in_it_byte_for_byte_with_what_became_of_it(lived: tuple[House, str]) -> None:
    house, id_ = lived
    made = document(house, id_)
    (notice,) = [m for m in made["messages"] if m["kind"] == "consent" and m["handed_over"]]
    (left,) = notice["handed_over"]
    (body,) = [body for body in made["bodies"] if body["sha256"] == left["sha256"]]
    sent = next(envelope for envelope in house.provider.taken if envelope.kind == "consent")
    frozen = json.loads(body["text"])
    assert (frozen["to"], frozen["html"], frozen["text"], frozen["subject"]) == (
        "jane@example.com", sent.html, sent.text, sent.subject,
    )  # fmt: skip
    assert hashlib.sha256(body["text"].encode()).hexdigest() == left["sha256"]
    assert left["to_pseudonym"] == made["order"]["customer"]["pseudonym"]
    assert notice["says"][0]["notice"] == "n1_long"
    assert (notice["provider"], notice["provider_ref"], notice["status"]) == (
        "outbox",
        "ref-consent",
        "delivered",
    )
    assert notice["accepted_at"] == "2026-12-02T12:20:00.000000Z"
    (delivered,) = notice["reports"]
    assert (delivered["kind"], delivered["event_id"]) == ("delivered", "evt consent:1")
    assert "ref:ref-consent" in [record["data"].get("detail") for record in made["records"]]


def test_an_answer_tells_its_means_and_what_was_asked(lived: tuple[House, str]) -> None:
    house, id_ = lived
    keep, cancel = document(house, id_)["answers"]
    assert (keep["choice"], keep["means"], keep["skus"]) == ("keep", "page", ["ORN-RED"])
    assert keep["asked"]["says"][0] | {"earliest": None} == {
        "sku": "ORN-RED", "eta": "2027-02-10", "earliest": None, "notice": "n1_long", "answer_by": "2027-01-19",
    }  # fmt: skip
    assert (cancel["choice"], cancel["means"]) == ("cancel", "reported by the store")


def test_the_clocks_are_those_of_the_law(lived: tuple[House, str]) -> None:
    house, id_ = lived
    (clock,) = document(house, id_)["clocks"]
    assert clock["jurisdiction"] == "us-ftc"
    states = [turn["state"] for turn in clock["course"]]
    assert states[0] == "on_time"
    assert states[1:3] == ["need_consent", "consented"]
    assert clock["state"] == clock["course"][-1]["state"]


def test_a_clock_that_ran_out_with_nobody_looking_stands_in_its_course(house: House) -> None:
    id_ = house.register(customer=JANE)
    house.turn()
    house.clock.pass_time(days=60)
    (clock,) = document(house, id_)["clocks"]
    turns = {turn["state"]: turn["from"] for turn in clock["course"]}
    assert list(turns) == ["on_time", "cancelled", "refund_overdue"]
    assert turns["cancelled"].startswith("2026-12-2")


def test_nothing_in_the_chain_tells_the_address(lived: tuple[House, str]) -> None:
    """So that it still holds when the address must go."""
    house, id_ = lived
    chain = json.dumps(document(house, id_)["records"])
    assert "jane@example.com" not in chain.casefold()
    assert "Jane" not in chain
    assert "[address]" in chain


def test_what_left_and_was_rendered_anew_stands_in_it_with_both_digests(house: House) -> None:
    house.provider.script = [Unknown("the line broke")]
    id_ = house.register()
    house.dispatch()
    first = house.message()
    with house.writing() as session:
        from notifier.resolving import resolve

        resolve(session, house.store_id, first.id, "resend", house.clock.now)
    house.clock.pass_time(minutes=1)
    house.move(id_, "2026-12-22")
    house.turn()
    (message,) = [m for m in document(house, id_)["messages"] if m["message_id"] == first.id]
    gone, held = message["handed_over"]
    assert (gone["body"], held["body"]) == ("gone", "held")
    assert gone["sha256"] != held["sha256"]


def test_the_same_order_makes_the_same_records(lived: tuple[House, str]) -> None:
    house, id_ = lived
    first = document(house, id_)
    house.clock.pass_time(days=3)
    assert document(house, id_)["records"] == first["records"]


def test_an_order_of_another_store_is_not_found(lived: tuple[House, str]) -> None:
    house, id_ = lived
    House(house.engine, house.clock, store_id="store_2")
    with pytest.raises(NotFound):
        document(house, id_, "store_2")
    with pytest.raises(NotFound):
        document(house, "bo_nobody")


def test_a_pseudonym_is_one_address_of_one_store() -> None:
    name = pseudonym(SECRET, "store_1", "Jane@Example.com ")
    assert name == pseudonym(SECRET, "store_1", "jane@example.com") == pseudonym(SECRET, "store_1", name)
    assert name.endswith("@privacy.invalid")
    elsewhere = pseudonym(SECRET, "store_2", "jane@example.com")
    assert len({name, elsewhere, pseudonym("another", "store_1", "jane@example.com")}) == 3


def test_openssl_agrees_with_the_signature(lived: tuple[House, str], tmp_path: Path) -> None:
    """As docs/evidence.md tells a third party to do, with no part of Notifier."""
    house, id_ = lived
    head = document(house, id_)["head"]
    signature = b64decode(head.pop("signature"))
    (tmp_path / "head.json").write_bytes(canonical(head))
    (tmp_path / "head.sig").write_bytes(signature)
    (tmp_path / "key.pem").write_text(Signer(SECRET).pem)
    command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in head.json -sigfile head.sig".split()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Verified Successfully" in done.stdout) == (0, True), done.stderr
