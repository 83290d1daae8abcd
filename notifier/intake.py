"""A fact arrives: it is checked against what is known, kept, and the order is planned again, in one transaction.

Every function takes a session inside a transaction and the time `now`. They raise NotFound, Invalid or Conflict
before anything is written.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlmodel import Session

from notifier import telling
from notifier.db import facts as store
from notifier.db import policies, registering, supply, suppressions
from notifier.db.codec import policy_from_json
from notifier.db.concerns import Concern, concerns, registered
from notifier.db.facts import eta_changed, record
from notifier.db.ids import new_id
from notifier.db.registering import NewOrder
from notifier.db.tables import BackorderLine, Fact, Store
from notifier.domain.eta import Eta
from notifier.domain.law.course import day_of
from notifier.domain.order import Customer, Facts, Line, OrderStatus, Related, card
from notifier.domain.policy import Policy
from notifier.domain.prospect import Prospects
from notifier.errors import Conflict, Fault, Invalid, NotFound, NotifierError
from notifier.inputs import (
    BackorderChange,
    CustomerChange,
    NewBackorder,
    NewCancellation,
    NewLine,
    NewShipment,
    PaymentChange,
)
from notifier.planning import write

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours a store's clock may be before its times are refused."""


@dataclass(frozen=True, slots=True)
class Registered:
    backorder_id: str
    created: bool
    """False when the same order had been registered before, with the same content."""
    order: NewOrder | None = field(default=None, compare=False, repr=False)
    """What was written, when this very call wrote it."""


# --- registering -----------------------------------------------------------------------------------------


def register(session: Session, store_row: Store, new: NewBackorder, now: datetime) -> Registered:
    """Register one backorder. Raises Conflict when its order id stands for other content."""
    result = register_many(session, store_row, [new], now)[0]
    if isinstance(result, NotifierError):
        raise result
    return result


def register_many(
    session: Session, store_row: Store, news: Sequence[NewBackorder], now: datetime
) -> list[Registered | NotifierError]:
    """Register many; one result for each, in order. What is refused keeps none of the others out.

    Orders are registered by the whole second, so that all that come within one can share what was planned.
    """
    now = now.replace(microsecond=0)
    store_row = policies.steady(session, store_row.id)
    policy, prospects = _prospects(json.dumps(store_row.policy), now)
    digests = [_digest(new) for new in news]
    order_ids, skus = {new.order_id for new in news}, {line.sku for new in news for line in new.lines}
    known = registered(session, store_row.id, order_ids, skus)
    fresh: dict[str, NewOrder] = {}
    refused: dict[int, NotifierError] = {}
    for number, (new, digest) in enumerate(zip(news, digests, strict=True)):
        if new.order_id not in known:
            order = _order(store_row, prospects, new, digest, now)
            if early := impossible(order.facts):
                refused[number] = early
                continue
            known[new.order_id] = (order.facts.backorder_id, digest)
            fresh[order.facts.backorder_id] = order
    created = registering.write(session, list(fresh.values()), now)
    written = [order.facts for id_, order in fresh.items() if id_ in created]
    concerned = concerns(session, store_row.id, skus)
    if Concern.LISTENER in concerned:
        telling.registered(session, [(store_row.id, facts, policy) for facts in written], now)
    if Concern.SPARE in concerned:
        supply.ask(session, store_row.id, {line.sku for facts in written for line in facts.lines}, spare=True)
    if len(created) < len(fresh):  # another process was faster with some of them
        known |= registered(session, store_row.id, order_ids, skus)
    results: list[Registered | NotifierError] = []
    for number, (new, digest) in enumerate(zip(news, digests, strict=True)):
        if number in refused:
            results.append(refused[number])
            continue
        backorder_id, content = known[new.order_id]
        if content == digest:
            order_written = fresh[backorder_id] if backorder_id in created else None
            results.append(Registered(backorder_id, order_written is not None, order_written))
            created.discard(backorder_id)
        else:
            results.append(
                Conflict(
                    f"order_id {new.order_id!r} is registered already, with other content, as {backorder_id};"
                    f" to change it use PATCH /v1/backorders/{backorder_id}"
                )
            )
    return results


@lru_cache(maxsize=2)
def _prospects(policy: str, now: datetime) -> tuple[Policy, Prospects]:
    """The policy out of its JSON, and what follows from it for orders that are registered at that instant.

    Kept for the present second of the policies in use: most stores have the same one, and a past second is of no use.
    """
    read = policy_from_json(json.loads(policy))
    return read, Prospects(read, now)


def _order(store_row: Store, prospects: Prospects, new: NewBackorder, digest: str, now: datetime) -> NewOrder:
    customer = new.customer
    facts = Facts(
        backorder_id=new_id("bo"),
        order_id=new.order_id,
        placed_at=new.placed_at.astimezone(UTC) if new.placed_at else now,
        registered_at=now,
        customer=Customer(
            str(customer.email),
            customer.name,
            customer.locale or store_row.locale,
            customer.timezone or store_row.timezone,
            customer.country or store_row.country,
        ),
        lines=tuple(line_of(line, now) for line in new.lines),
        store_timezone=store_row.timezone,
        currency=new.currency,
        order_url=new.order_url,
        seller_credit=new.payment.seller_credit if new.payment else False,
        paid=new.payment.paid if new.payment else None,
        card=card(new.payment.model_dump(mode="json")) if new.payment else None,
        shipping_paid=(new.payment.shipping if new.payment else None) or Decimal(0),
    )
    prospect = prospects.of(facts)
    return NewOrder(
        store_row.id,
        facts,
        new.payment.model_dump(mode="json", exclude_defaults=True) if new.payment else None,
        digest,
        prospect,
        [new_id("msg") for _ in prospect.emails],
    )


def impossible(facts: Facts) -> Invalid | None:
    """A ship date promised for before the order was placed: by law such an order would have ended when it was made."""
    placed = day_of(facts, facts.placed_at)
    early = [
        (number, line) for number, line in enumerate(facts.lines) if line.promised and line.promised < placed
    ]
    if not early:
        return None
    faults = tuple(
        Fault(
            f"/lines/{number}/promised",
            f"{line.promised} lies before the order was placed, on {placed}; send the day that checkout showed"
            " (left out, it is the eta), or the placed_at that belongs to it",
        )
        for number, line in early
    )
    return Invalid(f"order {facts.order_id!r} was promised for before it was placed", faults)


def line_of(line: NewLine, now: datetime) -> Line:
    eta = line.estimate
    return Line(
        id=new_id("line"),
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        eta=eta,
        eta_changed_at=now,
        promised=line.promised or eta.latest,
        essential_date=line.essential_date,
        eta_reason=line.reason,
        unit_price=line.unit_price,
        image_url=line.image_url,
        product_url=line.product_url,
        highlights=tuple(line.highlights),
        related=tuple(Related(it.name, it.url, it.image_url) for it in line.related),
    )


def _digest(new: NewBackorder) -> str:
    content = new.model_dump_json(exclude_none=True, exclude_defaults=True)
    return hashlib.sha256(content.encode()).hexdigest()


# --- changing --------------------------------------------------------------------------------------------


def change(
    session: Session, store_id: str, backorder_id: str, wanted: BackorderChange, now: datetime
) -> None:
    """Change customer details, estimates, or both. What is as it was already makes no fact and no email."""
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        if wanted.customer is not None:
            if fact.order.facts.erased:
                raise Conflict("the customer of this order was erased, so there is nobody to change")
            _change_customer(fact, wanted.customer)
        if wanted.payment is not None:
            _change_payment(fact, wanted.payment)
        for number, line in enumerate(wanted.lines or ()):
            row = fact.line(line.sku, f"/lines/{number}/sku")
            if row.waiting == 0:
                raise Conflict(
                    f"line {line.sku!r} has nothing left to wait for; its date can't change any more"
                )
            move_eta(fact.happened, row, line.eta, line.estimate.earliest, line.reason, fact.now)


def _change_customer(fact: "OrderFacts", wanted: CustomerChange) -> None:
    row, given = fact.order.row, wanted.model_dump(exclude_none=True)
    new = {name: value for name, value in given.items() if getattr(row, name) != value}
    if new:
        fact.happened("customer_changed", {"fields": sorted(new)})
        for name, value in new.items():
            setattr(row, name, value)
        if "email" in new:
            suppressions.give_back(fact.session, [row.id], "the customer has another address", fact.now)


def _change_payment(fact: "OrderFacts", wanted: PaymentChange) -> None:
    """Another card, or none that runs out. The row gets a new value: what is in a JSON column is not watched."""
    row, given = fact.order.row, wanted.model_dump(mode="json", exclude_unset=True)
    new = {name: value for name, value in {**(row.payment or {}), **given}.items() if value is not None}
    if new.get("update_url") and not new.get("expires"):
        raise Invalid(
            "payment.update_url stands without payment.expires, so nobody would ever be asked to follow it",
            (Fault("/payment/expires", "is needed where there is an update_url, like '2026-12'"),),
        )
    if new != (row.payment or {}):
        row.payment = new or None
        fact.happened("payment_changed", {"expires": new.get("expires"), "update_url": new.get("update_url")})


def move_eta(
    happened: Callable[[str, dict[str, Any]], object],
    row: BackorderLine,
    eta: Any,
    earliest: Any,
    reason: str | None,
    now: datetime,
) -> bool:
    """Set a line's estimate and keep the fact; False when that is what it was."""
    if (row.eta, row.eta_earliest) == (eta, earliest) and reason in {None, row.eta_reason}:
        return False
    before = row.eta.isoformat() if row.eta else None
    data = eta_changed(row.id, row.sku, before, Eta(eta, earliest), reason)
    if (row.eta, row.eta_earliest) != (eta, earliest):
        row.eta_changed_at = now
    row.eta, row.eta_earliest, row.eta_reason = eta, earliest, reason
    happened("eta_changed", data)
    return True


def ship(session: Session, store_id: str, backorder_id: str, new: NewShipment, now: datetime) -> str:
    """The carrier took units; answers the id of the shipment."""
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        at = new.shipped_at or now
        if at > now + CLOCKS_DIFFER:
            raise Invalid(
                f"shipped_at {at.isoformat()} lies ahead; report a shipment when the carrier has it",
                (Fault("/shipped_at", "must not lie in the future"),),
            )
        asked = [(line.sku, line.quantity) for line in new.lines] if new.lines else None
        units = fact.units(asked, and_these=_taken_off_by_law(fact.order.facts))
        for row, count in units:
            # What has left has left: a shipment reported after the law's cancellation was carried out is kept.
            row.cancelled -= max(0, count - row.waiting)
            row.shipped += count
            row.waiting = max(0, row.waiting - count)
            row.allocated = max(0, row.allocated - count)
        return fact.happened(
            "shipped",
            {
                "units": {row.id: count for row, count in units},
                "carrier": new.carrier,
                "tracking_number": new.tracking_number,
                "tracking_url": new.tracking_url,
            },
            at,
        )


def _taken_off_by_law(facts: Facts) -> dict[str, int]:
    """By line id, the cancelled units that nobody but the law cancelled."""
    by_law = (it.units for it in facts.cancellations if it.by == "law")
    found = Counter({line_id: count for units in by_law for line_id, count in units.items()})
    return {line.id: min(found[line.id], line.cancelled) for line in facts.lines if found[line.id]}


def cancel(session: Session, store_id: str, backorder_id: str, new: NewCancellation, now: datetime) -> str:
    """Take units off the order; answers the id of the cancellation."""
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        return take_off(
            fact, [(line.sku, line.quantity) for line in new.lines] if new.lines else None, new.by, new.reason
        )


def take_off(
    fact: "OrderFacts",
    asked: Sequence[tuple[str, int | None]] | None,
    by: str,
    reason: str | None,
    means: Mapping[str, str] | None = None,
) -> str:
    """Cancel units of a locked order, None for all that is left; answers the id of the cancellation."""
    units = fact.units(asked)
    for row, count in units:
        row.cancelled += count
        row.waiting -= count
        row.allocated = min(row.allocated, row.waiting)
    return fact.happened(
        "cancelled",
        {"units": {row.id: count for row, count in units}, "by": by, "reason": reason, **(means or {})},
    )


class OrderFacts:
    """One order, locked, while a fact about it is kept; planned again at the end if anything happened."""

    def __init__(self, session: Session, store_id: str, backorder_id: str, now: datetime) -> None:
        self.session, self.now = session, now
        order = store.load(session, [backorder_id], lock=True).get(backorder_id)
        if order is None or order.row.store_id != store_id:
            raise NotFound(f"there is no backorder {backorder_id!r} in this store")
        self.order = order
        self._facts: list[Fact] = []

    def __enter__(self) -> "OrderFacts":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None and self._facts:
            write(self.session, [(self.order, self._facts)], self.now)

    def happened(self, kind: str, data: dict[str, Any], at: datetime | None = None) -> str:
        fact = record(self.order, kind, at or self.now, self.now, data)
        self._facts.append(fact)
        return fact.id

    def line(self, sku: str, pointer: str) -> BackorderLine:
        for row in self.order.lines:
            if row.sku == sku:
                return row
        has = ", ".join(repr(row.sku) for row in self.order.lines[:10])
        raise Invalid(
            f"order {self.order.row.order_id!r} has no line {sku!r}; it has {has}",
            (Fault(pointer, f"no line {sku!r}"),),
        )

    def units(
        self, asked: Sequence[tuple[str, int | None]] | None, and_these: Mapping[str, int] | None = None
    ) -> list[tuple[BackorderLine, int]]:
        """Each line once and how many units of it, checked against what is left; None means all that is left.

        What is asked for by name may also be of `and_these`, by line id.
        """
        order_id = self.order.row.order_id
        if asked is None:
            everything = [(row, row.waiting) for row in self.order.lines if row.waiting]
            if not everything:
                state = "has shipped" if self.order.facts.status is OrderStatus.SHIPPED else "is cancelled"
                raise Conflict(f"order {order_id!r} {state} already; nothing of it is left")
            return everything
        taken: Counter[str] = Counter()
        for number, (sku, count) in enumerate(asked):
            row = self.line(sku, f"/lines/{number}/sku")
            left = row.waiting + (and_these or {}).get(row.id, 0) - taken[row.id]
            if left <= 0 or (count or 0) > left:
                raise Conflict(
                    f"line {sku!r} of order {order_id!r} has {left} of {row.quantity} units left, not {count or 'any'}",
                    (Fault(f"/lines/{number}/quantity", f"must be at most {left}"),),
                )
            taken[row.id] += left if count is None else count
        return [(row, taken[row.id]) for row in self.order.lines if taken[row.id]]
