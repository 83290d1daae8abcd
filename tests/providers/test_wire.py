"""What both vendors' answers mean, and when exactly an email is in doubt."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from notifier.providers import make
from notifier.providers.base import Accepted, Deferred, Provider, Rejected, Unavailable, Unknown
from tests.conftest import started
from tests.parts import make_certificate
from tests.providers.contract import NOW, PLAIN, SECRET
from tests.providers.vendor_server import Answer, Vendors, vendor_server

VENDORS = pytest.mark.parametrize("name", ["sendgrid", "klaviyo"])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(certificate: tuple[Path, Path]) -> Iterator[Vendors]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    yield from started(vendor_server(tls))


@pytest.fixture
def trusting(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_vendor_may_have_taken_the_email(vendor: Provider, status: int, vendors: Vendors) -> None:
    vendors.answer(Answer(status))
    assert isinstance(vendor.send(PLAIN, NOW), Unknown)


@pytest.mark.parametrize("status", [301, 302, 307, 404, 405])
def test_an_address_that_is_not_the_vendors_needs_a_person(
    vendor: Provider, status: int, vendors: Vendors
) -> None:
    vendors.answer(Answer(status, {"Location": f"{vendors.address}/elsewhere"}))
    outcome = vendor.send(PLAIN, NOW)
    assert isinstance(outcome, Unavailable)
    assert outcome.needs_person
    assert len(vendors.requests) == 1, "a key must not follow a redirect"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "Sun, 01 Mar 2026 15:00:45 GMT"}, 45),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 20)}, 20),
        ({"Retry-After": "86400000"}, 3600),
        ({"Retry-After": "Sun, 01 Mar 2020 00:00:00 GMT"}, None),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"X-RateLimit-Reset": "9" * 400}, None),
        ({}, None),
    ],
)
def test_a_throttled_account_waits_until_the_time_it_was_told(
    vendor: Provider, headers: dict[str, str], seconds: float | None, vendors: Vendors
) -> None:
    vendors.answer(Answer(429, headers))
    outcome = vendor.send(PLAIN, NOW)
    assert isinstance(outcome, Deferred)
    assert outcome.account_wide
    told = (outcome.until - NOW).total_seconds() if outcome.until else None
    assert told == seconds


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>\x00\xff" + b"x" * 9000, b"[]", b'{"errors": 3}', b'{"errors": [null, 3]}', b"\xff\xfe"],
)
def test_an_error_body_of_any_shape_is_still_a_rejection(
    vendor: Provider, body: bytes, vendors: Vendors
) -> None:
    vendors.answer(Answer(400, body=body))
    assert isinstance(vendor.send(PLAIN, NOW), Rejected)


def test_a_key_that_the_vendor_repeats_is_not_shown(vendor: Provider, vendors: Vendors) -> None:
    vendors.answer(Answer(401, body=f'{{"errors": [{{"message": "bad key {SECRET}"}}]}}'.encode()))
    outcome = vendor.send(PLAIN, NOW)
    assert isinstance(outcome, Unavailable)
    assert "bad key ***" in outcome.reason


@pytest.mark.parametrize("before", range(250, 300, 7))
def test_a_key_that_the_vendor_repeats_is_not_shown_even_in_part(
    vendor: Provider, before: int, vendors: Vendors
) -> None:
    vendors.answer(Answer(400, body=b"x" * before + SECRET.encode()))
    outcome = vendor.send(PLAIN, NOW)
    assert isinstance(outcome, Rejected)
    assert "SG." not in outcome.reason


def test_a_page_of_a_firewall_passes_by_itself(vendor: Provider, vendors: Vendors) -> None:
    vendors.answer(Answer(403, {"Content-Type": "text/html"}, b"<html>Attention Required!</html>"))
    outcome = vendor.send(PLAIN, NOW)
    assert isinstance(outcome, Unavailable)
    assert not outcome.needs_person


def test_whatever_body_comes_with_202_the_email_is_accepted(vendor: Provider, vendors: Vendors) -> None:
    vendors.answer(Answer(202, body=b"\xff not json"))
    assert isinstance(vendor.send(PLAIN, NOW), Accepted)


def test_many_emails_share_one_connection(vendor: Provider, vendors: Vendors) -> None:
    for n in range(5):
        vendor.send(replace(PLAIN, message_id=f"m{n}"), NOW)
    assert (len(vendors.emails), vendors.connections) == (5, 1)


@pytest.mark.parametrize("moment", ["before", "after", "reset"])
def test_what_a_kept_connection_took_with_it_is_not_sent_again(
    vendor: Provider, moment: Literal["before", "after", "reset"], vendors: Vendors
) -> None:
    vendor.send(PLAIN, NOW)
    vendors.answer(Answer(drop=moment))
    assert isinstance(vendor.send(replace(PLAIN, message_id="m2"), NOW), Unknown)
    assert len(vendors.requests) == (1 if moment == "before" else 2)
    assert isinstance(vendor.send(replace(PLAIN, message_id="m3"), NOW), Accepted)


def test_many_threads_send_each_email_once(vendor: Provider, vendors: Vendors) -> None:
    emails = [replace(PLAIN, message_id=f"m{n}") for n in range(80)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda email: vendor.send(email, NOW), emails))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sorted(email.message_id for email in vendors.emails) == sorted(it.message_id for it in emails)
    assert len(vendors.requests) == len(emails)
    assert vendors.connections <= 8


def test_a_proxy_that_the_environment_names_gets_no_key(
    vendor: Provider, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(vendor.send(PLAIN, NOW), Accepted)


# --- over TLS -------------------------------------------------------------------------------------------


@VENDORS
@pytest.mark.usefixtures("trusting")
def test_an_email_goes_over_tls(name: str, secured: Vendors) -> None:
    secured.forget()
    provider = make(name, api_key=SECRET, base_url=secured.address)
    assert isinstance(provider.send(PLAIN, NOW), Accepted)
    provider.close()
    assert len(secured.emails) == 1


@VENDORS
@pytest.mark.usefixtures("trusting")
def test_a_tls_connection_that_breaks_after_the_request_leaves_doubt(name: str, secured: Vendors) -> None:
    secured.forget()
    secured.answer(Answer(drop="after"))
    provider = make(name, api_key=SECRET, base_url=secured.address)
    assert isinstance(provider.send(PLAIN, NOW), Unknown)
    provider.close()


@VENDORS
def test_a_certificate_that_nobody_vouches_for_gets_no_key(name: str, secured: Vendors) -> None:
    secured.forget()
    provider = make(name, api_key=SECRET, base_url=secured.address)
    outcome = provider.send(PLAIN, NOW)
    provider.close()
    assert isinstance(outcome, Unavailable)
    assert "certificate" in outcome.reason
    assert secured.requests == []


@VENDORS
def test_a_handshake_that_never_ends_has_sent_nothing(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"https://127.0.0.1:{silent.getsockname()[1]}"
        provider = make(name, api_key=SECRET, base_url=address, timeout_seconds=1)
        outcome = provider.send(PLAIN, NOW)
        provider.close()
    assert isinstance(outcome, Unavailable)


@VENDORS
def test_a_server_that_speaks_no_tls_has_been_sent_nothing(name: str, vendors: Vendors) -> None:
    provider = make(name, api_key=SECRET, base_url=vendors.address.replace("http:", "https:"))
    outcome = provider.send(PLAIN, NOW)
    provider.close()
    assert isinstance(outcome, Unavailable)
    assert vendors.requests == []


@VENDORS
def test_a_kept_connection_that_the_vendor_closed_is_opened_again(name: str, vendors: Vendors) -> None:
    provider = make(name, api_key=SECRET, base_url=vendors.address)
    vendors.answer(Answer(202, {"Connection": "close"}))
    assert isinstance(provider.send(PLAIN, NOW), Accepted)
    assert isinstance(provider.send(PLAIN, NOW), Accepted)
    provider.close()
    assert vendors.connections == 2
