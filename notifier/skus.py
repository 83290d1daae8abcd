"""What happens to every order that waits for a SKU: a new estimate, goods that arrived."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import sku_changes
from notifier.db.codec import policy_from_json
from notifier.db.engine import transaction
from notifier.db.facts import Order, record
from notifier.db.ids import new_id
from notifier.db.tables import Fact, SkuChange, Store
from notifier.domain.eta import Eta
from notifier.domain.message import CHANGE_OF_DATE, Draft, Kind, Status
from notifier.domain.plan import LAPSE, plan
from notifier.domain.supply import Waiting, share
from notifier.errors import Conflict
from notifier.inputs import NewRestock, SkuEta
from notifier.intake import move_eta, write
from notifier.planning import CHUNK

AT_ONCE = 500
"""Up to how many orders a change is worked off within its request; a larger one goes on in chunks."""

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
    messages: Counter[Kind] = Counter()
    value: defaultdict[str, Decimal] = defaultdict(Decimal)
    samples: dict[Kind, list[tuple[Order, Draft]]] = defaultdict(list)
    orders = consents = 0
    for order in _waiting(session, store_row.id, sku):
        after = _as_if(order, sku, wanted.estimate, wanted.reason, now)
        if after is None:
            continue
        orders += 1
        fresh = _fresh(after, now)
        messages.update(draft.kind for draft in fresh)
        news = next((draft for draft in fresh if draft.kind in CHANGE_OF_DATE), None)
        if news is None:
            continue
        consents += news.kind is Kind.CONSENT
        if len(samples[news.kind]) < SAMPLES:
            samples[news.kind].append((after, news))
        if news.kind is not Kind.EARLIER:
            _add_value(value, after, sku)
    chosen = tuple(sample for kind in samples.values() for sample in kind)[:SAMPLES]
    return Radius(orders, dict(messages), consents, dict(value), chosen)


def _add_value(value: defaultdict[str, Decimal], order: Order, sku: str) -> None:
    for line in order.facts.waiting_lines:
        if line.sku == sku and line.unit_price is not None:
            value[order.facts.currency or ""] += line.unit_price * line.waiting


def _fresh(order: Order, now: datetime) -> list[Draft]:
    """The emails of the new plan that come of the change: those that do not exist yet, and planned word of a moved
    date that now says something else. Not the can't-say notices, which may never be needed.
    """
    there = {m.key: m for m in order.facts.messages if m.status is not Status.CANCELLED}
    return [
        draft
        for draft in plan(order.facts, order.policy, now)
        if not draft.key.startswith(LAPSE)
        and (draft.key not in there or (draft.kind in CHANGE_OF_DATE and there[draft.key].says != draft.says))
    ]


def _as_if(order: Order, sku: str, eta: Eta, reason: str | None, now: datetime) -> Order | None:
    """The order as it would be with the new estimate; None when that changes nothing."""
    if all(line.sku != sku or line.eta == eta for line in order.facts.waiting_lines):
        return None
    lines = tuple(
        replace(line, eta=eta, eta_reason=reason, eta_changed_at=now)
        if line.sku == sku and line.waiting and line.eta != eta
        else line
        for line in order.facts.lines
    )
    return replace(order, facts=replace(order.facts, lines=lines))


def _waiting(session: Session, store_id: str, sku: str, *, lock: bool = False) -> Iterator[Order]:
    """The orders that wait for this SKU, a chunk at a time."""
    after = ""
    while ids := store.waiting_for(session, store_id, sku, after, CHUNK):
        after = ids[-1]
        yield from store.load(session, ids, lock=lock).values()


def change_eta(
    session: Session, store_row: Store, sku: str, wanted: SkuEta, now: datetime
) -> Radius | SkuChange:
    """Move every open line of this SKU. A large change comes back as a SkuChange that workers carry on.

    Raises Conflict, and changes nothing, when it would send more than the policy's `max_messages_per_change` and
    `confirm` was not given.
    """
    radius = preview_eta(session, store_row, sku, wanted, now)
    most = policy_from_json(store_row.policy).max_messages_per_change
    count = sum(radius.messages.values())
    if count > most and not wanted.confirm:
        raise Conflict(
            f"this would send {count} messages to {radius.backorders} orders, more than max_messages_per_change"
            f" ({most}); look at it with dry_run, then repeat it with confirm: true"
        )
    job = SkuChange(
        id=new_id("skuchg"),
        store_id=store_row.id,
        sku=sku,
        eta=wanted.estimate.latest,
        eta_earliest=wanted.estimate.earliest,
        reason=wanted.reason,
        at=now,
        total=radius.backorders,
    )
    sku_changes.supersede(session, store_row.id, sku, now)
    if radius.backorders > AT_ONCE:
        session.add(job)
        return job
    while not job.finished_at:
        _work_off(session, job, now)
    return radius


def _work_off(session: Session, job: SkuChange, now: datetime) -> None:
    """One chunk; lines whose estimate was changed after this change was asked for keep theirs."""
    ids = store.waiting_for(session, job.store_id, job.sku, job.cursor, CHUNK)
    if not ids:
        job.finished_at = now
        return
    happened: list[tuple[Order, list[Fact]]] = []
    for order in store.load(session, ids, lock=True).values():
        facts: list[Fact] = []

        def keep(kind: str, data: dict[str, Any], order: Order = order, facts: list[Fact] = facts) -> None:
            facts.append(record(order, kind, job.at, now, data))

        for row in order.lines:
            if row.sku == job.sku and row.waiting and row.eta_changed_at <= job.at:
                move_eta(keep, row, job.eta, job.eta_earliest, job.reason, job.at)
        if facts:
            happened.append((order, facts))
    write(session, happened, now)
    job.cursor, job.done = ids[-1], job.done + len(happened)


def carry_on(engine: Engine, now: datetime) -> bool:
    """Work off one chunk of the oldest unfinished change; False when none is left, or others are at it."""
    with transaction(engine) as session:
        job = sku_changes.next_unfinished(session)
        if job is None:
            return False
        _work_off(session, job, now)
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
    orders = {order.row.id: order for order in _waiting(session, store_row.id, new.sku, lock=not new.dry_run)}
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
