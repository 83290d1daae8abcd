"""Orders that differ in nothing that planning looks at: they are planned once, and the plan is written for each.

A change of a SKU's estimate meets a hundred thousand orders, most of which are alike but for names, ids, and hours
long past. An order's *shape* is all that its plan can depend on, as the rows have it; orders of one store and one
shape get the same plan at one instant, with their own ids in it. What is left out of a shape, and why that is right,
stands at each place. What is in doubt stays in: such an order is merely planned by itself.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlmodel import Session, SQLModel

from notifier.db import gathered, hindsight
from notifier.db.bulk import insert_stored
from notifier.db.facts import eta_changed
from notifier.db.gathered import Found, Gathered, Left
from notifier.db.ids import new_id
from notifier.db.raw import stored
from notifier.domain.eta import Eta
from notifier.domain.policy import Policy, local_day


class Sketch(NamedTuple):
    """An order in short, with what is to be known of its line that moves. Without a `shape` it is planned by itself."""

    id: str
    store_id: str
    currency: str | None
    line_id: str
    eta: str | None
    units: int
    unit_price: str | None
    anew: bool
    """Whether the estimate is another one; else only its reason is."""
    shape: tuple[Any, ...] | None
    line_ids: tuple[str, ...]
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A SKU's new estimate, which became known at `at`."""

    sku: str
    eta: Eta
    reason: str | None
    at: datetime


def sketches(found: Found, wanted: Wanted, policy: Policy, zone: ZoneInfo) -> list[Sketch]:
    """Those of these orders, all of one store, whose line of the SKU moves with the new estimate.

    They were read for this SKU and policy. `zone` is the store's.
    """
    look = _Look(wanted, policy, zone)
    return [sketch for order in gathered.orders(found) if (sketch := look.at(order)) is not None]


class _Look:
    """How orders are looked at for one change. Days and times are text, which sorts as they do."""

    def __init__(self, wanted: Wanted, policy: Policy, zone: ZoneInfo) -> None:
        self._wanted, self._zone = wanted, zone
        self._eta, self._earliest = _text(wanted.eta.latest), _text(wanted.eta.earliest)
        self._at = gathered.as_text(wanted.at)
        self._ahead = timedelta(days=4, hours=policy.min_gap_hours) + timedelta(days=policy.first_countdown)
        self._spoken_of_again = policy.waiting_every_days is not None
        self._thresholds: dict[str, str] = {}
        self._known_days: dict[tuple[str, str], tuple[date, date]] = {}

    def at(self, order: Gathered) -> Sketch | None:
        """What there is to know of the order; None when its line of the SKU stays as it is."""
        anew = order.eta != self._eta or order.eta_earliest != self._earliest
        told = anew or self._wanted.reason not in {None, order.eta_reason}
        waiting = int(order.waiting)
        if not told or not waiting or order.eta_changed_at > self._at:
            return None
        by_itself = (
            order.happened
            or order.astray
            or (order.payment and _card_runs_out(order.payment, self._eta, order.latest))
        )
        line_ids = tuple(order.line_ids.split(gathered.BETWEEN))
        return Sketch(
            order.id,
            order.store_id,
            order.currency or None,
            order.line_id,
            order.eta or None,
            waiting,
            order.unit_price or None,
            anew,
            None if by_itself else self._shape(order, line_ids, anew=anew),
            line_ids,
            tuple(order.message_ids.split(gathered.BETWEEN)) if order.message_ids else (),
        )

    def _shape(self, order: Gathered, line_ids: tuple[str, ...], *, anew: bool) -> tuple[Any, ...]:
        """With `anew` the line's estimate, and when that changed, become the change's own."""
        registered_at = order.registered_at
        left = gathered.left(order)
        last_told = max([registered_at, *[each.at for each in left]])
        threshold = self._far(last_told[:10])
        eta = self._eta if anew else order.eta
        far = (not eta or eta >= threshold) and (not order.soonest or order.soonest >= threshold)
        welcome, said = order.welcome, order.said
        for position, line_id in enumerate(line_ids):
            said = said.replace(line_id, str(position))
        # Dates that the first email told, and that never changed, are no news of any hour.
        known = (
            (far and welcome and not order.unsettled)
            and not order.changed.replace(registered_at, "").strip(gathered.BETWEEN)
            and all(line_id in welcome for line_id in line_ids)
        )
        return (
            (order.timezone, order.country, order.unsubscribed, order.seller_credit),
            # The law asks when it was placed only where checkout promised no day,
            order.placed_at if order.unpromised else None,
            # and when it was registered is asked only until the first email has left.
            None if far and welcome else registered_at,
            # That an order is not forgotten goes so many days after what it was last told.
            self._days(last_told, order.timezone) if self._spoken_of_again else None,
            said,
            order.lines,
            None if known else order.changed,
            None if anew else order.eta_changed_at,
            tuple([self._when(each, order.timezone, far=far) for each in left]),
            # What was said last counts, not when.
            tuple([each.key for each in sorted(left, key=_when_left)]) if len(left) > 1 else (),
        )

    def _far(self, day: str) -> str:
        """From which estimate on, what left on that day or before has no bearing on any countdown.

        Its hour does not matter where every countdown's day lies after it, in any zone, by more than the gap.
        """
        if day not in self._thresholds:
            self._thresholds[day] = (date.fromisoformat(day) + self._ahead).isoformat()
        return self._thresholds[day]

    def _when(self, message: Left, timezone: str, *, far: bool) -> Any:
        """What a plan may depend on of the times of a message that has left."""
        if not far:
            return message.times
        if message.notice:  # the law counts in days
            return self._days(message.at, timezone)
        return None

    def _days(self, at: str, timezone: str) -> tuple[date, date]:
        """The customer's day and the store's. No zone's day begins within a minute."""
        minute = at[:16], timezone
        if minute not in self._known_days:
            instant = datetime.fromisoformat(f"{at}+00:00")
            self._known_days[minute] = (
                local_day(instant, ZoneInfo(timezone)),
                local_day(instant, self._zone),
            )
        return self._known_days[minute]


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _when_left(message: Left) -> tuple[str, str]:
    return message.at, message.id


def _card_runs_out(payment: str, *etas: str) -> bool:
    """Whether a card runs out before a line comes, by its date now or the new one."""
    expires = json.loads(payment).get("expires") if payment != "null" else None
    return expires is not None and any(eta[:7] > expires for eta in etas)


def move(session: Session, orders: Sequence[Sketch], wanted: Wanted, now: datetime) -> None:
    """Write the new estimate to the lines of these orders, each with the fact about it.

    An order's version is left to whoever plans it again, but for those that are planned by themselves.
    """
    lines = SQLModel.metadata.tables["backorder_line"]
    values = {"eta": wanted.eta.latest, "eta_earliest": wanted.eta.earliest, "eta_reason": wanted.reason}
    for anew, changed in ((True, {"eta_changed_at": wanted.at}), (False, {})):
        ids = [order.line_id for order in orders if order.anew is anew]
        session.execute(update(lines).where(lines.c.id.in_(ids)).values(values | changed))
    backorders = SQLModel.metadata.tables["backorder"]
    singles = [order.id for order in orders if order.shape is None]
    session.execute(
        update(backorders).where(backorders.c.id.in_(singles)).values(version=backorders.c.version + 1)
    )
    at, recorded_at = stored(session, wanted.at), stored(session, now)
    said: dict[str | None, str] = {}
    for order in orders:
        if order.eta not in said:
            fact = moved_fact(order, wanted)
            said[order.eta] = json.dumps({name: fact[name] for name in fact if name != "line"})[1:]
    insert_stored(
        session,
        "fact",
        ("id", "store_id", "backorder_id", "at", "recorded_at", "kind", "data"),
        [
            (
                new_id("fact"),
                order.store_id,
                order.id,
                at,
                recorded_at,
                "eta_changed",
                f'{{"line": "{order.line_id}", {said[order.eta]}',
            )
            for order in orders
        ],
    )
    _note(session, orders, wanted)


def _note(session: Session, orders: Sequence[Sketch], wanted: Wanted) -> None:
    """Let the SKU's history know: one row for each date that moved, however many orders had it."""
    dated = Counter(order.eta for order in orders if order.anew and order.eta)
    lines = {date.fromisoformat(day): count for day, count in dated.items()}
    if orders:
        hindsight.note_move(session, orders[0].store_id, wanted.sku, lines, wanted.eta.latest, wanted.at)


def moved_fact(order: Sketch, wanted: Wanted) -> dict[str, Any]:
    """What the fact of this order's move holds."""
    return eta_changed(order.line_id, wanted.sku, order.eta, wanted.eta, wanted.reason, "sku")
