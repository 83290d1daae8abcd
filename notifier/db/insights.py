"""What one store's figures are made of: each question is one statement, summed up by the database.

Money is text, so it is grouped by price and added up as decimals by whoever asks. Periods are instants, from the first
until just before the second.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import case, func, literal, text
from sqlmodel import Session, SQLModel, col, select

from notifier.db import bulk
from notifier.db.duties import DAYS, LAPSE_BY
from notifier.db.insight_tables import SkuOutlook, SkuPast
from notifier.db.queries import OPEN
from notifier.db.tables import CHOSE, IN_TROUBLE, Backorder, BackorderLine, Fact, MessageRow
from notifier.domain.law.duties import Task, shown_until

Period = tuple[datetime, datetime]

DELAYS = ("delay", "consent")
"""Kinds of email that tell of a later date."""


@dataclass(frozen=True, slots=True)
class Priced:
    """So many units of a SKU at one price, None where it is not known, in `lines` of orders; of them so many are
    `allocated`: set aside, not shipped yet."""

    sku: str
    name: str
    currency: str | None
    unit_price: str | None
    bucket: int
    lines: int
    units: int
    allocated: int


def waiting(session: Session, store_id: str, oldest: Sequence[datetime]) -> list[Priced]:
    """What open lines wait for, by SKU, price and age: bucket n holds what was placed at or after `oldest[n]`, and
    before the one before; what is older than all is in the last."""
    line, order = BackorderLine, Backorder
    bucket = _bucket(oldest)
    query = (
        sqlalchemy.select(
            col(line.sku),
            func.max(line.name),
            col(order.currency),
            col(line.unit_price),
            bucket,
            func.count(),
            func.sum(line.waiting),
            func.sum(line.allocated),
        )
        .join(order, col(order.id) == col(line.backorder_id))
        .where(col(line.store_id) == store_id, col(line.waiting) > 0)
        .group_by(col(line.sku), col(order.currency), col(line.unit_price), bucket)
    )
    return [Priced(*row) for row in session.execute(query)]


def open_orders(session: Session, store_id: str, oldest: Sequence[datetime]) -> dict[int, int]:
    """How many orders wait, by the same buckets."""
    bucket = _bucket(oldest)
    query = (
        select(bucket, func.count())
        .select_from(Backorder)
        .where(Backorder.store_id == store_id, col(Backorder.status).in_(OPEN))
        .group_by(bucket)
    )
    return dict(session.exec(query).all())


def _bucket(oldest: Sequence[datetime]) -> Any:
    placed = col(Backorder.placed_at)
    # Written out, as PostgreSQL takes two equal expressions with parameters for different ones.
    ages = [(placed >= at, literal(number, literal_execute=True)) for number, at in enumerate(oldest)]
    return case(*ages, else_=literal(len(oldest), literal_execute=True)).label("bucket")


@dataclass(frozen=True, slots=True)
class Slips:
    """How the dates of a SKU moved in a period: how often `later`, by how many days in all and at most; how often
    `earlier`, how often they were `lost`. `missed` of its last `dates` were, None while too little is known."""

    sku: str
    later: int
    days: int
    most: int
    earlier: int
    lost: int
    lines: int
    missed: int | None
    dates: int | None


def slips(session: Session, store_id: str, period: Period, limit: int) -> list[Slips]:
    """The SKUs whose dates slipped in the period, the most often first."""
    past, known = SkuPast, SkuOutlook
    slipped = col(past.days) > 0
    later = func.sum(case((slipped, 1), else_=0))
    lost = func.sum(case((col(past.kind) == "lost", 1), else_=0))
    query = (
        sqlalchemy.select(
            col(past.sku),
            later,
            func.sum(case((slipped, col(past.days)), else_=0)),
            func.max(case((slipped, col(past.days)), else_=0)),
            func.sum(case((col(past.days) < 0, 1), else_=0)),
            lost,
            func.sum(past.units),
            func.max(known.late),
            func.max(known.dates),
        )
        .join(known, (col(known.store_id) == past.store_id) & (col(known.sku) == past.sku), isouter=True)
        .where(
            col(past.store_id) == store_id,
            col(past.kind).in_(("moved", "lost")),
            col(past.last_at) >= period[0],
            col(past.last_at) < period[1],
        )
        .group_by(col(past.sku))
        .order_by((later + lost).desc(), col(past.sku))
        .limit(limit)
    )
    return [Slips(*row) for row in session.execute(query)]


# --- what customers did ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Units taken off one order at `at`, by line id, after an email that told it of a later date."""

    backorder_id: str
    at: datetime
    by: str
    units: dict[str, int]
    told_at: datetime


def cancelled_after_delay(
    session: Session, store_id: str, period: Period, within: timedelta
) -> list[Cancelled]:
    """Cancellations in the period that came no later than that after the last such email to their order."""
    fact, mail = Fact, MessageRow
    told = func.max(mail.sent_at).label("told_at")
    query = (
        select(fact.id, told)
        .join(mail, col(mail.backorder_id) == col(fact.backorder_id))
        .where(
            fact.store_id == store_id,
            text(f"fact.{CHOSE}"),
            fact.kind == "cancelled",
            fact.at >= period[0],
            fact.at < period[1],
            col(mail.kind).in_(DELAYS),
            col(mail.sent_at) <= col(fact.at),
            # Wide enough for every cancellation of the period; each is held to its own below.
            col(mail.sent_at) >= period[0] - within,
        )
        .group_by(fact.id)
    )
    last = {id_: at for id_, at in session.exec(query) if at}
    found = session.exec(select(Fact).where(bulk.among(session, col(Fact.id), list(last)))).all()
    return [
        Cancelled(it.backorder_id, it.at, it.data["by"], it.data["units"], last[it.id])
        for it in found
        if it.at - last[it.id] <= within
    ]


@dataclass(frozen=True, slots=True)
class Price:
    sku: str
    unit_price: str | None
    currency: str | None


def prices(session: Session, line_ids: Collection[str]) -> dict[str, Price]:
    """By line, what it is and costs."""
    query = (
        select(BackorderLine.id, BackorderLine.sku, BackorderLine.unit_price, Backorder.currency)
        .join(Backorder, col(Backorder.id) == col(BackorderLine.backorder_id))
        .where(bulk.among(session, col(BackorderLine.id), line_ids))
    )
    return {id_: Price(sku, price, currency) for id_, sku, price, currency in session.exec(query)}


def answers(session: Session, store_id: str, period: Period) -> dict[str, tuple[int, int]]:
    """By choice (`keep`, `cancel`), how many orders were answered for so in the period, and by how many customers."""
    choice = col(Fact.data)["choice"].as_string()
    query = (
        select(
            choice, func.count(func.distinct(Fact.backorder_id)), func.count(func.distinct(Backorder.email))
        )
        .join(Backorder, col(Backorder.id) == col(Fact.backorder_id))
        .where(
            Fact.store_id == store_id,
            text(f"fact.{CHOSE}"),
            Fact.kind == "answered",
            Fact.at >= period[0],
            Fact.at < period[1],
        )
        .group_by(choice)
    )
    return {chosen: (orders, customers) for chosen, orders, customers in session.exec(query)}


# --- emails ----------------------------------------------------------------------------------------------


def sent(session: Session, store_id: str, period: Period) -> list[tuple[str, str, int]]:
    """Of the emails that left in the period: (kind, status, how many)."""
    mail = SQLModel.metadata.tables["message"].c
    query = (
        select(mail.kind, mail.status, func.count())
        .where(mail.store_id == store_id, mail.sent_at >= period[0], mail.sent_at < period[1])
        .group_by(mail.kind, mail.status)
    )
    return [(kind, status, count) for kind, status, count in session.execute(query)]


def orders_written_to(session: Session, store_id: str, period: Period) -> int:
    """How many orders any email left for in the period."""
    left = select(MessageRow.id).where(
        MessageRow.backorder_id == Backorder.id,
        col(MessageRow.sent_at) >= period[0],
        col(MessageRow.sent_at) < period[1],
    )
    # A look at each order is a quarter of the work of telling all its emails apart.
    query = select(func.count()).select_from(Backorder).where(Backorder.store_id == store_id, left.exists())
    return session.exec(query).one()


def stuck(session: Session, store_id: str, period: Period) -> dict[str, int]:
    """Of the emails due in the period that have not left: by state, those that need a person."""
    query = (
        select(MessageRow.status, func.count())
        .where(
            MessageRow.store_id == store_id,
            text(f"message.{IN_TROUBLE}"),
            col(MessageRow.sent_at).is_(None),
            MessageRow.due_at >= period[0],
            MessageRow.due_at < period[1],
        )
        .group_by(MessageRow.status)
    )
    return dict(session.exec(query).all())


# --- the law ---------------------------------------------------------------------------------------------


def deadlines(session: Session, store_id: str, now: datetime, until: date) -> list[tuple[Task, date, int]]:
    """What the law asks up to a day, that day included: (duty, its last day, how many lines)."""
    found: list[tuple[Task, date, int]] = []
    for task, days in DAYS.items():
        for day in days:
            column: Any = getattr(BackorderLine, day)
            last = min(until, shown_until(now)) if day == LAPSE_BY else until
            query = (
                select(column, func.count())
                .select_from(BackorderLine)
                .where(BackorderLine.store_id == store_id, column.is_not(None), column <= last)
                .group_by(column)
            )
            found += [(task, due, lines) for due, lines in session.exec(query)]
    return sorted(found, key=lambda it: (it[1], list(Task).index(it[0])))
