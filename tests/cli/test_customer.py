"""`notifier customer`: export and erasure from the command line."""

import io
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from notifier import privacy_requests
from notifier.db import privacy_requests as kept
from notifier.db.engine import transaction
from notifier.db.tables import Store
from notifier.shops import Asked
from tests.cli.test_cli import Run, run
from tests.everywhere import where
from tests.house import Clock, House

__all__ = ["run"]

ADDRESS = "quux@example.com"


@pytest.fixture
def shop(run: Run, engine: Engine, capsys: pytest.CaptureFixture[str]) -> House:
    house = House(engine, Clock(datetime(2026, 11, 20, 12, tzinfo=UTC)))
    house.register(customer={"email": ADDRESS, "name": "Zebediah", "country": "CH"})
    house.dispatch()
    capsys.readouterr()  # the log of it
    return house


def test_an_export_is_json_on_standard_output(run: Run, shop: House) -> None:
    code, out, _ = run("customer", "export", "--store", shop.store_id, ADDRESS)
    assert code == 0
    assert json.loads(out)["orders"][0]["name"] == "Zebediah"


def test_an_address_may_come_by_standard_input(
    run: Run, shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ADDRESS}\n"))
    code, out, _ = run("customer", "export", "--store", shop.store_id, "-")
    assert (code, len(json.loads(out)["orders"])) == (0, 1)


def test_an_erasure_of_an_open_order_needs_to_be_meant(run: Run, shop: House, engine: Engine) -> None:
    code, out, err = run("customer", "erase", "--store", shop.store_id, ADDRESS, "--yes")
    assert (code, out) == (1, "")
    assert "1042" in err
    code, out, _ = run("customer", "erase", "--store", shop.store_id, ADDRESS, "--yes", "--stop-open-orders")
    assert (code, "1 orders" in out) == (0, True)
    assert where(engine, ADDRESS, "zebediah") == set()
    code, out, _ = run("customer", "erase", "--store", shop.store_id, ADDRESS, "--yes")
    assert (code, "already" in out) == (0, True)


def test_no_answer_erases_nothing(
    run: Run, shop: House, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, _ = run("customer", "erase", "--store", shop.store_id, ADDRESS, "--stop-open-orders")
    assert code == 130
    assert where(engine, ADDRESS)


def test_what_is_wrong_is_one_line(run: Run, shop: House) -> None:
    for arguments, exit_code, says in (
        (("erase", "--store", shop.store_id, "nobody@example.com", "--yes"), 1, "knows nothing"),
        (("erase", "--store", "store_none", ADDRESS, "--yes"), 1, "store_none"),
        (("export", "--store", "store_none", ADDRESS), 1, "store_none"),
        (("export", "--store", shop.store_id, "no address"), 2, "ADDRESS"),
    ):
        code, out, err = run("customer", *arguments)
        assert (code, out, len(err.splitlines())) == (exit_code, "", 1), err
        assert says in err


def ask(shop: House, kind: str) -> str:
    """As Shopify asks, about the customer of the shop."""
    with transaction(shop.engine) as session:
        privacy_requests.take(
            session,
            session.get_one(Store, shop.store_id),
            "shopify",
            Asked(kind, "1", ADDRESS),
            shop.clock.now,
        )
        (row,) = kept.find(session, shop.store_id, limit=1)
        return row.id


def test_what_customers_ask_is_listed_and_answered(run: Run, shop: House) -> None:
    assert run("customer", "requests", "--store", shop.store_id)[1] == "No customer asks for anything.\n"
    export = ask(shop, "export")
    code, out, _ = run("customer", "requests", "--store", shop.store_id)
    assert (code, out.split()) == (0, [export, "export", "due", "2026-12-20", ADDRESS])
    code, out, _ = run("customer", "answer", export, "--store", shop.store_id)
    assert (code, json.loads(out)[0]["address"]) == (0, ADDRESS)
    code, out, err = run("customer", "answer", export, "--store", shop.store_id)
    assert (code, out) == (1, "")
    assert "answered before" in err


def test_who_waits_is_named_until_they_are_erased(run: Run, shop: House, engine: Engine) -> None:
    erase = ask(shop, "erase")
    assert "; waits for 1042" in run("customer", "requests", "--store", shop.store_id)[1]
    code, out, _ = run("customer", "answer", erase, "--store", shop.store_id)
    assert (code, out.startswith("An order still waits")) == (0, True)
    with transaction(engine) as session:
        ((id_, _, _),) = kept.orders_of(session, shop.store_id, [ADDRESS])
    shop.cancel(id_)
    code, out, _ = run("customer", "answer", erase, "--store", shop.store_id)
    assert (code, out) == (0, "Erased.\n")
    assert where(engine, ADDRESS) == set()


def test_a_request_that_is_none_is_one_line(run: Run, shop: House) -> None:
    code, out, err = run("customer", "answer", "privacy_none", "--store", shop.store_id)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "privacy_none" in err
