"""The customer's pages speak every language that emails are written in."""

import ast
from pathlib import Path

import pytest
from jinja2 import Environment

from notifier.pages.html import HERE, catalogs
from notifier.words.language import LANGUAGES, SOURCE

PAGES = ("order.html", "trouble.html", "unsubscribe.html")


def said() -> set[str]:
    """Every sentence that the customer's pages and calendar ask to be translated."""
    environment = Environment(extensions=["jinja2.ext.i18n"])  # noqa: S701  nothing is rendered with it
    found = {
        words[0] if isinstance(words, tuple) else words
        for name in PAGES
        for _, _, words in environment.extract_translations((HERE / "html" / name).read_text())  # type: ignore[attr-defined]  # the i18n extension adds it
    }
    return found | {
        str(node.args[0].value)
        for module in ("calendar.py", "availability.py")
        for node in ast.walk(ast.parse(Path(HERE / module).read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "_"
        and isinstance(node.args[0], ast.Constant)
    }


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != SOURCE])
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    catalog = catalogs[language]._catalog  # type: ignore[attr-defined]  # gettext has no other way to list it
    assert {sentence for sentence in catalog if sentence} == said()
    assert all(catalog[sentence].strip() for sentence in said())
