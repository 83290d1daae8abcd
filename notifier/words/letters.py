"""What emails to stores themselves may say."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from notifier.domain.law.duties import Task
from notifier.words import language
from notifier.words.context import Shop, looks

SHOWN = 25


class Placed(Protocol):
    @property
    def due(self) -> date: ...


class Ordered(Protocol):
    @property
    def row(self) -> Any: ...


class Due(Protocol):
    """A duty as it is listed."""

    @property
    def place(self) -> Placed: ...
    @property
    def task(self) -> Task: ...
    @property
    def order(self) -> Ordered: ...
    @property
    def sku(self) -> str: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def overdue(self) -> bool: ...
    @property
    def amount(self) -> Decimal | None: ...


def digest_values(
    shop: Shop, tag: str, country: str | None, day: date, console: str, found: Sequence[Due], most: int
) -> dict[str, Any]:
    """The variables of a store's list of duties for its local `day`, spelled out in its language."""
    locale = language.speak(tag, country)
    overdue = sum(item.overdue for item in found)
    today = sum(not item.overdue and item.place.due <= day for item in found)
    return {
        "kind": "digest",
        "lang": language.tag(locale),
        "dir": locale.text_direction,
        "shop": {**vars(shop)},
        "theme": looks(shop),
        "links": {"console": console},
        "today": language.spell_short(day, locale),
        "counts": {
            "overdue": _count(overdue, most),
            "today": _count(today, most),
            "week": _count(len(found) - overdue - today, most),
            "more": max(len(found) - SHOWN, 0),
        },
        "duties": [
            {
                "task": item.task.value,
                "overdue": item.overdue,
                "due": language.spell(item.place.due, locale),
                "order": " ".join(item.order.row.order_id.split()),
                "sku": " ".join(item.sku.split()),
                "amount": (
                    language.spell_money(item.amount, item.order.row.currency, locale)
                    if item.amount is not None and item.order.row.currency
                    else None
                ),
            }
            for item in found[:SHOWN]
        ],
    }


def _count(number: int, most: int) -> str:
    return f"{most}+" if number > most else str(number)
