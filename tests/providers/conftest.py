"""The far sides of the providers."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.providers import make
from notifier.providers.base import Provider
from tests.house import house
from tests.parts import SmtpServer
from tests.providers import contract
from tests.providers.vendor_server import Vendors

__all__ = ["house"]


@pytest.fixture
def trusted(smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS that trusts the SMTP server's certificate, and so does whoever asks the system."""
    monkeypatch.setenv("SSL_CERT_FILE", str(smtp_server.certificate))
    return ssl.create_default_context()


@pytest.fixture(params=["sendgrid", "klaviyo"])
def vendor(request: pytest.FixtureRequest, vendors: Vendors) -> Iterator[Provider]:
    """Each vendor's provider in turn, talking to `vendors`."""
    provider = make(request.param, api_key=contract.SECRET, base_url=vendors.address)
    yield provider
    provider.close()


@pytest.fixture(params=["outbox", "smtp", "sendgrid", "klaviyo"])
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[contract.Peer]:
    """Each far side in turn."""
    match request.param:
        case "outbox":
            far_side = contract.outbox_peer(tmp_path / "outbox")
        case "smtp":
            request.getfixturevalue("trusted")
            far_side = contract.smtp_peer(request.getfixturevalue("smtp_server"))
        case name:
            far_side = contract.vendor_peer(name, request.getfixturevalue("vendors"))
    with far_side as running:
        yield running
