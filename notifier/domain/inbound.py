"""Goods on their way: which waiting lines a shipment is meant for, and the date that this gives them.

A *share* is so many units of a coming shipment that a line waits for. Shares are dealt to the oldest orders first,
and stay with their line for as long as it needs them: a shipment that comes later takes nobody's share away.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from notifier.domain.eta import Eta


class Stage(StrEnum):
    """Where a shipment is; the values are part of the public surface."""

    ORDERED = "ordered"
    IN_PRODUCTION = "in_production"
    IN_TRANSIT = "in_transit"
    CUSTOMS = "customs"
    ARRIVED = "arrived"


@dataclass(frozen=True, slots=True)
class Coming:
    """One SKU of a shipment that has not arrived: `units` of it, expected at `eta`, as is known since `known_at`."""

    shipment_id: str
    units: int
    eta: Eta
    known_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Wanting:
    """A line that waits for that SKU: `needed` units are neither shipped, cancelled nor set aside for it."""

    backorder_id: str
    line_id: str
    placed_at: datetime
    needed: int
    eta: Eta
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A share: units, and since when the line's shares are as they are."""

    units: int
    since: datetime


Place = tuple[str, str]
"""A shipment's id and a line's."""

Shares = Mapping[Place, Held]


@dataclass(frozen=True, slots=True)
class Expected:
    """The estimate that a line's shares give it, known since `at`."""

    eta: Eta
    reason: str | None
    at: datetime


def cover(
    coming: Collection[Coming], wanting: Collection[Wanting], held: Shares, now: datetime
) -> dict[Place, Held]:
    """Who waits for which shipment of one SKU, from now on.

    What a line holds it keeps, as far as it still needs it and the shipment still brings it: of a line that needs
    less, the latest shipments' units are free again; of a shipment that brings less, the youngest orders go without.
    What is free is dealt to lines that are not covered yet, the oldest order first, the next shipment first.
    A line whose shares are others than before holds them since `now`.
    """
    lines = sorted(wanting, key=lambda line: (line.placed_at, line.backorder_id, line.line_id))
    ships = sorted(coming, key=lambda it: (*_lateness(it.eta), it.shipment_id))
    open_units = {line.line_id: line.needed for line in lines}
    left = {it.shipment_id: it.units for it in ships}
    units: dict[Place, int] = {}
    for ship in ships:
        for line in lines:
            if had := held.get((ship.shipment_id, line.line_id)):
                _give(units, ship.shipment_id, line.line_id, had.units, left, open_units)
    uncovered = [line for line in lines if open_units[line.line_id]]
    for ship in ships:
        first = 0
        while left[ship.shipment_id] and first < len(uncovered):
            line = uncovered[first]
            _give(units, ship.shipment_id, line.line_id, line.needed, left, open_units)
            first += not open_units[line.line_id]
        del uncovered[:first]
    return _since(units, held, now)


def _give(
    units: dict[Place, int],
    shipment_id: str,
    line_id: str,
    wish: int,
    left: dict[str, int],
    open_units: dict[str, int],
) -> None:
    given = min(wish, left[shipment_id], open_units[line_id])
    if given:
        units[shipment_id, line_id] = units.get((shipment_id, line_id), 0) + given
        left[shipment_id] -= given
        open_units[line_id] -= given


def _since(units: Mapping[Place, int], held: Shares, now: datetime) -> dict[Place, Held]:
    places = units.keys() | held.keys()
    changed = {
        line_id
        for ship, line_id in places
        if units.get((ship, line_id), 0) != getattr(held.get((ship, line_id)), "units", 0)
    }
    return {
        place: Held(count, now if place[1] in changed else held[place].since)
        for place, count in units.items()
    }


def expected(line: Wanting, shares: Iterable[tuple[Coming, Held]]) -> Expected | None:
    """The estimate that its shares give this line; None without any.

    A line is complete when its last share is here, so it has the latest date of its shares. Where they cover only
    a part of what it needs, the rest keeps the line's own estimate, and the later of the two is the line's.
    """
    mine = [(ship, share) for ship, share in shares if share.units]
    if not mine:
        return None
    last, _ = max(mine, key=lambda it: (_lateness(it[0].eta), it[0].shipment_id))
    at = max(max(ship.known_at, share.since) for ship, share in mine)
    covered = sum(share.units for _, share in mine) >= line.needed
    if not covered and _lateness(line.eta) > _lateness(last.eta):
        return Expected(line.eta, line.reason, at)
    return Expected(last.eta, last.reason, at)


def _lateness(eta: Eta) -> tuple[bool, date, date]:
    """To sort by the last day, then by the first; what nobody can say comes last."""
    if eta.latest is None:
        return True, date.max, date.max
    return False, eta.latest, eta.earliest or eta.latest


def by_line(coming: Sequence[Coming], shares: Shares) -> dict[str, list[tuple[Coming, Held]]]:
    """Each line's shares with their shipments; of those shipments only."""
    ships = {it.shipment_id: it for it in coming}
    found: dict[str, list[tuple[Coming, Held]]] = {}
    for (shipment_id, line_id), share in shares.items():
        if shipment_id in ships:
            found.setdefault(line_id, []).append((ships[shipment_id], share))
    return found
