"""`notifier evidence`: exported from the database, verified without one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.config import DEVELOPMENT_SECRET
from notifier.signed import Signer
from tests.cli.test_cli import Run, run
from tests.house import Clock, House

__all__ = ["run"]


@pytest.fixture
def file(run: Run, engine: Engine, tmp_path: Path) -> Path:
    house = House(engine, Clock(datetime(2026, 11, 20, 12, tzinfo=UTC)))
    id_ = house.register()
    house.dispatch()
    file = tmp_path / "evidence.json"
    code, out, _ = run("evidence", "export", id_, "--out", str(file))
    assert (code, "records" in out) == (0, True)
    code, out, _ = run("evidence", "export", id_)
    assert json.loads(out)["records"] == json.loads(file.read_bytes())["records"]
    return file


def test_an_unchanged_file_is_good_without_a_database(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    monkeypatch.setenv("NOTIFIER_SECRET_KEY", DEVELOPMENT_SECRET)
    key = Signer(DEVELOPMENT_SECRET).public_key
    code, out, err = run("evidence", "verify", str(file), "--key", key)
    assert (code, err) == (0, "")
    assert "nothing was changed" in out
    assert key in out


def test_the_key_may_be_a_pem_file_or_this_installations_own(run: Run, file: Path, tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_text(Signer(DEVELOPMENT_SECRET).pem)
    assert run("evidence", "verify", str(file), "--key", str(pem))[0] == 0
    assert run("evidence", "verify", str(file))[0] == 0


def test_a_change_is_named_with_its_place(run: Run, file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"quantity":3', b'"quantity":1', 1))
    code, out, err = run("evidence", "verify", str(file))
    assert (code, out) == (1, "")
    assert f"{file}: /order" in err or f"{file}: /records" in err


def test_another_key_is_a_fault(run: Run, file: Path) -> None:
    code, _, err = run("evidence", "verify", str(file), "--key", Signer("another secret").public_key)
    assert code == 1
    assert "/head/public_key" in err


def test_what_cannot_be_read_is_exit_2(run: Run, file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(file.read_bytes()[:1000])
    for arguments, says in (
        ([str(cut)], "cut off"),
        ([str(tmp_path / "none.json")], "No such file"),
        ([str(tmp_path)], "directory"),
        ([str(file), "--key", "short"], "--key"),
        ([str(file), "--key", str(cut)], "32 bytes"),
    ):
        code, out, err = run("evidence", "verify", *arguments)
        assert (code, out) == (2, ""), arguments
        assert says in err
        assert "Traceback" not in err


def test_an_order_that_nobody_has_is_said(run: Run, engine: Engine) -> None:
    code, _, err = run("evidence", "export", "bo_nobody")
    assert (code, "no backorder 'bo_nobody'" in err) == (1, True)
