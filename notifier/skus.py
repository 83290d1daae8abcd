"""A new estimate for every order that waits for a SKU, or for a coming shipment of it: worked off in chunks."""

from collections.abc import Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from notifier import telling
from notifier.db import facts as store
from notifier.db import policies, sku_changes, sku_estimates, supply
from notifier.db.alike import Shapes
from notifier.db.codec import policy_from_json
from notifier.db.engine import transaction
from notifier.db.facts import record
from notifier.db.gathered import read
from notifier.db.ids import new_id
from notifier.db.moving import Moving, Wanted, move, moved_fact, moving
from notifier.db.pattern import Pattern
from notifier.db.tables import SkuChange, Store
from notifier.domain.eta import Eta
from notifier.domain.inbound import by_line, expected
from notifier.inputs import SkuEta
from notifier.planning import forget, replan_alike
from notifier.radius import Radius, foresee

AT_ONCE = 500
"""Up to how many orders a change is worked off within its request; a larger one goes on in chunks."""

CHUNK = 1000
"""How many orders one transaction moves, so that sending goes on meanwhile."""

GLANCE = 2500
"""How many orders are looked at together that nobody is to move yet."""

CHUNKS = 12
"""How many chunks are worked off at a time, planned as of one instant."""

THREADS = 2
"""How many chunks are worked off side by side on PostgreSQL, so that neither it nor Python waits for the other."""

Known = dict[tuple[Wanted, int], dict[Hashable, Pattern]]
"""What was planned at one instant for each new estimate, version of the policy, and shape of order."""


def preview_eta(session: Session, store_row: Store, sku: str, wanted: SkuEta, now: datetime) -> Radius:
    """What `change_eta` would do, without doing it."""
    change = Wanted(sku, wanted.estimate, wanted.reason, now)
    return foresee(session, store_row, ((change, ids) for ids in _waiting(session, store_row.id, sku)), now)


def _waiting(session: Session, store_id: str, sku: str) -> Iterator[list[str]]:
    """The ids of the orders that wait for this SKU, a glance at a time."""
    after = ""
    while ids := store.waiting_for(session, store_id, sku, after, GLANCE):
        after = ids[-1]
        yield ids


def change_eta(
    session: Session, store_row: Store, sku: str, wanted: SkuEta, now: datetime
) -> Radius | SkuChange:
    """Move every open line of this SKU. A large change comes back as a SkuChange that workers carry on.

    Raises Held, and changes nothing, when it would send more than the policy's `max_messages_per_change` and
    `confirm` was not given.
    """
    total = store.count_moving(session, store_row.id, sku, wanted.estimate)
    large = total > AT_ONCE
    radius = None if large and wanted.confirm else preview_eta(session, store_row, sku, wanted, now)
    if radius and not wanted.confirm:
        radius.refuse_too_many(policy_from_json(store_row.policy).max_messages_per_change)
    sku_estimates.keep(session, store_row.id, sku, wanted.estimate, wanted.reason, now)
    job = a_change(store_row.id, sku, wanted.estimate, wanted.reason, total, now)
    begin(session, [job], now, large=large)
    return job if radius is None or large else radius


def a_change(
    store_id: str,
    sku: str,
    eta: Eta,
    reason: str | None,
    total: int,
    now: datetime,
    shipment: str | None = None,
) -> SkuChange:
    """The new estimate of `total` orders that wait for a SKU, or for that SKU of a coming shipment."""
    return SkuChange(
        id=new_id("skuchg"),
        store_id=store_id,
        shipment_id=shipment,
        sku=sku,
        eta=eta.latest,
        eta_earliest=eta.earliest,
        reason=reason,
        at=now,
        total=total,
    )


def begin(session: Session, jobs: Sequence[SkuChange], now: datetime, *, large: bool) -> None:
    """Work these changes off, or, when they are `large`, leave them to workers. Older ones of their kind are over."""
    for job in jobs:
        sku_changes.supersede(session, job, now)
    if large:
        session.add_all(jobs)
        return
    known: Known = {}
    for job in jobs:
        while not job.finished_at:
            _work_off(session, job, known, now)


def _work_off(session: Session, job: SkuChange, known: Known, now: datetime) -> None:
    """One chunk; lines whose estimate was changed after this change was asked for keep theirs."""
    ids = _next(session, job, CHUNK)
    job.done += _chunk(session, job, ids, known, now)
    _gone_past(job, ids, now)


def _next(session: Session, job: SkuChange, limit: int) -> list[str]:
    """The next orders, by id, at which this change has not been."""
    if job.shipment_id:
        return supply.waiting_for(session, job.store_id, job.shipment_id, job.sku, job.cursor, limit)
    return store.waiting_for(session, job.store_id, job.sku, job.cursor, limit)


def _gone_past(job: SkuChange, ids: Sequence[str], now: datetime) -> None:
    if ids:
        job.cursor = ids[-1]
    else:
        job.finished_at = now


def _chunk(session: Session, job: SkuChange, ids: Sequence[str], known: Known, now: datetime) -> int:
    """Move these orders; answers how many have their estimate from this change, also if they were moved before."""
    if not ids:
        return 0
    store_row = policies.steady(session, job.store_id)
    done = 0
    for change, of_these in _changes(session, job, ids).items():
        planned = known.setdefault((change, store_row.policy_version), {})
        _move(session, store_row, change, of_these, planned, now)
        done += sku_changes.count_moved(session, of_these, change.sku, change.eta, change.at)
    return done


def _changes(session: Session, job: SkuChange, ids: Sequence[str]) -> dict[Wanted, list[str]]:
    """Which of these orders get which estimate; they are locked where that is asked of each."""
    if not job.shipment_id:
        return {Wanted(job.sku, Eta(job.eta, job.eta_earliest), job.reason, job.at): list(ids)}
    store.versions(session, ids)
    changes: dict[Wanted, list[str]] = {}
    too_much = False
    seen = supply.picture(session, job.store_id, job.sku, ids)
    shares = by_line(seen.coming, seen.held)
    for line in seen.wanting:
        mine = shares.get(line.line_id, [])
        too_much = too_much or sum(share.units for _, share in mine) > line.needed
        if found := expected(line, mine):
            changes.setdefault(Wanted(job.sku, found.eta, found.reason, found.at), []).append(
                line.backorder_id
            )
    if too_much:  # an order changed while units were dealt out
        supply.ask(session, job.store_id, [job.sku])
    return changes


def _move(
    session: Session,
    store_row: Store,
    change: Wanted,
    ids: Sequence[str],
    known: dict[Hashable, Pattern],
    now: datetime,
) -> None:
    """Move those of these orders that have another estimate."""
    policy, zone = policy_from_json(store_row.policy), ZoneInfo(store_row.timezone)
    listened = telling.listened(session, store_row.id)
    found = read(session, ids, change.sku, policy.skus.keys(), lock=True)
    those = moving(found, change, Shapes(policy, zone, alone=listened))
    move(session, store_row.id, those, change, now)
    if listened:
        _tell(session, those, change, now)
    replan_alike(session, [it.order for it in those], known, now)
    forget(known)


def _tell(session: Session, moved: Sequence[Moving], change: Wanted, now: datetime) -> None:
    orders = store.load(session, [it.order.id for it in moved])
    news = [(orders[it.order.id], moved_fact(it, change)) for it in moved]
    telling.happened(
        session,
        [(order, [record(order, "eta_changed", change.at, now, data)]) for order, data in news],
        now,
    )


def carry_on(engine: Engine, now: datetime) -> bool:
    """Work off some chunks of the oldest unfinished change; False when none is left, or others are at it.

    Each chunk is a transaction of its own. They share an instant, so that what was planned for a shape holds for all.
    """
    return (_side_by_side if engine.dialect.name == "postgresql" else _in_turn)(engine, now)


def _in_turn(engine: Engine, now: datetime) -> bool:
    """One chunk after the other, each together with how far the change is, as there is one writer only."""
    known: Known = {}
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


def _side_by_side(engine: Engine, now: datetime) -> bool:
    """Some chunks at a time, so that one is planned while others are written.

    This transaction holds the change meanwhile, and says how far it is when all of them are done. Who is killed before
    that leaves chunks that are done: whoever goes on finds nothing to move in them, and counts them.
    """
    with transaction(engine) as session:
        job = sku_changes.next_unfinished(session)
        if job is None:
            return False
        ids = _next(session, job, CHUNKS * CHUNK)
        known: Known = {}

        def work(start: int) -> int:
            with transaction(engine) as other:
                return _chunk(other, job, ids[start : start + CHUNK], known, now)

        with ThreadPoolExecutor(THREADS) as pool:
            job.done += sum(pool.map(work, range(0, len(ids), CHUNK)))
        _gone_past(job, ids, now)
        session.add(job)
    return True
