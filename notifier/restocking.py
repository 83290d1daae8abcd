"""Goods that arrived: units are set aside for the orders that wait, and never for two."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import sku_estimates, supply
from notifier.db.facts import Order, record
from notifier.db.tables import BackorderLine, Store
from notifier.domain.inbound import Wanting
from notifier.domain.message import Kind
from notifier.domain.plan import LAPSE
from notifier.domain.supply import Share, Waiting, share
from notifier.errors import Fault, Invalid
from notifier.inputs import NewRestock
from notifier.planning import changes_of, write

Rule = Literal["fifo", "fair"]
RULES: tuple[Rule, ...] = ("fifo", "fair")

CHUNK = 200
"""How many orders are loaded at a time to foretell their emails."""


@dataclass(frozen=True, slots=True)
class Allocation:
    backorder_id: str
    quantity: int
    still_waiting: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule makes of the units beyond who gets them. `filled` orders lack nothing of these SKUs any more.

    `messages` are the emails that come of it by kind, `stopped` those that were planned and go no more, but for the
    notices of a legal deadline's day, which may never be needed; `freed` is the worth of what can ship now, by
    currency, where prices are known.
    """

    filled: int
    messages: Mapping[Kind, int]
    stopped: Mapping[Kind, int]
    freed: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Restocked:
    """Who gets what of goods that arrived, and what nobody waits for. `rules` tells it for each, when foretold."""

    allocated: tuple[Allocation, ...]
    left_over: int
    rules: Mapping[Rule, tuple["Restocked", Outcome]] | None = None


def restock(session: Session, store_row: Store, new: NewRestock, now: datetime) -> Restocked:
    """Set units that arrived aside for the orders that wait for them; with `dry_run` only tell how.

    Raises Invalid when no order waits for the SKU.
    """
    if new.dry_run:
        wanting = supply.picture(session, store_row.id, new.sku).wanting
        _refuse_unwanted(new.sku, wanting)
        rules = {rule: _foretold(session, new, wanting, rule, now) for rule in RULES}
        return replace(rules[new.rule][0], rules=rules)
    supply.lock(session, store_row.id, [new.sku])
    if not store.waiting_for(session, store_row.id, new.sku, limit=1):
        _refuse_unwanted(new.sku, ())
    return hand_out(session, store_row.id, {new.sku: new.quantity}, new.rule, now)[new.sku]


def _refuse_unwanted(sku: str, wanting: Sequence[Wanting]) -> None:
    if not wanting:
        raise Invalid(
            f"no order of this store waits for SKU {sku!r}, so there is nobody to set units aside for",
            (Fault("/sku", f"must be the SKU of a line that waits, not {sku!r}"),),
        )


def hand_out(
    session: Session, store_id: str, arrived: Mapping[str, int], rule: Rule, now: datetime
) -> dict[str, Restocked]:
    """Set units of these SKUs aside, each order changed once. The caller holds the lock of every SKU."""
    gifts, orders = _settled(session, store_id, arrived, rule)
    happened = defaultdict(list)
    for sku, shares in gifts.items():
        for given in shares:
            order = orders[given.backorder_id]
            row = _line(order, sku)
            row.allocated += given.quantity
            data = {"line": row.id, "sku": sku, "quantity": given.quantity}
            happened[order.row.id].append(record(order, "allocated", now, now, data))
    write(session, [(orders[id_], facts) for id_, facts in sorted(happened.items())], now)
    done = {sku: _restocked(arrived[sku], shares) for sku, shares in gifts.items()}
    sku_estimates.forget(session, store_id, [sku for sku, what in done.items() if what.left_over])
    return done


def _settled(
    session: Session, store_id: str, arrived: Mapping[str, int], rule: Rule
) -> tuple[dict[str, tuple[Share, ...]], dict[str, Order]]:
    """Who gets what, and those orders, locked; shared again where one of them needed less by the time it was."""
    while True:
        gifts = {
            sku: _share(count, supply.picture(session, store_id, sku).wanting, rule)
            for sku, count in arrived.items()
        }
        ids = {given.backorder_id for shares in gifts.values() for given in shares}
        orders = store.load(session, ids, lock=True)
        if all(_needs(orders, sku, given) for sku, shares in gifts.items() for given in shares):
            return gifts, orders


def _needs(orders: Mapping[str, Order], sku: str, given: Share) -> bool:
    row = _line(orders[given.backorder_id], sku)
    return row.waiting - row.allocated == given.quantity + given.still_waiting


def _line(order: Order, sku: str) -> BackorderLine:
    return next(row for row in order.lines if row.sku == sku)


def _share(units: int, wanting: Sequence[Wanting], rule: Rule) -> tuple[Share, ...]:
    return share(
        units,
        [Waiting(it.backorder_id, it.line_id, it.needed, it.placed_at) for it in wanting if it.needed > 0],
        rule,
    )


def _restocked(units: int, shares: Sequence[Share]) -> Restocked:
    return Restocked(
        tuple(Allocation(it.backorder_id, it.quantity, it.still_waiting) for it in shares),
        units - sum(it.quantity for it in shares),
    )


# --- before it is done -------------------------------------------------------------------------------------


def _foretold(
    session: Session, new: NewRestock, wanting: Sequence[Wanting], rule: Rule, now: datetime
) -> tuple[Restocked, Outcome]:
    shares = _share(new.quantity, wanting, rule)
    return _restocked(new.quantity, shares), outcome(session, {new.sku: shares}, now)


def foretell(
    session: Session, store_id: str, arrived: Mapping[str, int], rule: Rule, now: datetime
) -> tuple[dict[str, Restocked], Outcome]:
    """What `hand_out` would do, without doing it."""
    gifts = {
        sku: _share(count, supply.picture(session, store_id, sku).wanting, rule)
        for sku, count in arrived.items()
    }
    return {sku: _restocked(arrived[sku], shares) for sku, shares in gifts.items()}, outcome(
        session, gifts, now
    )


def outcome(session: Session, gifts: Mapping[str, Sequence[Share]], now: datetime) -> Outcome:
    """What comes of these gifts, by SKU. Of emails only those of orders that lack nothing of a SKU change."""
    given: defaultdict[str, dict[str, Share]] = defaultdict(dict)
    for sku, shares in gifts.items():
        for it in shares:
            given[it.backorder_id][sku] = it
    messages: Counter[Kind] = Counter()
    stopped: Counter[Kind] = Counter()
    freed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in _loaded(session, sorted(given)):
        mine = given[order.row.id]
        for line in order.facts.lines:
            if line.sku in mine and line.unit_price is not None:
                freed[order.facts.currency or ""] += line.unit_price * mine[line.sku].quantity
        if all(it.still_waiting for it in mine.values()):
            continue
        changes = changes_of(_as_if(order, mine), now)
        fresh = [*changes.add, *(move.draft for move in changes.move if move.restored)]
        messages.update(draft.kind for draft in fresh if not draft.key.startswith(LAPSE))
        stopped.update(stop.message.kind for stop in changes.stop if not stop.message.key.startswith(LAPSE))
    filled = sum(not any(it.still_waiting for it in mine.values()) for mine in given.values())
    return Outcome(filled, dict(messages), dict(stopped), dict(freed))


def _loaded(session: Session, ids: Sequence[str]) -> Iterator[Order]:
    for start in range(0, len(ids), CHUNK):
        yield from store.load(session, ids[start : start + CHUNK]).values()


def _as_if(order: Order, mine: Mapping[str, Share]) -> Order:
    lines = tuple(
        replace(line, allocated=line.allocated + mine[line.sku].quantity) if line.sku in mine else line
        for line in order.facts.lines
    )
    return replace(order, facts=replace(order.facts, lines=lines))
