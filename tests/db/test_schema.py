"""The schema: made by migrations, equal to the models, and full of refusals."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import SQLModel

from notifier import db
from notifier.db import queries
from notifier.db.engine import make_engine, reading
from notifier.db.migrate import is_current, upgrade
from notifier.db.overview import lost_notices
from notifier.db.suppressions import orders_held
from notifier.domain.message import Status
from notifier.feedback import report
from tests import parts
from tests.house import NOON, House, at_once

PROJECT = Path(__file__).parents[2]


# SQLite's reflection passes over indexes of an expression; on PostgreSQL they are compared too.
@pytest.mark.filterwarnings("ignore:(Skipped unsupported reflection|autogenerate skipping).*expression-based")
def test_the_migrations_make_exactly_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def upgraded_at_once(url: str) -> None:
    command = [sys.executable, "-c", "from notifier.cli import main; main()", "migrate"]
    environment = os.environ | {"NOTIFIER_DATABASE_URL": url, "NOTIFIER_SECRET_KEY": "0123456789" * 4}
    running = [subprocess.Popen(command, env=environment, cwd=PROJECT) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    engine = make_engine(url)
    assert is_current(engine)
    engine.dispose()


def test_many_processes_may_upgrade_one_sqlite_file_at_once(tmp_path: Path) -> None:
    upgraded_at_once(f"sqlite:///{tmp_path / 'new.db'}")


def test_many_processes_may_upgrade_one_postgresql_at_once(postgresql_server: str) -> None:
    with parts.database(postgresql_server) as url:
        upgraded_at_once(url)


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    assert is_current(engine)


def refused(house: House, write: Callable[[Any], object]) -> None:
    with pytest.raises(IntegrityError), house.writing() as session:
        write(session)


def copy(row: SQLModel, **changes: Any) -> SQLModel:
    return type(row)(**row.model_dump() | changes)


def test_a_second_message_with_one_key_is_refused(house: House) -> None:
    house.register()
    refused(house, lambda session: session.add(copy(house.message(), id="msg_2")))


def test_a_second_order_with_one_order_id_is_refused(house: House) -> None:
    row = house.order(house.register())
    refused(house, lambda session: session.add(copy(row, id="bo_2")))


def test_another_store_may_use_the_same_order_id(house: House) -> None:
    house.register("1042")
    House(house.engine, house.clock, store_id="store_2").register("1042")
    assert [row.key for row in house.messages()].count("expectation") == 2


def test_a_second_event_with_one_id_is_known_already(house: House) -> None:
    house.register()
    house.dispatch()
    sent = house.message()

    def tell() -> bool:
        with house.writing() as session:
            return report(session, "smtp", "evt 1", sent.id, Status.DELIVERED, NOON, NOON)

    assert [tell(), tell()] == [True, False]
    assert house.message().status == "delivered"
    answers = at_once(*[tell] * 4)
    assert answers == [False] * 4


@pytest.mark.parametrize(
    "counts",
    [
        {"shipped": 4, "waiting": -1},
        {"shipped": 2, "cancelled": 2, "waiting": -1},
        {"shipped": -1, "waiting": 4},
        {"shipped": 1},
        {"eta_earliest": date(2026, 12, 24)},
    ],
    ids=str,
)
def test_a_line_that_does_not_add_up_is_refused(house: House, counts: dict[str, Any]) -> None:
    line = house.line(house.register())
    changes = copy(line, **counts)
    with pytest.raises(IntegrityError), house.writing() as session:
        session.merge(changes)


def test_a_message_that_expires_before_it_is_due_is_refused(house: House) -> None:
    house.register()
    row = house.message()
    refused(house, lambda session: session.add(copy(row, id="m2", key="k2", due_at=row.expires_at)))


def test_a_message_without_its_order_is_refused(house: House) -> None:
    house.register()
    refused(
        house, lambda session: session.add(copy(house.message(), id="m2", key="k2", backorder_id="bo_none"))
    )


def test_times_without_a_zone_are_refused_and_all_come_back_in_utc(house: House) -> None:
    row = house.order(house.register())
    with pytest.raises(StatementError, match="has no zone"), house.writing() as session:
        session.add(copy(row, id="bo_2", order_id="2", placed_at=NOON.replace(tzinfo=None)))
    eastern = datetime.fromisoformat("2026-11-20T23:30:00-05:00")
    placed = house.order(house.register("2", placed_at=eastern)).placed_at
    assert placed == eastern
    assert placed.utcoffset() is not None
    assert not placed.utcoffset()


# --- plans ------------------------------------------------------------------------------------------------


def crowd(house: House, planned: int = 20_000) -> None:
    """Many planned messages of the future, as every long-running shop has them."""
    house.register()
    row = house.message().model_dump() | {"kind": "countdown", "urgency": 3, "says": "{}"}
    columns = [column for column in row if column != "id"]
    many = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :count)"
    chosen = ", ".join(
        {
            "key": "'key' || n",
            "kind": "'countdown'",
            "urgency": "3",
            "due_at": ":due",
            "attempt_at": ":due",
            "expires_at": ":end",
        }.get(column, f'"{column}"')
        for column in columns
    )
    names = ", ".join(f'"{column}"' for column in columns)
    with house.engine.begin() as connection:
        times = {"due": "2026-12-20 09:00:00.000000", "end": "2026-12-20 20:00:00.000000"}
        if connection.dialect.name == "postgresql":
            chosen = chosen.replace(":due", "CAST(:due AS timestamptz)").replace(
                ":end", "CAST(:end AS timestamptz)"
            )
        connection.execute(
            text(
                f"{many} INSERT INTO message (id, {names}) SELECT 'many' || n, {chosen} FROM message, n"
                " WHERE message.key = 'expectation'"
            ),
            {"count": planned, **times},
        )
        connection.execute(text("ANALYZE"))


def plans(house: House, act: Callable[[], object]) -> list[str]:
    """How the database goes about each statement on messages that `act` sends."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if "message" in statement and not many and not statement.startswith(("INSERT", "EXPLAIN")):
            seen.append((statement, parameters))

    event.listen(house.engine, "before_cursor_execute", note)
    act()
    event.remove(house.engine, "before_cursor_execute", note)
    prefix = "EXPLAIN QUERY PLAN" if house.engine.dialect.name == "sqlite" else "EXPLAIN"
    found = []
    with house.engine.connect() as connection:
        for statement, parameters in seen:
            rows = connection.exec_driver_sql(f"{prefix} {statement}", parameters).all()
            found.append("\n".join(str(row[-1]) for row in rows))
    return found


def test_an_idle_tick_looks_at_no_message_of_the_future(house: House) -> None:
    crowd(house)
    house.dispatch()
    (plan,) = [p for p in plans(house, house.dispatch) if "message" in p]
    assert "message_due" in plan
    if house.engine.dialect.name == "sqlite":
        assert "message_due (attempt_at<?)" in plan
    else:
        assert "attempt_at <=" in plan.partition("message_due")[2]
        assert "Seq Scan on message" not in plan


def test_a_sweep_looks_only_at_what_is_overdue(house: House) -> None:
    crowd(house)
    house.turn()
    found = plans(house, house.turn)
    assert not [p for p in found if "SCAN message" in p and "INDEX" not in p]
    assert not [p for p in found if "Seq Scan on message" in p]


def test_figures_look_at_nothing_that_is_done_or_planned_for_later(house: House) -> None:
    crowd(house)

    def ask() -> None:
        with reading(house.engine) as session:
            queries.figures(session, house.clock.now)

    found = [plan for plan in plans(house, ask) if "message" in plan]
    assert ["message_due" in found[0], "message_unknown" in found[1]] == [True, True], found


def test_a_message_table_full_of_history_costs_a_claim_nothing(house: House) -> None:
    crowd(house)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE message SET status = 'sent' WHERE key LIKE 'key%'"))
    house.dispatch()
    (plan,) = [p for p in plans(house, house.dispatch) if "message" in p]
    assert "message_due" in plan


def test_looking_for_what_is_held_or_was_not_told_reads_no_other_message(house: House) -> None:
    crowd(house)

    def look() -> None:
        with reading(house.engine) as session:
            orders_held(session, house.store_id, "jane@example.com", lambda _store, address: address)
            lost_notices(session, house.store_id, 8)

    held, lost = plans(house, look)
    assert "message_in_trouble" in held or "message_held" in held
    assert "message_not_told" in lost


@pytest.mark.parametrize("module", sorted(path.stem for path in Path(db.__file__).parent.glob("[a-z]*.py")))
def test_each_module_finds_its_tables_by_itself(module: str) -> None:
    """Whoever imports it first, whatever was imported before."""
    done = subprocess.run(
        [sys.executable, "-c", f"import notifier.db.{module}"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
