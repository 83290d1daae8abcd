"""Makes what a Klaviyo account needs for our events: metrics, pass-through templates, draft flows.

Everything has a name of its own and is looked for first, so running it twice makes nothing twice, and running it again
after it was cut short makes what is missing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifier.errors import NotifierError
from notifier.providers import mime
from notifier.providers.base import Envelope
from notifier.providers.klaviyo import event
from notifier.providers.klaviyo.calls import Api

PREFIX = "Notifier: "
"""What the names of our templates and flows begin with."""
HTML = "{{ event.html|safe }}"
TEXT = "{{ event.text|safe }}"
SUBJECT = "{{ event.subject|safe }}"
LOOKS = 10
"""How often a new metric is looked for, two seconds apart: Klaviyo lists it some moments after its first event."""
BETWEEN_LOOKS, BETWEEN_FLOWS = 2.0, 1.5  # seconds; flows may be made once a second

BY_HAND = (
    "In each flow's email, ask for transactional status (Klaviyo answers within a working day; editing the email takes"
    " it away again). Without it, customers who did not subscribe get nothing.",
    "See that Smart Sending is off there, and UTM tracking too: order links are signed.",
    "See that customers may re-enter each flow at any time: every order has emails of its own.",
    "Set each flow live, and its email too.",
    "See that the sending domain is verified (Settings, Domains).",
    "Set up the webhook if the account has them (Integrations, Webhooks); without it, Notifier reads Klaviyo's events"
    " for legal notices, for which its key needs profiles:read and events:read.",
)
"""What no call of the API can do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the account needs: `made` now, `there` already, or `missing` in a dry run."""

    what: str
    state: str
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who the flows' emails come from, and an example email by kind, from whose event each metric is made."""

    sender: str
    examples: Mapping[str, Envelope]


def set_up(
    api: Api, wanted: Wanted, clock: Callable[[], datetime], wait: Callable[[float], None], *, dry_run: bool
) -> Iterator[Step]:
    """Each thing as it is found or made. A dry run only looks. `wait` lets seconds pass.

    Raises NotifierError for what Klaviyo refuses; what was made by then is found the next time.
    """
    label, address = mime.mailbox(wanted.sender, "sender")
    metrics = _metrics(api, clock())
    for kind, example in wanted.examples.items():
        name = event.metric(kind)
        state = "there"
        if name not in metrics:
            state = "missing" if dry_run else "made"
            if not dry_run:
                body = event.single(example)
                body["data"]["attributes"]["backfill"] = True  # recorded, and no flow starts
                call = api.sdk.Events.create_event_without_preload_content
                api.must(f"the metric {name!r} could not be made", call, clock(), body)
        yield Step(f"metric {name!r}", state, metrics.get(name, ""))
    templates: dict[str, str] = {}
    for kind in wanted.examples:
        step = _template(api, PREFIX + event.metric(kind), clock(), dry_run=dry_run)
        templates[kind] = step.ref
        yield step
    listing = api.sdk.Flows.get_flows_without_preload_content
    for kind in wanted.examples:
        name = PREFIX + event.metric(kind)
        there = _named(api, "the flows could not be listed", listing, name, clock())
        if there or dry_run:
            yield Step(f"flow {name!r}", "there" if there else "missing", there or "")
            continue
        metric = _listed(api, event.metric(kind), clock, wait)
        flow = _flow(name, metric, templates[kind], label, address)
        call = api.sdk.Flows.create_flow_without_preload_content
        made = api.must(f"the flow {name!r} could not be made", call, clock(), flow)
        yield Step(f"flow {name!r}", "made", str(made.get("data", {}).get("id", "")))
        wait(BETWEEN_FLOWS)


def example(
    kind: str, to: str, sender: str, properties: Mapping[str, Any], subject: str, html: str, text: str
) -> Envelope:
    """The email whose event makes the metric of a kind: always the same, so that it is recorded once."""
    return Envelope(
        message_id=f"notifier-setup-{kind}",
        store_id="",
        kind=kind,
        sender=sender,
        to=to,
        to_name="",
        subject=subject,
        html=html,
        text=text,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        properties=properties,
    )


def _metrics(api: Api, now: datetime) -> dict[str, str]:
    call = api.sdk.Metrics.get_metrics_without_preload_content
    listed = api.pages("the metrics could not be listed", call, now, fields_metric=["name"])
    return {it["attributes"]["name"]: it["id"] for it in listed}


def _listed(api: Api, name: str, clock: Callable[[], datetime], wait: Callable[[float], None]) -> str:
    """The id of a metric, once Klaviyo lists it."""
    for _ in range(LOOKS):
        if found := _metrics(api, clock()).get(name):
            return found
        wait(BETWEEN_LOOKS)
    raise NotifierError(f"Klaviyo does not list the metric {name!r} yet; run this again in some minutes")


def _template(api: Api, name: str, now: datetime, *, dry_run: bool) -> Step:
    call = api.sdk.Templates.get_templates_without_preload_content
    there = _named(api, "the templates could not be listed", call, name, now)
    if there or dry_run:
        return Step(f"template {name!r}", "there" if there else "missing", there or "")
    attributes = {"name": name, "editor_type": "CODE", "html": HTML, "text": TEXT}
    body = {"data": {"type": "template", "attributes": attributes}}
    call = api.sdk.Templates.create_template_without_preload_content
    made = api.must(f"the template {name!r} could not be made", call, now, body)
    return Step(f"template {name!r}", "made", str(made.get("data", {}).get("id", "")))


def _named(api: Api, what: str, call: Any, name: str, now: datetime) -> str | None:
    """The id of the object with just that name."""
    for found in api.pages(what, call, now, filter=f'equals(name,"{name}")'):
        if found["attributes"]["name"] == name:
            return str(found["id"])
    return None


def _flow(name: str, metric: str, template: str, label: str, address: str) -> dict[str, Any]:
    """A draft: our event starts it, and it sends our email, to everybody whom the order concerns."""
    message = {
        "from_email": address,
        "from_label": label or address,
        "subject_line": SUBJECT,
        "template_id": template,
        "smart_sending_enabled": False,  # it would drop, for good, what comes within 16 hours of another email
        "transactional": True,
        "add_tracking_params": False,
        "name": name,
    }
    action = {
        "temporary_id": "send",
        "type": "send-email",
        "links": {"next": None},
        "data": {"message": message, "status": "draft"},
    }
    definition = {
        "triggers": [{"type": "metric", "id": metric}],
        "actions": [action],
        "entry_action_id": "send",
    }
    return {"data": {"type": "flow", "attributes": {"name": name, "definition": definition}}}
