"""`notifier policy …`: read, check and set a store's sending policy; the checks and messages are those of the API."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine
from sqlmodel import Session

from notifier import policies
from notifier.api import policy_shapes
from notifier.bootstrap import system_clock
from notifier.config import load
from notifier.db.codec import policy_from_json
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.tables import Store
from notifier.errors import Fault, Invalid, NotFound
from notifier.policy_input import PolicyChange, PolicyInput, SkuPolicyInput
from notifier.validation import checked

app = typer.Typer(help="A store's sending policy, or that of one SKU of it.", no_args_is_help=True)

File = Annotated[str, typer.Argument(help="The policy as JSON; - reads it from standard input.")]
StoreId = Annotated[str, typer.Option("--store", help="The id of the store.")]
Sku = Annotated[
    str | None, typer.Option("--sku", help="Only of this SKU: its countdown_days and delay_threshold_days.")
]


@app.command("show")
def show(store: StoreId, sku: Sku = None) -> None:
    """Print the policy as JSON, in full, with its version; `set` takes it as it is."""
    with reading(_opened()) as session:
        row = _store(session, store)
        policy = policies.current(row)
    if sku is None:
        _print(policy.model_dump(mode="json") | {"version": row.policy_version})
    elif sku in policy.skus:
        _print(policy.skus[sku].model_dump(mode="json", exclude_none=True))
    else:
        raise NotFound(f"SKU {sku!r} has no policy of its own")


@app.command("check")
def check(file: File, sku: Sku = None) -> None:
    """Say what is wrong with a policy, and what it would leave out; asks no database."""
    if sku is not None:
        policy = policies.checked(
            {"skus": {sku: checked(SkuPolicyInput, _read(file)).model_dump(mode="json")}}
        )
    else:
        policy = checked(PolicyChange, _read(file))
    _warn(policy)
    typer.echo("The policy is right.")


@app.command("set")
def set_(
    file: File,
    store: StoreId,
    sku: Sku = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what it would do, as JSON.")] = False,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm", help="The second yes, for what would send more than max_messages_per_change."
        ),
    ] = False,
) -> None:
    """Replace the policy, or, with --sku, that of one SKU; what is left out has its default. Open orders follow."""
    document, now, engine = _read(file), system_clock(), _opened()
    with reading(engine) as session:
        row = _store(session, store)
        if sku is None:
            wanted: PolicyInput = checked(PolicyChange, document)
            made_from = wanted.version if isinstance(wanted, PolicyChange) else None
        else:
            own = checked(SkuPolicyInput, document)
            wanted, made_from = policies.with_sku(row, sku, own), row.policy_version
        if dry_run or not confirm:
            outlook = policies.preview(session, row, wanted.policy, now)
            if dry_run:
                _print(policy_shapes.effect(outlook, wanted).model_dump(mode="json"))
                return
            policies.hold_if_too_many(outlook, policy_from_json(row.policy).max_messages_per_change)
    _warn(wanted)
    with transaction(engine) as session:
        version = policies.change(session, store, wanted, "command line", now, made_from).policy_version
    typer.echo(f"The policy is in version {version} now; the worker plans every open order again with it.")


def _warn(policy: PolicyInput) -> None:
    for warning in policy.warnings:
        typer.echo(f"notifier: warning: {warning}", err=True)


def _read(file: str) -> dict[str, Any]:
    """Raises Invalid for what is no JSON object, BadParameter for a file that can't be read."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} can't be read: {error}", param_hint="FILE") from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{file} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Invalid(
            f"{file} must hold an object", (Fault("", 'must be an object like {"min_gap_hours": 20}'),)
        )
    return found


def _print(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _opened() -> Engine:
    return make_engine(load().database_url)


def _store(session: Session, store_id: str) -> Store:
    found = session.get(Store, store_id)
    if found is None:
        raise NotFound(f"there is no store {store_id!r}; `notifier store list` names them")
    return found
