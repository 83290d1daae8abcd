"""The shop's colour, made readable: contrast as WCAG 2 counts it, in the light scheme and in the dark one."""

import re
from dataclasses import dataclass
from functools import lru_cache

CARD, CARD_DARK = "#ffffff", "#1b2127"
"""The ground that buttons stand on in each scheme; the same values stand in `_layout.j2`."""

INK, INK_DARK = "#000000", "#0b1a33"
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)


@dataclass(frozen=True)
class Theme:
    """A button's ground and ink in both schemes."""

    accent: str
    on_accent: str
    accent_dark: str
    on_accent_dark: str


DEFAULT = Theme(accent="#174ea6", on_accent="#ffffff", accent_dark="#9cc2ff", on_accent_dark=INK_DARK)


def is_colour(value: str) -> bool:
    """Whether it is a hex colour, the one way of writing them that every mail program reads."""
    return bool(_HEX.fullmatch(value))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two hex colours, from 1 to 21 (WCAG 2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@lru_cache(maxsize=1024)
def theme(accent: str | None) -> Theme:
    """Buttons in the shop's own hex colour, its ink at least 4.5:1 whatever the colour is.

    The default theme when the shop has none. ValueError when it isn't a hex colour.
    """
    if accent is None:
        return DEFAULT
    if not is_colour(accent):
        raise ValueError(f"accent {accent!r} is not a hex colour such as #174ea6")
    light = _mix_until(accent, "#000000", CARD, 1.5)
    dark = _mix_until(accent, "#ffffff", CARD_DARK, 7.0)
    return Theme(
        accent=light,
        on_accent=max("#ffffff", INK, key=lambda ink: contrast(light, ink)),
        accent_dark=dark,
        on_accent_dark=INK_DARK,
    )


def _mix_until(colour: str, toward: str, ground: str, wanted: float) -> str:
    """The nearest colour on the way to black or white that stands out from `ground`."""
    start, end = _channels(colour), _channels(toward)
    for step in range(21):
        mixed = "#" + "".join(
            f"{round(a + (b - a) * step / 20):02x}" for a, b in zip(start, end, strict=True)
        )
        if contrast(mixed, ground) >= wanted:
            return mixed
    return toward


def _channels(colour: str) -> tuple[int, int, int]:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
