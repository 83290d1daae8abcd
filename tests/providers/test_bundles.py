"""Many emails in one request, as each vendor takes them, checked against its own OpenAPI file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from notifier.bootstrap import build
from notifier.config import Settings
from notifier.errors import Misconfigured
from notifier.providers import make
from notifier.providers.base import (
    Accepted,
    Apart,
    Bundling,
    Deferred,
    Envelope,
    Rejected,
    Unavailable,
    Unknown,
)
from notifier.providers.templates import template_of_kind
from tests.house import House, make_post
from tests.providers.contract import ENVELOPES, NOW, PATIENCE, PLAIN, SECRET
from tests.providers.vendor_server import Answer, Vendors

SERIES = replace(PLAIN, kind="countdown")
VENDORS = ("sendgrid", "klaviyo")


@pytest.fixture(params=VENDORS)
def bundler(request: pytest.FixtureRequest, vendors: Vendors) -> Iterator[Bundling]:
    """Each vendor in turn, talking to `vendors`."""
    yield from made(request.param, vendors)


@pytest.fixture(params=VENDORS)
def patient(request: pytest.FixtureRequest, vendors: Vendors) -> Iterator[Bundling]:
    """The same with the time that checking a very large body takes on a busy machine."""
    yield from made(request.param, vendors, timeout_seconds=60)


@pytest.fixture
def sendgrid(vendors: Vendors) -> Iterator[Bundling]:
    yield from made("sendgrid", vendors)


@pytest.fixture
def klaviyo(vendors: Vendors) -> Iterator[Bundling]:
    yield from made("klaviyo", vendors)


def made(name: str, vendors: Vendors, **options: Any) -> Iterator[Bundling]:
    provider = make(
        name,
        api_key=SECRET,
        base_url=vendors.address,
        templates={"countdown": "d-1a2b", "expectation": "d-3c4d"},
        **{"timeout_seconds": PATIENCE} | options,
    )
    assert isinstance(provider, Bundling)
    yield provider
    provider.close()


def many(count: int, **changes: Any) -> list[Envelope]:
    return [
        replace(SERIES, message_id=f"m{n}", to=f"c{n}@example.com", subject=f"Order {n}", **changes)
        for n in range(count)
    ]


def arrived(vendors: Vendors) -> list[tuple[str, str, str, str]]:
    return [(mail.message_id, mail.to, mail.subject, mail.html) for mail in vendors.emails]


def wanted(envelopes: Sequence[Envelope]) -> list[tuple[str, str, str, str]]:
    return [(it.message_id, it.to, it.subject, it.html) for it in envelopes]


def test_a_thousand_go_in_one_request_and_each_arrives_once_and_whole(
    patient: Bundling, vendors: Vendors
) -> None:
    envelopes = many(1000, html="<p>short</p>")
    outcomes = patient.send_many(envelopes, NOW)
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    (request,) = vendors.requests
    assert request.faults == []
    assert arrived(vendors) == wanted(envelopes)


def test_any_script_and_any_name_arrive_together_as_they_would_alone(
    bundler: Bundling, vendors: Vendors
) -> None:
    envelopes = [
        replace(envelope, message_id=f"m{n}", kind="countdown", sender=PLAIN.sender, reply_to=PLAIN.reply_to)
        for n, envelope in enumerate(ENVELOPES.values())
    ]
    assert {type(outcome) for outcome in bundler.send_many(envelopes, NOW)} == {Accepted}
    assert arrived(vendors) == wanted(envelopes)


def test_what_cannot_be_an_email_is_rejected_before_the_request_and_the_rest_goes(
    bundler: Bundling, vendors: Vendors
) -> None:
    envelopes = many(3)
    envelopes[1] = replace(envelopes[1], to="nobody")
    assert [type(it) for it in bundler.send_many(envelopes, NOW)] == [Accepted, Rejected, Accepted]
    assert arrived(vendors) == wanted([envelopes[0], envelopes[2]])


def test_where_none_can_be_an_email_nothing_is_sent(bundler: Bundling, vendors: Vendors) -> None:
    envelopes = [replace(envelope, to="nobody") for envelope in many(2)]
    assert {type(it) for it in bundler.send_many(envelopes, NOW)} == {Rejected}
    assert vendors.requests == []


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(400), Apart),
        (Answer(413), Apart),
        (Answer(401), Unavailable),
        (Answer(403, body=b"<html>"), Unavailable),
        (Answer(429, {"Retry-After": "30"}), Deferred),
        (Answer(500), Unknown),
        (Answer(503), Unknown),
        (Answer(drop="after"), Unknown),
        (Answer(drop="reset"), Unknown),
        (Answer(delay=PATIENCE * 1.2), Unknown),
        (Answer(endless="headers"), Unknown),
        (Answer(202, endless="body"), Accepted),
    ],
)
def test_what_comes_of_the_request_comes_of_each(
    bundler: Bundling, vendors: Vendors, answer: Answer, meaning: type
) -> None:
    vendors.answer(answer)
    outcomes = bundler.send_many(many(3), NOW)
    assert [type(outcome) for outcome in outcomes] == [meaning] * 3
    assert SECRET not in repr(outcomes)


def test_nobody_there_has_sent_nothing(bundler: Bundling, vendors: Vendors) -> None:
    address, vendors.address = vendors.address, "http://127.0.0.1:1"
    (away,) = made(bundler.name, vendors)
    vendors.address = address
    assert {type(it) for it in away.send_many(many(2), NOW)} == {Unavailable}


def test_what_one_request_has_no_room_for_stays_apart_and_unsent(patient: Bundling, vendors: Vendors) -> None:
    size, count = (2_900_000, 12) if patient.name == "sendgrid" else (95_000, 60)
    envelopes = many(count, html="x" * size)
    outcomes = patient.send_many(envelopes, NOW)
    taken = sum(isinstance(it, Accepted) for it in outcomes)
    assert 0 < taken < count
    assert [type(it) for it in outcomes] == [Accepted] * taken + [Apart] * (count - taken)
    assert arrived(vendors) == wanted(envelopes[:taken])


# --- SendGrid --------------------------------------------------------------------------------------------


def test_emails_share_a_request_where_kind_and_sender_are_one_and_the_store_chose_a_template(
    sendgrid: Bundling,
) -> None:
    key = sendgrid.together(SERIES)
    assert key is not None
    assert sendgrid.together(replace(SERIES, to="other@example.com", subject="other")) == key
    assert sendgrid.together(replace(SERIES, kind="expectation")) != key
    assert sendgrid.together(replace(SERIES, sender="Other <other@shop.example>")) != key
    assert sendgrid.together(replace(SERIES, reply_to=None)) != key
    assert sendgrid.together(replace(SERIES, kind="shipped")) is None


def test_the_email_goes_as_data_into_the_template_of_its_kind(sendgrid: Bundling, vendors: Vendors) -> None:
    sendgrid.send_many(many(2), NOW)
    body = vendors.requests[0].body
    assert body["template_id"] == "d-1a2b"
    assert "content" not in body
    assert "subject" not in body
    first = body["personalizations"][0]
    assert first["dynamic_template_data"] == {"subject": "Order 0", "html": PLAIN.html, "text": PLAIN.text}
    assert first["custom_args"] == {"notification_id": "m0"}
    assert first["headers"]["Message-ID"] == "<m0@shop.example>"
    assert first["headers"]["List-Unsubscribe"] == PLAIN.headers["List-Unsubscribe"]


def test_one_bad_recipient_is_rejected_and_the_rest_told_that_nothing_was_sent(
    sendgrid: Bundling, vendors: Vendors
) -> None:
    vendors.answer(
        Answer(400, body=b'{"errors": [{"message": "Does not contain a valid address.",'
               b' "field": "personalizations.1.to.0.email", "help": null}]}')
    )  # fmt: skip
    outcomes = sendgrid.send_many(many(3), NOW)
    assert [type(it) for it in outcomes] == [Apart, Rejected, Apart]
    assert "valid address" in repr(outcomes[1])
    assert vendors.emails == []


def test_the_place_that_is_named_is_that_in_the_request(sendgrid: Bundling, vendors: Vendors) -> None:
    envelopes = many(3)
    envelopes[0] = replace(envelopes[0], to="nobody")  # never gets into it
    vendors.answer(Answer(400, body=b'{"errors": [{"message": "bad", "field": "personalizations.1.to"}]}'))
    assert [type(it) for it in sendgrid.send_many(envelopes, NOW)] == [Rejected, Apart, Rejected]


@pytest.mark.parametrize("kind", ["delay", "consent"])
def test_legal_notices_never_share_a_request(kind: str) -> None:
    with pytest.raises(Misconfigured, match=f"SENDGRID_TEMPLATES has {kind}: legal notices"):
        template_of_kind(f"countdown=d-1 {kind}=d-2", "SENDGRID_TEMPLATES")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("countdwn=d-1", "has countdwn; the kinds are expectation, countdown"),
        ("countdown:d-1", "is 'countdown:d-1'; it must be kinds and their dynamic templates, like"),
        ("countdown=d-1 countdown=d-2", "has countdown twice"),
    ],
)
def test_templates_that_make_no_sense_are_refused_with_what_would(text: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=f"SENDGRID_TEMPLATES {words}"):
        template_of_kind(text, "SENDGRID_TEMPLATES")


def test_an_installation_whose_templates_make_no_sense_does_not_start(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, outbox_dir=tmp_path, sendgrid_templates="delay=d-1")
    with pytest.raises(Misconfigured, match="SENDGRID_TEMPLATES has delay"):
        build(settings)


# --- Klaviyo ---------------------------------------------------------------------------------------------


def test_a_customers_events_stand_under_one_profile(klaviyo: Bundling, vendors: Vendors) -> None:
    envelopes = [replace(envelope, to="jane@example.com") for envelope in many(3)]
    assert {type(it) for it in klaviyo.send_many(envelopes, NOW)} == {Accepted}
    (person,) = vendors.requests[0].body["data"]["attributes"]["events-bulk-create"]["data"]
    assert len(person["attributes"]["events"]["data"]) == 3
    assert arrived(vendors) == wanted(envelopes)


def test_an_event_is_the_same_alone_and_in_a_bulk(klaviyo: Bundling, vendors: Vendors) -> None:
    klaviyo.send(SERIES, NOW)
    klaviyo.send_many([SERIES], NOW)
    alone, together = (request.body["data"]["attributes"] for request in vendors.requests)
    (person,) = together["events-bulk-create"]["data"]
    (event,) = person["attributes"]["events"]["data"]
    assert alone.pop("backfill") is False, "the SDK writes the default out"
    assert alone == event["attributes"] | {"profile": person["attributes"]["profile"]}
    first, second = (request.headers for request in vendors.requests)
    assert first["revision"] == second["revision"]


def test_what_was_in_doubt_in_a_bulk_arrives_once_when_it_goes_again_by_itself(
    klaviyo: Bundling, vendors: Vendors
) -> None:
    vendors.answer(Answer(202, drop="after"))  # taken, but nobody heard
    envelopes = many(3)
    assert {type(it) for it in klaviyo.send_many(envelopes, NOW)} == {Unknown}
    assert len(vendors.emails) == 3
    for envelope in envelopes:
        assert isinstance(klaviyo.send(envelope, NOW.replace(hour=20)), Accepted)
    assert arrived(vendors) == wanted(envelopes)


# --- through the engine ----------------------------------------------------------------------------------


def posts(vendors: Vendors) -> list[str]:
    return [request.path for request in vendors.requests]


def test_a_backlog_goes_to_klaviyo_in_bulk_and_a_few_one_by_one(
    house: House, klaviyo: Bundling, vendors: Vendors
) -> None:
    house.post = make_post(house.engine, house.clock, klaviyo)
    for number in range(3):
        house.register(f"few-{number}")
    house.dispatch()
    assert posts(vendors) == ["/api/events"] * 3
    for number in range(60):
        house.register(f"many-{number}")
    house.dispatch()
    assert posts(vendors)[3:] == ["/api/event-bulk-create-jobs"]
    assert [request.faults for request in vendors.requests if request.faults] == []
    sent = [row for row in house.messages() if row.status == "sent"]
    assert len(sent) == 63
    assert sorted(mail.message_id for mail in vendors.emails) == sorted(row.id for row in sent)


def test_a_bulk_that_klaviyo_refuses_goes_one_by_one(
    house: House, klaviyo: Bundling, vendors: Vendors
) -> None:
    house.post = make_post(house.engine, house.clock, klaviyo)
    for number in range(50):
        house.register(str(number))
    vendors.answer(Answer(400, body=b'{"errors": [{"detail": "unique_id is repeated"}]}'))
    house.dispatch()
    assert posts(vendors) == ["/api/event-bulk-create-jobs"] + ["/api/events"] * 50
    assert {row.status for row in house.messages() if row.key == "expectation"} == {"sent"}
    assert len(vendors.emails) == 50


def test_a_bulk_in_doubt_is_cleared_up_by_single_events_and_each_email_arrives_once(
    house: House, klaviyo: Bundling, vendors: Vendors
) -> None:
    house.post = make_post(house.engine, house.clock, klaviyo)
    for number in range(50):
        house.register(str(number))
    vendors.answer(Answer(202, drop="after"))
    house.dispatch()
    assert {row.status for row in house.messages() if row.key == "expectation"} == {"unknown"}
    house.clock.pass_time(minutes=1)
    house.turn()
    assert posts(vendors) == ["/api/event-bulk-create-jobs"] + ["/api/events"] * 50
    assert {row.status for row in house.messages() if row.key == "expectation"} == {"sent"}
    assert len(vendors.emails) == 50


def test_one_bad_recipient_at_sendgrid_costs_the_others_nothing(
    house: House, sendgrid: Bundling, vendors: Vendors
) -> None:
    house.post = make_post(house.engine, house.clock, sendgrid)
    for number in range(5):
        house.register(str(number))
    vendors.answer(
        Answer(400, body=b'{"errors": [{"message": "bad", "field": "personalizations.2.to.0.email"}]}')
    )
    house.dispatch()
    first, second = (request.body["personalizations"] for request in vendors.requests)
    assert (len(first), len(second)) == (5, 4)
    (failed,) = [row for row in house.messages() if row.status == "failed"]
    assert failed.to_email == first[2]["to"][0]["email"]
    assert len([row for row in house.messages() if row.status == "sent"]) == 4
    assert len(vendors.emails) == 4
