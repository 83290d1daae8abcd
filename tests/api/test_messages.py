from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from notifier.dispatch import dispatch
from notifier.providers.base import Accepted, Envelope, Outcome, Rejected, Unknown
from tests.api.client import Api, Json, a_line


@dataclass(frozen=True)
class Answering:
    """A mail service that answers every email in the same way."""

    outcome: Outcome
    name: str = "smtp"
    removes_duplicates: bool = False
    timeout_seconds: float = 1.0

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        return self.outcome

    def close(self) -> None:
        pass


def deliver_to(api: Api, outcome: Outcome) -> None:
    post = replace(api.services.post, provider_for=lambda _: Answering(outcome))
    while dispatch(post):
        pass


def the_expectation(api: Api, outcome: Outcome) -> Json:
    """The one email that has left, or tried to."""
    backorder = api.register()
    deliver_to(api, outcome)
    return api.message(backorder["id"], "expectation")


# --- listing ---------------------------------------------------------------------------------------------


def test_every_filter_narrows_the_list(api: Api) -> None:
    one = api.register(order_id="1")["id"]
    api.deliver()
    two = api.register(order_id="2", customer={"email": "joe@example.com"}, lines=[a_line("B", eta=None)])[
        "id"
    ]

    def found(**filters: str) -> set[tuple[str, str, str]]:
        messages = api("GET", "/v1/messages", params=filters)["data"]
        return {(m["backorder_id"], m["kind"], m["to"]) for m in messages}

    assert found(status="sent") == {(one, "expectation", "jane@example.com")}
    assert found(kind="expectation", status="planned") == {(two, "expectation", "joe@example.com")}
    assert {id_ for id_, _, _ in found(backorder_id=two)} == {two}
    assert found(due_before="2026-12-01T15:00:01Z", status="planned") == {
        (two, "expectation", "joe@example.com")
    }
    assert found(due_before="2026-12-01T10:00:01-05:00") == found(kind="expectation")


def test_messages_name_the_skus_that_they_speak_of(api: Api) -> None:
    api.register(lines=[a_line("A"), a_line("B")])
    messages = api("GET", "/v1/messages", params={"kind": "expectation"})["data"]
    assert sorted(messages[0]["lines"]) == ["A", "B"]


SENSELESS = [
    ("status", "lost"),
    ("kind", "advert"),
    ("backorder_id", "a\0b"),
    ("due_before", "tomorrow"),
    ("due_before", "2026-12-01T15:00:00"),
    ("due_before", "9999-12-31T23:59:59-23:59"),
]


def test_a_filter_that_makes_no_sense_is_named(api: Api) -> None:
    cases = [({name: value}, f"/{name}") for name, value in SENSELESS]
    assert api.faults("GET", "/v1/messages", cases, as_="params") == []


def test_pages_hold_every_message_once(api: Api) -> None:
    for number in range(3):
        api.register(order_id=str(number))
    every = [m["id"] for m in api("GET", "/v1/messages", params={"limit": 200})["data"]]
    page = api("GET", "/v1/messages", params={"limit": 4})
    seen = [m["id"] for m in page["data"]]
    while page["next"]:
        page = api("GET", "/v1/messages", params={"limit": 4, "after": page["next"]})
        seen += [m["id"] for m in page["data"]]
    assert seen == every


# --- reading ---------------------------------------------------------------------------------------------


def test_a_planned_email_reads_as_it_would_be_now(api: Api) -> None:
    backorder = api.register()["id"]
    planned = api.message(backorder, "expectation")
    api("PATCH", f"/v1/backorders/{backorder}", json={"customer": {"name": "Joan"}})
    got = api("GET", f"/v1/messages/{planned['id']}")
    assert (got["as_sent"], got["fault"]) == (False, None)
    assert "1042" in got["subject"]
    assert "Joan" in got["html"]
    assert "Joan" in got["text"]
    assert planned["subject"] is None


def test_a_sent_email_reads_as_it_was_sent_whatever_changed_since(api: Api) -> None:
    sent = the_expectation(api, Accepted("ref-1"))
    before = api("GET", f"/v1/messages/{sent['id']}")
    assert (before["as_sent"], before["status"], before["provider_ref"]) == (True, "sent", "ref-1")
    assert "Jane" in before["html"]
    api("PATCH", f"/v1/backorders/{sent['backorder_id']}", json={"customer": {"name": "Joan"}})
    assert api("GET", f"/v1/messages/{sent['id']}") == before


def test_what_is_no_message_is_not_found(api: Api) -> None:
    for name in ("msg_none", "%00", "x" * 5000):
        api.problem(404, "GET", f"/v1/messages/{name}")
        api.problem(404, "POST", f"/v1/messages/{name}/resolve", json={"action": "drop"})


# --- resolving -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Unknown("the line went dead"), Rejected("no such mailbox")])
def test_resend_sends_it_again(api: Api, outcome: Outcome) -> None:
    message = the_expectation(api, outcome)
    assert message["status"] == ("unknown" if isinstance(outcome, Unknown) else "failed")
    resolved = api("POST", f"/v1/messages/{message['id']}/resolve", json={"action": "resend"})
    assert (resolved["status"], resolved["sent_at"]) == ("planned", None)
    deliver_to(api, Accepted())
    assert api.message(message["backorder_id"], "expectation")["status"] == "sent"


def test_mark_sent_counts_it_as_sent(api: Api) -> None:
    message = the_expectation(api, Unknown("the line went dead"))
    resolved = api("POST", f"/v1/messages/{message['id']}/resolve", json={"action": "mark_sent"})
    assert (resolved["status"], resolved["sent_at"]) == ("sent", "2026-12-01T15:00:00Z")


@pytest.mark.parametrize("outcome", [Unknown("the line went dead"), Rejected("no such mailbox")])
def test_what_was_dropped_stays_dropped_when_the_order_is_planned_again(api: Api, outcome: Outcome) -> None:
    message = the_expectation(api, outcome)
    resolved = api("POST", f"/v1/messages/{message['id']}/resolve", json={"action": "drop"})
    assert resolved["status"] == "cancelled"
    api("PATCH", f"/v1/backorders/{message['backorder_id']}", json={"customer": {"name": "Joan"}})
    deliver_to(api, Accepted())
    assert api.message(message["backorder_id"], "expectation")["status"] == "cancelled"


@pytest.mark.parametrize("action", ["resend", "mark_sent", "drop"])
def test_only_what_failed_or_is_in_doubt_is_resolved(api: Api, action: str) -> None:
    sent = the_expectation(api, Accepted())
    planned = api.message(sent["backorder_id"], "consent")
    for message in (sent, planned):
        problem = api.problem(409, "POST", f"/v1/messages/{message['id']}/resolve", json={"action": action})
        assert message["status"] in problem["detail"]


def test_what_is_no_longer_true_is_not_sent_again(api: Api) -> None:
    message = the_expectation(api, Unknown("the line went dead"))
    api.clock.pass_by(days=15)
    problem = api.problem(409, "POST", f"/v1/messages/{message['id']}/resolve", json={"action": "resend"})
    assert "2026-12-15" in problem["detail"]


def test_an_unknown_action_is_named_with_what_would_be_right(api: Api) -> None:
    message = the_expectation(api, Unknown("the line went dead"))
    problem = api.problem(422, "POST", f"/v1/messages/{message['id']}/resolve", json={"action": "retry"})
    assert "'resend', 'mark_sent' or 'drop'" in problem["errors"][0]["detail"]
    assert "'retry'" in problem["errors"][0]["detail"]
