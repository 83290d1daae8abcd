"""Goods that arrived: units are set aside for the orders that wait, and never for two."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from notifier import skus
from notifier.db import facts as store
from notifier.db import restocks, sku_estimates, supply
from notifier.db.ids import new_id
from notifier.db.restock_tables import Restock
from notifier.db.tables import Store
from notifier.domain.supply import Rule, Share, pile
from notifier.errors import Fault, Invalid
from notifier.inputs import NewRestock
from notifier.restocking.foretelling import Foretold, Outcome, foretell
from notifier.restocking.giving import Orders, count_served, heap, lacked, locked, set_aside, sharing
from notifier.restocking.ledger import Allocation

__all__ = [
    "Allocation",
    "Foretold",
    "Outcome",
    "Restocked",
    "foretell",
    "foretell_restock",
    "hand_out",
    "hand_over",
    "restock",
    "restocked",
]

RULES: tuple[Rule, ...] = ("fifo", "fair")


@dataclass(frozen=True, slots=True)
class Restocked:
    """Who gets what of goods that arrived, and what nobody waits for. `rules` tells it for each, when foretold."""

    allocated: Collection[Allocation]
    left_over: int
    rules: Mapping[Rule, tuple["Restocked", Outcome]] | None = None


def restock(session: Session, store_row: Store, new: NewRestock, now: datetime) -> Restocked | Restock:
    """Set units that arrived aside for the orders that wait for them.

    Those for very many orders, or for a SKU of which units are still being handed out, come back as a Restock that
    workers carry on. Raises Invalid when no order waits for the SKU.
    """
    supply.lock(session, store_row.id, [new.sku])
    _refuse_unwanted(session, store_row, new.sku)
    done = hand_over(session, store_row.id, {new.sku: new.quantity}, new.rule, now)
    return done[0] if isinstance(done, list) else done[new.sku]


def foretell_restock(session: Session, store_row: Store, new: NewRestock, now: datetime) -> Restocked:
    """What `restock` would do, and what the other rule would. Raises Invalid likewise."""
    _refuse_unwanted(session, store_row, new.sku)
    told = foretell(session, store_row, {new.sku: new.quantity}, RULES, now)
    rules = {rule: (restocked(it)[new.sku], it.outcome) for rule, it in told.items()}
    chosen, _ = rules[new.rule]
    return Restocked(chosen.allocated, chosen.left_over, rules)


def _refuse_unwanted(session: Session, store_row: Store, sku: str) -> None:
    if not store.waiting_for(session, store_row.id, sku, limit=1):
        raise Invalid(
            f"no order of this store waits for SKU {sku!r}, so there is nobody to set units aside for",
            (Fault("/sku", f"must be the SKU of a line that waits, not {sku!r}"),),
        )


def restocked(told: Foretold) -> dict[str, Restocked]:
    """By SKU who would get what, as if it had been given."""
    return {sku: Restocked(told.allocated[sku], left) for sku, left in told.left_over.items()}


def hand_over(
    session: Session,
    store_id: str,
    arrived: Mapping[str, int],
    rule: Rule,
    now: datetime,
    shipment_id: str | None = None,
) -> dict[str, Restocked] | list[Restock]:
    """Set units of these SKUs aside, or leave that to workers: all of them, where they are for very many orders.

    The caller holds the lock of every SKU.
    """
    busy = restocks.under_way(session, store_id, arrived)
    totals = {sku: _count(session, store_id, sku, units, rule) for sku, units in arrived.items()}
    if not busy and sum(totals.values()) <= skus.AT_ONCE:
        return hand_out(session, store_id, arrived, rule, now)
    jobs = [
        Restock(
            id=new_id("rst"),
            store_id=store_id,
            shipment_id=shipment_id,
            sku=sku,
            rule=rule,
            quantity=units,
            at=now,
            total=totals[sku],
            left=units,
        )
        for sku, units in arrived.items()
    ]
    session.add_all(jobs)
    return jobs


def _count(session: Session, store_id: str, sku: str, units: int, rule: Rule) -> int:
    """How many orders get units of it."""
    needs = restocks.needs(session, store_id, sku)
    return count_served(session, store_id, sku, pile(units, rule, needs), needs)


def hand_out(
    session: Session, store_id: str, arrived: Mapping[str, int], rule: Rule, now: datetime
) -> dict[str, Restocked]:
    """Set units of these SKUs aside at once, each order changed once. The caller holds the lock of every SKU."""
    gifts, orders = _settled(session, store_id, arrived, rule)
    set_aside(session, store_id, orders, gifts, now)
    done = {sku: _restocked(arrived[sku], shares) for sku, shares in gifts.items()}
    sku_estimates.forget(session, store_id, [sku for sku, what in done.items() if what.left_over])
    return done


def _settled(
    session: Session, store_id: str, arrived: Mapping[str, int], rule: Rule
) -> tuple[dict[str, list[Share]], dict[str, Orders]]:
    """Who gets what, and those orders, locked; shared again where one of them needed less by the time it was."""
    while True:
        gifts = {
            sku: list(sharing(session, store_id, sku, heap(session, store_id, sku, units, rule)))
            for sku, units in arrived.items()
        }
        ids = {sku: [given.backorder_id for given in shares] for sku, shares in gifts.items()}
        # All at once and in order of their ids, so that no two of us wait for each other.
        store.versions(session, {id_ for of_sku in ids.values() for id_ in of_sku})
        orders = {sku: locked(session, store_id, sku, of_sku) for sku, of_sku in ids.items()}
        if all(
            lacked(orders[sku].get(given.backorder_id)) == given.quantity + given.still_waiting
            for sku, shares in gifts.items()
            for given in shares
        ):
            return gifts, orders


def _restocked(units: int, shares: Sequence[Share]) -> Restocked:
    return Restocked(
        tuple(Allocation(it.backorder_id, it.quantity, it.still_waiting) for it in shares),
        units - sum(it.quantity for it in shares),
    )
