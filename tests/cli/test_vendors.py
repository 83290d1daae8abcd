"""`notifier sendgrid setup` and `notifier klaviyo setup`, as typed."""

import io
import json
import shlex
import sys
import time
from collections.abc import Iterator

import pytest

from notifier.domain.message import Kind
from notifier.providers.templates import NEVER_TOGETHER
from tests.cli.test_cli import Run, run
from tests.providers.vendor_server import Vendors, vendor_server

__all__ = ["run"]

TOGETHER = " ".join(
    f"{kind}=d-{number}a" for number, kind in enumerate(it for it in Kind if it not in NEVER_TOGETHER)
)
"""What the made templates are chosen by."""


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
    assert f"SENDGRID_TEMPLATES={TOGETHER}" in out
    assert "delay" not in [template["name"] for template in vendors.account.dynamic]


def test_klaviyo_setup_prints_what_a_person_must_still_click(run: Run, vendors: Vendors) -> None:
    code, out, _ = run("klaviyo", "setup")
    assert code == 0
    assert f"{3 * len(Kind)} made" in out
    assert "transactional status" in out
    assert len(vendors.account.flows) == len(Kind)
    assert [request.faults for request in vendors.requests if request.faults] == []
    code, out, _ = run("klaviyo", "setup")
    assert "0 made" in out
    assert len(vendors.account.flows) == len(Kind)


def a_store(run: Run, monkeypatch: pytest.MonkeyPatch, *settings: str) -> str:
    """The id of a new store with keys of its own, `SG.of-the-store`."""
    store: str = json.loads(run("store", "create", "--name", "Hollow & Pine", "--json")[1])["store_id"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("SG.of-the-store\n"))
    assert run("store", "set", store, *settings)[0] == 0
    return store


def test_sendgrid_setup_at_a_stores_own_account_prints_what_to_set_for_the_store(
    run: Run, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"keys.sendgrid.base_url={vendors.address}"
    store = a_store(run, monkeypatch, "keys.sendgrid.api_key=-", host)
    code, out, _ = run("sendgrid", "setup", "--store", store)
    assert code == 0
    assert {request.headers["authorization"] for request in vendors.requests} == {"Bearer SG.of-the-store"}
    assert [request.faults for request in vendors.requests if request.faults] == []
    (line,) = (line for line in out.splitlines() if line.startswith("notifier "))
    assert "SENDGRID_TEMPLATES" not in out
    assert run(*shlex.split(line)[1:], "keys.sendgrid.unsubscribe_group=12")[0] == 0
    shown = json.loads(run("store", "show", store, "--json")[1])["keys"]["sendgrid"]
    assert shown["templates"] == TOGETHER
    assert shown["unsubscribe_group"] == 12
    assert run("store", "set", store, "keys.sendgrid.unsubscribe_group=")[0] == 0
    shown = json.loads(run("store", "show", store, "--json")[1])["keys"]["sendgrid"]
    assert shown["unsubscribe_group"] is None


def test_klaviyo_setup_at_a_stores_own_account_is_from_the_stores_sender(
    run: Run, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(run, monkeypatch, "keys.klaviyo.api_key=-", "sender=Pine <orders@pine.example>")
    code, out, _ = run("klaviyo", "setup", "--store", store)
    assert code == 0
    assert f"{3 * len(Kind)} made" in out
    assert {request.headers["authorization"] for request in vendors.requests} == {
        "Klaviyo-API-Key SG.of-the-store"
    }
    assert [request.faults for request in vendors.requests if request.faults] == []
    made = b"".join(request.raw for request in vendors.requests)
    assert b"orders@pine.example" in made
    assert b"orders@shop.example" not in made


@pytest.mark.parametrize("vendor", ["sendgrid", "klaviyo"])
def test_a_store_without_keys_of_its_own_is_not_set_up_with_others(
    run: Run, vendors: Vendors, vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(run, monkeypatch, "country=DE")
    code, _, err = run(vendor, "setup", "--store", store)
    assert code != 0
    assert f"keys.{vendor}.api_key is empty" in err
    for nobody in ("store_of_nobody", ""):
        code, _, err = run(vendor, "setup", "--store", nobody)
        assert code == 1
        assert f"there is no store {nobody!r}" in err
    assert vendors.requests == []


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
