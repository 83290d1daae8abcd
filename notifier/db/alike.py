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
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, bindparam, text, update
from sqlmodel import Session, SQLModel

from notifier.db import hindsight
from notifier.db.facts import PLANNING_FACTS, eta_changed
from notifier.db.ids import new_id
from notifier.db.raw import insert_many, stored
from notifier.domain.eta import Eta
from notifier.domain.message import DROPPED, Kind, Status
from notifier.domain.policy import Policy, local_day

UNDER_WAY = frozenset({Status.PLANNED, Status.HELD, Status.CANCELLED, Status.EXPIRED})
"""Messages in these states have not left, unless a person dropped them."""

ASTRAY = frozenset({Status.BOUNCED, Status.FAILED})
"""What became of these depends on the address, so such an order is planned by itself."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """An order in its bare rows. `line` is the one that moves; `shape` None means that it must be planned by itself."""

    id: str
    store_id: str
    currency: str | None
    line: Any
    """Its row: id, sku, waiting, unit_price and, as the driver gives it, eta."""
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


# As text, so that no value is converted on its way: most are only compared.
_ORDERS = (
    "SELECT id, store_id, timezone, country, unsubscribed, placed_at, registered_at, currency, seller_credit,"
    " CAST(payment AS TEXT) AS payment"
    " FROM backorder WHERE id IN :ids ORDER BY id"
)
_LINES = (
    "SELECT backorder_id, id, sku, promised, eta, eta_earliest, eta_reason, eta_changed_at, waiting, allocated,"
    " unit_price, law_state, essential_date, notice_by, lapse_by, answer_by, cancel_by, refund_by FROM backorder_line"
    " WHERE backorder_id IN :ids ORDER BY backorder_id, position"
)
_MESSAGES = (
    "SELECT backorder_id, id, key, kind, status, due_at, expires_at, CAST(says AS TEXT) AS says, about, reason, sent_at"
    " FROM message WHERE backorder_id IN :ids ORDER BY id"
)
_HAPPENED = "SELECT backorder_id FROM fact WHERE backorder_id IN :ids AND kind IN :kinds"


def sketches(
    session: Session,
    ids: Sequence[str],
    wanted: Wanted,
    policy: Policy,
    zone: ZoneInfo,
    *,
    lock: bool,
) -> list[Sketch]:
    """Those of these orders, all of one store, whose line of the SKU moves with the new estimate.

    With `lock` nobody else changes the orders or their messages until the transaction ends. `zone` is the store's.
    """
    look = _Look(session, wanted, policy, zone)
    ending = " FOR UPDATE" if lock and session.get_bind().dialect.name == "postgresql" else ""
    orders = _rows(session, _ORDERS + ending, ids)
    lines = {id_: tuple(rows) for id_, rows in groupby(_rows(session, _LINES, ids), key=itemgetter(0))}
    messages: dict[str, list[Row[Any]]] = {id_: [] for id_ in ids}
    for row in _rows(session, _MESSAGES + ending, ids):
        messages[row[0]].append(row)
    happened = {row[0] for row in _rows(session, _HAPPENED, ids, kinds=PLANNING_FACTS)}
    found = (look.at(order, lines[order[0]], messages[order[0]], order[0] in happened) for order in orders)
    return [sketch for sketch in found if sketch is not None]


def _rows(session: Session, query: str, ids: Sequence[str], **more: Sequence[str]) -> Sequence[Row[Any]]:
    values = {"ids": ids} | more
    return session.execute(
        text(query).bindparams(*(bindparam(name, expanding=True) for name in values)), values
    ).all()


class _Look:
    """How orders are looked at for one change."""

    def __init__(self, session: Session, wanted: Wanted, policy: Policy, zone: ZoneInfo) -> None:
        sqlite = session.get_bind().dialect.name == "sqlite"

        def raw(value: Any) -> Any:
            return stored(session, value) if sqlite else value

        self._wanted, self._zone = wanted, zone
        self._eta, self._earliest, self._at = raw(wanted.eta.latest), raw(wanted.eta.earliest), raw(wanted.at)
        self._gap = timedelta(days=4, hours=policy.min_gap_hours)
        self._spoken_of_again = policy.waiting_every_days is not None
        self._first = timedelta(days=policy.first_countdown)
        self._own = policy.skus
        self._thresholds: dict[str, Any] = {}
        self._raw = raw

    def _far(self, day: str) -> Any:
        """From which estimate on, what left on that day or before has no bearing on any countdown.

        Its hour does not matter where every countdown's day lies after it, in any zone, by more than the gap.
        """
        if day not in self._thresholds:
            self._thresholds[day] = self._raw(date.fromisoformat(day) + self._gap + self._first)
        return self._thresholds[day]

    def at(
        self, order: Row[Any], lines: tuple[Row[Any], ...], messages: list[Row[Any]], happened: bool
    ) -> Sketch | None:
        """What there is to know of the order; None when its line of the SKU stays as it is."""
        line = next(line for line in lines if line.sku == self._wanted.sku)
        anew = (line.eta, line.eta_earliest) != (self._eta, self._earliest)
        told = anew or self._wanted.reason not in {None, line.eta_reason}
        if not told or not line.waiting or line.eta_changed_at > self._at:
            return None
        by_itself = (
            happened
            or any(message.status in ASTRAY for message in messages)
            or _card_runs_out(order.payment, [self._eta, *(each.eta for each in lines)])
        )
        return Sketch(
            id=order.id,
            store_id=order.store_id,
            currency=order.currency,
            line=line,
            anew=anew,
            shape=None if by_itself else self._shape(order, lines, line if anew else None, messages),
            line_ids=tuple([each.id for each in lines]),
            message_ids=tuple([message.id for message in messages]),
        )

    def _shape(
        self,
        order: Row[Any],
        lines: tuple[Row[Any], ...],
        moving: Row[Any] | None,
        messages: list[Row[Any]],
    ) -> tuple[Any, ...]:
        """`moving` is the line whose estimate, and when that changed, become the change's own."""
        registered_at = order.registered_at
        left = [message for message in messages if _has_left(message)]
        times = [message.sent_at or message.due_at for message in left]
        threshold = self._far(str(max([registered_at, *times]))[:10])
        etas = [self._eta if line is moving else line.eta for line in lines]
        far = all(eta is None or eta >= threshold for eta in etas)
        welcome = next((m.says for m in left if m.kind == Kind.EXPECTATION), "")
        old = far and bool(welcome)
        unsettled = any('"notice"' in m.says or "{}" in m.says for m in left)
        shape = [
            order.timezone,
            order.country,
            order.unsubscribed,
            order.seller_credit,
            # The law asks when it was placed only where checkout promised no day,
            None if all(line.promised for line in lines) else order.placed_at,
            # and when it was registered is asked only until the first email has left.
            None if old else registered_at,
            # That an order is not forgotten goes so many days after what it was last told.
            self._days(max([registered_at, *times]), order.timezone) if self._spoken_of_again else None,
        ]
        for line in lines:
            moves, changed_at = line is moving, line.eta_changed_at
            # A date that the first email told, and that never changed, is no news of any hour.
            known = old and not unsettled and changed_at == registered_at and line.id in welcome
            shape += (
                moves,
                line.sku if line.sku in self._own else None,  # else no plan depends on what it is called
                line.promised,
                line.eta,
                line.eta_earliest,
                None if moves or known else changed_at,
                line.waiting > 0,
                line.allocated >= line.waiting,
                line.law_state,
                line.essential_date,
                line.notice_by,
                line.lapse_by,
                line.answer_by,
                line.cancel_by,
                line.refund_by,
            )
        ids = [(line.id, str(position)) for position, line in enumerate(lines)]
        said = says = ""
        for message in messages:
            if message.says != said:  # many say the same
                said = says = message.says
                for id_, position in ids:
                    says = says.replace(id_, position)
            shape += (
                message.key,
                message.status,
                message.about,
                message.reason == DROPPED,
                says,
                self._when(message, order.timezone, far=far),
            )
        if len(left) > 1:  # what was said last counts, not when
            shape.append(tuple(m.key for m in sorted(left, key=lambda m: (m.sent_at or m.due_at, m.id))))
        return tuple(shape)

    def _when(self, message: Row[Any], timezone: str, *, far: bool) -> tuple[Any, ...] | None:
        """What of a message's times a plan may depend on."""
        if not _has_left(message):
            return message.due_at, message.expires_at
        if not far:
            return message.sent_at, message.due_at
        if '"notice"' in message.says:  # the law counts in days
            return self._days(message.sent_at or message.due_at, timezone)
        return None

    def _days(self, at: Any, timezone: str) -> tuple[date, date]:
        instant = at if isinstance(at, datetime) else datetime.fromisoformat(f"{at}+00:00")
        return local_day(instant, ZoneInfo(timezone)), local_day(instant, self._zone)


def _card_runs_out(payment: str | None, etas: Sequence[Any]) -> bool:
    """Whether a card runs out before a line comes, by its date now or the new one."""
    expires = json.loads(payment).get("expires") if payment and payment != "null" else None
    return expires is not None and any(eta is not None and str(eta)[:7] > expires for eta in etas)


def _has_left(message: Row[Any]) -> bool:
    return message.status not in UNDER_WAY or message.reason == DROPPED


def move(session: Session, orders: Sequence[Sketch], wanted: Wanted, now: datetime) -> None:
    """Write the new estimate to the lines of these orders, each with the fact about it.

    An order's version is left to whoever plans it again, but for those that are planned by themselves.
    """
    lines = SQLModel.metadata.tables["backorder_line"]
    values = {"eta": wanted.eta.latest, "eta_earliest": wanted.eta.earliest, "eta_reason": wanted.reason}
    for anew, changed in ((True, {"eta_changed_at": wanted.at}), (False, {})):
        ids = [order.line.id for order in orders if order.anew is anew]
        session.execute(update(lines).where(lines.c.id.in_(ids)).values(values | changed))
    backorders = SQLModel.metadata.tables["backorder"]
    singles = [order.id for order in orders if order.shape is None]
    session.execute(
        update(backorders).where(backorders.c.id.in_(singles)).values(version=backorders.c.version + 1)
    )
    at, recorded_at = stored(session, wanted.at), stored(session, now)
    insert_many(
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
                json.dumps(moved_fact(order, wanted)),
            )
            for order in orders
        ],
    )
    _note(session, orders, wanted)


def _note(session: Session, orders: Sequence[Sketch], wanted: Wanted) -> None:
    """Let the SKU's history know: one row for each date that moved, however many orders had it."""
    dated = Counter(str(order.line.eta) for order in orders if order.anew and order.line.eta)
    lines = {date.fromisoformat(day): count for day, count in dated.items()}
    if orders:
        hindsight.note_move(session, orders[0].store_id, wanted.sku, lines, wanted.eta.latest, wanted.at)


def moved_fact(order: Sketch, wanted: Wanted) -> dict[str, Any]:
    """What the fact of this order's move holds."""
    before = str(order.line.eta) if order.line.eta else None
    return eta_changed(order.line.id, order.line.sku, before, wanted.eta, wanted.reason, "sku")
