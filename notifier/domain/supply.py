"""Sharing arrived units among the lines that wait for them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Rule = Literal["fifo", "fair"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line of an order that still needs units; orders are as old as their `placed_at` (aware)."""

    backorder_id: str
    line_id: str
    needed: int
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """The units that a line gets, at least one, and how many it still waits for."""

    backorder_id: str
    line_id: str
    quantity: int
    still_waiting: int


@dataclass(frozen=True, slots=True)
class Pile:
    """Units on their way along the orders that wait, from the oldest to the youngest: all there is to remember of the
    rule between two of them, so that whoever stops can go on there.

    `left` units are not given away yet. Under `fifo` an order may have whatever it needs; under `fair` as many units as
    there are whole rounds (`each`), and one more while there is `extra` for a last round that does not reach them all.
    """

    left: int
    each: int | None = None
    extra: int = 0

    def give(self, needed: int) -> tuple[int, "Pile"]:
        """What the next order gets that needs so many, and what goes on from there."""
        more = self.each is not None and needed > self.each and self.extra > 0
        wanted = needed if self.each is None else min(needed, self.each) + more
        given = min(wanted, self.left)
        return given, replace(self, left=self.left - given, extra=self.extra - more)


def pile(units: int, rule: Rule, needs: Mapping[int, int] | None = None) -> Pile:
    """Units that arrived, at the head of the queue; orders of one instant stand in it by their ids.

    `fifo` fills the oldest order first. `fair` gives one unit to each order, oldest first, round after round: so it
    must know of the `needs`, how many orders lack how many units.
    Raises ValueError for a negative number or an unknown rule.
    """
    if units < 0:
        raise ValueError(f"arrived must be 0 or more, not {units}")
    match rule:
        case "fifo":
            return Pile(units)
        case "fair":
            each = _full_rounds(units, needs or {})
            full = sum(min(need, each) * orders for need, orders in (needs or {}).items())
            return Pile(units, each, units - full)
        case _:
            raise ValueError(f'rule must be "fifo" or "fair", not {rule!r}')


def _full_rounds(units: int, needs: Mapping[int, int]) -> int:
    """The most rounds in which each order that still needs a unit gets one."""
    full, asking = 0, sum(needs.values())
    for need, orders in sorted(needs.items()):
        if (need - full) * asking > units:
            return full + units // asking
        units -= (need - full) * asking
        full, asking = need, asking - orders
    return full


def served(start: Pile, needs: Mapping[int, int]) -> int | None:
    """How many orders get units from the head of the queue on, where that can be told from their needs alone.

    None under `fifo` with too few units for all: it hangs on who lacks how many, and where they stand.
    """
    orders = sum(count for need, count in needs.items() if need)
    lacked = sum(need * count for need, count in needs.items())
    if start.left >= lacked or start.each:
        return orders
    return None if start.each is None else start.extra


def along(start: Pile, waiting: Iterable[Waiting]) -> Iterator[tuple[Share, Pile]]:
    """Go along lines, one of each order, the oldest first: who gets units, and what goes on from there.

    Who gets none is left out; nobody is asked any more once all units are given away.
    """
    now = start
    if not now.left:
        return
    for line in waiting:
        given, now = now.give(line.needed)
        if given:
            yield Share(line.backorder_id, line.line_id, given, line.needed - given), now
        if not now.left:
            return
