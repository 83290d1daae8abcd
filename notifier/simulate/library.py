"""The stories that come with Notifier: one file each in `stories/`, in chapters."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "stories"
CHAPTERS = {
    "dates": "Dates that hold, move, and are lost",
    "law": "The law on late orders",
    "supply": "Supply",
    "customer": "Customers",
    "clock": "Clocks and calendars",
    "money": "Money",
    "policy": "A store's own policy",
    "all": "All together",
}


@dataclass(frozen=True, slots=True)
class Story:
    """A story by its file's name, whose first word is its chapter. `text` is the file."""

    name: str
    title: str
    why: str
    text: str

    @property
    def chapter(self) -> str:
        return CHAPTERS[chapter(self.name)]


def chapter(name: str) -> str:
    return name.partition("-")[0]


def names() -> list[str]:
    """Every story, in the order of the chapters."""
    order = list(CHAPTERS)
    return sorted(
        (file.stem for file in FOLDER.glob("*.json")), key=lambda name: (order.index(chapter(name)), name)
    )


@cache
def stories() -> dict[str, Story]:
    """By name, in the order of the chapters. They are read once."""
    return {name: _read(name) for name in names()}


def _read(name: str) -> Story:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    told = json.loads(text)
    return Story(name, told["title"], told["why"], text)
