"""What Klaviyo is told, checked against its own OpenAPI file by the server it is told to."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from notifier.domain.message import Kind, Scope, Status
from notifier.providers import make
from notifier.providers.base import (
    Accepted,
    Deferred,
    Provider,
    Rejected,
    Sent,
    Unavailable,
    Unknown,
    Witness,
)
from notifier.providers.klaviyo import event
from notifier.providers.klaviyo.event import METRICS, metric
from tests.house import House
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


def told(house: House, key: str) -> dict[str, Any]:
    """The properties of an email that the real engine rendered and sent."""
    (envelope,) = [it for it in house.provider.taken if it.message_id == house.message(key).id]
    attributes: dict[str, Any] = event.single(envelope)["data"]["attributes"]
    return attributes


LINES = [
    {"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "eta": "2026-12-20",
     "image_url": "https://shop.example/red.jpg", "product_url": "https://shop.example/red"},
    {"sku": "STAR", "name": "Straw star", "quantity": 1, "eta": "2026-12-28", "eta_earliest": "2026-12-24"},
]  # fmt: skip
CUSTOMER = {"email": "rene@example.com", "name": "Ren\xe9 Favre", "country": "CH", "locale": "de-CH"}


def test_a_marketer_finds_the_facts_flat_and_spelled_out_in_the_customers_language(house: House) -> None:
    house.register(lines=LINES, customer=CUSTOMER, order_url="https://shop.example/orders/1042")
    house.dispatch()
    properties = told(house, "expectation")["properties"]
    flat = {name: value for name, value in properties.items() if not isinstance(value, list | dict)}
    assert {
        "order_id": "1042",
        "order_url": "https://shop.example/orders/1042",
        "first_name": "Ren\xe9",
        "customer_name": "Ren\xe9 Favre",
        "language": "de-CH",
        "eta": "2026-12-20",
        "eta_text": "Sonntag, 20. Dezember 2026",
        "days_left": 19,
        "item_sku": "ORN-RED",
        "item_name": "Red ornament",
        "item_quantity": 3,
        "item_image_url": "https://shop.example/red.jpg",
        "item_product_url": "https://shop.example/red",
        "item_count": 4,
        "still_waiting": True,
        "kind": "expectation",
        "shop_name": "Shop",
    }.items() <= flat.items()
    assert flat["cancel_url"].startswith("https://notifier.example/o/")
    assert flat["keep_url"].startswith("https://notifier.example/o/")
    assert [(item["name"], item["quantity"], item["eta"]) for item in properties["items"]] == [
        ("Red ornament", 3, "2026-12-20"),
        ("Straw star", 1, "2026-12-28"),
    ]
    assert "previous_eta" not in flat, "what there is nothing to say of is left out"
    assert flat["subject"] == house.message().subject


def test_a_moved_date_says_what_it_was_and_why(house: House) -> None:
    order = house.register(lines=LINES[:1])
    house.dispatch()
    house.move(order, "2027-01-15", reason="held at customs")
    house.clock.pass_time(minutes=20)
    house.turn()
    properties = told(house, "delay:1")["properties"]
    assert (properties["eta"], properties["previous_eta"]) == ("2027-01-15", "2026-12-20")
    assert properties["reason"] == "held at customs"


def test_a_parcel_says_how_to_follow_it_and_segments_see_that_nothing_waits(house: House) -> None:
    order = house.register(lines=LINES[:1])
    house.dispatch()
    house.ship(order, carrier="UPS", tracking_number="1Z", tracking_url="https://ups.example/1Z")
    house.turn()
    (shipped,) = [key for key in house.statuses() if key.startswith("shipped")]
    attributes = told(house, shipped)
    properties, profile = attributes["properties"], attributes["profile"]["data"]["attributes"]["properties"]
    assert properties["carrier"] == "UPS"
    assert properties["tracking_url"] == "https://ups.example/1Z"
    assert properties["shipped_on"] == "2026-12-01"
    assert properties["still_waiting"] is False
    assert profile["backorder_open"] is False
    assert profile["backorder_next_eta"] is None


def test_segments_see_what_a_customer_waits_for_and_nothing_of_the_stores_is_touched(house: House) -> None:
    house.register(lines=LINES, customer=CUSTOMER)
    house.dispatch()
    assert told(house, "expectation")["profile"]["data"]["attributes"] == {
        "email": "rene@example.com",
        "properties": {
            "backorder_open": True,
            "backorder_next_eta": "2026-12-20",
            "backorder_order_id": "1042",
            "backorder_locale": "de-CH",
        },
    }


def test_what_a_repeat_is_known_by_comes_from_the_envelope(provider: Provider, vendors: Vendors) -> None:
    provider.send(PLAIN, NOW)
    told = sent(vendors)
    assert told["unique_id"] == PLAIN.message_id
    assert told["time"] == "2026-03-01T14:59:30+00:00"
    assert told["profile"]["data"]["attributes"]["email"] == PLAIN.to


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
        (
            replace(
                PLAIN,
                properties={"lines": [{"name": f"{n} {'x' * 90_000}"} for n in range(60)]},
            ),
            "takes at most 5000000",
        ),
        (replace(PLAIN, properties={"lines": [{"name": "x" * 100_001}]}), "items: longer"),
    ],
)
def test_what_klaviyo_would_refuse_or_cut_is_rejected_here_with_the_reason(
    provider: Provider, vendors: Vendors, envelope: Any, complaint: str
) -> None:
    outcome = provider.send(envelope, NOW)
    assert isinstance(outcome, Rejected)
    assert complaint in outcome.reason
    assert vendors.requests == []


# --- what became of it ------------------------------------------------------------------------------------

SENT = Sent(PLAIN.message_id, PLAIN.to, PLAIN.subject, NOW)


def happened(vendors: Vendors, metric: str, to: str = PLAIN.to, after: int = 60, **properties: Any) -> None:
    vendors.account.happened.append(
        {
            "email": to,
            "metric": metric,
            "timestamp": int(NOW.timestamp()) + after,
            "properties": properties,
        }
    )


def statuses(provider: Provider) -> list[Status | None]:
    assert isinstance(provider, Witness)
    told = provider.reports_of(SENT, NOW)
    assert isinstance(told, list), told
    return [report.status for report in told]


def test_klaviyo_is_asked_what_became_of_an_email(provider: Provider, vendors: Vendors) -> None:
    assert statuses(provider) == [], "nobody by that address yet"
    happened(vendors, "Backorder Delayed", notification_id=PLAIN.message_id)
    assert statuses(provider) == [], "that we told it is no proof that it told the customer"
    happened(vendors, "Received Email", notification_id=PLAIN.message_id)
    happened(vendors, "Opened Email", notification_id=PLAIN.message_id)
    assert statuses(provider) == [Status.DELIVERED]
    assert [request.faults for request in vendors.requests if request.faults] == []
    assert {request.method for request in vendors.requests} == {"GET"}


def test_an_event_without_our_id_is_known_by_the_very_subject(provider: Provider, vendors: Vendors) -> None:
    happened(vendors, "Received Email", Subject="Spring sale")
    happened(vendors, "Received Email", Subject=PLAIN.subject, notification_id="another")
    happened(vendors, "Received Email", to="joe@example.com", Subject=PLAIN.subject)
    happened(vendors, "Received Email", after=-3600, Subject=PLAIN.subject)
    assert statuses(provider) == []
    happened(vendors, "Received Email", Subject=PLAIN.subject)
    assert statuses(provider) == [Status.DELIVERED]


def test_a_bounce_for_good_suppresses_when_it_is_read_too(provider: Provider, vendors: Vendors) -> None:
    happened(vendors, "Bounced Email", notification_id=PLAIN.message_id)
    vendors.account.happened[-1]["properties"]["Bounce Type"] = "Hard"
    assert isinstance(provider, Witness)
    (report,) = provider.reports_of(SENT, NOW)  # type: ignore[misc]  # a list, as the next line would show
    assert (report.status, report.suppresses) == (Status.BOUNCED, Scope.ALL)


def test_a_busy_customer_is_read_page_after_page(provider: Provider, vendors: Vendors) -> None:
    for number in range(45):
        happened(vendors, "Received Email", Subject=f"Newsletter {number}")
    happened(vendors, "Dropped Email", notification_id=PLAIN.message_id, reason="suppressed")
    assert statuses(provider) == [Status.FAILED]


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(403, body=b'{"errors": [{"detail": "scope events:read"}]}'), Unavailable),
        (Answer(429, {"Retry-After": "9"}), Deferred),
        (Answer(500), Unknown),
        (Answer(drop="after"), Unknown),
    ],
)
def test_where_klaviyo_cannot_be_asked_the_reason_is_told(
    provider: Provider, vendors: Vendors, answer: Answer, meaning: type
) -> None:
    vendors.answer(answer)
    assert isinstance(provider, Witness)
    assert isinstance(provider.reports_of(SENT, NOW), meaning)


def test_an_answer_of_any_other_shape_is_nothing_told(provider: Provider, vendors: Vendors) -> None:
    vendors.answer(Answer(200, body=b"not json"))
    assert statuses(provider) == []
