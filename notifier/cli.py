"""The command line. Exit codes: 0 done, 1 the work found a fault, 2 wrong usage; errors are one line on stderr."""

import errno
import gc
import json
import logging
import signal
import socket
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from typer.exceptions import TyperException

from notifier import logs
from notifier.bootstrap import Services, build, system_clock, tune_memory
from notifier.config import Settings, load
from notifier.db.engine import make_engine, transaction
from notifier.db.migrate import is_current, upgrade
from notifier.db.tables import Store
from notifier.errors import Misconfigured, NotFound, NotifierError, Unavailable

app = typer.Typer(
    help="Keeps the customers of backordered goods told.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
SERVES = {"serve", "api", "worker"}
"""What starts a service."""

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]


@cache
def whole() -> typer.Typer:
    """All commands. What starts a service does not wait for the groups, and for all that they import."""
    from notifier import (
        cli_templates,
        cli_vendors,
        customer_commands,
        evidence_commands,
        policy_commands,
        store_commands,
    )

    app.add_typer(store_commands.app, name="store")
    app.add_typer(evidence_commands.app, name="evidence")
    app.add_typer(customer_commands.app, name="customer")
    app.add_typer(policy_commands.app, name="policy")
    app.add_typer(cli_templates.app, name="templates")
    app.add_typer(cli_vendors.sendgrid_app, name="sendgrid")
    app.add_typer(cli_vendors.klaviyo_app, name="klaviyo")
    return app


def main() -> None:
    """Run the command; a refusal is one line on stderr and exit code 1, wrong usage or a misconfiguration 2."""
    commands = app if SERVES.intersection(sys.argv[1:2]) else whole()
    try:
        sys.exit(commands(standalone_mode=False) or 0)
    except TyperException as error:
        if said := error.format_message():  # nothing where the help has been shown instead
            typer.echo(f"notifier: {' '.join(said.split())}", err=True)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except NotifierError as error:
        wrong = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in error.faults)
        typer.echo(f"notifier: {error.detail}" + (f" ({wrong})" if wrong else ""), err=True)
        sys.exit(2 if isinstance(error, Misconfigured) else 1)


# --- running ---------------------------------------------------------------------------------------------


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """API, pages and scheduler in one process; creates or upgrades its own SQLite database."""
    settings = load()
    if settings.database_url.startswith("sqlite"):
        upgrade(make_engine(settings.database_url))
    _serve(_built(settings), host, port, with_worker=True)


@app.command()
def api(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """API and pages only; run `notifier worker` beside it."""
    _serve(_built(load()), host, port, with_worker=False)


@app.command()
def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Port for Prometheus to read this worker's figures from.", min=1, max=65535),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address for that port.")] = "127.0.0.1",
) -> None:
    """The scheduler only; run as many as you like on one PostgreSQL."""
    from notifier.worker import Worker

    _log_to_stderr()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    services = _built(load())
    if metrics_port:
        services.metrics.serve(metrics_host, metrics_port)
    at_work = Worker(services)
    at_work.start()
    while not stop.wait(1):  # a signal that another thread was given does not wake this one
        pass
    at_work.stop()
    services.close()


def _built(settings: Settings) -> Services:
    """The services, on a database that is up to date."""
    services = build(settings)
    tune_memory()
    try:
        current = is_current(services.engine)
    except Unavailable:
        return services  # away for now: the service waits for it
    if not current:
        raise Misconfigured("the database is not up to date; run `notifier migrate` first")
    return services


def _serve(services: Services, host: str, port: int, *, with_worker: bool) -> None:
    import uvicorn

    from notifier.api.app import create_app
    from notifier.worker import Worker

    listening = _listen(host, port)
    _log_to_stderr()
    at_work = Worker(services) if with_worker else None
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(services),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=20,
        )
    )

    def stop(*_: object) -> None:
        server.should_exit = True

    # When it has closed, the server raises the signal that closed it once more: by default that would kill the
    # worker with emails in hand. During the rest, the same signal ends the process at once.
    usual = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    gc.collect()
    gc.freeze()  # what is loaded by now stays: looking through it again and again costs a batch a fifth of its time
    if at_work:
        at_work.start()
    try:
        server.run([listening])
    finally:
        for each, handler in usual.items():
            signal.signal(each, handler)
        if at_work:
            at_work.stop()
        services.close()


def _listen(host: str, port: int) -> socket.socket:
    """A socket of our own, so that a port that is taken is found before anything has started."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        hint = "; --port takes another" if error.errno == errno.EADDRINUSE else ""
        raise NotifierError(f"can't listen on {host}:{port}: {reason}{hint}") from None


def _log_to_stderr() -> None:
    """Log lines as JSON on stderr, or for people when that is a terminal."""
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logs.Impersonal("%(levelname)s %(name)s: %(message)s"))
    # It warns of each turn that it leaves out because the one before still works: that is meant.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    renderer: Any = logs.for_people() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            logs.impersonal,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


@app.command()
def migrate() -> None:
    """Bring the database up to date."""
    upgrade(make_engine(load().database_url))
    typer.echo("The database is up to date.")


# --- import, simulate -------------------------------------------------------------------------------


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file, one row per order line.")],
    store: Annotated[str, typer.Option(help="The id of the store, as `store create` printed it.")],
) -> None:
    """Register backorders in bulk; refused rows are reported with their line, the rest is kept."""
    from rich.console import Console
    from rich.progress import Progress

    from notifier import importing, store_commands

    engine = store_commands.own_database(load())
    with transaction(engine) as session:
        if session.get(Store, store) is None:
            raise NotFound(f"there is no store {store!r}; `notifier store create` makes one")
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Registering", total=None)
        report = importing.run(
            engine,
            store,
            file,
            system_clock(),
            lambda line, lines: progress.update(task, completed=line, total=lines),
        )
    for refusal in report.refused:
        typer.echo(f"{file}:{refusal.line}: {refusal.reason}", err=True)
    typer.echo(
        f"{report.registered} registered, {report.already} known already, {len(report.refused)} refused."
    )
    if report.refused:
        raise typer.Exit(1)


@app.command()
def simulate(
    scenario: Annotated[Path, typer.Argument(help="A scenario, as docs/simulate.md describes it.")],
    as_json: AsJson = False,
) -> None:
    """Play a dated story through the real engine and print what every customer would get, and when."""
    from rich.console import Console

    from notifier.recounting import calendar
    from notifier.rehearsal import perform, rehearse
    from notifier.simulate import ScenarioError, read_scenario

    _quiet()
    try:
        story, events = read_scenario(scenario)
        if as_json:
            for line in rehearse(story, events, load()):
                typer.echo(json.dumps(line, ensure_ascii=False))
        else:
            Console().print(calendar(story, perform(story, events, load())), end="")
    except ScenarioError as error:
        typer.echo(f"notifier: {scenario}: {error.detail}", err=True)
        raise typer.Exit(2) from None


def _quiet() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.processors.format_exc_info,
            logs.impersonal,
            logs.for_people(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


# --- demo ------------------------------------------------------------------------------------------------


@app.command()
def demo(
    port: Port = 8000,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its database and emails.")] = Path(
        "demo"
    ),
) -> None:
    """A shop with a past and a future, on this machine alone: nothing is sent anywhere."""
    from rich.console import Console

    from notifier.demo import set_the_stage

    _quiet()
    services, words = set_the_stage(folder, port, system_clock(), Console(stderr=True))
    typer.echo(words)
    _serve(services, "127.0.0.1", port, with_worker=True)
