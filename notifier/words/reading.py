"""An email's HTML as a mail client sees it: its words, links, headings, and every text's colours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
_UNSEEN = frozenset({"head", "script", "style", "title"})
_DARK = re.compile(r"@media \(prefers-color-scheme:dark\)\{((?:[^{}]*\{[^{}]*\})*)\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


@dataclass(frozen=True)
class Ink:
    """Colours of one element: the ground it stands on and the ink of its text."""

    ground: str
    ink: str


@dataclass(frozen=True)
class Text:
    """Words that are shown, with their colours in the light and in the dark scheme."""

    words: str
    light: Ink
    dark: Ink


@dataclass(frozen=True)
class _Open:
    tag: str
    seen: bool
    preheader: bool
    light: Ink
    dark: Ink


@dataclass
class Reading(HTMLParser):
    """What is in an HTML email."""

    title: str = ""
    preheader: str = ""
    headings: int = 0
    language: str = ""
    urls: list[str] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._dark: dict[str, dict[str, str]] = {}
        self._path = [_Open("", True, False, Ink("#ffffff", "#000000"), Ink("#ffffff", "#000000"))]

    @property
    def words(self) -> str:
        return " ".join(text.words for text in self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        style = _declarations(given.get("style", ""))
        above = self._path[-1]
        dark = {k: v for name in given.get("class", "").split() for k, v in self._dark.get(name, {}).items()}
        hidden = style.get("display") == "none"
        self.urls += [given[name] for name in ("href", "src") if name in given]
        self.headings += tag == "h1"
        if tag == "html":
            self.language = given.get("lang", "")
        if tag not in _VOID:
            self._path.append(
                _Open(
                    tag,
                    above.seen and not hidden and tag not in _UNSEEN,
                    above.preheader or hidden,
                    _over(above.light, style),
                    _over(above.dark, style | dark),
                )
            )

    def handle_endtag(self, tag: str) -> None:
        while len(self._path) > 1 and self._path.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        words, here = " ".join(data.split()), self._path[-1]
        if here.tag == "style":
            self._dark = dict(_dark_classes(data))
        elif here.tag == "title":
            self.title += words
        elif here.preheader:
            self.preheader += words
        elif here.seen and words:
            self.texts.append(Text(words, here.light, here.dark))


def read(html: str) -> Reading:
    reading = Reading()
    reading.feed(html)
    reading.close()
    return reading


def _declarations(style: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in style.split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs if value}


def _over(above: Ink, style: dict[str, str]) -> Ink:
    ground = style.get("background", style.get("background-color", "inherit"))
    ink = style.get("color", "inherit")
    return Ink(
        above.ground if ground in ("inherit", "transparent") else ground,
        above.ink if ink == "inherit" else ink,
    )


def _dark_classes(css: str) -> Iterator[tuple[str, dict[str, str]]]:
    for block in _DARK.findall(css):
        for selector, declarations in _RULE.findall(block):
            yield selector.strip().removeprefix("."), _declarations(declarations)
