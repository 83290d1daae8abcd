"""Setting up the vendors' accounts through their APIs; each request is checked against the vendor's own file."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from notifier.domain.message import Kind
from notifier.errors import NotifierError
from notifier.providers.klaviyo import Klaviyo
from notifier.providers.klaviyo import setup as klaviyo_setup
from notifier.providers.sendgrid import Sendgrid
from notifier.providers.sendgrid import setup as sendgrid_setup
from tests.providers.contract import NOW, PLAIN, SECRET
from tests.providers.vendor_server import Answer, Vendors

KINDS = [kind.value for kind in Kind]
SERIES = ["countdown", "expectation"]


@pytest.fixture
def klaviyo(vendors: Vendors) -> Iterator[Klaviyo]:
    klaviyo = Klaviyo(SECRET, vendors.address, timeout_seconds=2)
    yield klaviyo
    klaviyo.close()


@pytest.fixture
def sendgrid(vendors: Vendors) -> Iterator[Sendgrid]:
    sendgrid = Sendgrid(SECRET, vendors.address, timeout_seconds=2)
    yield sendgrid
    sendgrid.close()


def clock() -> datetime:
    return NOW


def klaviyo_steps(klaviyo: Klaviyo, *, dry_run: bool = False) -> list[str]:
    examples = {
        kind: klaviyo_setup.example(
            kind, "orders@shop.example", PLAIN.sender, PLAIN.properties, PLAIN.subject, PLAIN.html, PLAIN.text
        )
        for kind in KINDS
    }
    wanted = klaviyo_setup.Wanted(PLAIN.sender, examples)
    return [
        step.state
        for step in klaviyo_setup.set_up(klaviyo.api, wanted, clock, lambda _seconds: None, dry_run=dry_run)
    ]


def sendgrid_steps(sendgrid: Sendgrid, *, dry_run: bool = False) -> list[tuple[str, str, str]]:
    steps = sendgrid_setup.set_up(sendgrid, SERIES, NOW, dry_run=dry_run)
    return [(step.kind, step.state, step.template) for step in steps]


def writes(vendors: Vendors) -> list[Any]:
    return [request for request in vendors.requests if request.method != "GET"]


def no_faults(vendors: Vendors) -> bool:
    return [request.faults for request in vendors.requests if request.faults] == []


# --- Klaviyo ---------------------------------------------------------------------------------------------


def test_klaviyo_gets_a_metric_a_template_and_a_draft_flow_for_each_kind(
    klaviyo: Klaviyo, vendors: Vendors
) -> None:
    assert klaviyo_steps(klaviyo) == ["made"] * 3 * len(KINDS)
    assert no_faults(vendors)
    account = vendors.account
    assert set(account.metrics) >= {"Backorder Expected", "Backorder Delayed", "Backorder Shipped"}
    names = [f"Notifier: {name}" for name in account.metrics]
    assert [template["attributes"]["name"] for template in account.templates] == names
    assert {template["attributes"]["html"] for template in account.templates} == {"{{ event.html|safe }}"}
    assert [flow["attributes"]["name"] for flow in account.flows] == names
    for number, flow in enumerate(account.flows):
        definition = flow["attributes"]["definition"]
        assert definition["triggers"] == [{"type": "metric", "id": f"M{number}"}]
        (action,) = definition["actions"]
        assert action["data"]["status"] == "draft"
        message = action["data"]["message"]
        assert message["transactional"] is True
        assert message["smart_sending_enabled"] is False
        assert message["template_id"] == account.templates[number]["id"]
        assert message["subject_line"] == "{{ event.subject|safe }}"
        assert (message["from_label"], message["from_email"]) == (
            "Jane's Ornaments, Inc.",
            "orders@shop.example",
        )


def test_the_metrics_are_made_by_events_that_start_no_flow(klaviyo: Klaviyo, vendors: Vendors) -> None:
    klaviyo_steps(klaviyo)
    events = [request.body for request in writes(vendors) if request.path == "/api/events"]
    assert len(events) == len(KINDS)
    assert {event["data"]["attributes"]["backfill"] for event in events} == {True}
    assert vendors.emails == []


def test_klaviyo_set_up_twice_has_nothing_twice(klaviyo: Klaviyo, vendors: Vendors) -> None:
    klaviyo_steps(klaviyo)
    before = len(writes(vendors))
    assert klaviyo_steps(klaviyo) == ["there"] * 3 * len(KINDS)
    assert len(writes(vendors)) == before


def test_a_dry_run_at_klaviyo_makes_nothing(klaviyo: Klaviyo, vendors: Vendors) -> None:
    assert klaviyo_steps(klaviyo, dry_run=True) == ["missing"] * 3 * len(KINDS)
    assert writes(vendors) == []


def test_what_is_there_is_found_on_every_page(klaviyo: Klaviyo, vendors: Vendors) -> None:
    vendors.account.metrics = [f"Placed Order {n}" for n in range(25)]
    klaviyo_steps(klaviyo)
    vendors.account.page = 3
    assert set(klaviyo_steps(klaviyo)) == {"there"}


def test_a_run_cut_short_is_finished_by_the_next(klaviyo: Klaviyo, vendors: Vendors) -> None:
    dry = len(vendors.requests)
    klaviyo_steps(klaviyo, dry_run=True)
    looks = len(vendors.requests) - dry
    assert looks > 0
    vendors.account.metrics = ["Backorder Expected", "Backorder Countdown"]
    vendors.account.templates = [
        {"id": "T9", "type": "template", "attributes": {"name": "Notifier: Backorder Expected"}}
    ]
    states = klaviyo_steps(klaviyo)
    assert states.count("there") == 3
    assert len(vendors.account.flows) == len(KINDS)
    assert (
        vendors.account.flows[0]["attributes"]["definition"]["actions"][0]["data"]["message"]["template_id"]
        == "T9"
    )


def test_what_klaviyo_refuses_is_said_with_what_was_being_made(klaviyo: Klaviyo, vendors: Vendors) -> None:
    vendors.answer(Answer(403, body=b'{"errors": [{"detail": "the key has no scope metrics:read"}]}'))
    with pytest.raises(NotifierError, match=r"metrics could not be listed.*403.*metrics:read") as refused:
        klaviyo_steps(klaviyo)
    assert SECRET not in str(refused.value)


def test_a_metric_that_klaviyo_does_not_list_in_time_is_said(klaviyo: Klaviyo, vendors: Vendors) -> None:
    waits: list[float] = []
    vendors.account.recorded = lambda metric: None  # type: ignore[method-assign]  # an account that is slow to list
    example = replace(PLAIN, message_id="setup", kind="delay")
    wanted = klaviyo_setup.Wanted(PLAIN.sender, {"delay": example})
    with pytest.raises(NotifierError, match="'Backorder Delayed' yet; run this again"):
        list(klaviyo_setup.set_up(klaviyo.api, wanted, clock, waits.append, dry_run=False))
    assert len(waits) == klaviyo_setup.LOOKS


# --- SendGrid --------------------------------------------------------------------------------------------


def test_sendgrid_gets_a_template_for_each_kind_that_holds_nothing_but_its_place(
    sendgrid: Sendgrid, vendors: Vendors
) -> None:
    assert sendgrid_steps(sendgrid) == [("countdown", "made", "d-0a"), ("expectation", "made", "d-1a")]
    assert no_faults(vendors)
    first = vendors.account.dynamic[0]
    assert (first["name"], first["generation"]) == ("Notifier: countdown", "dynamic")
    (version,) = first["versions"]
    assert version["active"] == 1
    assert (version["subject"], version["html_content"], version["plain_content"]) == (
        "{{{subject}}}",
        "{{{html}}}",
        "{{{text}}}",
    )


def test_sendgrid_set_up_twice_has_nothing_twice(sendgrid: Sendgrid, vendors: Vendors) -> None:
    sendgrid_steps(sendgrid)
    vendors.account.page = 1
    assert [state for _, state, _ in sendgrid_steps(sendgrid)] == ["there", "there"]
    assert len(vendors.account.dynamic) == 2


def test_a_template_left_without_a_version_gets_one(sendgrid: Sendgrid, vendors: Vendors) -> None:
    vendors.answer(Answer(200, body=b'{"result": []}'), Answer(201, body=b'{"id": "d-9"}'), Answer(500))
    with pytest.raises(NotifierError, match=r"'Notifier: countdown' could not be made.*500"):
        sendgrid_steps(sendgrid)
    vendors.account.dynamic = [{"id": "d-9", "name": "Notifier: countdown", "versions": []}]
    assert sendgrid_steps(sendgrid)[0] == ("countdown", "made", "d-9")
    assert len(vendors.account.dynamic[0]["versions"]) == 1


def test_a_dry_run_at_sendgrid_makes_nothing(sendgrid: Sendgrid, vendors: Vendors) -> None:
    assert [state for _, state, _ in sendgrid_steps(sendgrid, dry_run=True)] == ["missing", "missing"]
    assert writes(vendors) == []


def test_what_sendgrid_refuses_is_said_without_the_key(sendgrid: Sendgrid, vendors: Vendors) -> None:
    vendors.answer(Answer(401, body=f'{{"errors": [{{"message": "bad key {SECRET}"}}]}}'.encode()))
    with pytest.raises(NotifierError, match=r"could not be listed.*401") as refused:
        sendgrid_steps(sendgrid)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("body", [b"<html>a proxy</html>", b"[]", b"{}"])
def test_where_nobody_says_what_is_there_nothing_is_made(
    klaviyo: Klaviyo, sendgrid: Sendgrid, vendors: Vendors, body: bytes
) -> None:
    vendors.answer(Answer(200, body=body))
    with pytest.raises(NotifierError, match="metrics could not be listed"):
        klaviyo_steps(klaviyo)
    vendors.answer(Answer(200, body=body))
    with pytest.raises(NotifierError, match="templates could not be listed"):
        sendgrid_steps(sendgrid)
    assert writes(vendors) == []
