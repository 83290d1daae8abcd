"""What happens to every order that waits for a SKU: a new estimate, goods that arrived."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from notifier import telling
from notifier.db import facts as store
from notifier.db import sku_changes
from notifier.db.alike import Sketch, Wanted, move, moved_fact, sketches
from notifier.db.codec import policy_from_json
from notifier.db.endpoints import listeners
from notifier.db.engine import transaction
from notifier.db.facts import Order, record
from notifier.db.ids import new_id
from notifier.db.pattern import Pattern
from notifier.db.tables import SkuChange, Store
from notifier.domain.eta import Eta
from notifier.domain.message import CHANGE_OF_DATE, Draft, Kind
from notifier.domain.plan import LAPSE
from notifier.domain.supply import Waiting, share
from notifier.errors import Conflict
from notifier.inputs import NewRestock, SkuEta
from notifier.planning import changes_of, replan_alike, write

AT_ONCE = 500
"""Up to how many orders a change is worked off within its request; a larger one goes on in chunks."""

CHUNK = 1000
"""How many orders one transaction moves, so that sending goes on meanwhile."""

CHUNKS = 5
"""How many chunks are worked off at a time, planned as of one instant."""

SHAPES = 10_000
"""How many shapes of orders are kept in mind."""

SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Radius:
    """What a new estimate makes happen: how many orders move, and which emails come of it, by kind."""

    backorders: int
    messages: Mapping[Kind, int]
    needs_consent: int
    value_at_risk: Mapping[str, Decimal]
    """By currency: what the units that slip are worth, where their prices are known."""
    samples: tuple[tuple[Order, Draft], ...]


def preview_eta(session: Session, store_row: Store, sku: str, wanted: SkuEta, now: datetime) -> Radius:
    """What `change_eta` would do, without doing it."""
    change = Wanted(sku, wanted.estimate, wanted.reason, now)
    policy, zone = policy_from_json(store_row.policy), ZoneInfo(store_row.timezone)
    known: dict[Hashable, tuple[Draft, ...]] = {}
    messages: Counter[Kind] = Counter()
    worth: Counter[tuple[str | None, str, int]] = Counter()
    samples: defaultdict[Kind, list[str]] = defaultdict(list)
    orders = consents = 0
    for ids in _waiting(session, store_row.id, sku):
        looks = [look for look in sketches(session, ids, change, policy, zone, lock=False) if look.anew]
        _foresee(session, looks, change, now, known)
        orders += len(looks)
        for look in looks:
            fresh = known[look.shape or look.id]
            messages.update(draft.kind for draft in fresh)
            news = next((draft.kind for draft in fresh if draft.kind in CHANGE_OF_DATE), None)
            if news is None:
                continue
            consents += news is Kind.CONSENT
            if len(samples[news]) < SAMPLES:
                samples[news].append(look.id)
            if news is not Kind.EARLIER and look.line.unit_price is not None:
                worth[look.currency, look.line.unit_price, look.line.waiting] += 1
        _forget(known)
    return Radius(orders, dict(messages), consents, _value(worth), _samples(session, samples, change, now))


def _foresee(
    session: Session,
    looks: Sequence[Sketch],
    change: Wanted,
    now: datetime,
    known: dict[Hashable, tuple[Draft, ...]],
) -> None:
    """Note the fresh emails of each shape that is not `known`, and of each order without a shape by its id."""
    firsts = {look.shape or look.id: look.id for look in looks if (look.shape or look.id) not in known}
    loaded = store.load(session, firsts.values())
    for shape, first in firsts.items():
        known[shape] = _fresh(_as_if(loaded[first], change), now)


def _forget(known: dict[Hashable, Any]) -> None:
    """Shapes are few; where they are not, no list of them must grow with the orders."""
    if len(known) > SHAPES:
        known.clear()


def _value(worth: Mapping[tuple[str | None, str, int], int]) -> dict[str, Decimal]:
    value: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (currency, price, units), orders in worth.items():
        value[currency or ""] += Decimal(price) * units * orders
    return dict(value)


def _samples(
    session: Session, ids: Mapping[Kind, list[str]], change: Wanted, now: datetime
) -> tuple[tuple[Order, Draft], ...]:
    chosen = [id_ for of_kind in ids.values() for id_ in of_kind][:SAMPLES]
    loaded = store.load(session, chosen)
    orders = [_as_if(loaded[id_], change) for id_ in chosen]
    return tuple(
        (order, next(draft for draft in _fresh(order, now) if draft.kind in CHANGE_OF_DATE))
        for order in orders
    )


def _fresh(order: Order, now: datetime) -> tuple[Draft, ...]:
    """The emails that come of the change: those that do not exist yet, or not any more, and planned word of a moved
    date that now says something else. Not the can't-say notices, which may never be needed.
    """
    changes = changes_of(order, now)
    again = [
        move.draft
        for move in changes.move
        if move.restored or (move.draft.kind in CHANGE_OF_DATE and move.draft.says != move.message.says)
    ]
    return tuple(draft for draft in (*changes.add, *again) if not draft.key.startswith(LAPSE))


def _as_if(order: Order, change: Wanted) -> Order:
    """The order as it would be with the new estimate."""
    lines = tuple(
        replace(line, eta=change.eta, eta_reason=change.reason, eta_changed_at=change.at)
        if line.sku == change.sku and line.waiting and line.eta != change.eta
        else line
        for line in order.facts.lines
    )
    return replace(order, facts=replace(order.facts, lines=lines))


def _waiting(session: Session, store_id: str, sku: str) -> Iterator[list[str]]:
    """The ids of the orders that wait for this SKU, a chunk at a time."""
    after = ""
    while ids := store.waiting_for(session, store_id, sku, after, CHUNK):
        after = ids[-1]
        yield ids


def change_eta(
    session: Session, store_row: Store, sku: str, wanted: SkuEta, now: datetime
) -> Radius | SkuChange:
    """Move every open line of this SKU. A large change comes back as a SkuChange that workers carry on.

    Raises Conflict, and changes nothing, when it would send more than the policy's `max_messages_per_change` and
    `confirm` was not given.
    """
    total = store.count_moving(session, store_row.id, sku, wanted.estimate)
    large = total > AT_ONCE
    radius = None if large and wanted.confirm else preview_eta(session, store_row, sku, wanted, now)
    if radius and not wanted.confirm:
        _refuse_too_many(radius, policy_from_json(store_row.policy).max_messages_per_change)
    job = SkuChange(
        id=new_id("skuchg"),
        store_id=store_row.id,
        sku=sku,
        eta=wanted.estimate.latest,
        eta_earliest=wanted.estimate.earliest,
        reason=wanted.reason,
        at=now,
        total=total,
    )
    sku_changes.supersede(session, store_row.id, sku, now)
    if radius is None or large:
        session.add(job)
        return job
    known: dict[Hashable, Pattern] = {}
    while not job.finished_at:
        _work_off(session, job, known, now)
    return radius


def _refuse_too_many(radius: Radius, most: int) -> None:
    count = sum(radius.messages.values())
    if count > most:
        raise Conflict(
            f"this would send {count} messages to {radius.backorders} orders, more than max_messages_per_change"
            f" ({most}); look at it with dry_run, then repeat it with confirm: true"
        )


def _work_off(session: Session, job: SkuChange, known: dict[Hashable, Pattern], now: datetime) -> None:
    """One chunk; lines whose estimate was changed after this change was asked for keep theirs."""
    ids = store.waiting_for(session, job.store_id, job.sku, job.cursor, CHUNK)
    if not ids:
        job.finished_at = now
        return
    store_row = session.get_one(Store, job.store_id)
    change = Wanted(job.sku, Eta(job.eta, job.eta_earliest), job.reason, job.at)
    policy, zone = policy_from_json(store_row.policy), ZoneInfo(store_row.timezone)
    moving = sketches(session, ids, change, policy, zone, lock=True)
    listened = bool(listeners(session, {job.store_id}))
    if listened:  # news is of one order and its law, so each is planned by itself
        moving = [replace(sketch, shape=None) for sketch in moving]
    move(session, moving, change, now)
    if listened:
        _tell(session, moving, change, now)
    replan_alike(session, moving, known, now)
    _forget(known)
    job.cursor, job.done = ids[-1], job.done + len(moving)


def _tell(session: Session, moved: Sequence[Sketch], change: Wanted, now: datetime) -> None:
    orders = store.load(session, [sketch.id for sketch in moved])
    news = [(orders[sketch.id], moved_fact(sketch, change)) for sketch in moved]
    telling.happened(
        session,
        [(order, [record(order, "eta_changed", change.at, now, data)]) for order, data in news],
        now,
    )


def carry_on(engine: Engine, now: datetime) -> bool:
    """Work off some chunks of the oldest unfinished change; False when none is left, or others are at it.

    Each chunk is a transaction of its own. They share an instant, so that what was planned for a shape holds for all.
    """
    known: dict[Hashable, Pattern] = {}
    change = None
    for _ in range(CHUNKS):
        with transaction(engine) as session:
            job = sku_changes.next_unfinished(session)
            if job is None:
                return False
            if job.id != change:
                known, change = {}, job.id
            _work_off(session, job, known, now)
            session.add(job)
    return True


@dataclass(frozen=True, slots=True)
class Allocation:
    backorder_id: str
    quantity: int
    still_waiting: int


@dataclass(frozen=True, slots=True)
class Restocked:
    """Who gets what of goods that arrived, and what nobody waits for."""

    allocated: tuple[Allocation, ...]
    left_over: int


def restock(session: Session, store_row: Store, new: NewRestock, now: datetime) -> Restocked:
    """Set units that arrived aside for the orders that wait for them; with `dry_run` only tell how."""
    orders = {
        id_: order
        for ids in _waiting(session, store_row.id, new.sku)
        for id_, order in store.load(session, ids, lock=not new.dry_run).items()
    }
    lines = {
        order_id: next(row for row in order.lines if row.sku == new.sku) for order_id, order in orders.items()
    }
    waiting = [
        Waiting(order_id, row.id, row.waiting - row.allocated, orders[order_id].facts.placed_at)
        for order_id, row in lines.items()
        if row.waiting > row.allocated
    ]
    shares = share(new.quantity, waiting, new.rule)
    happened = []
    allocated = []
    for given in shares:
        row = lines[given.backorder_id]
        still = row.waiting - row.allocated - given.quantity
        allocated.append(Allocation(given.backorder_id, given.quantity, still))
        if not new.dry_run:
            row.allocated += given.quantity
            order = orders[given.backorder_id]
            data = {"line": row.id, "sku": row.sku, "quantity": given.quantity}
            happened.append((order, [record(order, "allocated", now, now, data)]))
    write(session, happened, now)
    return Restocked(tuple(allocated), new.quantity - sum(given.quantity for given in shares))
