"""An order that was accepted is there, whole, whatever happens to the process that accepted it."""

import threading
from http.client import HTTPException
from pathlib import Path

from sqlmodel import select

from notifier.db.engine import make_engine, reading
from notifier.db.tables import Backorder, BackorderLine, Fact, MessageRow
from tests.e2e.test_service import ORDER, install, listens, within

CALLERS, ENOUGH = 12, 60


def test_a_killed_api_keeps_whole_what_it_accepted_and_nothing_by_halves(
    database_url: str, tmp_path: Path
) -> None:
    installation = install(tmp_path, database_url)
    accepted: list[str] = []

    def register(caller: int) -> None:
        for number in range(10_000):
            order = ORDER | {"order_id": f"{caller}-{number}"}
            try:
                status, body = installation.call("POST", "/v1/backorders", order)
            except (OSError, HTTPException):  # it is dead; half an answer is none
                return
            assert status == 201, body
            accepted.append(body["id"])

    with installation.running("api", "--port", str(installation.port)) as api:
        within(30, listens(installation))
        callers = [threading.Thread(target=register, args=[number]) for number in range(CALLERS)]
        for caller in callers:
            caller.start()
        within(60, lambda: len(accepted) >= ENOUGH)
        api.kill()
        for caller in callers:
            caller.join()
    engine = make_engine(database_url)
    with reading(engine) as session:
        kept = set(session.exec(select(Backorder.id)))
        for column in (BackorderLine.backorder_id, Fact.backorder_id, MessageRow.backorder_id):
            assert set(session.exec(select(column))) == kept
        assert None not in set(session.exec(select(MessageRow.planned_at)))
    engine.dispose()
    assert set(accepted) <= kept
