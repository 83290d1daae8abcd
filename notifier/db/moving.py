"""A SKU's new estimate, as it meets very many orders that wait for it: what moves, and what is written of that."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlmodel import Session, SQLModel

from notifier.db import gathered, hindsight
from notifier.db.alike import Shapes, Sketch, changed_alone, keep_facts
from notifier.db.facts import eta_changed
from notifier.db.gathered import Found
from notifier.domain.eta import Eta


@dataclass(frozen=True, slots=True)
class Wanted:
    """A SKU's new estimate, which became known at `at`."""

    sku: str
    eta: Eta
    reason: str | None
    at: datetime


class Moving(NamedTuple):
    """An order whose line of the SKU moves; what there is to know of the line as it was."""

    order: Sketch
    currency: str | None
    line_id: str
    eta: str | None
    units: int
    unit_price: str | None
    anew: bool
    """Whether the estimate is another one; else only its reason is."""


def moving(found: Found, wanted: Wanted, shapes: Shapes) -> list[Moving]:
    """Those of these orders, all of one store, whose line of the SKU moves with the new estimate.

    They were read for this SKU.
    """
    eta, earliest = _text(wanted.eta.latest), _text(wanted.eta.earliest)
    at = gathered.as_text(wanted.at)
    those = []
    for order in gathered.orders(found):
        anew = order.eta != eta or order.eta_earliest != earliest
        told = anew or wanted.reason not in {None, order.eta_reason}
        waiting = int(order.waiting)
        if not told or not waiting or order.eta_changed_at > at:
            continue
        those.append(
            Moving(
                shapes.sketch(order, eta, anew=anew),
                order.currency or None,
                order.line_id,
                order.eta or None,
                waiting,
                order.unit_price or None,
                anew,
            )
        )
    return those


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def move(session: Session, store_id: str, those: Sequence[Moving], wanted: Wanted, now: datetime) -> None:
    """Write the new estimate to the lines of these orders of a store, each with the fact about it.

    An order's version is left to whoever plans it again, but for those that are planned by themselves.
    """
    lines = SQLModel.metadata.tables["backorder_line"]
    values = {"eta": wanted.eta.latest, "eta_earliest": wanted.eta.earliest, "eta_reason": wanted.reason}
    for anew, changed in ((True, {"eta_changed_at": wanted.at}), (False, {})):
        ids = [it.line_id for it in those if it.anew is anew]
        session.execute(update(lines).where(lines.c.id.in_(ids)).values(values | changed))
    changed_alone(session, [it.order for it in those])
    said: dict[str | None, str] = {}
    for it in those:
        if it.eta not in said:
            fact = moved_fact(it, wanted)
            said[it.eta] = json.dumps({name: fact[name] for name in fact if name != "line"})[1:]
    told = [(it.order.id, f'{{"line": "{it.line_id}", {said[it.eta]}') for it in those]
    keep_facts(session, store_id, "eta_changed", wanted.at, now, told)
    # The SKU's history has one row for each date that moved, however many orders had it.
    dated = Counter(it.eta for it in those if it.anew and it.eta)
    by_day = {date.fromisoformat(day): count for day, count in dated.items()}
    hindsight.note_move(session, store_id, wanted.sku, by_day, wanted.eta.latest, wanted.at)


def moved_fact(it: Moving, wanted: Wanted) -> dict[str, Any]:
    """What the fact of this order's move holds."""
    return eta_changed(it.line_id, wanted.sku, it.eta, wanted.eta, wanted.reason, "sku")
