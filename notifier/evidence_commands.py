"""`notifier evidence …`: the evidence of an order, and whether a file of it was changed."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from notifier import evidence
from notifier.bootstrap import system_clock
from notifier.config import load
from notifier.db import queries
from notifier.db.engine import make_engine, reading
from notifier.domain.evidence import Unreadable, Verdict, verify, written
from notifier.errors import NotFound
from notifier.signed import Signer, holds, read_public_key

app = typer.Typer(help="The evidence of an order, for a card issuer or a regulator.", no_args_is_help=True)


@app.command("export")
def export(
    backorder: Annotated[str, typer.Argument(help="The id of the backorder, like bo_019a….")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; without it, standard output.")
    ] = None,
) -> None:
    """Write the evidence of one order: what was promised, told, answered and owed, chained and signed."""
    settings = load()
    with reading(make_engine(settings.database_url)) as session:
        store_id = queries.store_of(session, backorder)
        if store_id is None:
            raise NotFound(f"there is no backorder {backorder!r}")
        made = evidence.document(
            session, store_id, backorder, settings.secret_key.get_secret_value(), system_clock()
        )
    if out is None:
        sys.stdout.buffer.write(written(made))
    else:
        out.write_bytes(written(made))
        typer.echo(f"{out}: {made['head']['records']} records")


@app.command("verify")
def verify_file(
    file: Annotated[Path, typer.Argument(help="A file as `GET /v1/backorders/{id}/evidence` gave it.")],
    key: Annotated[
        str | None,
        typer.Option(
            help="The public key that must have signed it: base64, or a PEM file as /evidence-key gives it."
            " Without it, this installation's own (NOTIFIER_SECRET_KEY)."
        ),
    ] = None,
) -> None:
    """Check every byte of a file, without database or network.

    Exit code 0: it is as it was signed; 1: it was changed, and where; 2: it can't be read.
    """
    try:
        expected = _public_key(key)
        verdict = verify(file.read_bytes(), holds, expected)
    except OSError as error:
        typer.echo(f"notifier: {file}: {error.strerror}", err=True)
        raise typer.Exit(2) from None
    except Unreadable as error:
        typer.echo(f"notifier: {file}: {error}", err=True)
        raise typer.Exit(2) from None
    for finding in verdict.findings:
        typer.echo(f"{file}: {finding.pointer or '(the whole)'}: {finding.what}", err=True)
    if verdict.findings:
        raise typer.Exit(1)
    typer.echo(_good(file, verdict))


def _public_key(given: str | None) -> str:
    if given is None:
        return Signer(load().secret_key.get_secret_value()).public_key
    try:
        return read_public_key(given if _is_base64(given) else Path(given).read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise typer.BadParameter(f"{given!r}: {reason}", param_hint="--key") from None


def _is_base64(text: str) -> bool:
    """Whether it is a key rather than a file: 32 bytes are 44 characters, the last of them `=`."""
    return len(text) == 44 and text.endswith("=")


def _good(file: Path, verdict: Verdict) -> str:
    gone = f", of which {verdict.redacted} have lost words to an erasure" if verdict.redacted else ""
    return (
        f"{file}: nothing was changed since it was signed.\n"
        f"{verdict.records} records in one chain{gone}; {verdict.bodies} emails byte for byte."
        f"\nSigned with {verdict.public_key}"
    )
