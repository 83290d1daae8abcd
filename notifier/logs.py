"""Log lines name things by ids, never people: what slips into the words of an error is taken out at the last moment."""

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from notifier.domain.news import without_addresses

_SECRETS = (
    (re.compile(r"/o/[^/\s?#\"'{]+"), "/o/[token]"),
    (re.compile(r"\b(?:nk|whsec|s1)[_.][A-Za-z0-9_\-+/=]{8,}"), "[key]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 [key]"),
    (re.compile(r"(?<=://)[^/\s@]+:[^/\s@]+@"), ""),
    (re.compile(r"(?i)[^\s&=?/\"']+%40[^\s&/\"']+"), "[address]"),
    # PostgreSQL adds the whole row that it refuses, with whatever stands in it.
    (re.compile(r"\bDETAIL:[^\n]*"), "DETAIL: [row]"),
)


_PLAIN = re.compile(r"(?!.*/o/)[A-Za-z0-9/{}-]*")
"""What none of these can be in: most of what a line tells is a word, an id, or a path."""


def without_people(text: str) -> str:
    """The text without addresses, links of customers, keys, logins in URLs, and rows of the database."""
    if _PLAIN.fullmatch(text):
        return text
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return without_addresses(text) or ""


def impersonal(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A step of structlog's: every text of a line, the words of an exception included."""
    return {name: without_people(value) if isinstance(value, str) else value for name, value in event.items()}


def for_people() -> structlog.dev.ConsoleRenderer:
    """Lines as a terminal shows them; of an error the traceback alone.

    structlog's own choice prints the local variables of every frame: what customers wrote, and very slowly.
    """
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


class Impersonal(logging.Formatter):
    """The same for what libraries log by themselves."""

    def format(self, record: logging.LogRecord) -> str:
        return without_people(super().format(record))
