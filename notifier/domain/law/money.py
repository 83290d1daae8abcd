"""What is owed back to a customer, and whether what was sent back covers it.

16 CFR 435.1(b): if nothing shipped, all that was paid, shipping and insurance included; if a part shipped, what was
paid less what that part alone would have cost. Directive 2011/83/EU, Art. 13(1) and 18(3): all sums paid.

A shop does not tell what the shipped part alone would have cost to send, so it is taken to cost the same; shipping
is owed when the last of the order is cancelled and nothing has shipped. Tax and discounts go with the prices. All
amounts are in the order's currency, and a fraction of its smallest coin goes to the customer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_UP, Decimal

from notifier.domain.law.course import Vesting
from notifier.domain.order import Facts, Line

REFUND = "refund"

Rights = Callable[[Line], tuple[Vesting, ...]]
"""The rights to a refund that arose for a line."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A refund of one line that is still owed: the days to pay it count from `since`. `amount` None: not known."""

    since: date
    amount: Decimal | None


def total_paid(facts: Facts) -> Decimal | None:
    """All that the customer paid for the order, as far as is known: as the store says, else prices and shipping."""
    if facts.paid is not None:
        return facts.paid
    goods = _goods(facts)
    return None if goods is None else goods + facts.shipping_paid


def unpaid_since(
    facts: Facts, line: Line, vested: tuple[Vesting, ...], rights: Rights, now: datetime
) -> date | None:
    """The earliest day from which an unpaid refund of the line counts; None when nothing is owed.

    `vested` are the line's rights, `rights` tells those of the other lines.
    """
    if not vested or facts.paid == 0:
        return None
    if not any(refund.at <= now for refund in facts.refunds) and not facts.done:
        return min(right.day for right in vested)
    left = _left(facts, [(line, vested), *((it, rights(it)) for it in facts.lines if it.id != line.id)], now)
    return min((right.day for owner, right, _ in left if owner.id == line.id), default=None)


def owed(facts: Facts, rights: Rights, now: datetime) -> dict[str, Owed]:
    """By line id, the refunds that are still owed. What was sent back covers the oldest first."""
    if facts.paid == 0:
        return {}
    found: dict[str, Owed] = {}
    for line, right, amount in _left(facts, [(line, rights(line)) for line in facts.lines], now):
        before = found.get(line.id)
        if before is None:
            found[line.id] = Owed(right.day, amount)
        elif before.amount is not None and amount is not None:
            found[line.id] = Owed(min(before.since, right.day), before.amount + amount)
    return found


def _left(
    facts: Facts, rights: Iterable[tuple[Line, tuple[Vesting, ...]]], now: datetime
) -> list[tuple[Line, Vesting, Decimal | None]]:
    """What of these rights has not been paid, nor called done by a person, the oldest first, with its amount.

    Where amounts are not known, any refund of the order at or after a right arose counts as its payment.
    """
    position = {line.id: number for number, line in enumerate(facts.lines)}
    every = [(line, right) for line, vested in rights for right in vested]
    every.sort(key=lambda it: (it[1].at, position[it[0].id]))
    amounts = _amounts(facts, every, now)
    refunds = [refund for refund in facts.refunds if refund.at <= now]
    if amounts is None:
        last = max((refund.at for refund in refunds), default=None)
        open_ = [(line, right, None) for line, right in every if last is None or last < right.at]
        return [it for it in open_ if not _done(facts, it[0], it[1], now)]
    sent = sum((refund.amount for refund in refunds), Decimal(0))
    left: list[tuple[Line, Vesting, Decimal | None]] = []
    for (line, right), amount in zip(every, amounts, strict=True):
        covered = min(sent, amount)
        sent -= covered
        if covered < amount and not _done(facts, line, right, now):
            left.append((line, right, amount - covered))
    return left


def _done(facts: Facts, line: Line, right: Vesting, now: datetime) -> bool:
    return any(it.duty == REFUND and it.line_id == line.id and right.at <= it.at <= now for it in facts.done)


def _amounts(facts: Facts, rights: list[tuple[Line, Vesting]], now: datetime) -> list[Decimal] | None:
    """What each right is worth, in that order; None where prices are missing."""
    goods, paid = _goods(facts), total_paid(facts)
    if goods is None or paid is None:
        return None
    rest = max(paid - facts.shipping_paid, Decimal(0))
    coin = Decimal(1).scaleb(min(_exponent(it) for it in (paid, *_prices(facts))))
    amounts = []
    for line, right in rights:
        value = right.units * (_price(facts, line) or Decimal(0))
        share = rest * value / goods if goods else rest * right.units / sum(it.quantity for it in facts.lines)
        amounts.append(share.quantize(coin, ROUND_UP))
    shipped = any(shipment.at <= now and any(shipment.units.values()) for shipment in facts.shipments)
    if amounts and not shipped and sum(right.units for _, right in rights) >= sum(
        line.quantity for line in facts.lines
    ):  # fmt: skip
        amounts[-1] = max(paid - sum(amounts[:-1], Decimal(0)), Decimal(0))
    return amounts


def _goods(facts: Facts) -> Decimal | None:
    """What the units of the order cost together, without what came on top; None where a price is missing."""
    prices = [(_price(facts, line), line.quantity) for line in facts.lines]
    known = [price * quantity for price, quantity in prices if price is not None]
    return sum(known, Decimal(0)) if len(known) == len(prices) else None


def _prices(facts: Facts) -> list[Decimal]:
    return [line.unit_price for line in facts.lines if line.unit_price is not None]


def _price(facts: Facts, line: Line) -> Decimal | None:
    """Of one unit; of an order of one line, what was paid tells it as well."""
    if line.unit_price is None and facts.paid is not None and len(facts.lines) == 1:
        return max(facts.paid - facts.shipping_paid, Decimal(0)) / line.quantity
    return line.unit_price


def _exponent(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
