"""`notifier policy`: read, check and set a store's policy, with the API's checks and messages."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from notifier.db.engine import reading
from notifier.db.tables import Store
from tests.cli.test_cli import Run, run
from tests.house import House

__all__ = ["run"]


@pytest.fixture
def shop(run: Run, engine: Engine, capsys: pytest.CaptureFixture[str]) -> House:
    house = House(engine)
    house.register(lines=[{"sku": "LAMP", "name": "Lamp", "quantity": 1, "eta": "2099-12-20"}])
    capsys.readouterr()  # the log of it
    return house


def written(tmp_path: Path, document: Any) -> str:
    file = tmp_path / "policy.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(file)


def kept(shop: House) -> tuple[int, Any]:
    with reading(shop.engine) as session:
        store = session.get_one(Store, shop.store_id)
        return store.policy_version, store.policy


def test_what_is_shown_can_be_set_again_and_changes_nothing(run: Run, shop: House, tmp_path: Path) -> None:
    code, out, _ = run("policy", "show", "--store", shop.store_id)
    assert code == 0
    assert json.loads(out)["countdown_days"] == [14, 7, 3, 1]
    assert json.loads(out)["version"] == 1
    code, out, _ = run("policy", "set", written(tmp_path, out), "--store", shop.store_id)
    assert (code, kept(shop)[0]) == (0, 1)


def test_a_policy_is_set_as_the_next_version_and_orders_follow(run: Run, shop: House, tmp_path: Path) -> None:
    file = written(tmp_path, {"countdown_days": [7], "min_gap_hours": 30})
    code, out, _ = run("policy", "set", file, "--store", shop.store_id)
    assert (code, out) == (
        0,
        "The policy is in version 2 now; the worker plans every open order again with it.\n",
    )
    assert kept(shop)[1]["min_gap_hours"] == 30
    shop.turn()
    assert [m.key for m in shop.messages() if m.kind == "countdown" and m.status == "planned"] == [
        "countdown:2099-12-13"
    ]


def test_a_dry_run_tells_what_it_would_do_and_does_nothing(run: Run, shop: House, tmp_path: Path) -> None:
    file = written(tmp_path, {"countdown_days": [7]})
    code, out, _ = run("policy", "set", file, "--store", shop.store_id, "--dry-run")
    told = json.loads(out)
    assert (code, told["before"]["countdown"], told["after"]["countdown"]) == (0, 4, 1)
    assert "planned emails become" in told["summary"]
    assert kept(shop)[0] == 1


def test_the_policy_of_one_sku_leaves_the_rest(run: Run, shop: House, tmp_path: Path) -> None:
    one = ("--store", shop.store_id, "--sku", "LAMP")
    assert run("policy", "show", *one)[0] == 1
    assert run("policy", "set", written(tmp_path, {"countdown_days": [3]}), *one)[0] == 0
    code, out, _ = run("policy", "show", *one)
    assert (code, json.loads(out)) == (0, {"countdown_days": [3]})
    assert json.loads(run("policy", "show", "--store", shop.store_id)[1])["countdown_days"] == [14, 7, 3, 1]


def test_what_was_changed_since_is_not_overwritten(run: Run, shop: House, tmp_path: Path) -> None:
    shown = run("policy", "show", "--store", shop.store_id)[1]
    run("policy", "set", written(tmp_path, {"countdown_days": [7]}), "--store", shop.store_id)
    code, _, err = run("policy", "set", written(tmp_path, shown), "--store", shop.store_id)
    assert code == 1
    assert "somebody changed it since" in err
    assert kept(shop)[0] == 2


def test_what_would_send_too_much_needs_a_second_yes(run: Run, shop: House, tmp_path: Path) -> None:
    run(
        "policy",
        "set",
        written(tmp_path, {"countdown_days": [], "max_messages_per_change": 1}),
        "--store",
        shop.store_id,
    )
    file = written(tmp_path, {"countdown_days": [14, 7, 3]})
    code, _, err = run("policy", "set", file, "--store", shop.store_id)
    assert code == 1
    assert "more than max_messages_per_change" in err
    assert kept(shop)[0] == 2
    assert run("policy", "set", file, "--store", shop.store_id, "--confirm")[0] == 0
    assert kept(shop)[0] == 3


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("no json", "is not JSON"),
        ("[]", "must hold an object"),
        ("[" * 100_000, "is not JSON"),
        ({"send_window": {"start": "20:00", "end": "09:00"}}, "/send_window"),
        ({"countdown_days": [10_000]}, "/countdown_days/0"),
        ({"countdown_days": [7, 6], "min_gap_hours": 700}, "/min_gap_hours"),
        ({"countdwn_days": [7]}, "there is no such field"),
        ({"skus": {"LAMP": {"min_gap_hours": 3}}}, "is one for all SKUs"),
        ({"version": 0}, "/version"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_api_and_nothing_is_set(
    run: Run, shop: House, tmp_path: Path, document: Any, why: str
) -> None:
    file = written(tmp_path, document)
    for command in (("check", file), ("set", file, "--store", shop.store_id)):
        code, _, err = run("policy", *command)
        assert code == 1
        assert why in err
        assert err.count("\n") == 1
    assert kept(shop)[0] == 1


def test_a_policy_is_checked_without_a_database(run: Run, tmp_path: Path) -> None:
    code, out, err = run(
        "policy", "check", written(tmp_path, {"min_gap_hours": 60, "countdown_days": [7, 3, 1]})
    )
    assert (code, out) == (0, "The policy is right.\n")
    assert "leaves the countdown of 1 days no room" in err
    assert run("policy", "check", written(tmp_path, {"countdown_days": [3]}), "--sku", "LAMP")[0] == 0
    assert run("policy", "check", written(tmp_path, {"min_gap_hours": 3}), "--sku", "LAMP")[0] == 1


def test_a_policy_may_come_by_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    assert run("policy", "check", "-")[0] == 0


def test_a_file_or_a_store_that_is_not_there_is_named(run: Run, shop: House, tmp_path: Path) -> None:
    code, _, err = run("policy", "check", str(tmp_path / "nowhere.json"))
    assert (code, "nowhere.json can't be read" in err) == (2, True)
    code, _, err = run("policy", "show", "--store", "store_x")
    assert (code, "there is no store 'store_x'" in err) == (1, True)
