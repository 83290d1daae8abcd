"""Sharing arrived units among the lines that wait for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


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


def share(arrived: int, waiting: Sequence[Waiting], rule: Literal["fifo", "fair"]) -> tuple[Share, ...]:
    """Who gets the arrived units, oldest order first. Who gets none is left out; the rest is left over.

    `fifo` fills the oldest order first. `fair` gives one unit to each order, oldest first, round after round;
    an order's own lines are filled one after the other. Orders of one instant go by id.
    Raises ValueError for a negative number or an unknown rule.
    """
    if arrived < 0:
        raise ValueError(f"arrived must be 0 or more, not {arrived}")
    if short := next((line for line in waiting if line.needed < 0), None):
        raise ValueError(f"needed must be 0 or more, not {short.needed} (line {short.line_id})")
    orders: dict[str, list[Waiting]] = {}
    for line in sorted(waiting, key=lambda line: (line.placed_at, line.backorder_id, line.line_id)):
        orders.setdefault(line.backorder_id, []).append(line)
    needs = [sum(line.needed for line in lines) for lines in orders.values()]
    match rule:
        case "fifo":
            gifts = _fill(arrived, needs)
        case "fair":
            gifts = _rounds(arrived, needs)
        case _:
            raise ValueError(f'rule must be "fifo" or "fair", not {rule!r}')
    return tuple(
        Share(line.backorder_id, line.line_id, quantity, line.needed - quantity)
        for lines, gift in zip(orders.values(), gifts, strict=True)
        for line, quantity in zip(lines, _fill(gift, [line.needed for line in lines]), strict=True)
        if quantity
    )


def _fill(units: int, needs: Sequence[int]) -> Iterator[int]:
    for need in needs:
        given = min(need, units)
        units -= given
        yield given


def _rounds(units: int, needs: Sequence[int]) -> Iterator[int]:
    """Whole rounds at once, then one unit each to the oldest that still need one, as far as they reach."""
    full = _full_rounds(units, needs)
    rest = units - sum(min(need, full) for need in needs)
    for need in needs:
        extra = need > full and rest > 0
        rest -= extra
        yield min(need, full) + extra


def _full_rounds(units: int, needs: Sequence[int]) -> int:
    """The most rounds in which each order that still needs a unit gets one."""
    full = 0
    for served, need in enumerate(sorted(needs)):
        asking = len(needs) - served
        if (need - full) * asking > units:
            return full + units // asking
        units -= (need - full) * asking
        full = need
    return full
