"""Stories that can't be read, or can't have happened: refused with the event's number and what is wrong."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from notifier.config import Settings
from notifier.rehearsal import rehearse
from notifier.simulate import ScenarioError, read_scenario

NOTIFIER = Path(sys.executable).with_name("notifier")


def at(day: int, hour: int = 12) -> str:
    return f"2026-03-{day:02}T{hour:02}:00:00Z"


def registered(day: int = 1, **changed: Any) -> dict[str, Any]:
    backorder = {
        "order_id": "1",
        "currency": "USD",
        "customer": {"email": "jane@example.com"},
        "lines": [{"sku": "A", "name": "Lamp", "quantity": 2, "unit_price": "9.50", "eta": "2026-04-10"}],
    }
    return {"at": at(day), "do": "register", "backorder": backorder | changed}


def event(do: str, day: int = 2, **fields: Any) -> dict[str, Any]:
    return {"at": at(day), "do": do, "order_id": "1"} | fields


def inbound(day: int = 2, quantity: int = 5, **fields: Any) -> dict[str, Any]:
    lines = [{"sku": "A", "quantity": quantity}]
    shipment = {"do": "inbound", "reference": "PO-7", "lines": lines, "eta": "2026-04-20"}
    return {"at": at(day)} | shipment | fields


def refusal(tmp_path: Path, story: Any) -> str:
    """Why it is refused. Text is written as it is, anything else as JSON, a list as the events of a story."""
    file = tmp_path / "story.json"
    whole = {"events": story, "until": at(31)} if isinstance(story, list) else story
    file.write_text(whole if isinstance(whole, str) else json.dumps(whole), encoding="utf-8")
    with pytest.raises(ScenarioError) as refused:
        list(rehearse(*read_scenario(file), Settings()))
    return str(refused.value.detail)


@pytest.mark.parametrize(
    ("event_2", "wrong"),
    [
        # what can't be read
        (event("dance"), "dance"),
        ({"at": at(2), "order_id": "1"}, "do"),
        ({"do": "ship", "order_id": "1"}, "/at"),
        (event("ship", at="2026-03-02T09:00:00"), "/at"),
        (event("ship", at="2026-02-30T09:00:00Z"), "/at"),
        (event("ship", at="9999-12-31T23:59:59-12:00"), "/at"),
        (event("ship", at="0001-01-01T00:00:00+14:00"), "/at"),
        (event("ship", tracking="1Z"), "tracking"),
        (event("ship", lines=[{"sku": "A", "quantity": 0}]), "/lines/0/quantity"),
        (event("ship", lines=[]), "/lines"),
        (event("eta", sku="A", eta="2026-02-30"), "/eta"),
        (event("eta", sku="A", eta="2026-04-20T00:00:00Z"), "/eta"),
        (event("eta", sku="A", eta="2026-04-20", eta_earliest="2026-04-21"), "2026-04-21"),
        (event("eta", sku="A", eta="2101-01-01"), "2100"),
        (event("eta", sku="A"), "/eta"),
        (event("eta", eta="2026-04-20"), "/sku"),
        ({"at": at(2), "do": "sku_eta", "sku": "A"}, "/eta"),
        ({"at": at(2), "do": "sku_eta", "sku": "A", "eta": None, "order_id": "1"}, "/order_id"),
        ({"at": at(2), "do": "restock", "sku": "A", "quantity": 1, "rule": "lottery"}, "/rule"),
        ({"at": at(2), "do": "restock", "sku": "A", "quantity": -1}, "/quantity"),
        (
            {"at": at(2), "do": "restock", "sku": "B", "quantity": 1},
            "no order of this store waits for SKU 'B'",
        ),
        (inbound(quantity=0), "/lines/0/quantity"),
        (inbound(eta="2026-03-01"), "eta 2026-03-01 has passed: it is 2026-03-02"),
        (inbound(eta="2026-04-01", eta_earliest="2026-04-02"), "/eta_earliest"),
        (inbound(stage="lost"), "/stage"),
        (
            {"at": at(2), "do": "inbound_move", "reference": "PO-7", "eta": "2026-04-20"},
            "no shipment 'PO-7' is on",
        ),
        ({"at": at(2), "do": "inbound_move", "reference": "PO-7"}, "no shipment 'PO-7' is on"),
        (event("answer", answer="perhaps"), "/answer"),
        (event("cancel", by="nobody"), "/by"),
        (event("refund", amount=9.5, currency="USD"), "/amount"),
        (event("refund", amount="9.50", currency="usd"), "/currency"),
        (event("bounce", kind="postcard"), "/kind"),
        (event("customer", customer={"email": "jane"}), "/customer/email"),
        ({"at": at(2), "do": "policy", "policy": {"countdown_days": [10_000]}}, "/policy/countdown_days/0"),
        ({"at": at(2), "do": "policy", "policy": {}, "order_id": "1"}, "/order_id"),
        (registered(2, lines=[]), "/lines"),
        (registered(2, customer={"email": "jane"}), "/customer/email"),
        (registered(2, promissed="2026-04-10"), "promissed"),
        (registered(2, order_id="\ud800"), "/order_id"),
        # what can't have happened
        (registered(2), "order '1' is registered already"),
        (registered(2, order_id="1", customer={"email": "ken@example.com"}), "registered already"),
        (event("ship", order_id="2"), "no order '2' is registered by then"),
        (
            event("ship", day=1, at="2026-02-28T09:00:00Z"),
            "/at: 2026-02-28T09:00:00+00:00 lies before event 1",
        ),
        (event("ship", lines=[{"sku": "A", "quantity": 3}]), "2 of 2 units left, not 3"),
        (event("ship", lines=[{"sku": "B", "quantity": 1}]), "no line 'B'"),
        (event("ship", lines=[{"sku": "A", "quantity": 1}] * 3), "0 of 2 units left"),
        (event("ship", shipped_at=at(9)), "shipped_at"),
        (event("eta", sku="B", eta="2026-04-20"), "no line 'B'"),
        (event("answer", answer="keep"), "nothing was asked"),
        (event("answer", answer="cancel"), "nothing was asked"),
        (event("answer", answer="keep", skus=["B"]), "no line 'B'"),
        (event("cancel", lines=[{"sku": "A", "quantity": 3}]), "2 of 2 units left, not 3"),
        (event("refund", amount="9.50", currency="EUR"), "USD"),
        (event("bounce", kind="delay"), "no delay email of order '1' had been sent"),
        (
            event("complain", kind="delay"),
            "no delay email of order '1' had been sent that could be called spam",
        ),
        (event("unsubscribe", order_id="2"), "no order '2' is registered by then"),
        (event("customer", customer={}, order_id="2"), "no order '2' is registered by then"),
    ],
)
def test_an_impossible_event_is_named_by_its_number(
    tmp_path: Path, event_2: dict[str, Any], wrong: str
) -> None:
    said = refusal(tmp_path, [registered(), event_2])
    assert said.startswith("event 2: ")
    assert wrong in said


def test_what_is_gone_can_neither_ship_nor_move_nor_be_answered(tmp_path: Path) -> None:
    for do, fields, wrong in [
        ("ship", {}, "has shipped already"),
        ("cancel", {}, "has shipped already"),
        ("eta", {"sku": "A", "eta": "2026-04-20"}, "can't change any more"),
        ("answer", {"answer": "keep"}, "nothing to answer"),
    ]:
        said = refusal(tmp_path, [registered(), event("ship"), event(do, 3, **fields)])
        assert said.startswith("event 3: ")
        assert wrong in said


def test_what_has_arrived_is_not_on_its_way_again(tmp_path: Path) -> None:
    here = {"do": "inbound_move", "reference": "PO-7", "stage": "arrived"}
    for wrong, said in [
        ({"at": at(4)} | here | {"stage": "customs"}, "has arrived"),
        ({"at": at(4)} | inbound(day=4), "is on its way already"),
    ]:
        told = refusal(tmp_path, [registered(), inbound(), {"at": at(3)} | here, wrong])
        assert told.startswith("event 4: ")
        assert said in told


def test_what_ships_before_it_registers_is_refused_by_its_own_number(tmp_path: Path) -> None:
    said = refusal(tmp_path, [event("ship", day=1), registered(2)])
    assert said == "event 1: no order '1' is registered by then"


def test_a_story_that_runs_backwards_says_between_which_events(tmp_path: Path) -> None:
    said = refusal(tmp_path, [registered(), event("ship", 5), event("cancel", 4)])
    assert said == (
        "event 3: /at: 2026-03-04T12:00:00+00:00 lies before event 2, 2026-03-05T12:00:00+00:00;"
        " a story runs forward in time"
    )


def test_a_story_ends_after_its_last_event(tmp_path: Path) -> None:
    story = {"events": [registered(), event("ship", 5)], "until": at(4)}
    assert refusal(tmp_path, story).startswith(
        "event 2: /at: 2026-03-05T12:00:00+00:00 lies after the story's end"
    )


def test_only_lines_that_were_asked_about_are_answered(tmp_path: Path) -> None:
    lines = [{"sku": sku, "name": "Lamp", "quantity": 1, "eta": "2026-04-10"} for sku in ("A", "B")]
    told = [registered(1, lines=lines), event("eta", 2, sku="A", eta="2026-05-20", reason="a strike")]
    assert "nothing was asked of 'B', only of A" in refusal(
        tmp_path, [*told, event("answer", 4, answer="keep", skus=["A", "B"])]
    )


def test_a_story_of_very_much_is_refused_before_it_is_played(tmp_path: Path) -> None:
    many = [registered(order_id=str(number)) for number in range(10_000)]
    assert "2,000 events at most, not 10,000" in refusal(tmp_path, many)
    assert "larger than 5,000,000 bytes" in refusal(tmp_path, " " * 5_000_001)


def test_a_story_lasts_ten_years_at_most(tmp_path: Path) -> None:
    for until, wrong in [
        ("9999-01-01T00:00:00Z", "not between 2000 and 2100"),
        ("2036-03-03T00:00:00Z", "ten years"),
    ]:
        said = refusal(tmp_path, {"events": [registered()], "until": until})
        assert said.startswith("/until: ")
        assert wrong in said


@pytest.mark.parametrize(
    ("story", "wrong"),
    [
        ("", "is not JSON"),
        ('{"events": [', "line 1, column 13 is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"until": ' + "9" * 5000 + "}", "can't be read"),
        ("[]", "Input should be an object"),
        ({}, "/events"),
        ({"events": {}}, "/events"),
        ({"events": [], "stroe": {}}, "/stroe"),
        ({"events": [], "store": {"timezone": "Mars/Olympus"}}, "Mars/Olympus"),
        ({"events": [], "store": {"country": "Atlantis"}}, "/store/country"),
        ({"events": [], "policy": {"countdown_days": [0]}}, "/policy/countdown_days/0"),
        ({"events": [], "policy": {"send_window": "20:00-09:00"}}, "before end"),
        ({"events": [], "until": "2026-03-01"}, "/until"),
        ({"events": [], "until": "2026-03-01T00:00:00"}, "/until"),
        ({"events": [registered(), "ship"]}, "event 2: Input should be"),
        ({"events": [registered(), event("ship", colour="red")]}, "event 2: /colour: there is no such field"),
    ],
)
def test_an_unreadable_story_says_where_and_why(tmp_path: Path, story: Any, wrong: str) -> None:
    assert wrong in refusal(tmp_path, story)


def test_a_story_of_nothing_is_told_in_no_lines(tmp_path: Path) -> None:
    file = tmp_path / "story.json"
    file.write_text('{"events": []}')
    assert list(rehearse(*read_scenario(file), Settings())) == []


def simulated(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NOTIFIER, "simulate", str(file), "--json"], capture_output=True, text=True, check=False
    )


def test_the_command_answers_2_and_one_line_that_names_the_file_and_the_event(tmp_path: Path) -> None:
    file = tmp_path / "story.json"
    file.write_text(json.dumps({"events": [registered(), event("ship", order_id="2")]}))
    done = simulated(file)
    assert done.returncode == 2
    assert done.stderr == f"notifier: {file}: event 2: no order '2' is registered by then\n"


def test_the_command_answers_2_for_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    missing = simulated(tmp_path / "none.json")
    assert missing.returncode == 2
    assert "No such file" in missing.stderr
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    done = simulated(binary)
    assert done.returncode == 2
    assert "not UTF-8" in done.stderr


def test_the_command_prints_a_json_object_per_line(tmp_path: Path) -> None:
    file = tmp_path / "story.json"
    file.write_text(json.dumps({"events": [registered(), event("ship")], "until": at(31)}))
    done = simulated(file)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("kind", line.get("state")) for line in lines] == ["expectation", "shipped", "shipped"]


def test_nobody_agrees_to_a_further_delay_that_was_not_asked_about(tmp_path: Path) -> None:
    american = registered(customer={"email": "jane@example.com", "country": "US"})
    late = event("eta", day=3, sku="A", eta="2026-05-05", reason="the kiln cracked")
    agreed = event("answer", day=5, answer="keep", further=True)
    assert "nobody asked the customer" in refusal(tmp_path, [american, late, agreed])
    asks = {
        "policy": {"ask_further": True},
        "events": [american, late, agreed],
        "until": "2026-06-30T00:00:00Z",
    }
    file = tmp_path / "asked.json"
    file.write_text(json.dumps(asks), encoding="utf-8")
    lines = list(rehearse(*read_scenario(file), Settings()))
    states = [line["state"] for line in lines if line["event"] == "law"]
    assert states == ["silence_ok", "indefinite"]
