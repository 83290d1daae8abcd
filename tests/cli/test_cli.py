"""The command line: what it prints, its exit codes, and errors as one clear line on stderr."""

import json
import shutil
import socket
import sys
from pathlib import Path

import pytest
from freezegun import freeze_time
from sqlalchemy import Engine

from notifier import cli
from notifier.db.engine import make_engine, reading
from notifier.db.stores import store_of_key

DATA = Path(__file__).parents[2] / "data"


class Run:
    """Runs one command as the shell would, in this process: (exit code, stdout, stderr)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["notifier", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = self._capsys.readouterr()
        code = left.value.code
        return code if isinstance(code, int) else 0, printed.out, printed.err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("NOTIFIER_OUTBOX_DIR", str(tmp_path / "outbox"))
    return Run(monkeypatch, capsys)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make_engine(f"sqlite:///{tmp_path / 'shop.db'}")


def test_a_new_store_gets_an_id_and_a_key_that_opens_it(run: Run, engine: Engine) -> None:
    run("migrate")
    with freeze_time("2026-06-01T12:00:00Z"):
        code, out, _ = run(
            "store", "create", "--name", "Hollow & Pine", "--timezone", "America/New_York", "--json"
        )
    made = json.loads(out)
    with reading(engine) as session:
        store = store_of_key(session, made["api_key"])
    assert code == 0
    assert store is not None
    assert (store.id, store.name, store.created_at.isoformat()) == (
        made["store_id"],
        "Hollow & Pine",
        "2026-06-01T12:00:00+00:00",
    )


def test_a_key_is_nowhere_in_the_database(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("store", "create", "--name", "Shop", "--json")
    key = json.loads(out)["api_key"].encode()
    assert not [file for file in tmp_path.glob("shop.db*") if key in file.read_bytes()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("store", "create"), "--name"),
        (("store", "create", "--name", "Shop", "--timezone", "Mars/Olympus"), "Europe/Berlin"),
        (("store", "create", "--name", "Shop", "--country", "Atlantis"), "--country"),
        (("store", "create", "--name", "Shop", "--locale", "klingon"), "locale"),
        (("serve", "--port", "99999"), "--port"),
        (("sing",), "sing"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_right(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert words in err
    assert err.startswith("notifier: ")
    assert err.count("\n") == 1


def test_a_port_that_is_taken_is_told_in_one_line_before_anything_starts(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = run("serve", "--port", port)
    assert (code, err.count("\n")) == (1, 1)
    assert f"127.0.0.1:{port}: Address already in use" in err


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("NOTIFIER_PROVIDER", "pigeon", "NOTIFIER_PROVIDER"),
        ("NOTIFIER_DATABASE_URL", "mysql://x", "NOTIFIER_DATABASE_URL"),
        ("NOTIFIER_LEASE_SECONDS", "10", "NOTIFIER_SEND_TIMEOUT_SECONDS"),
        ("NOTIFIER_PUBLIC_URL", "https://shop.example", "NOTIFIER_SECRET_KEY"),
        ("NOTIFIER_PUBLIC_URL", "shop.example/path", "NOTIFIER_PUBLIC_URL"),
        ("NOTIFIER_SENDER", "Fern & Oak", "NOTIFIER_SENDER"),
        ("NOTIFIER_SENDER", "<orders@fernandoak.example", "NOTIFIER_SENDER"),
        ("NOTIFIER_SEND_RATE", "0", "NOTIFIER_SEND_RATE"),
        ("NOTIFIER_SEND_RATE", "-5", "NOTIFIER_SEND_RATE"),
        ("NOTIFIER_SEND_RATE", "inf", "NOTIFIER_SEND_RATE"),
        ("NOTIFIER_SEND_RATE", "fast", "NOTIFIER_SEND_RATE"),
        ("NOTIFIER_SEND_THREADS", "0", "NOTIFIER_SEND_THREADS"),
        ("NOTIFIER_MAX_ATTEMPTS", "0", "NOTIFIER_MAX_ATTEMPTS"),
        ("NOTIFIER_TICK_SECONDS", "0", "NOTIFIER_TICK_SECONDS"),
        ("NOTIFIER_SEND_TIMEOUT_SECONDS", "nan", "NOTIFIER_SEND_TIMEOUT_SECONDS"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    code, _, err = run("migrate")
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "where",
    ["sqlite:////no/such/folder/shop.db", "sqlite:///junk.db", "postgresql://me:hidden@127.0.0.1:1/x"],
)
def test_a_database_that_can_not_be_used_is_told_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("junk.db").write_bytes(b"no database " * 1000)
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", where)
    monkeypatch.setenv("NOTIFIER_SECRET_KEY", "0123456789" * 4)
    code, _, err = run("migrate")
    assert (code, err.count("\n")) == (1, 1)
    assert "database can't be used" in err
    assert "hidden" not in err


def test_the_program_runs_from_any_folder(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("templates", "check")[0] == 0


@pytest.mark.parametrize("folder", ["no/such/folder", "empty"])
def test_templates_that_are_not_there_are_told_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("NOTIFIER_TEMPLATES_DIR", str(tmp_path / folder))
    code, _, err = run("templates", "check")
    assert (code, err.count("\n")) == (2, 1)
    assert "NOTIFIER_TEMPLATES_DIR" in err
    assert folder in err


def test_importing_keeps_the_good_rows_and_names_the_bad_ones(
    run: Run, engine: Engine, tmp_path: Path
) -> None:
    _, out, _ = run("store", "create", "--name", "Shop", "--json")
    store_id = json.loads(out)["store_id"]
    file = tmp_path / "orders.csv"
    file.write_text(
        "order_id,email,sku,product,quantity,eta\n"
        "1,jane@example.com,LAMP,Lamp,1,2026-12-12\n"
        "2,jane@example.com,LAMP,Lamp,-1,2026-12-12\n"
        "3,jane@example.com,LAMP,Lamp,1,2026-12-12\n"
    )
    code, out, err = run("import", str(file), "--store", store_id)
    assert code == 1
    assert "2 registered, 0 known already, 1 refused" in out
    assert f"{file}:3:" in err
    assert "quantity" in err


def test_importing_twice_registers_nothing_twice(run: Run) -> None:
    _, out, _ = run("store", "create", "--name", "Shop", "--json")
    store_id = json.loads(out)["store_id"]
    first, second = (run("import", str(DATA / "backorders.csv"), "--store", store_id) for _ in range(2))
    assert (first[0], second[0]) == (0, 0)
    assert "0 known already, 0 refused" in first[1]
    assert "0 registered" in second[1]


def test_importing_into_no_store_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order_id\n")
    code, _, err = run("import", str(file), "--store", "store_none")
    assert code == 1
    assert "store_none" in err
    assert err.count("\n") == 1


def test_templates_check_finds_nothing_wrong_with_our_own(run: Run) -> None:
    code, out, err = run("templates", "check")
    assert (code, err) == (0, "")
    assert "renders" in out


def test_templates_check_names_file_and_line_of_a_fault(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "templates"
    shutil.copytree(Path(__file__).parents[2] / "templates", folder)
    source = (folder / "delay.j2").read_text()
    (folder / "delay.j2").write_text(source + "\n{{ no_such_variable.at_all }}\n{% if %}\n")
    monkeypatch.setenv("NOTIFIER_TEMPLATES_DIR", str(folder))
    code, _, err = run("templates", "check")
    assert code == 1
    assert f"delay.j2:{source.count(chr(10)) + 3}:" in err
