"""Honest dates: what history says of a date that a store enters. Advice with evidence, never a change.

A SKU is judged by its own dates; while they are too few, by those of its supplier's shipments."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import hindsight, suppliers
from notifier.db.concerns import Concern, concerns
from notifier.db.engine import transaction
from notifier.db.inbound_tables import InboundShipment
from notifier.db.tables import Store
from notifier.domain.eta import Eta
from notifier.domain.hindsight import Moved, Outcome, Outlook, Suggestion, origins, outcomes, outlook, suggest
from notifier.domain.policy import local_day

CHUNK = 500
"""How much news one transaction folds into the history of its SKUs."""


@dataclass(frozen=True, slots=True)
class Record:
    """What past dates say of the next: those of the SKU itself, or of the `supplier`'s shipments."""

    outlook: Outlook
    supplier: str | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """Of a date entered for a SKU, what its history makes likelier, or its supplier's where that is too short."""

    sku: str
    entered: Eta
    suggestion: Suggestion
    supplier: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What became of the dates of one SKU: `outlook` None while too little is known to advise."""

    outcomes: tuple[Outcome, ...]
    moves: tuple[Moved, ...]
    outlook: Outlook | None


def learn(engine: Engine, now: datetime) -> bool:
    """Fold a chunk of what happened into the history of its SKUs; True when the chunk was full."""
    with transaction(engine) as session:
        return hindsight.fold(session, CHUNK, now) == CHUNK


Replaced = Callable[[str], Iterable[date]]
"""By SKU, the dates that the one entered takes the place of."""


def _nothing(_sku: str) -> Iterable[date]:
    return ()


SuppliedBy = Callable[[Collection[str]], Mapping[str, str]]
"""Of these SKUs, the supplier of each of which one is known."""


def contradicted(
    session: Session, store_id: str, skus: Collection[str], supplied_by: SuppliedBy | None = None
) -> dict[str, Record]:
    """Those of these SKUs whose dates are missed more often than not, with the record that says so.

    Where `supplied_by` is left out, a SKU's supplier is that of the last shipment of it that names one. One look at
    indexes where no dates are missed.
    """
    if Concern.LATE not in concerns(session, store_id, skus):
        return {}
    own = hindsight.contradicting(session, store_id, skus)
    found = {sku: Record(outlook) for sku, outlook in own.items()}
    late = suppliers.missing(session, store_id)
    if late and (rest := set(skus) - hindsight.outlooks(session, store_id, skus).keys()):
        of = supplied_by(rest) if supplied_by else suppliers.of_skus(session, store_id, rest)
        found |= {sku: Record(late[of[sku]], of[sku]) for sku in rest if of.get(sku) in late}
    return found


def advise(
    session: Session,
    store_row: Store,
    entered: Iterable[tuple[str, Eta]],
    now: datetime,
    replaced: Replaced = _nothing,
    supplied_by: SuppliedBy | None = None,
) -> dict[tuple[str, Eta], Advice]:
    """Of these dates of SKUs, those that history contradicts; see `contradicted`."""
    asked = {(sku, eta) for sku, eta in entered if eta.known}
    known = contradicted(session, store_row.id, {sku for sku, _ in asked}, supplied_by) if asked else {}
    today = local_day(now, ZoneInfo(store_row.timezone))
    found = {}
    for sku, eta in asked:
        if sku in known and eta.latest:
            moves = hindsight.past(session, store_row.id, sku, now)[1]
            moves += [Moved(day, eta.latest, now) for day in replaced(sku)]
            record = known[sku]
            suggestion = suggest(eta, record.outlook, origins(moves).get(eta.latest), today)
            if suggestion:
                found[sku, eta] = Advice(sku, eta, suggestion, record.supplier)
    return found


def advise_on_shipment(
    session: Session, store_row: Store, row: InboundShipment, skus: Iterable[str], now: datetime
) -> list[Advice]:
    """What the record of each SKU in a shipment, or else of its supplier, says of the date that it has now."""
    supplier = row.supplier
    eta = Eta(row.eta, row.eta_earliest)
    found = advise(
        session,
        store_row,
        [(sku, eta) for sku in skus],
        now,
        lambda _sku: [row.first_eta] if row.first_eta else [],
        lambda some: dict.fromkeys(some, supplier) if supplier else {},
    )
    return [found[sku, eta] for sku in skus if (sku, eta) in found]


def dates_of_sku(session: Session, store_id: str) -> Replaced:
    """The dates with which open lines of a SKU wait."""
    return lambda sku: hindsight.dates_waiting(session, store_id, sku)


def dates_of_order(session: Session, backorder_id: str) -> Replaced:
    """The dates of an order's lines as they are now."""
    dates = hindsight.dates_of_order(session, backorder_id)
    return lambda sku: [dates[sku]] if sku in dates else []


def because(advice: Advice) -> str:
    """The evidence in a sentence, for a store."""
    known = advice.suggestion.outlook
    if advice.supplier:
        return (
            f"of the last {known.dates} shipments of {advice.supplier}, {known.late} came late: half came"
            f" {_days(known.likely)} after the first date named for them or later, one in five more than"
            f" {_days(known.safe)}; {advice.sku} has too few past dates of its own"
        )
    return (
        f"of the last {known.dates} dates that were first named for {advice.sku}, {known.late} were missed:"
        f" half of the goods shipped {_days(known.likely)} late or later, one in five more than"
        f" {_days(known.safe)} late"
    )


def _days(count: int) -> str:
    return f"{count} day{'s' * (count != 1)}"


def history(session: Session, store_id: str, sku: str, now: datetime) -> History:
    """What became of the dates of one SKU, the oldest first."""
    shipped, moves = hindsight.past(session, store_id, sku, now)
    found = outcomes(shipped, moves)
    return History(found, tuple(moves), outlook(found))
