"""`notifier customer …`: what a customer may ask of a store about themselves, by themselves or by a shop platform."""

import json
import sys
from typing import Annotated

import typer
from pydantic import EmailStr, TypeAdapter, ValidationError
from sqlalchemy import Engine
from sqlmodel import Session

from notifier import privacy, privacy_requests
from notifier.bootstrap import system_clock
from notifier.config import Settings, load
from notifier.db import privacy_requests as kept
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.tables import Store
from notifier.errors import Conflict, NotFound
from notifier.faults import faults
from notifier.shops import LABELS

app = typer.Typer(help="A customer's data: export and erasure.", no_args_is_help=True)

ASK = "-"
MOST_LISTED = 1000
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


@app.command("requests")
def requests(store: StoreId) -> None:
    """List what customers asked for by a shop platform and is still to be done."""
    _, engine = _opened()
    with reading(engine) as session:
        _store(session, store)
        found = kept.find(session, store, state="open", limit=MOST_LISTED)
        for row in found:
            orders = kept.orders_of(session, store, row.emails)
            waiting = ", ".join(order_id for _, order_id, waits in orders if waits)
            waits = f"; waits for {waiting}" if waiting and row.kind == "erase" else ""
            approved = "; approved" if row.approved_at else ""
            about = ", ".join(row.emails) or f"all customers of {LABELS[row.platform]}"
            typer.echo(f"{row.id}  {row.kind:10}  due {row.due_at:%Y-%m-%d}  {about}{waits}{approved}")
    if not found:
        typer.echo("No customer asks for anything.")


@app.command("answer")
def answer(
    request: Annotated[
        str, typer.Argument(help="The id of the request; `notifier customer requests` lists them.")
    ],
    store: StoreId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """See to a request: print a customer's data, as JSON, to be handed to them; or erase.

    Who still waits for an order is erased by workers when that is over.
    """
    settings, engine = _opened()
    with reading(engine) as session:
        name = _store(session, store).name
        row = kept.one(session, request)
        kind = row.kind if row is not None and row.store_id == store else ""
    if kind == "erase_shop" and not yes:
        typer.confirm(
            f"Erase all customers of {name} who ordered by this shop? It can't be undone.",
            abort=True,
            err=True,
        )
    with transaction(engine) as session:
        done = privacy_requests.answer(
            session, _store(session, store), request, _secret(settings), system_clock()
        )
        over = done.request.done_at is not None
    if kind == "export":
        if not done.exports:
            raise Conflict("it was answered before; `notifier customer export` prints what is kept now")
        typer.echo(json.dumps(done.exports, ensure_ascii=False, indent=2))
    elif over:
        typer.echo("Erased.")
    elif kind == "erase":
        typer.echo("An order still waits, or data are still to be handed out: erased when that is over.")
    else:
        typer.echo("Workers erase each customer as soon as none of their orders waits.")


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
