"""The same promises, kept by every mail service."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from notifier.errors import Misconfigured
from notifier.providers import NAMES, make
from notifier.providers.base import Accepted, Envelope, Outcome, Rejected, Unknown
from tests.providers.contract import (
    ATTACKS,
    CASES,
    ENVELOPES,
    NETWORKED,
    NOW,
    PLAIN,
    REFUSED,
    SECRET,
    TABLE,
    Peer,
    facing,
)
from tests.providers.vendor_server import Email, Vendors


def as_sent(envelope: Envelope) -> Email:
    return Email(envelope.message_id, envelope.to, envelope.subject, envelope.text, envelope.html)


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_an_accepted_email_arrives_once_and_whole(peer: Peer, envelope: Envelope) -> None:
    assert isinstance(peer.provider.send(envelope, NOW), Accepted)
    assert peer.emails() == [as_sent(envelope)]


@pytest.mark.parametrize("envelope", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_name_or_subject_can_never_add_a_header_or_a_recipient(peer: Peer, envelope: Envelope) -> None:
    assert isinstance(peer.provider.send(envelope, NOW), Accepted)
    (email,) = peer.emails()
    assert (email.to, email.html) == (PLAIN.to, PLAIN.html)
    (raw,) = peer.wire()
    assert b"\nBcc:" not in raw
    assert b"\\nBcc" not in raw


@pytest.mark.parametrize("envelope", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_an_email_is_rejected_and_never_leaves(peer: Peer, envelope: Envelope) -> None:
    outcome = peer.provider.send(envelope, NOW)
    if peer.name == "klaviyo" and envelope.to == PLAIN.to:
        return  # its flow has a sender and headers of its own
    assert isinstance(outcome, Rejected)
    assert peer.wire() == []


def test_a_repeat_is_the_same_bytes_and_one_email_where_duplicates_are_removed(peer: Peer) -> None:
    later = NOW.replace(hour=23)
    assert peer.provider.send(PLAIN, NOW) == peer.provider.send(PLAIN, later) or peer.name in (
        "smtp",
        "sendgrid",
    )
    assert len(set(peer.wire())) == 1
    assert len(peer.emails()) == (1 if peer.provider.removes_duplicates else 2)


def test_many_threads_send_at_once_and_each_email_arrives_once(peer: Peer) -> None:
    envelopes = [
        replace(PLAIN, message_id=f"message-{n:02}", to=f"c{n:02}@example.com", subject=f"Order {n:02}")
        for n in range(48)
    ]
    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(lambda envelope: peer.provider.send(envelope, NOW), envelopes))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert sorted(peer.emails(), key=lambda email: email.to) == [as_sent(envelope) for envelope in envelopes]


def test_a_provider_says_who_it_is_and_how_long_it_may_take(peer: Peer) -> None:
    assert peer.provider.name == peer.name
    assert 0 < peer.provider.timeout_seconds <= 60
    assert SECRET not in repr(peer.provider)


def test_a_provider_may_be_closed_twice(peer: Peer) -> None:
    peer.provider.send(PLAIN, NOW)
    peer.provider.close()
    peer.provider.close()


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_same_reply_has_the_same_meaning_everywhere(
    name: str, case: str, vendors: Vendors, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with facing(name, TABLE[case], vendors) as provider:
        outcome = provider.send(PLAIN, NOW)
    assert SECRET not in repr(outcome) + caplog.text
    assert bare(outcome) == TABLE[case].meaning
    if not isinstance(outcome, Accepted):
        assert outcome.reason.isprintable()
        assert 10 <= len(outcome.reason) <= 300


def bare(outcome: Outcome) -> Outcome:
    """Without the words and what they are about, which every service chooses for itself."""
    if isinstance(outcome, Accepted):
        return Accepted()
    return (
        replace(outcome, reason="")
        if isinstance(outcome, Unknown)
        else replace(outcome, reason="", about=None)
    )


@pytest.mark.parametrize("name", NETWORKED)
def test_a_bad_recipient_is_rejected_alone_and_named(name: str, vendors: Vendors) -> None:
    with facing(name, TABLE["400 that names the recipient"], vendors) as provider:
        refused = provider.send(PLAIN, NOW)
        assert isinstance(refused, Rejected)
        assert "address" in refused.reason or "no such user" in refused.reason
        if name != "smtp":  # whose far side here refuses every recipient; test_smtp.py has one that doesn't
            assert isinstance(provider.send(replace(PLAIN, message_id="next"), NOW), Accepted)


@pytest.mark.parametrize("name", ["sendgrid", "klaviyo"])
@pytest.mark.parametrize(
    "base_url", ["ftp://x.example", "api.example", "https://x.example/v3", "https://u:p@x.example"]
)
def test_a_base_url_that_is_more_or_less_than_scheme_and_host_is_refused(name: str, base_url: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name.upper()}_BASE_URL is") as refused:
        make(name, api_key=SECRET, base_url=base_url)
    assert "u:p" not in str(refused.value)


@pytest.mark.parametrize("name", ["sendgrid", "klaviyo"])
@pytest.mark.parametrize("key", [None, "", f"{SECRET}\n", f"{SECRET} x", f"{SECRET}é"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(name: str, key: str | None) -> None:
    with pytest.raises(Misconfigured, match=f"{name.upper()}_API_KEY") as refused:
        make(name, api_key=key)
    assert SECRET not in str(refused.value)


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match=f"'pigeon'; it must be one of {', '.join(NAMES)}"):
        make("pigeon")
