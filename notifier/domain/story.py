"""What a customer is told of an order's past: which of the changes of its dates are part of the story."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.eta import Eta


@dataclass(frozen=True, slots=True)
class Move:
    """A line's estimate became another at `at` (aware)."""

    line_id: str
    at: datetime
    before: Eta
    after: Eta
    reason: str | None = None


def settled(moves: Iterable[Move], settle: timedelta) -> list[Move]:
    """The moves that lasted, oldest first: of those of one line less than `settle` apart, only where they ended.

    Nobody was told of the others (they become one email), and a slip of the store's fingers is no chapter. One that
    ended where it began is left out.
    """
    kept: dict[str, list[Move]] = {}
    for move in sorted(moves, key=lambda it: it.at):
        line = kept.setdefault(move.line_id, [])
        if line and move.at - line[-1].at < settle:
            move = Move(move.line_id, move.at, line.pop().before, move.after, move.reason)
        line.append(move)
    lasting = (move for line in kept.values() for move in line if move.before != move.after)
    return sorted(lasting, key=lambda it: it.at)


def revisions(moves: Iterable[Move], line_id: str) -> int:
    """How often the date of a line became another one."""
    return sum(move.line_id == line_id and move.before != move.after for move in moves)
