"""What a customer's form asks for, held against what the order still has open."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest

from notifier.db.facts import Order
from notifier.domain.order import Choice, Line
from notifier.pages.order_view import extra_days, open_lines


@dataclass(frozen=True, slots=True)
class Note:
    """What the page says first: `kind` chooses the words, `name` and `count` fill them."""

    kind: str = ""
    name: str = ""
    count: int = 0


Picked = list[tuple[Line, int]]
"""Lines, and how many units of each to cancel."""


def pick(order: Order, skus: Sequence[str], units: Sequence[str], now: datetime) -> Picked | Note:
    """The units chosen, or what is wrong with the choice. No number for a line means all that is open of it."""
    still = {line.sku: line for line, _ in open_lines(order, now)}
    names = {line.sku: line.name for line in order.facts.lines}
    chosen: dict[str, int] = {}
    for sku, count in zip_longest(skus, units[: len(skus)]):
        wanted = _number(count, still[sku].waiting if sku in still else 1)
        if wanted is None:
            return Note("not_a_number", names.get(sku, sku))
        chosen[sku] = chosen.get(sku, 0) + wanted
    chosen = {sku: count for sku, count in chosen.items() if count}
    if not chosen:
        return Note("none_chosen")
    for sku, count in chosen.items():
        if sku not in still:
            return Note("not_open", names.get(sku, sku))
        if count > still[sku].waiting:
            return Note("too_many", still[sku].name, still[sku].waiting)
    return [(still[sku], count) for sku, count in chosen.items()]


def _number(entered: str | None, otherwise: int) -> int | None:
    if entered is None or not entered.strip():
        return otherwise
    entered = entered.strip()
    return int(entered) if entered.isascii() and entered.isdigit() and len(entered) < 10 else None


def seen(order: Order, action: str, now: datetime) -> str:
    """What an answer is an answer to: if that moved while the page was open, the customer must look again.

    Who agrees to wait agrees to dates. Who cancels cancels units, whatever has become of their dates.
    """
    if action not in {"keep", "cancel", "extra"}:
        return ""
    shown = []
    for line, where in open_lines(order, now):
        shown.append(f"{line.id} {line.waiting}")
        if action != "cancel":
            shown.append(f"{line.eta.earliest} {line.eta.latest} {where.state} {where.answer_by}")
    if action != "cancel":
        shown += [str(answer.at) for answer in order.facts.answers if answer.choice is Choice.KEEP]
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()[:16]


def last_day(order: Order, entered: str, now: datetime) -> date | None:
    """The day that a customer gives the shop; None where it is no day, or none that can be given."""
    try:
        day = date.fromisoformat(entered.strip())
    except ValueError:
        return None
    first, last = extra_days(order.facts, now)
    return day if first <= day <= last else None


def fingerprint(form: str, skus: Sequence[str], units: Sequence[str], *more: str) -> str:
    """Of one answer from one form: the same form sent twice says the same once."""
    return hashlib.sha256(
        "\0".join([form, *more, *sorted(map(str, zip_longest(skus, units)))]).encode()
    ).hexdigest()[:24]
