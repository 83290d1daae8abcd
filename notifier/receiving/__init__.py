"""Shop platforms tell what happened to their orders: each delivery is taken up once, and makes facts like any other.

A platform's word of a whole order is its state, not a step: it is compared with what is known here, and only what
differs becomes a fact. So a delivery that comes twice, late or out of order changes nothing that it should not.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlmodel import Session

from notifier import intake, settling
from notifier.db import facts, shops, sku_estimates
from notifier.db.concerns import registered
from notifier.db.facts import Order
from notifier.db.shop_tables import ShopOrderRow
from notifier.db.tables import Store
from notifier.domain.law.money import total_paid
from notifier.domain.order import Facts
from notifier.domain.policy import local_day
from notifier.errors import Conflict, Fault, Invalid
from notifier.faults import faults
from notifier.inputs import BackorderChange, NewBackorder, NewCancellation, NewRefund, NewShipment
from notifier.receiving import growth
from notifier.receiving.wishes import backorder, checked, customer, there, valid
from notifier.shops import Buyer, MoneyBack, Nothing, Parcel, Part, ShopOrder, Told
from notifier.shops.held import from_json, to_json

REGISTERED, CHANGED, UNCHANGED, NOT_OURS, HELD = "registered", "changed", "unchanged", "not_ours", "held"
REFUSED, WAITING, ASKED = "refused", "waiting", "asked"
OUTCOMES = (REGISTERED, CHANGED, UNCHANGED, NOT_OURS, HELD, WAITING, ASKED, REFUSED)
"""What may become of a delivery. `held`: kept until its order is told of; `waiting`: its order is to be fetched;
`asked`: a customer asks for their data, or to be forgotten."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery, in a word and in a sentence that names nobody."""

    outcome: str
    detail: str
    ref: str | None = None
    order_id: str | None = None
    backorder_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A platform's order that is registered here, as the backorder `id`."""

    row: ShopOrderRow
    id: str


def take_up(session: Session, store_row: Store, platform: str, told: Told, now: datetime) -> Outcome:
    """Make facts of what a platform told. Invalid, pointing into its body, where an order can't be registered."""
    match told:
        case Nothing():
            return Outcome(NOT_OURS, told.why)
        case Part():
            return _part(session, store_row, platform, told, now)
        case ShopOrder():
            return _order(session, store_row, platform, told, now)


# --- a whole order ---------------------------------------------------------------------------------------


def _order(session: Session, store_row: Store, platform: str, told: ShopOrder, now: datetime) -> Outcome:
    row = shops.order(session, store_row.id, platform, told.ref, now)
    row.told_at = now
    session.add(row)
    answer = Outcome("", "", told.ref, told.order_id, row.backorder_id)
    if row.seen_at and told.changed_at < row.seen_at:
        return replace(answer, outcome=UNCHANGED, detail="a newer word of this order came before this one")
    held, row.held, row.seen_at = row.held, [], told.changed_at
    notes: list[str] = []
    outcome, remark = CHANGED, ""
    if row.backorder_id is None:
        begun = _why_not(told) or _begin(session, store_row, row, told, now)
        if isinstance(begun, str):
            return replace(answer, outcome=NOT_OURS, detail=begun)
        known, outcome, notes = begun, REGISTERED, ["registered"]
    else:
        known = _Known(row, row.backorder_id)
        growth.called_anew(row, told)
        notes += _follow(session, known, told, now)
        order = _load(session, known)
        added, remark = growth.grow(session, store_row, row, told, order, now)
        notes += added
    for kept in held:
        notes += _apply_part(session, known, from_json(kept), now)
    if not notes:
        outcome, notes = UNCHANGED, ["nothing that matters here is another than before"]
    return replace(answer, outcome=outcome, detail="; ".join(notes) + remark, backorder_id=known.id)


def _why_not(told: ShopOrder) -> str | None:
    """Why nobody waits for anything of this order, whatever its lines are."""
    if told.ended:
        return "the order is cancelled, and was not known here before"
    if not told.buyer.email:
        return told.not_yet or "the order has no email address, so nobody can be written to"
    return told.not_yet


def _begin(
    session: Session, store_row: Store, row: ShopOrderRow, told: ShopOrder, now: datetime
) -> _Known | str:
    """Register the order, if any of it is a backorder; else why not. One that the store registered itself is joined."""
    today = local_day(now, ZoneInfo(store_row.timezone))
    stated = sku_estimates.stated(session, store_row.id, {line.sku for line in told.lines}, today)
    waits = [line for line in told.lines if line.waits or (line.waits is None and line.sku in stated)]
    if not waits:
        return "no line says that it is a backorder, and none of its SKUs has an estimate"
    ours = [line for line in waits if line.open]
    if not ours:
        return "nothing of its backorders is left to wait for"
    row.ours = {line.ref: line.sku for line in ours}
    row.whole = row.ours.keys() == {line.ref for line in told.lines}
    document, pointers = backorder(told, ours, stated, whole=row.whole)
    new = valid(document, pointers)
    if before := registered(session, store_row.id, [new.order_id]).get(new.order_id):
        known = _Known(row, _free(session, store_row.id, before[0], new.order_id))
        skus = {it.sku for it in _load(session, known).lines}
        row.ours = {line.ref: line.sku for line in told.lines if line.sku in skus and line.waits is not False}
        row.whole = row.ours.keys() == {line.ref for line in told.lines}
    else:
        known = _Known(row, _registered(session, store_row, new, pointers, now))
    row.backorder_id = known.id
    row.others = [line.ref for line in told.lines if line.ref not in row.ours]
    row.buyer = _digest(told.buyer)
    # What happened to the order before it was known here was never for us to tell.
    row.done = sorted({it.ref for it in told.parcels} | {it.ref for it in told.refunds})
    return known


def _registered(
    session: Session, store_row: Store, new: NewBackorder, pointers: Mapping[str, str], now: datetime
) -> str:
    try:
        return intake.register(session, store_row, new, now).backorder_id
    except Invalid as error:
        found = tuple(Fault(there(it.pointer, pointers), it.detail) for it in error.faults)
        raise Invalid(error.detail, found) from None


def _free(session: Session, store_id: str, backorder_id: str, order_id: str) -> str:
    """A backorder that the store registered by itself; Conflict where it is another order's of a platform."""
    if other := shops.of_backorder(session, store_id, backorder_id):
        raise Conflict(
            f"order {order_id!r} is registered already for another order of {other.platform}, {other.ref};"
            " two orders of one store can't share a number"
        )
    return backorder_id


def _digest(buyer: Buyer) -> str:
    """Of the customer's details: they themselves stand with the order alone."""
    said = [buyer.email, buyer.name, buyer.locale, buyer.country, buyer.region]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _follow(session: Session, known: _Known, told: ShopOrder, now: datetime) -> list[str]:
    """Compare a known order with its newest word; what was taken up of it."""
    notes = _change_buyer(session, known, told, now)
    notes += _apply(session, known, told.parcels, (), now)
    if told.ended:
        notes += _cancel_all(session, known, told.ended.by, told.ended.reason, now)
    else:
        open_units: Counter[str] = Counter()
        for line in told.lines:
            if line.ref in known.row.ours:
                open_units[line.sku] += line.open
        gone = {it.sku: it.waiting - open_units[it.sku] for it in _load(session, known).lines}
        notes += _take_off(session, known, gone, now)
    paid_back = [replace(refund, units={}) for refund in told.refunds]
    return notes + _apply(session, known, (), paid_back, now)


def _change_buyer(session: Session, known: _Known, told: ShopOrder, now: datetime) -> list[str]:
    """Customer details that are others than the shop last said; what the store corrected here meanwhile stays."""
    digest = _digest(told.buyer)
    if digest == known.row.buyer or not told.buyer.email:
        return []
    order = _load(session, known)
    if order.facts.erased:
        return []
    known.row.buyer = digest
    try:
        change = BackorderChange.model_validate({"customer": customer(told.buyer)})
    except ValidationError as error:  # what else the order tells must not wait for that
        return [f"the customer's new details are not taken up: {told.email_at}: {faults(error)[0].detail}"]
    version = order.row.version
    intake.change(session, order.row.store_id, order.row.id, change, now)
    return ["the customer's details changed"] if _load(session, known).row.version != version else []


# --- what happened to it -----------------------------------------------------------------------------------


def _part(session: Session, store_row: Store, platform: str, told: Part, now: datetime) -> Outcome:
    row = shops.order(session, store_row.id, platform, told.ref, now)
    row.told_at = now
    session.add(row)
    if row.backorder_id is None:
        if row.seen_at is not None:
            return Outcome(NOT_OURS, "nothing of its order is a backorder", told.ref)
        row.held = [*row.held, to_json(told)]
        return Outcome(HELD, "kept until its order is told of", told.ref)
    known = _Known(row, row.backorder_id)
    order_id = _load(session, known).row.order_id
    notes = _apply_part(session, known, told, now)
    outcome = CHANGED if notes else UNCHANGED
    detail = "; ".join(notes) or "nothing of it is a backorder, or it was known before"
    return Outcome(outcome, detail, told.ref, order_id, known.id)


def _apply_part(session: Session, known: _Known, told: Part, now: datetime) -> list[str]:
    notes = _apply(session, known, told.parcels, told.refunds, now)
    return notes + (_cancel_all(session, known, told.ended.by, told.ended.reason, now) if told.ended else [])


def _apply(
    session: Session,
    known: _Known,
    parcels: Iterable[Parcel],
    refunds: Iterable[MoneyBack],
    now: datetime,
) -> list[str]:
    """Take up parcels and refunds that were not yet; what came of them."""
    notes: list[str] = []
    steps: list[tuple[str, Callable[[], list[str]]]] = [
        *((it.ref, partial(_ship, session, known, it, now)) for it in parcels),
        *((it.ref, partial(_refund, session, known, it, now)) for it in refunds),
    ]
    for ref, step in steps:
        if ref not in known.row.done:
            known.row.done = [*known.row.done, ref]
            notes += step()
    return notes


def _ship(session: Session, known: _Known, parcel: Parcel, now: datetime) -> list[str]:
    lines = _load(session, known).lines
    sent = None if parcel.units is None else _by_sku(known.row, parcel.units)
    left = [(it, it.waiting if sent is None else min(sent[it.sku], it.waiting)) for it in lines]
    units = {it.sku: count for it, count in left if count > 0}
    if not units:
        return []
    shipped = {
        "lines": [{"sku": sku, "quantity": count} for sku, count in units.items()],
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking_number,
        "tracking_url": checked("url", parcel.tracking_url),
        "shipped_at": min(parcel.at, now) if parcel.at else None,
    }
    intake.ship(session, known.row.store_id, known.id, NewShipment.model_validate(shipped), now)
    return [f"shipped {_in_words(units)}"]


def _cancel_all(session: Session, known: _Known, by: str, reason: str | None, now: datetime) -> list[str]:
    units = {it.sku: it.waiting for it in _load(session, known).lines}
    return _take_off(session, known, units, now, by, reason)


def _take_off(
    session: Session, known: _Known, units: Mapping[str, int], now: datetime, by: str = "store",
    reason: str | None = None,
) -> list[str]:  # fmt: skip
    waiting = {it.sku: it.waiting for it in _load(session, known).lines}
    gone = {sku: min(count, waiting.get(sku, 0)) for sku, count in units.items()}
    gone = {sku: count for sku, count in gone.items() if count > 0}
    if not gone:
        return []
    wanted = {
        "lines": [{"sku": sku, "quantity": count} for sku, count in gone.items()],
        "by": by,
        "reason": reason,
    }
    intake.cancel(session, known.row.store_id, known.id, NewCancellation.model_validate(wanted), now)
    return [f"cancelled {_in_words(gone)}"]


def _refund(session: Session, known: _Known, refund: MoneyBack, now: datetime) -> list[str]:
    notes = _take_off(session, known, _by_sku(known.row, refund.units), now)
    order = _load(session, known)
    amount = _of_ours(refund, known.row)
    if amount is None:
        said = f"a refund of {refund.amount} {refund.currency}"
        return [*notes, f"{said} is not taken up: what part of it is for the backorder can't be told"]
    amount = _at_most(amount, order.facts)
    if not amount:
        return notes
    at = min(max(refund.at, order.row.placed_at), now) if refund.at else None
    try:
        wanted = NewRefund.model_validate({"amount": amount, "currency": refund.currency, "refunded_at": at})
        settling.refund(session, known.row.store_id, known.id, wanted, now)
    except (ValidationError, Invalid, Conflict) as error:
        why = (
            error.detail if isinstance(error, Invalid | Conflict) else "its amount or currency can't be read"
        )
        return [*notes, f"a refund is not taken up: {why}"]
    return [*notes, f"refunded {amount} {refund.currency}"]


def _of_ours(refund: MoneyBack, row: ShopOrderRow) -> Decimal | None:
    """What part of the money is for the backorder, in proportion to prices, to the cent; None where nobody can tell."""
    if (row.whole and "" not in refund.shares) or (refund.shares and refund.shares.keys() <= row.ours.keys()):
        return refund.amount
    if not refund.shares:
        return None if refund.amount else Decimal(0)
    everything = sum(refund.shares.values(), Decimal(0))
    if not everything:
        return Decimal(0)
    mine = sum((price for ref, price in refund.shares.items() if ref in row.ours), Decimal(0))
    return (refund.amount * mine / everything).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def _at_most(amount: Decimal, known: Facts) -> Decimal:
    """No more than is left of what was paid for the backorder: the rest is tax and shipping that it does not know."""
    paid = total_paid(known)
    if paid is None:
        return amount
    return min(amount, max(Decimal(0), paid - sum((it.amount for it in known.refunds), Decimal(0))))


def _load(session: Session, known: _Known) -> Order:
    return facts.load(session, [known.id], lock=True)[known.id]


def _by_sku(row: ShopOrderRow, units: Mapping[str, int]) -> Counter[str]:
    """Units by the platform's ids of their lines as units of the backorder's SKUs, without those of other lines."""
    found: Counter[str] = Counter()
    for ref, count in units.items():
        if ref in row.ours:
            found[row.ours[ref]] += count
    return found


def _in_words(units: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {sku}" for sku, count in sorted(units.items()))
