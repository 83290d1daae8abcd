"""What plots are drawn of: where each mark stands, in hundredths of the width, so that words keep their size.

The drawing itself is SVG in `html/plots.html`. A library (pygal, matplotlib) would bring its own styles and scripts,
which the pages' content security policy refuses, or scale words with the picture; a bar is one rectangle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from notifier.domain.hindsight import Outcome, Outlook

WORDS = 26
"""The longest label, in characters: what fits beside a figure on a narrow phone. The table has it whole."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar `width` hundredths long, with its label, and its figure in words."""

    label: str
    figure: str
    width: float
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """A date that was named: `x` in hundredths, `y` in pixels from the top; above the line it was late."""

    x: float
    y: float
    late: int
    named: date
    shipped: date


@dataclass(frozen=True, slots=True)
class Level:
    """A level across the plot: what stands beside it, and what it means."""

    y: float
    label: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Dots:
    dots: tuple[Dot, ...]
    levels: tuple[Level, ...]
    height: int


def bars(rows: Iterable[tuple[str, float, str]], tone: str = "") -> tuple[Bar, ...]:
    """A bar for each (label, value, figure), the longest as wide as the plot; what is more than nothing can be seen."""
    rows = list(rows)
    most = max((value for _, value, _ in rows), default=0)
    return tuple(
        Bar(short(label), figure, max(round(100 * value / most, 2), 0.75) if value > 0 else 0, tone)
        for label, value, figure in rows
    )


def short(label: str) -> str:
    return label if len(label) <= WORDS else label[: WORDS - 1].rstrip() + "…"


HEIGHT, MARGIN = 220, 26
"""Of the plot of dates, and its edge, in pixels."""


def dots(past: Sequence[Outcome], known: Outlook | None) -> Dots:
    """When goods shipped after the date first named for them, in the order of those dates."""
    late = [it.late for it in past]
    marks = [known.likely, known.safe] if known else []
    top, bottom = max(*late, *marks, 1), min(*late, *marks, 0)

    def y(days: int) -> float:
        return round(MARGIN + (top - days) * (HEIGHT - 2 * MARGIN) / (top - bottom), 1)

    found = tuple(
        Dot(round(12 + 86 * (number + 0.5) / len(past), 2), y(it.late), it.late, it.origin, it.shipped)
        for number, it in enumerate(past)
    )
    levels = [Level(y(0), "0", "on its date", "zero")]
    if known:
        names = {
            known.likely: ("half had shipped", "likely"),
            known.safe: ("four in five had shipped", "safe"),
        }
        levels += [Level(y(days), f"{days:+d}", *name) for days, name in names.items() if days]
    return Dots(found, tuple(levels), HEIGHT)
