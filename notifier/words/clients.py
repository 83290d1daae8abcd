"""What the HTML of an email may hold, so that the mail programs of customers show it, and run nothing.

From caniemail's data (caniemail.com, MIT, as of November 2026): what Gmail, Outlook, Apple Mail and Yahoo all support
in their newest versions, and of what only Outlook on Windows lacks those that do no harm there.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple

ELEMENTS = frozenset(
    "a b blockquote br center code del div em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s small span strike strong "
    "sub sup table tbody td tfoot th thead tr u ul".split()
)
ATTRIBUTES = frozenset(
    "align alt bgcolor border cellpadding cellspacing class colspan dir height href id lang role rowspan src "
    "style title valign width".split()
)
PROPERTIES = frozenset(
    "background background-color border border-bottom border-collapse border-color border-left "
    "border-radius border-right border-spacing border-style border-top border-width color direction "
    "display font font-family font-size font-style font-weight height letter-spacing line-height "
    "list-style list-style-type margin margin-bottom margin-left margin-right margin-top max-height "
    "max-width min-width mso-hide mso-line-height-rule opacity overflow padding padding-bottom "
    "padding-left padding-right padding-top text-align text-decoration text-indent text-transform "
    "vertical-align white-space width word-break".split()
)
DISPLAYS = frozenset({"block", "inline", "inline-block", "none", "table", "table-cell", "table-row"})


SMALLEST = 14
"""Pixels that words must have to be read with ease."""
_PIXELS = re.compile(r"(?:^|;)\s*font(?:-size)?\s*:[^;]*?([\d.]+)px")


class Seen(NamedTuple):
    """`without_alt` are addresses of pictures, `small` sizes of words in pixels."""

    unsupported: tuple[str, ...]
    without_alt: tuple[str, ...]
    small: tuple[float, ...]


class _Body(HTMLParser):
    """Collects what stands in the body and is not understood everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.in_body = False
        self.unsupported: list[str] = []
        self.without_alt: list[str] = []
        self.small: list[float] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self.in_body = True
            return
        if not self.in_body:
            return
        if tag not in ELEMENTS:
            self.unsupported.append(f"<{tag}>")
        given = {name: value or "" for name, value in attrs}
        if tag == "img" and "alt" not in given:
            self.without_alt.append(given.get("src", ""))
        for name in given.keys() - ATTRIBUTES:
            self.unsupported.append(f"{name}= on <{tag}>")
        style = given.get("style", "")
        self.unsupported += _unsupported_styles(style)
        self.small += [float(size) for size in _PIXELS.findall(style) if float(size) < SMALLEST]

    handle_startendtag = handle_starttag


def _unsupported_styles(style: str) -> Iterator[str]:
    for declaration in style.split(";"):
        name, colon, value = (piece.strip().lower() for piece in declaration.partition(":"))
        if not colon:
            continue
        if name not in PROPERTIES:
            yield f"the style {name}"
        elif name == "display" and value.replace("!important", "").strip() not in DISPLAYS:
            yield f"the style display:{value}"
        elif "url(" in value or "expression(" in value:
            yield f"an address in the style {name}"


def seen(html: str) -> Seen:
    """What of an email's HTML common mail programs drop or change, and what some readers can't see, each once."""
    body = _Body()
    body.feed(html)
    body.close()
    return Seen(
        tuple(dict.fromkeys(body.unsupported)),
        tuple(dict.fromkeys(body.without_alt)),
        tuple(dict.fromkeys(body.small)),
    )
