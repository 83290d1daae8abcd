"""`notifier customer …`: what a customer may ask of a store about themselves."""

import json
import sys
from typing import Annotated

import typer
from pydantic import EmailStr, TypeAdapter, ValidationError
from sqlalchemy import Engine
from sqlmodel import Session

from notifier import privacy
from notifier.bootstrap import system_clock
from notifier.config import Settings, load
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.tables import Store
from notifier.errors import NotFound
from notifier.faults import faults

app = typer.Typer(help="A customer's data: export and erasure.", no_args_is_help=True)

ASK = "-"
Address = Annotated[
    str,
    typer.Argument(
        help="The customer's address; - reads it from standard input, so that no history keeps it."
    ),
]
StoreId = Annotated[str, typer.Option("--store", help="The id of the store.")]


@app.command("export")
def export(address: Address, store: StoreId) -> None:
    """Print all that a store keeps of a customer, as JSON (GDPR Art. 15 and 20)."""
    settings, engine = _opened()
    email = _email(address)
    with reading(engine) as session:
        found = privacy.export(session, _store(session, store), email, _secret(settings), system_clock())
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


@app.command("erase")
def erase(
    address: Address,
    store: StoreId,
    stop_open_orders: Annotated[
        bool,
        typer.Option(
            "--stop-open-orders",
            help="End the emails of orders that still wait: you tell the customer yourself.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Forget a customer: address, name and emails go, keyed hashes, times and states stay (GDPR Art. 17)."""
    settings, engine = _opened()
    email = _email(address)
    with reading(engine) as session:
        name = _store(session, store).name
    if not yes:
        typer.confirm(f"Erase this customer of {name}? It can't be undone.", abort=True, err=True)
    with transaction(engine) as session:
        done = privacy.erase(
            session,
            store,
            email,
            _secret(settings),
            system_clock(),
            by="command line",
            stop_open=stop_open_orders,
        )
    when = f"{done.at:%Y-%m-%d %H:%M} UTC"
    if done.again:
        typer.echo(f"Erased already, on {when}; nothing was left to erase.")
    else:
        typer.echo(f"Erased on {when}: {done.orders} orders, {done.messages} emails. In place of the address stands"
                   f" {done.pseudonym}")  # fmt: skip


def _opened() -> tuple[Settings, Engine]:
    settings = load()
    return settings, make_engine(settings.database_url)


def _store(session: Session, store_id: str) -> Store:
    found = session.get(Store, store_id)
    if found is None:
        raise NotFound(f"there is no store {store_id!r}; `notifier store list` names them")
    return found


def _email(given: str) -> str:
    text = sys.stdin.readline().strip() if given == ASK else given
    try:
        return TypeAdapter(EmailStr).validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(faults(error)[0].detail, param_hint="ADDRESS") from None


def _secret(settings: Settings) -> str:
    return settings.secret_key.get_secret_value()
