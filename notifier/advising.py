"""Honest dates: what the history of a SKU says of a date that a store enters. Advice with evidence, never a change."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import hindsight
from notifier.db.engine import transaction
from notifier.db.tables import Store
from notifier.domain.eta import Eta
from notifier.domain.hindsight import Moved, Outcome, Outlook, Suggestion, origins, outcomes, outlook, suggest
from notifier.domain.policy import local_day

CHUNK = 500
"""How much news one transaction folds into the history of its SKUs."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Of a date entered for a SKU, what its history makes likelier."""

    sku: str
    entered: Eta
    suggestion: Suggestion


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


def advise(
    session: Session,
    store_row: Store,
    entered: Iterable[tuple[str, Eta]],
    now: datetime,
    replaced: Replaced = _nothing,
) -> dict[tuple[str, Eta], Advice]:
    """Of these dates of SKUs, those that history contradicts. One look at an index where there are none."""
    asked = {(sku, eta) for sku, eta in entered if eta.known}
    known = hindsight.contradicting(session, store_row.id, {sku for sku, _ in asked}) if asked else {}
    today = local_day(now, ZoneInfo(store_row.timezone))
    found = {}
    for sku, eta in asked:
        if sku in known and eta.latest:
            moves = hindsight.past(session, store_row.id, sku, now)[1]
            moves += [Moved(day, eta.latest, now) for day in replaced(sku)]
            suggestion = suggest(eta, known[sku], origins(moves).get(eta.latest), today)
            if suggestion:
                found[sku, eta] = Advice(sku, eta, suggestion)
    return found


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
