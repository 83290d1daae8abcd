"""What Klaviyo is told, checked against its own OpenAPI file by the server it is told to."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from notifier.domain.message import Kind
from notifier.providers import make
from notifier.providers.base import Accepted, Provider, Rejected, Unknown
from notifier.providers.klaviyo import METRICS, metric
from tests.providers.contract import NOW, PLAIN, SECRET
from tests.providers.vendor_server import Answer, Vendors


@pytest.fixture
def provider(vendors: Vendors) -> Iterator[Provider]:
    provider = make("klaviyo", api_key=SECRET, base_url=vendors.address, timeout_seconds=2)
    yield provider
    provider.close()


def sent(vendors: Vendors) -> Any:
    (request,) = vendors.requests
    assert request.faults == []
    return request.body["data"]["attributes"]


def test_the_event_carries_all_that_a_flow_needs(provider: Provider, vendors: Vendors) -> None:
    provider.send(PLAIN, NOW)
    assert sent(vendors)["properties"] == {
        **PLAIN.properties,
        "notification_id": PLAIN.message_id,
        "customer_name": PLAIN.to_name,
        "subject": PLAIN.subject,
        "html": PLAIN.html,
        "text": PLAIN.text,
    }


def test_what_a_repeat_is_known_by_comes_from_the_envelope(provider: Provider, vendors: Vendors) -> None:
    provider.send(PLAIN, NOW)
    event = sent(vendors)
    assert event["unique_id"] == PLAIN.message_id
    assert event["time"] == "2026-03-01T14:59:30+00:00"
    assert event["profile"]["data"]["attributes"] == {"email": PLAIN.to}, "other fields belong to the store"


def test_an_email_sent_again_after_doubt_arrives_once(provider: Provider, vendors: Vendors) -> None:
    vendors.answer(Answer(drop="after"))
    assert isinstance(provider.send(PLAIN, NOW), Unknown)
    assert isinstance(provider.send(PLAIN, NOW.replace(hour=20)), Accepted)
    assert len(vendors.requests) == 2
    assert len(vendors.emails) == 1


def test_every_kind_has_a_metric_of_its_own() -> None:
    assert METRICS.keys() <= set(Kind)
    assert len({metric(kind) for kind in Kind}) == len(Kind)
    assert metric("delay") == "Backorder Delayed"
    assert metric("price_change") == "Backorder Price Change"


def test_it_is_recorded_under_the_metric_of_its_kind(provider: Provider, vendors: Vendors) -> None:
    provider.send(replace(PLAIN, kind="shipped"), NOW)
    assert sent(vendors)["metric"]["data"]["attributes"]["name"] == "Backorder Shipped"


@pytest.mark.parametrize(
    ("envelope", "complaint"),
    [
        (replace(PLAIN, html="x" * 100_001), "html: longer than the 100000 bytes"),
        (replace(PLAIN, text="é" * 60_000), "text: longer"),
        (replace(PLAIN, properties={f"p{n}": n for n in range(400)}), "properties: 405"),
        (
            replace(PLAIN, properties={f"p{n}": "x" * 99_000 for n in range(60)}),
            "takes at most 5000000",
        ),
        (replace(PLAIN, properties={"deep": {"list": ["ok", "x" * 100_001]}}), "deep: longer"),
    ],
)
def test_what_klaviyo_would_refuse_or_cut_is_rejected_here_with_the_reason(
    provider: Provider, vendors: Vendors, envelope: Any, complaint: str
) -> None:
    outcome = provider.send(envelope, NOW)
    assert isinstance(outcome, Rejected)
    assert complaint in outcome.reason
    assert vendors.requests == []
