"""`notifier sendgrid setup` and `notifier klaviyo setup`, as typed."""

import time
from collections.abc import Iterator

import pytest

from tests.cli.test_cli import Run, run
from tests.providers.vendor_server import Vendors, vendor_server

__all__ = ["run"]


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendors]:
    with vendor_server() as vendors:
        for name in ("SENDGRID", "KLAVIYO"):
            monkeypatch.setenv(f"{name}_API_KEY", "SG.secret")
            monkeypatch.setenv(f"{name}_BASE_URL", vendors.address)
        monkeypatch.setenv("NOTIFIER_SENDER", "Shop <orders@shop.example>")
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        yield vendors


def test_sendgrid_setup_prints_what_to_set(run: Run, vendors: Vendors) -> None:
    code, out, _ = run("sendgrid", "setup")
    assert code == 0
    assert (
        "SENDGRID_TEMPLATES=expectation=d-0a countdown=d-1a earlier=d-2a shipped=d-3a cancelled=d-4a" in out
    )
    assert "delay" not in [template["name"] for template in vendors.account.dynamic]


def test_klaviyo_setup_prints_what_a_person_must_still_click(run: Run, vendors: Vendors) -> None:
    code, out, _ = run("klaviyo", "setup")
    assert code == 0
    assert "21 made" in out
    assert "transactional status" in out
    assert len(vendors.account.flows) == 7
    assert [request.faults for request in vendors.requests if request.faults] == []
    code, out, _ = run("klaviyo", "setup")
    assert "0 made" in out
    assert len(vendors.account.flows) == 7


@pytest.mark.parametrize("vendor", ["sendgrid", "klaviyo"])
def test_a_dry_run_says_what_is_missing_and_makes_nothing(run: Run, vendors: Vendors, vendor: str) -> None:
    code, out, _ = run(vendor, "setup", "--dry-run")
    assert code == 0
    assert "missing" in out
    assert "dry run" in out
    assert {request.method for request in vendors.requests} == {"GET"}


@pytest.mark.parametrize("vendor", ["sendgrid", "klaviyo"])
def test_without_a_key_setup_is_refused_with_the_settings_name(run: Run, vendor: str) -> None:
    code, _, err = run(vendor, "setup")
    assert code == 2
    assert f"{vendor.upper()}_API_KEY is empty" in err


def test_a_sender_that_is_none_is_refused(run: Run, vendors: Vendors) -> None:
    code, _, err = run("klaviyo", "setup", "--sender", "nobody")
    assert code == 2
    assert "sender: 'nobody' is not an email address" in err
    assert vendors.requests == []
