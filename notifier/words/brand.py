"""How a shop speaks and looks beyond its colour: its voice, its letters, and where else it can be found."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

Voice = Literal["plain", "warm"]
"""How an email greets, and whether it signs off. What it tells in between is the same."""

DEFAULT_FONT = "-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"
"""Whatever the reader's own system writes in."""

SAFE_FONTS: Mapping[str, str] = {
    "Arial": "sans-serif",
    "Courier New": "monospace",
    "Georgia": "serif",
    "Helvetica": "sans-serif",
    "Palatino": "serif",
    "Tahoma": "sans-serif",
    "Times New Roman": "serif",
    "Trebuchet MS": "sans-serif",
    "Verdana": "sans-serif",
}
"""What nearly every reader has, and what stands in where one has not."""

MOST_FONTS = 4
MOST_SOCIALS = 6

NETWORKS: Mapping[str, str] = {
    "bsky.app": "Bluesky",
    "facebook.com": "Facebook",
    "instagram.com": "Instagram",
    "linkedin.com": "LinkedIn",
    "pinterest.com": "Pinterest",
    "reddit.com": "Reddit",
    "snapchat.com": "Snapchat",
    "threads.com": "Threads",
    "threads.net": "Threads",
    "tiktok.com": "TikTok",
    "twitter.com": "X",
    "wa.me": "WhatsApp",
    "x.com": "X",
    "youtube.com": "YouTube",
}

# Words of a name begin with a letter and have no quotes, so that a stack needs none: they would have to be escaped.
_FAMILY = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?: [A-Za-z][A-Za-z0-9-]*)*")
_CSS = frozenset({"inherit", "initial", "unset", "revert", "default"})
"""Not names, to a browser: it drops the whole style of which they are a part."""


def fonts(names: str) -> list[str]:
    """The families of `Avenir Next, Georgia`, in the order in which they are tried.

    ValueError, saying what would be right, for what is no name, or does not end with one that nearly everybody has.
    """
    found = [" ".join(name.split()) for name in names.split(",")]
    if len(found) > MOST_FONTS:
        raise ValueError(f"has {len(found)} fonts; name at most {MOST_FONTS}")
    for name in found:
        if len(name) > 40 or name.lower() in _CSS or not _FAMILY.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a font; write it like 'Avenir Next, Georgia'")
    known = {name.lower(): name for name in SAFE_FONTS}
    last = known.get(found[-1].lower())
    if last is None:
        raise ValueError(
            f"{found[-1]!r} is not on every reader's machine; name last one that is: {', '.join(SAFE_FONTS)}"
        )
    return [*found[:-1], last]


def font_stack(names: str | None) -> str:
    """What CSS asks for: the shop's fonts and what stands in for them, or whatever the reader's system writes in."""
    if names is None:
        return DEFAULT_FONT
    found = fonts(names)
    return ",".join([*found, SAFE_FONTS[found[-1]]])


def network(url: str) -> str | None:
    """What customers call the network that this page belongs to; None for one that we don't know."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return next(
        (name for known, name in NETWORKS.items() if host == known or host.endswith(f".{known}")), None
    )
