"""Two subjects of the countdown: who gets which, what became of them, and what is said of that."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from notifier import feedback
from notifier.db.engine import transaction
from notifier.domain.message import Scope, Status
from notifier.domain.trying import half
from notifier.providers.reports import Report
from tests.api.client import Api, Json

OURS = (Path(__file__).parents[2] / "templates" / "countdown.j2").read_text("utf-8")
OTHER = '{{ _("Still on schedule: order %(order)s, %(date)s", order=order.short, date=first.eta.short) }}'
TRIED = OURS.replace(
    "{% block preheader %}", f"{{% block subject_b %}}{OTHER}{{% endblock %}}\n{{% block preheader %}}", 1
)
TRIAL = "/v1/templates/countdown/trial"


def publish(api: Api, source: str = TRIED) -> None:
    api("PUT", "/v1/templates/countdown", json={"source": source})


def orders(api: Api, fewest: int) -> dict[str, list[str]]:
    """By half, at least so many of customers of their own, a week before their date: the first countdown has left."""
    found: dict[str, list[str]] = {"a": [], "b": []}
    for number in range(60):
        customer = {"email": f"c{number}@example.com", "timezone": "America/New_York", "country": "US"}
        one = api.register(order_id=f"{2000 + number}", customer=customer)["id"]
        found[half(one)].append(one)
        if min(map(len, found.values())) >= fewest:
            break
    api.deliver()
    api.clock.pass_by(days=4, hours=2)
    api.deliver()
    return found


def first_countdown(api: Api, backorder_id: str) -> Json:
    messages: list[Json] = api("GET", f"/v1/backorders/{backorder_id}")["messages"]
    return next(m for m in messages if m["kind"] == "countdown" and m["sent_at"])


def test_each_order_gets_the_subject_that_its_id_chooses_and_keeps_it(api: Api) -> None:
    publish(api)
    halves = orders(api, 3)
    ids = [one for some in halves.values() for one in some]
    api.clock.pass_by(days=4)
    api.deliver()
    for backorder_id in ids:
        sent = [
            m["subject"]
            for m in api("GET", f"/v1/backorders/{backorder_id}")["messages"]
            if m["kind"] == "countdown" and m["sent_at"]
        ]
        assert len(sent) == 2
        second = half(backorder_id) == "b"
        assert all(one.startswith("Still on schedule") is second for one in sent)
    found = api("GET", TRIAL)
    wanted = {name: len(some) for name, some in halves.items()}
    assert {name: found[name]["orders"] for name in wanted} == wanted
    assert {name: found[name]["sent"] for name in wanted} == {name: 2 * n for name, n in wanted.items()}


def test_a_planned_email_shows_the_subject_that_it_will_have(api: Api) -> None:
    publish(api)
    for number in range(6):
        order = api.register(order_id=f"{number}", customer={"email": f"c{number}@example.com"})
        planned = next(m for m in order["messages"] if m["kind"] == "countdown")
        seen = api("GET", f"/v1/messages/{planned['id']}")["subject"]
        assert seen.startswith("Still on schedule") is (half(order["id"]) == "b")


def test_what_became_of_each_half_is_counted_for_a_week_from_the_first(api: Api, other: Api) -> None:
    publish(api)
    chosen = orders(api, 3)
    young = api("GET", TRIAL)
    assert (young["version"], young["running"]) == (1, True)
    assert young["a"]["cancelled"] == {"orders": 0, "of": 0, "value": None, "interval": {"low": 0, "high": 1}}
    api("POST", f"/v1/backorders/{chosen['a'][0]}/cancel", json={"by": "customer"})
    api("POST", f"/v1/backorders/{chosen['a'][1]}/cancel", json={"by": "store"})
    page = urlsplit(api("GET", f"/v1/backorders/{chosen['b'][0]}")["status_url"]).path
    assert api.http.post(f"{page}/unsubscribe", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    _reported(api, first_countdown(api, chosen["b"][1])["id"], None)
    _reported(api, first_countdown(api, chosen["b"][2])["id"], Status.COMPLAINED)
    _reported(api, first_countdown(api, chosen["a"][2])["id"], Status.DELIVERED)
    api.clock.pass_by(days=7, hours=1)
    api("POST", f"/v1/backorders/{chosen['a'][2]}/cancel", json={"by": "customer"})
    found = api("GET", TRIAL)
    a, b = found["a"], found["b"]
    assert (a["sent"], a["delivered"], a["bounced"], a["complained"]) == (len(chosen["a"]), 1, 0, 0)
    assert (b["delivered"], b["complained"]) == (1, 1)
    assert (a["cancelled"]["orders"], a["cancelled"]["of"]) == (1, len(chosen["a"]))
    assert (b["cancelled"]["orders"], b["cancelled"]["of"]) == (0, len(chosen["b"]))
    assert (a["stopped"]["orders"], b["stopped"]["orders"]) == (0, 3)
    assert found["cancelled"]["verdict"] == found["stopped"]["verdict"] == "too_few"
    assert found["cancelled"]["says"].startswith("Nothing can be said yet: each half needs 100 orders")
    other.problem(404, "GET", TRIAL)


def _reported(api: Api, message_id: str, status: Status | None) -> None:
    suppresses = None if status else Scope.WAITING
    told = Report(f"{message_id}:{status}", message_id, status, api.clock(), suppresses=suppresses)
    with transaction(api.services.engine) as session:
        feedback.keep(session, api.store.store.id, "outbox", [told], api.clock())
    feedback.apply(api.services.engine, api.clock())


def test_a_trial_goes_on_while_its_two_subjects_stay_and_can_be_looked_at_afterwards(api: Api) -> None:
    publish(api)
    sent = sum(map(len, orders(api, 1).values()))
    publish(api, TRIED.replace("Goes well with it", "Goes with it"))
    found = api("GET", TRIAL)
    assert (found["version"], found["running"], found["a"]["sent"] + found["b"]["sent"]) == (2, True, sent)
    publish(api, TRIED.replace("Still on schedule", "All as planned"))
    found = api("GET", TRIAL)
    assert (found["version"], found["a"]["sent"] + found["b"]["sent"]) == (3, 0)
    api("DELETE", "/v1/templates/countdown")
    problem = api.problem(404, "GET", TRIAL)
    assert problem["detail"] == "the template of countdown tries no second subject"
    old = api("GET", f"{TRIAL}?version=1")
    assert (old["version"], old["running"], old["a"]["sent"] + old["b"]["sent"]) == (1, False, sent)
    assert old["b"]["subject"].startswith("Still on schedule: order 1042, ")


@pytest.mark.parametrize(("path", "status"), [
    (f"{TRIAL}?version=9", 404), (f"{TRIAL}?version=0", 422), (f"{TRIAL}?version=x", 422),
    ("/v1/templates/delay/trial", 404), ("/v1/templates/pigeon/trial", 422),
])  # fmt: skip
def test_where_there_is_no_trial_that_is_said(api: Api, path: str, status: int) -> None:
    api.problem(status, "GET", path)


def test_a_draft_is_seen_with_both_subjects(api: Api) -> None:
    seen: Any = api("POST", "/v1/templates/countdown/preview", json={"source": TRIED, "sample": "today"})
    assert seen["problems"] == []
    assert seen["subject"] == "Order 1042 ships today, December 1, 2026"
    assert seen["subject_b"] == "Still on schedule: order 1042, December 1, 2026"
    assert api("POST", "/v1/templates/countdown/preview", json={"source": OURS})["subject_b"] is None
