"""Takes a person out of texts: what they are called, and where they get mail."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GONE = "[erased]"
"""What stands where a name stood."""

SHORTEST_NAME = 3
"""Shorter parts of a name are not looked for by themselves: they are in too many other words."""

OF_GOODS = frozenset({"sku", "name", "carrier"})
"""Fields that name goods and carriers: a person's name in them is a product's ("Jane Austen"), or nobody's."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to forget: an address, the pseudonym that takes its place, and the names that came with it."""

    address: str
    pseudonym: str
    names: frozenset[str] = frozenset()

    def without_address(self, text: str) -> str:
        """The text with the pseudonym in place of the address, however its case is."""
        return re.sub(re.escape(self.address), lambda _: self.pseudonym, text, flags=re.IGNORECASE)

    def without(self, text: str) -> str:
        """The text without the address and without any of the names, or parts of one, as whole words."""
        text = self.without_address(text)
        for words in sorted(self._names(), key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", GONE, text)
        return text

    def forgotten(self, value: Any, field: str = "") -> Any:
        """A value of JSON with every text in it without this person; `field` is what the value is called."""
        match value:
            case str():
                return self.without_address(value) if field in OF_GOODS else self.without(value)
            case Mapping():
                return {name: self.forgotten(item, name) for name, item in value.items()}
            case list():
                return [self.forgotten(item, field) for item in value]
            case _:
                return value

    def _names(self) -> Iterable[str]:
        whole = {name.strip() for name in self.names if name.strip()}
        parts = {part.strip(".,") for name in whole for part in name.split()}
        return whole | {part for part in parts if len(part) >= SHORTEST_NAME}
