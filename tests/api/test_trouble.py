"""What happens when something this needs is away, late or broken."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import structlog
from sqlalchemy import Engine, event, text

from notifier import intake
from notifier.db import engine as engines
from tests.api.client import Api, Json, a_backorder


def assert_try_again_later(api: Api) -> None:
    response = api.request("POST", "/v1/backorders", json=a_backorder(order_id="later"))
    problem: Json = response.json()
    assert (response.status_code, problem["type"]) == (503, "/problems/unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert "sqlite" not in response.text.lower()
    assert "postgres" not in response.text.lower()


def assert_works_again(api: Api) -> None:
    """Everything from before is there, and what could not be done is done now."""
    api("POST", "/v1/backorders", 201, json=a_backorder(order_id="later"))
    assert {it["order_id"] for it in api("GET", "/v1/backorders")["data"]} == {"before", "later"}


# --- the database ----------------------------------------------------------------------------------------


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """One that soon gives up waiting for a lock."""
    monkeypatch.setattr(engines, "LOCK_WAIT_SECONDS", 0.2)
    engine = engines.make_engine(database_url)
    yield engine
    engine.dispose()


def test_a_locked_database_means_later(api: Api, engine: Engine) -> None:
    api.register(order_id="before")
    with engine.begin() as elsewhere:
        if engine.dialect.name == "postgresql":
            elsewhere.execute(text("LOCK TABLE backorder"))
        assert_try_again_later(api)
    assert_works_again(api)


def test_a_database_that_is_gone_for_a_while_means_later(api: Api, engine: Engine) -> None:
    api.register(order_id="before")
    with gone(engine):
        assert_try_again_later(api)
        assert api.request("GET", "/readyz").status_code == 503
        assert api("GET", "/healthz") == {"status": "ok"}
    assert_works_again(api)
    assert api("GET", "/readyz") == {"status": "ready"}


@contextmanager
def gone(engine: Engine) -> Iterator[None]:
    """The database as it is while its server, or its disk, is away."""
    if engine.dialect.name == "postgresql":
        name = engine.url.database
        server = engine.url.set(drivername="postgresql", database="postgres")
        with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
    else:
        file = Path(engine.url.database or "")
        engine.dispose()
        away = file.rename(file.with_suffix(".away"))
        file.mkdir()
        yield
        file.rmdir()
        away.rename(file)


def test_a_full_disk_means_later(api: Api, engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        return  # its own disk is not ours to fill; it says so with the same kind of error
    api.register(order_id="before")
    pages = ["1"]  # as few as there are: not one more

    @event.listens_for(engine, "checkout")
    def fill(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")  # type: ignore[attr-defined]  # the driver's own

    problem = None
    for number in range(50):
        response = api.request("POST", "/v1/backorders", json=a_backorder(order_id=f"full {number}"))
        if response.status_code != 201:
            problem = response
            break
    assert problem is not None
    assert problem.status_code == 503
    pages[0] = str(2**30)
    api("POST", "/v1/backorders", 201, json=a_backorder(order_id=f"full {number}"))


# --- our own faults --------------------------------------------------------------------------------------


def test_a_fault_of_ours_shows_nothing_but_an_id_that_the_log_has(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("the inside story")

    monkeypatch.setattr(intake, "register_many", break_down)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        response = api.request("POST", "/v1/backorders", json=a_backorder())
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "inside story" not in response.text
    failures = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["request_id"] for entry in failures] == [response.json()["id"]]
    assert response.headers["x-request-id"] == response.json()["id"]
    monkeypatch.undo()
    api.register()


def test_a_request_leaves_one_line_in_the_log_without_secrets(api: Api) -> None:
    with structlog.testing.capture_logs() as logs:
        api.request("GET", "/v1/backorders", params={"email": "jane@example.com"})
    (line,) = [entry for entry in logs if entry["event"] == "request"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/backorders", 200)
    assert "jane" not in str(line)
    assert api.store.api_key not in str(line)


# --- health and figures ----------------------------------------------------------------------------------


def test_a_scheduler_that_is_late_is_not_ready(api: Api) -> None:
    api.services.pulse.expected["dispatch"] = 0.5
    api.services.pulse.beat("dispatch", api.clock())
    assert api("GET", "/readyz") == {"status": "ready"}
    api.clock.pass_by(minutes=2)
    response = api.request("GET", "/readyz")
    assert response.status_code == 503


def test_a_database_that_lacks_a_migration_is_not_ready(api: Api, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    assert api.request("GET", "/readyz").status_code == 503


def test_the_figures_count_what_is_in_the_outbox(api: Api) -> None:
    api.register()
    api.clock.pass_by(seconds=90)
    figures = api.request("GET", "/metrics").text
    assert 'notifier_due_messages{kind="expectation"} 1.0' in figures
    assert "notifier_oldest_due_seconds 90.0" in figures
    api.deliver()
    figures = api.request("GET", "/metrics").text
    sent = 'notifier_sends_total{kind="expectation",outcome="accepted",provider="outbox"} 1.0'
    assert sent in figures
    assert 'notifier_lateness_seconds_sum{kind="expectation"} 90.0' in figures
    assert "notifier_oldest_due_seconds 0.0" in figures
    assert 'notifier_http_requests_total{route="/v1/backorders",status="201"} 1.0' in figures


def test_health_needs_no_key(api: Api) -> None:
    del api.http.headers["authorization"]
    for path in ("/healthz", "/readyz", "/metrics"):
        assert api.request("GET", path).status_code == 200
