"""What the documents say is what the program does."""

import re
from pathlib import Path

import pytest
import typer
from dotenv import dotenv_values
from typer.core import TyperGroup

from notifier.cli import whole
from notifier.config import Settings

PROJECT = Path(__file__).parent.parent
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
SETTINGS = {str(field.alias): name for name, field in Settings.model_fields.items()}
EXAMPLE = PROJECT / ".env.example"


def commands(group: TyperGroup, before: str = "notifier") -> list[str]:
    """Every command as it is typed: `notifier store create`."""
    typed: list[str] = []
    for name, command in group.commands.items():
        as_typed = f"{before} {name}"
        typed += commands(command, as_typed) if isinstance(command, TyperGroup) else [as_typed]
    return typed


def test_the_example_settings_are_all_of_them_with_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    assert set(dotenv_values(EXAMPLE)) == set(SETTINGS)
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)


def test_every_setting_is_explained() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert [name for name in SETTINGS if f"`{name}`" not in readme] == []


def test_every_command_is_explained() -> None:
    words = "\n".join(document.read_text() for document in DOCUMENTS)
    assert [command for command in commands(typer.main.get_group(whole())) if command not in words] == []


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{document.relative_to(PROJECT)}: {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#\s]+)", document.read_text())
        if ":" not in link and not (document.parent / link).exists()
    ]
    assert broken == []
