"""What stands in the log after a bad day, at every level: ids and kinds, and nobody's address, name or key."""

import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import structlog
from sqlalchemy import Engine, text

from notifier import cli, importing, logs
from notifier.api import create_app
from notifier.bootstrap import build, system_clock
from notifier.config import Settings
from notifier.db.engine import transaction
from notifier.db.stores import create_store
from notifier.domain.message import Scope, Status
from notifier.feedback import keep
from notifier.providers.base import Accepted, Rejected, Unavailable, Unknown
from notifier.providers.reports import Report
from notifier.worker import Worker
from tests import parts
from tests.house import TEMPLATES
from tests.providers.fake import Scripted

ADDRESS = "zebediah.quux@example.com"
CUSTOMER = {"email": ADDRESS, "name": "Zebediah Quux", "country": "CH"}


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile, as the service logs it, but at level DEBUG."""
    written, root = io.StringIO(), logging.getLogger()
    before, usual, handlers = sys.stderr, structlog.get_config(), root.handlers[:]
    root.handlers, sys.stderr = [], written
    level = root.level
    try:
        cli._log_to_stderr()
        root.setLevel(logging.DEBUG)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
        yield written
    finally:
        sys.stderr, root.handlers = before, handlers
        root.setLevel(level)
        structlog.configure(**usual)


def soon(true: Callable[[], bool]) -> None:
    for _ in range(1500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass within thirty seconds")


def an_order(order_id: str, **changes: object) -> dict[str, object]:
    line = {"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "eta": "2027-12-20"}
    return {"order_id": order_id, "customer": CUSTOMER, "lines": [line]} | changes


def a_bad_day(url: str, key: str, worker_does: Callable[[Callable[[], bool]], None], tmp_path: Path) -> None:
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        headers = {"Idempotency-Key": "first"}
        made = http.post("/v1/backorders", json=an_order("1"), headers=headers).json()
        for number in range(2, 7):
            http.post("/v1/backorders", json=an_order(str(number)))
        bad = an_order("7", customer={"email": f"{ADDRESS}@", "name": "Zebediah Quux"})
        http.post("/v1/backorders", json=bad)
        http.post("/v1/backorders/batch", json={"backorders": [bad, an_order("8")]})
        http.post("/v1/backorders", content=f'{{"email": "{ADDRESS}"'.encode())
        http.get("/v1/backorders", params={"email": ADDRESS})
        http.get(f"/v1/backorders/{ADDRESS}")
        http.get("/v1/backorders", headers={"Authorization": "Bearer nk_not_the_right_key_at_all"})
        http.post("/v1/suppressions", json={"address": "other.quux@example.com"})
        http.patch(f"/v1/backorders/{made['id']}", json={"customer": {"name": "Zebediah Quux II"}})
        page = "/o/" + made["status_url"].rpartition("/o/")[2]
        assert http.get(page).status_code == 200
        http.get(f"{page}x")
        http.post(page, data={"action": "cancel", "form": ADDRESS})
        http.post("/v1/customers/export", json={"email": ADDRESS})
        http.post("/v1/customers/erase", json={"email": ADDRESS})
        http.post("/webhooks/sendgrid/store_1", json=[{"email": ADDRESS}])
        worker_does(lambda: len(http.get("/v1/messages", params={"status": "sent"}).json()["data"]) > 0)


def test_no_line_of_the_log_says_who_anybody_is(engine: Engine, tmp_path: Path) -> None:
    provider = Scripted(
        script=[
            RuntimeError(f"can't write to {ADDRESS}"),
            Rejected(f"550 <{ADDRESS}> Zebediah Quux unknown"),
            Unknown(f"the line to {ADDRESS} broke"),
            Unavailable(f"no {ADDRESS} now"),
            Accepted(f"<{ADDRESS}>"),
        ]
    )
    settings = Settings(_env_file=None, templates_dir=TEMPLATES, tick_seconds=0.05, send_threads=1)
    services = build(settings, engine=engine, provider_for=lambda _: provider)
    with transaction(engine) as session:
        made = create_store(session, system_clock(), name="Shop", country="CH")
    with logged() as written, parts.served(create_app(services)) as url:
        worker = Worker(services)
        worker.start()
        try:
            a_bad_day(url, made.api_key, soon, tmp_path)
            report_a_bounce(engine, made.store.id)
            import_bad_rows(engine, made.store.id, tmp_path)
            soon(lambda: "message settled" in written.getvalue())
            break_the_database(engine, url, made.api_key)
        finally:
            worker.stop()
    lines = written.getvalue()
    assert "request failed" in lines or "unavailable" in lines
    assert "the provider's adapter failed" in lines
    assert '"route": "/o/{token}"' in lines
    for word in (ADDRESS, "zebediah", "quux", "@example.com", made.api_key, "nk_not_the_right_key"):
        found = [line for line in lines.splitlines() if word.casefold() in line.casefold()]
        assert found == [], word
    links = [
        line
        for line in lines.splitlines()
        if "/o/" in line.replace("/o/{token}", "").replace("/o/[token]", "")
    ]
    assert links == []


def report_a_bounce(engine: Engine, store_id: str) -> None:
    with transaction(engine) as session:
        message_id = session.execute(
            text("SELECT id FROM message WHERE to_email IS NOT NULL LIMIT 1")
        ).scalar_one()
        told = Report("evt", message_id, Status.BOUNCED, system_clock(), f"550 {ADDRESS} Quux", Scope.ALL)
        keep(session, store_id, "smtp", [told], system_clock())


def import_bad_rows(engine: Engine, store_id: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(f"order_id,email,name,sku,line_name,quantity,eta\n1,{ADDRESS},Zebediah Quux,A,A,none,\n")
    try:
        importing.run(engine, store_id, file, system_clock(), lambda *_: None)
    except Exception as error:  # noqa: BLE001  whatever it says, it must not be logged
        logging.getLogger("import").info("refused: %s", type(error).__name__)


def break_the_database(engine: Engine, url: str, key: str) -> None:
    """A table that is gone is a fault of ours: the statement, with all its values, failed."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE backorder_line RENAME TO elsewhere"))
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx2.post(f"{url}/v1/backorders", json=an_order("99"), headers=headers, timeout=60)
    assert answer.status_code in {500, 503}
    assert ADDRESS not in answer.text


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 <jane@example.com> unknown", "550 <[address]> unknown"),
        ("GET https://x.example/o/WyJib18.abc-_?do=keep", "GET https://x.example/o/[token]?do=keep"),
        ("key nk_abcdefghijklmnop refused", "key [key] refused"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw is", "[key] is"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [key]"),
        ("postgresql://notifier:secret@db/x", "postgresql://db/x"),
        ("violates\nDETAIL:  Failing row contains (bo_1, Jane Doe).\nmore", "violates\nDETAIL: [row]\nmore"),
        ("GET /v1/backorders?email=jane%40example.com&x=1", "GET /v1/backorders?email=[address]&x=1"),
        ("nothing to hide here", "nothing to hide here"),
    ],
)
def test_what_must_not_stand_in_a_line_is_taken_out(said: str, kept: str) -> None:
    assert logs.without_people(said) == kept
    assert logs.impersonal(None, "", {"event": said, "count": 3}) == {"event": kept, "count": 3}


def test_lines_are_json_with_ids(capsys: pytest.CaptureFixture[str]) -> None:
    with logged() as written:
        structlog.get_logger("x").info("message settled", message_id="msg_1", to="jane@example.com")
    line = json.loads(written.getvalue())
    assert (line["event"], line["message_id"], line["to"]) == ("message settled", "msg_1", "[address]")


def test_no_local_variable_stands_in_an_error_as_people_read_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a terminal, nor in what the demo and the simulation print."""

    def fail(name: str) -> None:
        local = f"card of {name}"
        raise RuntimeError(f"a fault of ours about {ADDRESS}" if local else "")

    for configure in (cli._log_to_stderr, cli._quiet):
        with logged() as written:
            monkeypatch.setattr(written, "isatty", lambda: True, raising=False)
            configure()
            try:
                fail("Zebediah")
            except RuntimeError:
                structlog.get_logger("x").exception("request failed", to=ADDRESS)
        lines = written.getvalue()
        assert "RuntimeError" in lines
        assert "request failed" in lines
        for word in ("card of", "Zebediah", "quux"):
            assert word not in lines.replace("card of {name}", "").replace('fail("Zebediah")', "")
