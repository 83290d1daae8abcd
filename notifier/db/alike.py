"""Orders that differ in nothing that planning looks at: they are planned once, and the plan is written for each.

A change of a SKU's estimate, or units that arrive, meet a hundred thousand orders, most of which are alike but for
names, ids, and hours long past. An order's *shape* is all that its plan can depend on, as the rows have it; orders of
one store and one shape get the same plan at one instant, with their own ids in it. What is left out of a shape, and why
that is right, stands at each place. What is in doubt stays in: such an order is merely planned by itself.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlmodel import Session, SQLModel

from notifier.db import gathered
from notifier.db.bulk import insert_stored, stored
from notifier.db.gathered import Gathered, Left
from notifier.db.ids import new_id
from notifier.domain.policy import Policy, local_day


class Sketch(NamedTuple):
    """An order in short, for what was planned of another one. Without a `shape` it is planned by itself."""

    id: str
    store_id: str
    shape: tuple[Any, ...] | None
    line_ids: tuple[str, ...]
    message_ids: tuple[str, ...]


class Shapes:
    """How the orders of one store are looked at, of each of which one line changes.

    Days and times are text, which sorts as they do.
    """

    def __init__(self, policy: Policy, zone: ZoneInfo, *, alone: bool = False) -> None:
        """`zone` is the store's. `alone`: each order is planned by itself."""
        self._zone, self._alone = zone, alone
        self._ahead = timedelta(days=4, hours=policy.min_gap_hours) + timedelta(days=policy.first_countdown)
        self._spoken_of_again = policy.waiting_every_days is not None
        self._thresholds: dict[str, str] = {}
        self._known_days: dict[tuple[str, str], tuple[date, date]] = {}

    def sketch(self, order: Gathered, eta: str, *, anew: bool = False, here: bool = False) -> Sketch:
        """The order, whose line of the SKU in question has that estimate from now on.

        `anew`: it is another one than before, known since one instant for all. `here`: all units that it waits for are
        set aside from now on.
        """
        by_itself = (
            self._alone
            or order.happened
            or order.astray
            or (order.payment and _card_runs_out(order.payment, eta, order.latest))
        )
        line_ids = tuple(order.line_ids.split(gathered.BETWEEN))
        return Sketch(
            order.id,
            order.store_id,
            None if by_itself else self._shape(order, line_ids, eta, anew=anew, here=here),
            line_ids,
            tuple(order.message_ids.split(gathered.BETWEEN)) if order.message_ids else (),
        )

    def _shape(
        self, order: Gathered, line_ids: tuple[str, ...], eta: str, *, anew: bool, here: bool
    ) -> tuple[Any, ...]:
        registered_at = order.registered_at
        left = gathered.left(order)
        last_told = max([registered_at, *[each.at for each in left]])
        threshold = self._far(last_told[:10])
        # Nothing counts down to the date of goods that are here.
        far = (here or not eta or eta >= threshold) and (not order.soonest or order.soonest >= threshold)
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
            here,
            None if known else order.changed,
            None if anew or (known and order.eta_changed_at == registered_at) else order.eta_changed_at,
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


def _when_left(message: Left) -> tuple[str, str]:
    return message.at, message.id


def _card_runs_out(payment: str, *etas: str) -> bool:
    """Whether a card runs out before a line comes, by its date now or the new one."""
    expires = json.loads(payment).get("expires") if payment != "null" else None
    return expires is not None and any(eta[:7] > expires for eta in etas)


def changed_alone(session: Session, orders: Iterable[Sketch]) -> None:
    """Let the versions of those grow that are planned by themselves; of all others, who writes their plan does."""
    backorders = SQLModel.metadata.tables["backorder"]
    ids = [order.id for order in orders if order.shape is None]
    session.execute(
        update(backorders).where(backorders.c.id.in_(ids)).values(version=backorders.c.version + 1)
    )


def keep_facts(
    session: Session, store_id: str, kind: str, at: datetime, now: datetime, those: Sequence[tuple[str, str]]
) -> None:
    """Keep facts of one kind about orders of one store: of each the order's id, and the JSON of what it holds."""
    happened, recorded = stored(session, at), stored(session, now)
    insert_stored(
        session,
        "fact",
        ("id", "store_id", "backorder_id", "at", "recorded_at", "kind", "data"),
        [(new_id("fact"), store_id, id_, happened, recorded, kind, data) for id_, data in those],
    )
