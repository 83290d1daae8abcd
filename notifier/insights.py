"""How a store stands and what its delays cost: what waits, what slipped, what was lost by it, what was kept."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlmodel import Session

from notifier.db import insights as db
from notifier.db import suppliers
from notifier.db.insights import Slips
from notifier.db.suppliers import SupplierSlips
from notifier.db.tables import Store
from notifier.domain.law.duties import Task
from notifier.domain.policy import at_local, local_day
from notifier.errors import Fault, Invalid

DAY = timedelta(days=1)
USUAL = 90
"""Days of the period where none is named, today included."""
AGES = (7, 30, 60, 90)
"""The age of an order in days, at most, for each bucket but the last."""
LOST_WITHIN = timedelta(days=7)
"""How soon after word of a delay a cancellation counts as its doing."""
NEAR = 14
"""How many days ahead deadlines are told."""
SHOWN = 100
"""How many SKUs are listed; totals count all."""

Money = Mapping[str, Decimal]
"""By currency; an empty one where the order named none."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Units, what those are worth whose price is known, and how many have none."""

    orders: int = 0
    units: int = 0
    value: Money = field(default_factory=dict)
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A SKU that is waited for. Of its units so many are `allocated`: set aside, not shipped yet."""

    sku: str
    name: str
    worth: Worth
    allocated: int


@dataclass(frozen=True, slots=True)
class Age:
    """Orders placed at least `over` and at most `to` days ago; None is without end."""

    over: int
    to: int | None
    worth: Worth


@dataclass(frozen=True, slots=True)
class Lost:
    """Cancellations within a week of word of a delay."""

    emails: int
    """How many emails told of a later date in the period."""
    worth: Worth
    by_customer: Worth
    by_sku: tuple[tuple[str, Worth], ...]


@dataclass(frozen=True, slots=True)
class Emails:
    """Emails that left in the period: by kind, by state now; and those that should have and did not, by state."""

    sent: int
    orders: int
    by_kind: Mapping[str, int]
    by_status: Mapping[str, int]
    not_sent: Mapping[str, int]

    @property
    def per_order(self) -> Decimal | None:
        return (Decimal(self.sent) / self.orders).quantize(Decimal("0.01")) if self.orders else None


@dataclass(frozen=True, slots=True)
class Insights:
    first: date
    last: date
    waiting: Worth
    by_sku: tuple[Waiting, ...]
    ages: tuple[Age, ...]
    slips: tuple[Slips, ...]
    supplier_slips: tuple[SupplierSlips, ...]
    lost: Lost
    kept_orders: int
    kept_customers: int
    chose_to_cancel: int
    emails: Emails
    deadlines: tuple[tuple[Task, date, int], ...]


class _Sum:
    """Adds up lines, units and money."""

    def __init__(self) -> None:
        self._orders = self._units = self._unpriced = 0
        self._value: defaultdict[str, Decimal] = defaultdict(Decimal)

    def add(self, units: int, unit_price: str | None, currency: str | None, orders: int = 0) -> None:
        self._orders += orders
        self._units += units
        if unit_price is None:
            self._unpriced += units
        else:
            self._value[currency or ""] += Decimal(unit_price) * units

    def worth(self, orders: int | None = None) -> Worth:
        value = dict(sorted(self._value.items()))
        return Worth(self._orders if orders is None else orders, self._units, value, self._unpriced)


def insights(
    session: Session, store_row: Store, now: datetime, first: date | None = None, last: date | None = None
) -> Insights:
    """The figures of a period of whole days by the store's calendar, both ends included; what waits and what falls due
    is as of now. Raises Invalid for a period that runs backwards."""
    zone = ZoneInfo(store_row.timezone)
    today = local_day(now, zone)
    last = last or max(today, first or today)
    first = first or last - (USUAL - 1) * DAY
    if first > last:
        detail = f"must not lie after `to`, which is {last.isoformat()}"
        raise Invalid(f"from: {first.isoformat()} {detail}", (Fault("/from", detail),))
    period = at_local(first, time(), zone), at_local(last + DAY, time(), zone)
    oldest = [at_local(today - days * DAY, time(), zone) for days in AGES]
    priced = db.waiting(session, store_row.id, oldest)
    open_orders = db.open_orders(session, store_row.id, oldest)
    answers = db.answers(session, store_row.id, period)
    emails = _emails(session, store_row.id, period)
    return Insights(
        first=first,
        last=last,
        waiting=_total(priced, sum(open_orders.values())),
        by_sku=_by_sku(priced),
        ages=_ages(priced, open_orders),
        slips=tuple(db.slips(session, store_row.id, period, SHOWN)),
        supplier_slips=tuple(suppliers.slips(session, store_row.id, period, SHOWN)),
        lost=_lost(session, store_row.id, period, sum(emails.by_kind.get(kind, 0) for kind in db.DELAYS)),
        kept_orders=answers.get("keep", (0, 0))[0],
        kept_customers=answers.get("keep", (0, 0))[1],
        chose_to_cancel=answers.get("cancel", (0, 0))[0],
        emails=emails,
        deadlines=tuple(db.deadlines(session, store_row.id, now, today + NEAR * DAY)),
    )


def _total(priced: Iterable[db.Priced], orders: int) -> Worth:
    total = _Sum()
    for it in priced:
        total.add(it.units, it.unit_price, it.currency)
    return total.worth(orders)


def _by_sku(priced: Iterable[db.Priced]) -> tuple[Waiting, ...]:
    """The SKUs of which most units are waited for."""
    sums: defaultdict[str, _Sum] = defaultdict(_Sum)
    names: dict[str, str] = {}
    allocated: Counter[str] = Counter()
    for it in priced:
        allocated[it.sku] += it.allocated
        sums[it.sku].add(it.units, it.unit_price, it.currency, it.lines)
        names[it.sku] = max(names.get(it.sku, ""), it.name)
    found = [Waiting(sku, names[sku], total.worth(), allocated[sku]) for sku, total in sums.items()]
    return tuple(sorted(found, key=lambda it: (-it.worth.units, it.sku))[:SHOWN])


def _ages(priced: Iterable[db.Priced], open_orders: Mapping[int, int]) -> tuple[Age, ...]:
    overs: list[int] = [0, *(days + 1 for days in AGES)]
    tos: list[int | None] = [*AGES, None]
    sums = [_Sum() for _ in overs]
    for it in priced:
        sums[it.bucket].add(it.units, it.unit_price, it.currency)
    return tuple(
        Age(overs[number], tos[number], total.worth(open_orders.get(number, 0)))
        for number, total in enumerate(sums)
    )


def _lost(session: Session, store_id: str, period: db.Period, emails: int) -> Lost:
    found = db.cancelled_after_delay(session, store_id, period, LOST_WITHIN)
    prices = db.prices(session, {line_id for it in found for line_id in it.units})
    whole, customers = _Sum(), _Sum()
    by_sku: defaultdict[str, _Sum] = defaultdict(_Sum)
    orders_of: defaultdict[str, set[str]] = defaultdict(set)
    for it in found:
        for line_id, units in it.units.items():
            price = prices[line_id]
            orders_of[price.sku].add(it.backorder_id)
            for total in (whole, by_sku[price.sku], *([customers] if it.by == "customer" else [])):
                total.add(units, price.unit_price, price.currency)
    skus = [(sku, total.worth(len(orders_of[sku]))) for sku, total in by_sku.items()]
    return Lost(
        emails=emails,
        worth=whole.worth(len({it.backorder_id for it in found})),
        by_customer=customers.worth(len({it.backorder_id for it in found if it.by == "customer"})),
        by_sku=tuple(sorted(skus, key=lambda it: (-it[1].units, it[0]))[:SHOWN]),
    )


def _emails(session: Session, store_id: str, period: db.Period) -> Emails:
    by_kind: Counter[str] = Counter()
    by_status: Counter[str] = Counter()
    for kind, status, count in db.sent(session, store_id, period):
        by_kind[kind] += count
        by_status[status] += count
    return Emails(
        sent=by_kind.total(),
        orders=db.orders_written_to(session, store_id, period),
        by_kind=dict(sorted(by_kind.items())),
        by_status=dict(sorted(by_status.items())),
        not_sent=dict(sorted(db.stuck(session, store_id, period).items())),
    )
