"""Goods on their way, as rows: shipments, who waits for them, and what must be dealt out again.

Units of a SKU are dealt out under `lock`, by one at a time. Whoever holds an order never waits for it: what a fact
frees, or asks for, is only noted (`ask`), and dealt out by whoever works off the notes.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache

import sqlalchemy
from sqlalchemy import delete, func, insert, tuple_, update
from sqlmodel import Session, SQLModel, col, select

from notifier.db import bulk
from notifier.db.facts import Order
from notifier.db.ids import new_id
from notifier.db.inbound_tables import InboundLine, InboundShare, InboundShipment, SupplyTodo
from notifier.db.restock_tables import Restock
from notifier.db.tables import Backorder, BackorderLine, Fact
from notifier.domain.eta import Eta
from notifier.domain.inbound import Coming, Held, Place, Wanting

PIECE = 500
"""How many rows one statement names."""


# --- shipments ---------------------------------------------------------------------------------------------


def shipment(
    session: Session, store_id: str, shipment_id: str, *, lock: bool = False
) -> InboundShipment | None:
    """One of this store's; with `lock` nobody else changes it until the transaction ends."""
    query = select(InboundShipment).where(
        InboundShipment.id == shipment_id, InboundShipment.store_id == store_id
    )
    if lock:  # but whoever deals units out may refer to it meanwhile
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.exec(query).one_or_none()


def called(session: Session, store_id: str, reference: str) -> InboundShipment | None:
    """The store's shipment of that reference."""
    query = select(InboundShipment).where(
        InboundShipment.store_id == store_id, InboundShipment.reference == reference
    )
    return session.exec(query).one_or_none()


def add(session: Session, row: InboundShipment) -> bool:
    """Keep a new shipment; False when its reference is taken, perhaps since just now."""
    return bool(bulk.insert_new(session, "inbound_shipment", [row.model_dump()]))


def shipments(
    session: Session, store_id: str, *, stage: str | None, sku: str | None, after: str | None, limit: int
) -> Sequence[InboundShipment]:
    """A store's shipments, the newest first, from just past `after`; `sku` is one that they bring."""
    query = select(InboundShipment).where(InboundShipment.store_id == store_id)
    if stage is not None:
        query = query.where(InboundShipment.stage == stage)
    if sku is not None:
        brings = select(InboundLine.shipment_id).where(
            InboundLine.store_id == store_id, InboundLine.sku == sku
        )
        query = query.where(col(InboundShipment.id).in_(brings))
    if after is not None:
        query = query.where(InboundShipment.id < after)
    return session.exec(query.order_by(col(InboundShipment.id).desc()).limit(limit)).all()


def lines(session: Session, shipment_ids: Collection[str]) -> dict[str, list[InboundLine]]:
    """By shipment, what is in it, as it was handed in."""
    query = (
        select(InboundLine)
        .where(col(InboundLine.shipment_id).in_(shipment_ids))
        .order_by(InboundLine.shipment_id, col(InboundLine.position))
    )
    found: dict[str, list[InboundLine]] = {shipment_id: [] for shipment_id in shipment_ids}
    for row in session.exec(query):
        found[row.shipment_id].append(row)
    return found


def count_waiting(session: Session, shipment_ids: Collection[str]) -> dict[tuple[str, str], int]:
    """By shipment and SKU, how many orders wait for it."""
    query = (
        select(InboundShare.shipment_id, InboundShare.sku, func.count())
        .where(col(InboundShare.shipment_id).in_(shipment_ids))
        .group_by(InboundShare.shipment_id, InboundShare.sku)
    )
    return {(shipment_id, sku): count for shipment_id, sku, count in session.exec(query)}


def set_lines(session: Session, row: InboundShipment, quantities: Mapping[str, int]) -> None:
    """Make this what is in the shipment; how much of it is spare is for `deal` to say."""
    table = SQLModel.metadata.tables["inbound_line"]
    known = {line.sku: line for line in lines(session, [row.id])[row.id]}
    if gone := known.keys() - quantities.keys():
        session.execute(delete(table).where(table.c.shipment_id == row.id, table.c.sku.in_(gone)))
    for position, (sku, quantity) in enumerate(quantities.items()):
        place = {"position": position, "quantity": quantity, "spare": 0}
        if sku in known:
            session.execute(
                update(table).where(table.c.shipment_id == row.id, table.c.sku == sku).values(place)
            )
        else:
            session.execute(insert(table).values(shipment_id=row.id, sku=sku, store_id=row.store_id, **place))
    session.expire_all()


def arrived(session: Session, row: InboundShipment, now: datetime) -> None:
    """Nobody waits for it any more."""
    row.arrived_at = now
    session.add(row)
    session.flush()
    shares = SQLModel.metadata.tables["inbound_share"]
    session.execute(delete(shares).where(shares.c.shipment_id == row.id))
    table = SQLModel.metadata.tables["inbound_line"]
    session.execute(update(table).where(table.c.shipment_id == row.id).values(arrived_at=now, spare=0))


@dataclass(frozen=True, slots=True)
class Brings:
    """A shipment, and what it brings of one SKU."""

    row: InboundShipment
    quantity: int
    spare: int


def coming(session: Session, store_id: str, sku: str, limit: int) -> list[Brings]:
    """What is on its way of this SKU, the next first; without a date last."""
    ship, line = InboundShipment, InboundLine
    query = (
        select(ship, line.quantity, line.spare)
        .join(line, col(line.shipment_id) == ship.id)
        .where(line.store_id == store_id, line.sku == sku, col(line.arrived_at).is_(None))
        .order_by(col(ship.eta).is_(None), col(ship.eta), ship.id)
        .limit(limit)
    )
    return [Brings(row, quantity, spare) for row, quantity, spare in session.exec(query)]


# --- who waits for what ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Picture:
    """One SKU of one store: what is coming, who wants it, and what they hold of it."""

    coming: tuple[Coming, ...]
    wanting: tuple[Wanting, ...]
    held: Mapping[Place, Held] = field(default_factory=dict)

    def with_shipment(self, coming: Coming) -> "Picture":
        """As it would be with this shipment as it is given here."""
        others = tuple(it for it in self.coming if it.shipment_id != coming.shipment_id)
        return replace(self, coming=(*others, coming))

    def without(self, shipment_id: str) -> "Picture":
        """As it would be if this shipment did not bring the SKU."""
        return replace(self, coming=tuple(it for it in self.coming if it.shipment_id != shipment_id))


def lock(session: Session, store_id: str, skus: Collection[str], *, wait: bool = True) -> bool:
    """Be the only one to deal out these SKUs until the transaction ends; False when others are at it and we don't wait.

    To be taken before any order is locked. On SQLite whoever writes is alone anyway.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    take = func.pg_advisory_xact_lock if wait else func.pg_try_advisory_xact_lock
    keys = {
        int.from_bytes(hashlib.sha256(f"{store_id} {sku}".encode()).digest()[:8], "big", signed=True)
        for sku in skus
    }
    taken = [session.execute(select(take(key))).scalar() for key in sorted(keys)]
    return wait or all(taken)


def picture(session: Session, store_id: str, sku: str, ids: Collection[str] | None = None) -> Picture:
    """How it stands; of these orders only, where `ids` are given."""
    ship, content = InboundShipment, InboundLine
    coming = session.execute(
        sqlalchemy.select(
            col(ship.id), col(content.quantity), col(ship.eta), col(ship.eta_earliest), col(ship.known_at),
            col(ship.reason),
        )
        .join(content, col(content.shipment_id) == ship.id)
        .where(
            col(content.store_id) == store_id, col(content.sku) == sku, col(content.arrived_at).is_(None)
        )
    ).all()  # fmt: skip
    line, order, share = BackorderLine, Backorder, InboundShare
    waiting = (
        sqlalchemy.select(
            col(line.backorder_id), col(line.id), col(order.placed_at), col(line.waiting), col(line.allocated),
            col(line.eta), col(line.eta_earliest), col(line.eta_reason),
        )
        .join(order, col(order.id) == line.backorder_id)
        .where(col(line.store_id) == store_id, col(line.sku) == sku, col(line.waiting) > 0)
    )  # fmt: skip
    shares = select(share.shipment_id, share.line_id, share.units, share.since).where(
        share.store_id == store_id, share.sku == sku
    )
    if ids is not None:
        waiting = waiting.where(col(line.backorder_id).in_(ids))
        shares = shares.where(col(share.backorder_id).in_(ids))
    # Of very many lines each takes what it must: they come by the thousand, and have their few dates in common.
    by_the_thousand, dated = {"yield_per": 1000}, cache(Eta)
    return Picture(
        tuple(
            Coming(id_, units, Eta(eta, earliest), known_at, reason)
            for id_, units, eta, earliest, known_at, reason in coming
        ),
        tuple(
            Wanting(id_, line_id, placed_at, waiting - allocated, dated(eta, earliest), reason)
            for id_, line_id, placed_at, waiting, allocated, eta, earliest, reason in session.execute(
                waiting, execution_options=by_the_thousand
            )
        ),
        {
            (shipment_id, line_id): Held(units, since)
            for shipment_id, line_id, units, since in session.exec(shares, execution_options=by_the_thousand)
        },
    )


def deal(session: Session, store_id: str, sku: str, seen: Picture, shares: Mapping[Place, Held]) -> set[str]:
    """Make `shares` what lines hold of the SKU, under its lock; the shipments whose shares are others than before."""
    changed = [
        place for place in seen.held.keys() | shares.keys() if seen.held.get(place) != shares.get(place)
    ]
    table = SQLModel.metadata.tables["inbound_share"]
    places = tuple_(table.c.shipment_id, table.c.line_id)
    old = [place for place in changed if place in seen.held]
    for start in range(0, len(old), PIECE):
        session.execute(delete(table).where(places.in_(old[start : start + PIECE])))
    order_of = {line.line_id: line.backorder_id for line in seen.wanting}
    new = [
        {
            "shipment_id": place[0],
            "line_id": place[1],
            "store_id": store_id,
            "backorder_id": order_of[place[1]],
            "sku": sku,
            "units": shares[place].units,
            "since": shares[place].since,
        }
        for place in sorted(changed)
        if place in shares
    ]
    bulk.insert(session, table.name, new)
    content = SQLModel.metadata.tables["inbound_line"]
    taken: Counter[str] = Counter()
    for (shipment_id, _), share in shares.items():
        taken[shipment_id] += share.units
    for ship in seen.coming:
        session.execute(
            update(content)
            .where(content.c.shipment_id == ship.shipment_id, content.c.sku == sku)
            .values(spare=ship.units - taken[ship.shipment_id])
        )
    return {shipment_id for shipment_id, _ in changed}


def waiting_for(
    session: Session, store_id: str, shipment_id: str, sku: str, after: str, limit: int
) -> list[str]:
    """Ids of the backorders that wait for this SKU of this shipment, in order of id, from just past `after`."""
    query = (
        select(InboundShare.backorder_id)
        .where(
            InboundShare.store_id == store_id,
            InboundShare.sku == sku,
            InboundShare.shipment_id == shipment_id,
            InboundShare.backorder_id > after,
        )
        .order_by(InboundShare.backorder_id)
        .limit(limit)
    )
    return list(session.exec(query))


@dataclass(frozen=True, slots=True)
class Waiter:
    """A line that waits for a shipment. `place` sorts the lines, the oldest orders first."""

    place: str
    backorder_id: str
    order_id: str
    email: str
    sku: str
    name: str
    units: int
    eta: date | None


def waiters(session: Session, store_id: str, shipment_id: str, after: str, limit: int) -> list[Waiter]:
    """Who waits for a shipment, from just past the place `after`."""
    share, line, order = InboundShare, BackorderLine, Backorder
    place = col(share.backorder_id) + " " + col(share.line_id)
    query = (
        sqlalchemy.select(
            place, col(order.id), col(order.order_id), col(order.email), col(line.sku), col(line.name),
            col(share.units), col(line.eta),
        )
        .join(line, col(line.id) == share.line_id)
        .join(order, col(order.id) == share.backorder_id)
        .where(col(share.store_id) == store_id, col(share.shipment_id) == shipment_id, place > after)
        .order_by(place)
        .limit(limit)
    )  # fmt: skip
    return [Waiter(*row) for row in session.execute(query)]


# --- what must be dealt out again --------------------------------------------------------------------------


def ask(session: Session, store_id: str, skus: Iterable[str], *, spare: bool = False) -> None:
    """Have coming units of these SKUs dealt out again, if any are coming; with `spare`, if any are free."""
    wanted = set(skus)
    if not wanted:
        return
    query = select(InboundLine.sku).where(
        InboundLine.store_id == store_id,
        col(InboundLine.arrived_at).is_(None),
        bulk.among(session, col(InboundLine.sku), wanted),
    )
    if spare:
        query = query.where(InboundLine.spare > 0)
    coming = sorted(set(session.exec(query)))
    bulk.insert(
        session, "supply_todo", [{"id": new_id("todo"), "store_id": store_id, "sku": sku} for sku in coming]
    )


def ask_after(session: Session, changed: Iterable[tuple[Order, Sequence[Fact]]]) -> None:
    """Have coming units dealt out again of which these facts leave less or more to wait for."""
    skus: defaultdict[str, set[str]] = defaultdict(set)
    for order, facts in changed:
        of_line = {row.id: row.sku for row in order.lines}
        for fact in facts:
            if fact.kind in {"shipped", "cancelled", "lines_added"}:
                skus[fact.store_id].update(of_line[line_id] for line_id in fact.data["units"])
    for store_id, some in skus.items():
        ask(session, store_id, some)


def next_asked(session: Session) -> tuple[str, str, list[str]] | None:
    """A store and a SKU to deal out again, with the notes that ask for it; other workers' are passed over.

    So are SKUs of which units are being set aside for very many orders: who gets some waits for no other shipment.
    """
    set_aside = select(Restock.id).where(
        Restock.store_id == SupplyTodo.store_id,
        Restock.sku == SupplyTodo.sku,
        col(Restock.finished_at).is_(None),
    )
    first = session.exec(
        select(SupplyTodo)
        .where(~set_aside.exists())
        .order_by(SupplyTodo.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=SupplyTodo)
    ).one_or_none()
    if first is None:
        return None
    same = select(SupplyTodo.id).where(SupplyTodo.store_id == first.store_id, SupplyTodo.sku == first.sku)
    return first.store_id, first.sku, list(session.exec(same))


def answered(session: Session, notes: Collection[str]) -> None:
    """These notes have been seen to; what was noted meanwhile stays."""
    table = SQLModel.metadata.tables["supply_todo"]
    session.execute(delete(table).where(table.c.id.in_(notes)))
