"""Who waits for which coming shipment, and the dates that move by it: dealt out, foreseen, written, carried on."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from notifier import skus
from notifier.db import facts as store
from notifier.db import restocks, supply
from notifier.db.codec import policy_from_json
from notifier.db.engine import transaction
from notifier.db.inbound_tables import InboundShipment
from notifier.db.moving import Wanted
from notifier.db.supply import Picture
from notifier.db.tables import SkuChange, Store
from notifier.domain.eta import Eta
from notifier.domain.inbound import Coming, Expected, Held, Place, Wanting, by_line, cover, expected
from notifier.radius import Radius, foresee


@dataclass(frozen=True, slots=True)
class Dealt:
    """One SKU: how it stands, and the shares that lines have from now on."""

    sku: str
    seen: Picture
    shares: Mapping[Place, Held]

    def changed(self) -> set[str]:
        """The shipments whose shares are others than before."""
        places = self.seen.held.keys() | self.shares.keys()
        return {place[0] for place in places if self.seen.held.get(place) != self.shares.get(place)}

    def moving(self, shipments: Collection[str]) -> Iterator[tuple[Wanting, Expected, set[str]]]:
        """The lines that wait for one of these shipments and get another date; with all that they wait for."""
        mine = by_line(self.seen.coming, self.shares)
        for line in self.seen.wanting:
            shares = mine.get(line.line_id, [])
            ships = {ship.shipment_id for ship, _ in shares}
            if ships.isdisjoint(shipments):
                continue
            found = expected(line, shares)
            if found and (found.eta != line.eta or found.reason not in {None, line.reason}):
                yield line, found, ships


def dealt_out(
    session: Session,
    row: InboundShipment,
    quantities: Mapping[str, int],
    gone: Collection[str],
    now: datetime,
) -> list[Dealt]:
    """How each SKU is dealt out with the shipment as it is given here; `gone` is what it brings no more.

    While units of a SKU are set aside for very many orders, only those lines keep their shares that have some: who will
    lack units is known when that is finished, and then workers deal out what is spare.
    """
    eta, dealt = Eta(row.eta, row.eta_earliest), []
    busy = restocks.under_way(session, row.store_id, {*quantities, *gone})
    for sku in [*quantities, *gone]:
        seen = supply.picture(session, row.store_id, sku).without(row.id)
        if sku in quantities:
            seen = seen.with_shipment(Coming(row.id, quantities[sku], eta, row.known_at, row.reason))
        holders = {line_id for _, line_id in seen.held}
        wanting = [line for line in seen.wanting if sku not in busy or line.line_id in holders]
        dealt.append(Dealt(sku, seen, cover(seen.coming, wanting, seen.held, now)))
    return dealt


def _moves(dealt: Iterable[Dealt], shipment_id: str) -> dict[str, list[Wanted]]:
    """By order, the new estimates that its lines get."""
    moves: dict[str, list[Wanted]] = {}
    for it in dealt:
        for line, found, _ in it.moving(it.changed() | {shipment_id}):
            moves.setdefault(line.backorder_id, []).append(Wanted(it.sku, found.eta, found.reason, found.at))
    return moves


def radius_of(
    session: Session, store_row: Store, row: InboundShipment, dealt: Iterable[Dealt], now: datetime
) -> Radius:
    return _foreseen(session, store_row, _moves(dealt, row.id), now)


def _foreseen(session: Session, store_row: Store, moves: Mapping[str, list[Wanted]], now: datetime) -> Radius:
    alike: dict[Wanted, list[str]] = {}
    for id_, changes in sorted(moves.items()):
        if len(changes) == 1:
            alike.setdefault(changes[0], []).append(id_)
    chunks = (
        (change, ids[start : start + skus.CHUNK])
        for change, ids in alike.items()
        for start in range(0, len(ids), skus.CHUNK)
    )
    each = {id_: changes for id_, changes in moves.items() if len(changes) > 1}
    return foresee(session, store_row, chunks, now, each)


def deal_out(
    session: Session,
    store_row: Store,
    row: InboundShipment,
    quantities: Mapping[str, int],
    gone: Collection[str],
    now: datetime,
    *,
    confirm: bool,
) -> tuple[Radius | None, bool]:
    """Deal the shipment's SKUs out and move dates; what that does, None for a large change that was confirmed, and
    whether it is large, so that workers carry it on."""
    dealt = dealt_out(session, row, quantities, gone, now)
    moves = _moves(dealt, row.id)
    large = len(moves) > skus.AT_ONCE
    radius = None if large and confirm else _foreseen(session, store_row, moves, now)
    if radius and not confirm:
        radius.refuse_too_many(policy_from_json(store_row.policy).max_messages_per_change)
    session.flush()
    jobs = _settle(session, row.store_id, dealt, now, {row.id})
    supply.ask(session, row.store_id, restocks.under_way(session, row.store_id, [it.sku for it in dealt]))
    if not large:  # all at once, so that what moves lines of several SKUs waits for nobody who does so too
        store.versions(session, moves)
    skus.begin(session, jobs, now, large=large)
    return radius, large


def _settle(
    session: Session, store_id: str, dealt: Iterable[Dealt], now: datetime, also: Collection[str] = ()
) -> list[SkuChange]:
    """Write who waits for what; the changes of dates that come of it, also of these shipments."""
    jobs = []
    for it in dealt:
        supply.deal(session, store_id, it.sku, it.seen, it.shares)
        ships = {ship.shipment_id: ship for ship in it.seen.coming}
        totals: dict[str, int] = {}
        for _, _, waits_for in it.moving(it.changed() | set(also)):
            for shipment_id in waits_for:
                totals[shipment_id] = totals.get(shipment_id, 0) + 1
        for shipment_id, total in sorted(totals.items()):
            ship = ships[shipment_id]
            jobs.append(skus.a_change(store_id, it.sku, ship.eta, ship.reason, total, now, shipment_id))
    return jobs


def carry_on(engine: Engine, now: datetime) -> bool:
    """Deal out one SKU again of which orders need less, or more, than they did; False when nothing asks for it."""
    with transaction(engine) as session:
        asked = supply.next_asked(session)
        if asked is None:
            return False
        store_id, sku, notes = asked
        if not supply.lock(session, store_id, [sku], wait=False):
            return False
        seen = supply.picture(session, store_id, sku)
        dealt = Dealt(sku, seen, cover(seen.coming, seen.wanting, seen.held, now))
        skus.begin(session, _settle(session, store_id, [dealt], now), now, large=True)
        supply.answered(session, notes)
    return True
