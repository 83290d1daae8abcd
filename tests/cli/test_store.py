"""`notifier store …`: a store's settings and keys from the command line."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from notifier.db.engine import make_engine, reading
from notifier.db.stores import store_of_key
from tests.cli.test_cli import Run
from tests.providers.contract import closed_port

KEY = "SG.a-key-of-the-tests-that-nobody-may-see-x7Qa"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("NOTIFIER_OUTBOX_DIR", str(tmp_path / "outbox"))
    monkeypatch.setenv("COLUMNS", "200")
    return Run(monkeypatch, capsys)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make_engine(f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def made(run: Run) -> dict[str, str]:
    """A new store: its `store_id` and `api_key`."""
    answer: dict[str, str] = json.loads(run("store", "create", "--name", "Hollow & Pine", "--json")[1])
    return answer


def types(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def shown(run: Run, store_id: str) -> Any:
    code, out, err = run("store", "show", store_id, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_settings_are_changed_as_the_api_changes_them(run: Run, made: dict[str, str]) -> None:
    store = made["store_id"]
    code, out, err = run(
        "store", "set", store, "sender=Hollow & Pine <orders@pine.example>", "timezone=Europe/Berlin",
        "brand.accent=#1F5A43", "brand.website=https://pine.example/?a=b",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "orders@pine.example" in out
    found = shown(run, store)
    assert found["timezone"] == "Europe/Berlin"
    assert found["brand"] == {"accent": "#1f5a43", "website": "https://pine.example/?a=b"}
    run("store", "set", store, "brand.accent=", "sender=")
    assert shown(run, store)["brand"] == {"website": "https://pine.example/?a=b"}
    assert shown(run, store)["sender"] == "Notifier <notifier@localhost.localdomain>"


def test_a_key_is_asked_for_and_stands_nowhere(
    run: Run, made: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = made["store_id"]
    types(monkeypatch, KEY)
    code, out, err = run("store", "set", store, "keys.sendgrid.api_key=-", "provider=sendgrid")
    assert (code, err) == (0, "")
    assert "set, ends in x7Qa" in out
    assert KEY not in out
    assert shown(run, store)["keys"]["sendgrid"]["api_key"] == {"set": True, "last4": "x7Qa"}
    assert not [file for file in tmp_path.glob("shop.db*") if KEY.encode() in file.read_bytes()]
    code, _, err = run("store", "set", store, "keys.sendgrid.api_key=")
    assert code == 1
    assert "keys.sendgrid.api_key" in err


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        (("sender=Shop",), 2, "sender"),
        (("colour=red",), 2, "colour"),
        (("brand.accent=red",), 2, "brand.accent"),
        (("brand=red", "brand.accent=#112233"), 2, "brand.accent"),
        (("sender",), 2, "FIELD=VALUE"),
        ((f"keys.sendgrid.api_key={KEY}",), 2, "keys.sendgrid.api_key=-"),
        (("provider=sendgrid",), 1, "keys.sendgrid.api_key"),
        (("second_provider=outbox",), 1, "second_provider"),
    ],
)
def test_what_makes_no_sense_is_named(
    run: Run, made: dict[str, str], changes: tuple[str, ...], code: int, words: str
) -> None:
    before = shown(run, made["store_id"])
    refused, out, err = run("store", "set", made["store_id"], *changes)
    assert (refused, out) == (code, "")
    assert words in err
    assert KEY not in err
    assert shown(run, made["store_id"]) == before


def test_a_test_email_is_sent_or_says_what_is_wrong(
    run: Run, made: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = made["store_id"]
    code, out, err = run("store", "test", store, "--to", "me@pine.example")
    assert (code, err) == (0, "")
    assert "outbox: Accepted" in out
    (file,) = (tmp_path / "outbox").glob("*.eml")
    assert b"me@pine.example" in file.read_bytes()
    with closed_port() as port:
        types(monkeypatch, f"smtp://localhost:{port}")
        assert run("store", "set", store, "keys.smtp.url=-", "second_provider=smtp")[0] == 0
        code, out, err = run("store", "test", store, "--to", "me@pine.example", "--second")
    assert (code, out) == (1, "")
    assert "keys.smtp.url" in err
    assert run("store", "test", store, "--to", "nobody")[0] == 2


def test_api_keys_are_made_listed_and_revoked(run: Run, made: dict[str, str], engine: Engine) -> None:
    store = made["store_id"]
    new = json.loads(run("store", "key", "create", store, "--json")[1])["api_key"]
    listed = json.loads(run("store", "key", "list", store, "--json")[1])
    assert [key["last4"] for key in listed] == [made["api_key"][-4:], new[-4:]]
    code, out, _ = run("store", "key", "revoke", store, listed[0]["id"])
    assert code == 0
    assert listed[0]["id"] in out
    with reading(engine) as session:
        assert store_of_key(session, made["api_key"]) is None
        assert store_of_key(session, new) is not None
    assert run("store", "key", "revoke", store, listed[0]["id"])[0] == 1
    assert new not in run("store", "key", "list", store)[1]


def test_stores_are_listed_by_name(run: Run, made: dict[str, str]) -> None:
    run("store", "create", "--name", "Fern & Oak")
    _, out, _ = run("store", "list")
    assert made["store_id"] in out
    assert "Fern & Oak" in out
    assert [row["name"] for row in json.loads(run("store", "list", "--json")[1])] == [
        "Hollow & Pine",
        "Fern & Oak",
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("show",),
        ("set", "name=Shop"),
        ("test", "--to", "me@pine.example"),
        ("key", "create"),
        ("key", "list"),
    ],
)
def test_a_store_that_is_none_is_named(run: Run, command: tuple[str, ...]) -> None:
    verbs = [word for word in command if word in {"show", "set", "test", "key", "create", "list"}]
    code, out, err = run("store", *verbs, "store_of_nobody", *command[len(verbs) :])
    assert (code, out) == (1, "")
    assert "store_of_nobody" in err
