"""`notifier store …`: stores, their settings and their keys."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from notifier.bootstrap import Services, build, system_clock
from notifier.config import Settings, load
from notifier.db import accounts, stores
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.migrate import upgrade
from notifier.db.tables import Store
from notifier.errors import NotFound, NotifierError
from notifier.faults import faults
from notifier.inputs import NewStoreInput
from notifier.keyring import PLAIN
from notifier.shopkeeping import NewTrial, StoreChange, change, document
from notifier.trial import send_test

app = typer.Typer(help="Stores, their settings and their API keys.", no_args_is_help=True)
key_app = typer.Typer(help="The API keys of a store.", no_args_is_help=True)
app.add_typer(key_app, name="key")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
StoreId = Annotated[str, typer.Argument(help="The id of the store, as `store create` printed it.")]

ASK = "-"
"""In place of a key: ask for it, so that it stands in no shell history and no list of processes."""


def own_database(settings: Settings) -> Engine:
    """The database, made first where it is a SQLite file of our own."""
    engine = make_engine(settings.database_url)
    if settings.database_url.startswith("sqlite"):
        upgrade(engine)
    return engine


@app.command("create")
def store_create(
    name: Annotated[str, typer.Option(help="What customers call the shop.")],
    timezone: Annotated[str, typer.Option(help="IANA zone, like Europe/Berlin.")] = "UTC",
    locale: Annotated[str, typer.Option(help="For customers whose locale is not known.")] = "en",
    country: Annotated[str | None, typer.Option(help="Two letters, like US.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a store and print its id and, this once, its API key."""
    try:
        wanted = NewStoreInput(name=name, timezone=timezone, locale=locale, country=country)
    except ValidationError as error:
        fault = faults(error)[0]
        raise typer.BadParameter(fault.detail, param_hint=f"--{fault.pointer.strip('/')}") from None
    with transaction(own_database(load())) as session:
        made = stores.create_store(session, system_clock(), **wanted.model_dump())
        store_id = made.store.id
    if as_json:
        typer.echo(json.dumps({"store_id": store_id, "api_key": made.api_key}))
    else:
        typer.echo(f"Store:   {store_id}\nAPI key: {made.api_key}\nKeep the key now: it is not shown again.")


@app.command("list")
def store_list(as_json: AsJson = False) -> None:
    """Every store of this installation."""
    with reading(own_database(load())) as session:
        found = [(row.id, row.name, row.provider or "") for row in stores.every(session)]
    if as_json:
        typer.echo(json.dumps([{"id": store_id, "name": name} for store_id, name, _ in found]))
    else:
        _print_table(("store", "name", "sends through"), found)


@app.command("show")
def store_show(store: StoreId, as_json: AsJson = False) -> None:
    """A store's settings; of its keys, whether they are set, and their ends."""
    services = _services()
    _tell(services, store, as_json)


@app.command("set")
def store_set(
    store: StoreId,
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE...",
            help="As in PATCH /v1/store: sender='Shop <a@b.example>' brand.accent=#1f5a43 provider=sendgrid."
            " Nothing after = takes it away. keys.sendgrid.api_key=- asks for the key.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Change a store's settings and keys."""
    services = _services()
    _known(services, store)
    try:
        wanted = StoreChange.model_validate(_document(changes))
    except ValidationError as error:
        fault = faults(error)[0]
        raise typer.BadParameter(
            fault.detail, param_hint=fault.pointer.strip("/").replace("/", ".")
        ) from None
    with transaction(services.engine) as session:
        change(session, store, wanted, services.post, services.keyring, services.clock())
    _tell(services, store, as_json)


@app.command("test")
def store_test(
    store: StoreId,
    to: Annotated[str, typer.Option(help="Who gets the test email.")],
    second: Annotated[bool, typer.Option("--second", help="Through the second provider.")] = False,
) -> None:
    """Send a test email at once, and say what came of it: what is wrong and where to mend it, or what was accepted."""
    services = _services()
    _known(services, store)
    try:
        wanted = NewTrial(to=to, second=second)
    except ValidationError as error:
        raise typer.BadParameter(faults(error)[0].detail, param_hint="--to") from None
    found = send_test(services.post, store, wanted.to, services.clock(), second=wanted.second)
    services.close()
    if not found.accepted:
        raise NotifierError(f"{found.account}: {found.detail}")
    typer.echo(f"{found.account}: {found.detail}")


@key_app.command("create")
def key_create(store: StoreId, as_json: AsJson = False) -> None:
    """A further API key of the store, printed this once."""
    services = _services()
    with transaction(services.engine) as session:
        _found(session.get(Store, store), store)
        key = stores.add_key(session, store, services.clock())
    typer.echo(
        json.dumps({"store_id": store, "api_key": key})
        if as_json
        else f"API key: {key}\nKeep the key now: it is not shown again."
    )


@key_app.command("list")
def key_list(store: StoreId, as_json: AsJson = False) -> None:
    """The store's API keys: their ids and ends."""
    services = _services()
    with reading(services.engine) as session:
        _found(session.get(Store, store), store)
        rows = [
            {
                "id": key.id,
                "last4": key.hint,
                "created_at": key.created_at.isoformat(timespec="seconds"),
                "revoked_at": key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else None,
            }
            for key in stores.keys(session, store)
        ]
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        _print_table(
            ("key", "ends in", "made", "revoked"), [tuple(v or "" for v in row.values()) for row in rows]
        )


@key_app.command("revoke")
def key_revoke(
    store: StoreId, key: Annotated[str, typer.Argument(help="Its id, as `store key list` prints it.")]
) -> None:
    """End an API key now; whoever uses it is refused."""
    services = _services()
    with transaction(services.engine) as session:
        if not stores.revoke_key(session, store, key, services.clock()):
            raise NotFound(f"store {store!r} has no key {key!r} that still opens it")
    typer.echo(f"{key} opens nothing any more.")


def sender_and_keys(store_id: str, provider: str) -> tuple[str | None, dict[str, str]]:
    """Who the store's emails come from, if it says so, and its own keys at one mail service; NotFound for no store."""
    services = _services()
    with reading(services.engine) as session:
        store = _found(session.get(Store, store_id), store_id)
        row = accounts.keys_of(session, store_id).get(provider)
        found = store.sender, services.keyring.read(row) if row else {}
    services.close()
    return found


# --- helpers ---------------------------------------------------------------------------------------------


def _services() -> Services:
    settings = load()
    own_database(settings).dispose()
    return build(settings)


def _known(services: Services, store_id: str) -> None:
    with reading(services.engine) as session:
        _found(session.get(Store, store_id), store_id)


def _found(row: Store | None, store_id: str) -> Store:
    if row is None:
        raise NotFound(f"there is no store {store_id!r}; `notifier store list` names them")
    return row


def _tell(services: Services, store_id: str, as_json: bool) -> None:
    """Print the store as `GET /v1/store` answers it."""
    from notifier.api import views  # late: other commands need not wait for the whole API

    settings = services.settings
    with reading(services.engine) as session:
        row = _found(session.get(Store, store_id), store_id)
        keys = accounts.keys_of(session, store_id)
        shown = views.store(row, keys, settings.sender, settings.provider).model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        _print_table(("setting", "value"), list(_flat(shown)))


def _document(changes: Sequence[str]) -> dict[str, Any]:
    """`brand.accent=#123456` and its like as the document that PATCH takes."""
    for given in changes:
        if "=" not in given:
            raise typer.BadParameter("must be FIELD=VALUE, like brand.accent=#1f5a43", param_hint=repr(given))
    pairs = [given.partition("=") for given in changes]
    try:
        return document((path, _value(path, value)) for path, _, value in pairs)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _value(path: str, value: str) -> str | None:
    if not path.startswith("keys.") or path.rpartition(".")[2] in PLAIN:
        return value or None
    if value == ASK:
        return (
            typer.prompt(path, hide_input=True, err=True)
            if sys.stdin.isatty()
            else sys.stdin.readline().strip()
        )
    if value:
        raise typer.BadParameter(
            f"on a command line it is seen by others of this machine; write {path}=- and enter it when asked",
            param_hint=path,
        )
    return None


def _flat(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and "last4" in value:
            if value["set"]:
                yield before + name, f"set, ends in {value['last4']}" if value["last4"] else "set"
        elif isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield before + name, str(value)


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*head, box=None)
    for row in rows:
        table.add_row(*row)
    Console(soft_wrap=True).print(table, markup=False)
