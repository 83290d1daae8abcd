"""`notifier templates …`: the words of emails in files, so that a store can keep them in git.

A store's folder holds `KIND.j2`, and `KIND.LANGUAGE.po` where it says the template's English sentences itself in
another language; kinds that it has no file of stay as they come with Notifier.
"""

import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from notifier import store_commands
from notifier.bootstrap import system_clock
from notifier.config import load
from notifier.db import wordings
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.errors import Misconfigured, NotFound
from notifier.wording import draw, of_version, publish, sample_scene, wording_of
from notifier.words import language
from notifier.words.check import check, check_wording
from notifier.words.render import TemplateFault, Templates, Wording

app = typer.Typer(help="The words of emails.", no_args_is_help=True)

StoreOption = Annotated[str, typer.Option("--store", help="The id of the store.")]
Folder = Annotated[Path, typer.Argument(help="The store's folder: KIND.j2, KIND.LANGUAGE.po.")]
BY = "cli"


@app.command("check")
def check_templates(
    folder: Annotated[
        Path | None, typer.Argument(help="A store's folder; left out, what comes with Notifier.")
    ] = None,
) -> None:
    """Write every template, in every language, about every sample order, and hold it to every rule."""
    templates = Templates(load().templates_dir)
    if folder is None:
        found = [(fault.file, fault) for fault in check(templates)]
    else:
        found = [
            (str(folder / fault.file), fault)
            for kind, wording in _read(folder).items()
            for fault in check_wording(templates, kind, wording)
        ]
    _tell(found)
    typer.echo("Every template renders in every language for every sample order.")


@app.command("render")
def render_template(
    kind: Annotated[Kind, typer.Argument(help="Which email.")],
    folder: Annotated[Path | None, typer.Option(help="A store's folder.")] = None,
    sample: Annotated[str | None, typer.Option(help="The name of a sample order.")] = None,
    locale: Annotated[str, typer.Option(help="The customer's locale.")] = "en-US",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML, not subject and plain text.")] = False,
) -> None:
    """Print one email about a sample order."""
    wording = _read(folder).get(kind) if folder else None
    shop = Store(id="sample", name="Fern & Oak", created_at=system_clock())
    templates = Templates(load().templates_dir)
    try:
        rendered, _ = draw(templates, shop, kind, sample_scene(kind, sample, locale), wording)
    except TemplateFault as fault:
        _tell([(str((folder or templates.folder) / fault.file), fault)])
        return
    typer.echo(rendered.html if html else f"{rendered.subject}\n\n{rendered.text}", nl=False)


@app.command("pull")
def pull_templates(folder: Folder, store: StoreOption) -> None:
    """Write what is live into the folder, and take away files of what the store no longer has itself."""
    live = _live(store)
    folder.mkdir(parents=True, exist_ok=True)
    for kind in Kind:
        wanted = dict(_files(kind, live[kind])) if kind in live else {}
        for path in [folder / f"{kind}.j2", *folder.glob(f"{kind}.*.po")]:
            if path.name not in wanted:
                path.unlink(missing_ok=True)
        for name, text in wanted.items():
            (folder / name).write_text(text, "utf-8")
    typer.echo(f"{len(live)} of {len(Kind)} templates are the store's own.")


@app.command("push")
def push_templates(folder: Folder, store: StoreOption) -> None:
    """Publish what differs from what is live: all of it, or, where one has a fault, none."""
    templates = Templates(load().templates_dir)
    live, ours = _live(store), _read(folder)
    changed = {
        kind: ours.get(kind)
        for kind in Kind
        if (ours[kind].digest if kind in ours else None) != (live[kind].digest if kind in live else None)
    }
    _tell(
        [
            (str(folder / fault.file), fault)
            for kind, wording in changed.items()
            if wording
            for fault in check_wording(templates, kind, wording)
        ]
    )
    now = system_clock()
    with transaction(store_commands.own_database(load())) as session:
        for kind, wording in changed.items():
            base = live[kind].version if kind in live else 0
            row = publish(session, store, kind, wording, BY, now, base)
            typer.echo(f"{kind}: version {row.version if row else 0}" + ("" if wording else ", the default"))
    if not changed:
        typer.echo("Nothing differs from what is live.")


@app.command("diff")
def diff_templates(folder: Folder, store: StoreOption) -> None:
    """Show how the folder differs from what is live; exit 1 where it does."""
    live, ours = _live(store), _read(folder)
    differs = False
    for kind in Kind:
        before = dict(_files(kind, live[kind])) if kind in live else {}
        after = dict(_files(kind, ours[kind])) if kind in ours else {}
        for name in sorted(before.keys() | after.keys()):
            old, new = (text.get(name, "").splitlines(keepends=True) for text in (before, after))
            for line in unified_diff(old, new, f"live/{name}", str(folder / name)):
                differs = True
                typer.echo(line, nl=line.endswith("\n") is False)
    if differs:
        raise typer.Exit(1)
    typer.echo("Nothing differs from what is live.")


def _tell(found: list[tuple[str, TemplateFault]]) -> None:
    """Each fault as `file:line: reason`; exit 1 where there is one."""
    for file, fault in found:
        typer.echo(f"{file}:{fault.line}: {fault.reason}", err=True)
    if found:
        sys.exit(1)


def _live(store_id: str) -> dict[Kind, Wording]:
    """What the store has published itself, by kind."""
    with reading(store_commands.own_database(load())) as session:
        store = session.get(Store, store_id)
        if store is None:
            raise NotFound(f"there is no store {store_id!r}; `notifier store list` names them")
        rows = {
            Kind(kind): wordings.version(session, store_id, Kind(kind), number)
            for kind, number in store.templates.items()
        }
    return {kind: of_version(row) for kind, row in rows.items() if row is not None}


def _read(folder: Path) -> dict[Kind, Wording]:
    """What a folder holds. Raises Misconfigured for one that can't be read, or a file that is no template's."""
    if not folder.is_dir():
        raise Misconfigured(f"{folder} is no folder")
    for po in folder.glob("*.po"):
        if not (folder / f"{po.name.split('.')[0]}.j2").is_file():
            raise Misconfigured(f"{po}: there is no {po.name.split('.')[0]}.j2 beside it")
    found: dict[Kind, Wording] = {}
    for path in sorted(folder.glob("*.j2")):
        if path.stem not in list(Kind):
            raise Misconfigured(f"{path}: no email is called {path.stem!r}; there are {', '.join(Kind)}")
        translations = {
            po.name.split(".")[1]: language.read_translations(po) for po in folder.glob(f"{path.stem}.*.po")
        }
        found[Kind(path.stem)] = wording_of(path.read_text("utf-8"), translations)
    return found


def _files(kind: Kind, wording: Wording) -> Iterator[tuple[str, str]]:
    """The files of a template: their names and texts."""
    yield f"{kind}.j2", wording.source
    for spoken, sentences in sorted(wording.translations.items()):
        yield f"{kind}.{spoken}.po", language.write_translations(sentences, spoken)
