"""Goods on their way: the oldest orders wait for them, their date is those orders' date, and they restock on arrival.

Every function takes a session inside a transaction and the time `now`. They raise NotFound, Invalid or Conflict
before anything is written.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from notifier import skus
from notifier.db import facts as store
from notifier.db import supply
from notifier.db.alike import Wanted
from notifier.db.codec import policy_from_json
from notifier.db.engine import transaction
from notifier.db.ids import new_id
from notifier.db.inbound_tables import InboundShipment
from notifier.db.supply import Picture
from notifier.db.tables import SkuChange, Store
from notifier.domain.eta import Eta
from notifier.domain.inbound import Coming, Expected, Held, Place, Stage, Wanting, by_line, cover, expected
from notifier.domain.policy import local_day
from notifier.errors import Conflict, Fault, Invalid, NotFound
from notifier.inbound.wishes import InboundChange, NewInbound
from notifier.radius import Radius, foresee
from notifier.restocking import Outcome, Restocked, foretell, hand_out


@dataclass(frozen=True, slots=True)
class Effect:
    """What a shipment, or a change of it, makes happen: dates that move, or units that are set aside, by SKU.

    `radius` is None for a large change that was confirmed without a look.
    """

    radius: Radius | None = None
    restocked: Mapping[str, Restocked] = field(default_factory=dict)
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The shipment as it is now. `created` is False when it had been handed in before, with the same content;
    `large` tells that workers carry on moving dates.
    """

    row: InboundShipment
    created: bool
    effect: Effect | None = None
    large: bool = False


# --- handing in --------------------------------------------------------------------------------------------


def preview_new(session: Session, store_row: Store, new: NewInbound, now: datetime) -> Effect:
    """What `register` would do, without doing it."""
    _refuse_past(store_row, new.eta, new.stage, now)
    row = _row(store_row, new, now)
    first = supply.called(session, store_row.id, new.reference)
    if first and first.content != row.content:
        raise _taken(new.reference, first)
    if first:
        return Effect()
    if new.stage is Stage.ARRIVED:
        return _arrival(session, row, new.quantities, now)
    return Effect(_radius(session, store_row, row, _dealt(session, row, new.quantities, (), now), now))


def register(session: Session, store_row: Store, new: NewInbound, now: datetime) -> Done:
    """Keep a shipment, and let the oldest orders that are not covered yet wait for it.

    Raises Conflict when its reference stands for other content, or when it would send too much unconfirmed.
    """
    row = _row(store_row, new, now)
    if first := supply.called(session, store_row.id, new.reference):
        if first.content == row.content:
            return Done(first, created=False)
        raise _taken(new.reference, first)
    _refuse_past(store_row, new.eta, new.stage, now)
    if not supply.add(session, row):
        raise _taken(new.reference)
    row = session.get_one(InboundShipment, row.id)
    supply.lock(session, row.store_id, new.quantities)
    supply.set_lines(session, row, new.quantities)
    if new.stage is Stage.ARRIVED:
        return Done(row, created=True, effect=_arrive(session, row, new.quantities, now))
    effect, large = _deal_out(session, store_row, row, new.quantities, (), now, confirm=new.confirm)
    return Done(row, True, effect, large)


def _row(store_row: Store, new: NewInbound, now: datetime) -> InboundShipment:
    content = new.model_dump_json(exclude={"dry_run", "confirm"}, exclude_none=True)
    return InboundShipment(
        id=new_id("inb"),
        store_id=store_row.id,
        reference=new.reference,
        stage=new.stage.value,
        eta=new.estimate.latest,
        eta_earliest=new.estimate.earliest,
        reason=new.reason,
        content=hashlib.sha256(content.encode()).hexdigest(),
        known_at=now,
        created_at=now,
    )


def _taken(reference: str, first: InboundShipment | None = None) -> Conflict:
    where = f", as {first.id}; to change it use PATCH /v1/inbound-shipments/{first.id}" if first else ""
    return Conflict(
        f"reference {reference!r} stands for another shipment already{where}",
        (Fault("/reference", f"{reference!r} is taken"),),
    )


def _refuse_past(store_row: Store, eta: object, stage: Stage, now: datetime) -> None:
    today = local_day(now, ZoneInfo(store_row.timezone))
    if eta is not None and stage is not Stage.ARRIVED and str(eta) < today.isoformat():
        raise Invalid(
            f"eta {eta} has passed: it is {today} where the store is; say when the goods are expected now, null if"
            " nobody can say, or stage 'arrived' if they are here",
            (Fault("/eta", f"must be {today} or later, not {eta}"),),
        )


# --- changing ----------------------------------------------------------------------------------------------


def preview_change(
    session: Session, store_row: Store, shipment_id: str, wanted: InboundChange, now: datetime
) -> Effect:
    """What `change` would do, without doing it."""
    row = _found(session, store_row, shipment_id)
    before = _quantities(session, row)
    _check(session, store_row, row, before, wanted, now)
    if row.arrived_at:
        return Effect()
    after = _after(row, wanted, now)
    session.expunge(row)
    quantities = _new_quantities(before, wanted)
    if wanted.stage is Stage.ARRIVED:
        return _arrival(session, after, quantities, now)
    gone = before.keys() - quantities.keys()
    return Effect(_radius(session, store_row, after, _dealt(session, after, quantities, gone, now), now))


def change(
    session: Session, store_row: Store, shipment_id: str, wanted: InboundChange, now: datetime
) -> Done:
    """Move a shipment's date, and that of the lines that wait for it; or note its stage, or what it brings.

    What it brings beyond what lines hold of it is dealt out to those that are not covered. `arrived` restocks, once.
    """
    row = _found(session, store_row, shipment_id, lock=True)
    before = _quantities(session, row)
    _check(session, store_row, row, before, wanted, now)
    if row.arrived_at:
        return Done(row, created=False)
    quantities = _new_quantities(before, wanted)
    gone = before.keys() - quantities.keys()
    supply.lock(session, row.store_id, before.keys() | quantities.keys())
    row = _after(row, wanted, now)
    session.add(row)
    if wanted.lines is not None:
        session.flush()
        supply.set_lines(session, row, quantities)
    if wanted.stage is Stage.ARRIVED:
        effect = _arrive(session, row, quantities, now)
        supply.ask(session, row.store_id, gone)
        return Done(row, created=False, effect=effect)
    effect, large = _deal_out(session, store_row, row, quantities, gone, now, confirm=wanted.confirm)
    return Done(row, False, effect, large)


def _found(session: Session, store_row: Store, shipment_id: str, *, lock: bool = False) -> InboundShipment:
    row = supply.shipment(session, store_row.id, shipment_id, lock=lock)
    if row is None:
        raise NotFound(f"there is no inbound shipment {shipment_id!r} in this store")
    return row


def _quantities(session: Session, row: InboundShipment) -> dict[str, int]:
    return {line.sku: line.quantity for line in supply.lines(session, [row.id])[row.id]}


def _new_quantities(before: Mapping[str, int], wanted: InboundChange) -> dict[str, int]:
    return {line.sku: line.quantity for line in wanted.lines} if wanted.lines else dict(before)


def _check(
    session: Session,
    store_row: Store,
    row: InboundShipment,
    quantities: Mapping[str, int],
    wanted: InboundChange,
    now: datetime,
) -> None:
    given = wanted.model_fields_set
    if row.arrived_at:
        same = {
            "reference": row.reference == wanted.reference,
            "stage": wanted.stage is Stage.ARRIVED,
            "eta": (row.eta, row.eta_earliest) == (wanted.estimate.latest, wanted.estimate.earliest),
            "eta_earliest": True,
            "reason": row.reason == wanted.reason,
            "lines": quantities == _new_quantities(quantities, wanted),
        }
        if wrong := [name for name in same if name in given and not same[name]]:
            raise Conflict(
                f"shipment {row.reference!r} has arrived, and its units are set aside: its {wrong[0]} can't change"
                " any more",
                tuple(Fault(f"/{name}", "can't change after the shipment has arrived") for name in wrong),
            )
        return
    for name in ("reference", "stage", "lines"):
        if name in given and getattr(wanted, name) is None:
            raise Invalid(f"{name} can't be null", (Fault(f"/{name}", "can't be null; leave it out"),))
    if wanted.moves and (wanted.eta, wanted.eta_earliest) != (row.eta, row.eta_earliest):
        _refuse_past(store_row, wanted.eta, wanted.stage or Stage(row.stage), now)
    if wanted.reference not in {None, row.reference}:
        reference = wanted.reference or ""
        if other := supply.called(session, store_row.id, reference):
            raise _taken(reference, other)


def _after(row: InboundShipment, wanted: InboundChange, now: datetime) -> InboundShipment:
    """The row with what is wanted of it."""
    said = (row.eta, row.eta_earliest, row.reason)
    if wanted.moves:
        row.eta, row.eta_earliest = wanted.estimate.latest, wanted.estimate.earliest
        if (row.eta, row.eta_earliest) != said[:2]:
            row.reason = None
    if "reason" in wanted.model_fields_set:
        row.reason = wanted.reason
    if (row.eta, row.eta_earliest, row.reason) != said:
        row.known_at = now
    row.stage = (wanted.stage or Stage(row.stage)).value
    row.reference = wanted.reference or row.reference
    return row


# --- dealing out -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Dealt:
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


def _dealt(
    session: Session,
    row: InboundShipment,
    quantities: Mapping[str, int],
    gone: Iterable[str],
    now: datetime,
) -> list[_Dealt]:
    """How each SKU is dealt out with the shipment as it is given here; `gone` is what it brings no more."""
    eta, dealt = Eta(row.eta, row.eta_earliest), []
    for sku in [*quantities, *gone]:
        seen = supply.picture(session, row.store_id, sku).without(row.id)
        if sku in quantities:
            seen = seen.with_shipment(Coming(row.id, quantities[sku], eta, row.known_at, row.reason))
        dealt.append(_Dealt(sku, seen, cover(seen.coming, seen.wanting, seen.held, now)))
    return dealt


def _moves(dealt: Iterable[_Dealt], shipment_id: str) -> dict[str, list[Wanted]]:
    """By order, the new estimates that its lines get."""
    moves: dict[str, list[Wanted]] = {}
    for it in dealt:
        for line, found, _ in it.moving(it.changed() | {shipment_id}):
            moves.setdefault(line.backorder_id, []).append(Wanted(it.sku, found.eta, found.reason, found.at))
    return moves


def _radius(
    session: Session, store_row: Store, row: InboundShipment, dealt: Iterable[_Dealt], now: datetime
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


def _deal_out(
    session: Session,
    store_row: Store,
    row: InboundShipment,
    quantities: Mapping[str, int],
    gone: Iterable[str],
    now: datetime,
    *,
    confirm: bool,
) -> tuple[Effect, bool]:
    """Deal the shipment's SKUs out and move dates; whether that is a large change, which workers carry on."""
    dealt = _dealt(session, row, quantities, gone, now)
    moves = _moves(dealt, row.id)
    large = len(moves) > skus.AT_ONCE
    radius = None if large and confirm else _foreseen(session, store_row, moves, now)
    if radius and not confirm:
        radius.refuse_too_many(policy_from_json(store_row.policy).max_messages_per_change)
    session.flush()
    jobs = _settle(session, row.store_id, dealt, now, {row.id})
    if not large:  # all at once, so that what moves lines of several SKUs waits for nobody who does so too
        store.versions(session, moves)
    skus.begin(session, jobs, now, large=large)
    return Effect(radius), large


def _settle(
    session: Session, store_id: str, dealt: Iterable[_Dealt], now: datetime, also: Collection[str] = ()
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
        dealt = _Dealt(sku, seen, cover(seen.coming, seen.wanting, seen.held, now))
        skus.begin(session, _settle(session, store_id, [dealt], now), now, large=True)
        supply.answered(session, notes)
    return True


# --- arriving ----------------------------------------------------------------------------------------------


def _arrival(session: Session, row: InboundShipment, quantities: Mapping[str, int], now: datetime) -> Effect:
    restocked, outcome = foretell(session, row.store_id, quantities, "fifo", now)
    return Effect(restocked=restocked, outcome=outcome)


def _arrive(session: Session, row: InboundShipment, quantities: Mapping[str, int], now: datetime) -> Effect:
    """Set the units aside, the oldest order first, and end the shares; who lost one is covered again by another."""
    supply.arrived(session, row, now)
    restocked = hand_out(session, row.store_id, quantities, "fifo", now)
    supply.ask(session, row.store_id, quantities)
    return Effect(restocked=restocked)
