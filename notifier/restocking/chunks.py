"""A restock of very many orders, handed out by workers in chunks that each commit: none twice, none lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import restocks, sku_estimates, supply
from notifier.db.engine import transaction
from notifier.db.restock_tables import Restock
from notifier.domain.supply import Pile, Share, Waiting, along, pile
from notifier.restocking.giving import count_served, lacks, locked, set_aside

CHUNK = 1000
"""To how many orders one transaction gives units, so that sending goes on meanwhile."""

CHUNKS = 25
"""How many chunks are worked off at a time, as to find the next in a long queue costs more than to give to them."""


def carry_on(engine: Engine, clock: Callable[[], datetime], rest: Callable[[], bool] = lambda: False) -> bool:
    """Hand out some chunks of the oldest unfinished restock; False when none is left, or others are at it.

    Each chunk is one transaction together with how far that is, so whoever is killed leaves it where it was. After each
    one `rest` lets others have a turn, and tells whether to stop there.
    """
    ahead = _Ahead()
    for _ in range(CHUNKS):
        with transaction(engine) as session:
            job = restocks.next_unfinished(session)
            if job is None or not supply.lock(session, job.store_id, [job.sku], wait=False):
                return False
            if not job.passes:
                _begin(session, job)
            _work_off(session, job, ahead, clock())
            session.add(job)
        if rest():
            return False
    return True


@dataclass
class _Ahead:
    """The next lines in the queue of one restock, as they were looked up."""

    lines: list[Waiting] = field(default_factory=list)
    place: tuple[str, int, str] | None = None
    """From where on: a restock, the number of its pass, and an order."""

    def take(self, session: Session, job: Restock) -> list[Waiting]:
        """The next chunk; the queue is looked up again where somebody else has worked at it meanwhile."""
        if not self.lines or self.place != (job.id, job.passes, job.cursor):
            past = (job.cursor_at, job.cursor) if job.cursor_at else None
            found = restocks.queue(
                session, job.store_id, [job.sku], past=past, known_by=_known_by(job), limit=CHUNK * CHUNKS
            )
            self.lines = [queued.line for queued in found]
        taken, self.lines = self.lines[:CHUNK], self.lines[CHUNK:]
        if taken:
            self.place = (job.id, job.passes, taken[-1].backorder_id)
        return taken


def _known_by(job: Restock) -> datetime | None:
    """First come the orders that waited when the goods arrived; what these leave is for all that wait by then."""
    return job.at if job.passes == 1 else None


def _begin(session: Session, job: Restock) -> None:
    """Its turn has come: how many orders get units is counted again, as others may have got some meanwhile."""
    needs = restocks.needs(session, job.store_id, job.sku, job.at)
    _start(job, needs)
    job.total = count_served(session, job.store_id, job.sku, _pile(job), needs, job.at)


def _start(job: Restock, needs: dict[int, int]) -> None:
    """Go along the queue, from its head on."""
    _put(job, pile(job.left, "fair" if job.rule == "fair" else "fifo", needs))
    job.passes += 1
    job.cursor_at, job.cursor = None, ""


def _work_off(session: Session, job: Restock, ahead: _Ahead, now: datetime) -> None:
    lines = ahead.take(session, job)
    if lines:
        _give(session, job, lines, now)
        job.cursor_at, job.cursor = lines[-1].placed_at, lines[-1].backorder_id
    if job.left and lines:
        return
    needs = restocks.needs(session, job.store_id, job.sku) if job.left else {}
    if needs:  # orders came, or need less than they did
        _start(job, needs)
        return
    job.finished_at = now
    if job.left:
        sku_estimates.forget(session, job.store_id, [job.sku])


def _give(session: Session, job: Restock, lines: Sequence[Waiting], now: datetime) -> None:
    """Give to these, the next in the queue, what they lack now that they are locked."""
    orders = locked(session, job.store_id, job.sku, [line.backorder_id for line in lines])
    shares: list[Share] = []
    for share, rest in along(_pile(job), map(lacks(orders), lines)):
        shares.append(share)
        _put(job, rest)
    set_aside(session, job.store_id, {job.sku: orders}, {job.sku: shares}, now)
    restocks.keep(session, job, shares)


def _pile(job: Restock) -> Pile:
    return Pile(job.left, job.each, job.extra)


def _put(job: Restock, what: Pile) -> None:
    job.left, job.each, job.extra = what.left, what.each, what.extra
