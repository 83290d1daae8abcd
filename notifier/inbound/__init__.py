"""Goods on their way: the oldest orders wait for them, their date is those orders' date, and they restock on arrival.

Every function takes a session inside a transaction and the time `now`. They raise NotFound, Invalid or Conflict
before anything is written.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from notifier.advising import Advice, advise_on_shipment
from notifier.db import suppliers, supply
from notifier.db.codec import policy_from_json
from notifier.db.ids import new_id
from notifier.db.inbound_tables import InboundShipment
from notifier.db.tables import Store
from notifier.domain.inbound import Stage
from notifier.domain.policy import local_day
from notifier.errors import Conflict, Fault, Invalid, NotFound
from notifier.inbound.dealing import deal_out, dealt_out, radius_of
from notifier.inbound.wishes import InboundChange, NewInbound
from notifier.radius import Radius
from notifier.restocking import Outcome, Restocked, foretell, hand_over, restocked


@dataclass(frozen=True, slots=True)
class Effect:
    """What a shipment, or a change of it, makes happen: dates that move, or units that are set aside, by SKU.

    `radius` is None for a large change that was confirmed without a look.
    """

    radius: Radius | None = None
    restocked: Mapping[str, Restocked] = field(default_factory=dict)
    outcome: Outcome | None = None
    advice: Sequence[Advice] = ()
    """Of a date that was entered: what history makes likelier."""


@dataclass(frozen=True, slots=True)
class Done:
    """The shipment as it is now. `created` is False when it had been handed in before, with the same content;
    `large` tells that workers carry on.
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
        return _arrival(session, store_row, new.quantities, now)
    radius = radius_of(session, store_row, row, dealt_out(session, row, new.quantities, (), now), now)
    return Effect(radius, advice=advise_on_shipment(session, store_row, row, new.quantities, now))


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
        return _arrive(session, store_row, row, new.quantities, now, created=True)
    advice = advise_on_shipment(session, store_row, row, new.quantities, now)
    radius, large = deal_out(session, store_row, row, new.quantities, (), now, confirm=new.confirm)
    return Done(row, True, Effect(radius, advice=advice), large)


def _row(store_row: Store, new: NewInbound, now: datetime) -> InboundShipment:
    content = new.model_dump_json(exclude={"dry_run", "confirm"}, exclude_none=True)
    return InboundShipment(
        id=new_id("inb"),
        store_id=store_row.id,
        reference=new.reference,
        supplier=new.supplier,
        stage=new.stage.value,
        staged_at=now,
        eta=new.estimate.latest,
        eta_earliest=new.estimate.earliest,
        # What is here when it is handed in had no date that anybody could hold a supplier to.
        first_eta=None if new.stage is Stage.ARRIVED else new.supplier_eta or new.estimate.latest,
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
        return _arrival(session, store_row, quantities, now)
    gone = before.keys() - quantities.keys()
    radius = radius_of(session, store_row, after, dealt_out(session, after, quantities, gone, now), now)
    return Effect(radius, advice=_advice(session, store_row, after, quantities, wanted, now))


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
    date = row.eta
    row = _after(row, wanted, now)
    session.add(row)
    if row.eta != date and wanted.stage is not Stage.ARRIVED:
        settle = timedelta(minutes=policy_from_json(store_row.policy).settle_minutes)
        suppliers.note_move(session, row, date, now, settle)
    if wanted.lines is not None:
        session.flush()
        supply.set_lines(session, row, quantities)
    if wanted.stage is Stage.ARRIVED:
        supply.ask(session, row.store_id, gone)
        return _arrive(session, store_row, row, quantities, now, created=False)
    advice = _advice(session, store_row, row, quantities, wanted, now)
    radius, large = deal_out(session, store_row, row, quantities, gone, now, confirm=wanted.confirm)
    return Done(row, False, Effect(radius, advice=advice), large)


def _advice(
    session: Session,
    store_row: Store,
    after: InboundShipment,
    skus: Iterable[str],
    wanted: InboundChange,
    now: datetime,
) -> list[Advice]:
    """Of the date that the change enters, if it enters one."""
    return advise_on_shipment(session, store_row, after, skus, now) if wanted.moves else []


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
            "supplier": row.supplier == wanted.supplier,
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
    if wanted.stage and wanted.stage != row.stage:
        row.stage, row.staged_at = wanted.stage.value, now
    row.reference = wanted.reference or row.reference
    if "supplier" in wanted.model_fields_set:
        row.supplier = wanted.supplier
    if row.first_eta is None and wanted.stage is not Stage.ARRIVED:
        row.first_eta = row.eta
    return row


# --- arriving ----------------------------------------------------------------------------------------------


def _arrival(session: Session, store_row: Store, quantities: Mapping[str, int], now: datetime) -> Effect:
    told = foretell(session, store_row, quantities, ("fifo",), now)["fifo"]
    return Effect(restocked=restocked(told), outcome=told.outcome)


def _arrive(
    session: Session,
    store_row: Store,
    row: InboundShipment,
    quantities: Mapping[str, int],
    now: datetime,
    *,
    created: bool,
) -> Done:
    """Set the units aside, the oldest order first, and end the shares; who lost one is covered again by another."""
    supply.arrived(session, row, now)
    done = hand_over(session, row.store_id, quantities, "fifo", now, row.id)
    supply.ask(session, row.store_id, quantities)
    suppliers.note_arrival(session, row, ZoneInfo(store_row.timezone), now)
    if isinstance(done, list):
        return Done(row, created, None, large=True)
    return Done(row, created, Effect(restocked=done))
