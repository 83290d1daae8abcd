"""The past of each SKU: noted with the facts, folded by the worker, read for advice."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, SQLModel, col, delete, select

from notifier.db import bulk
from notifier.db.codec import policy_from_json
from notifier.db.facts import Order
from notifier.db.ids import new_id
from notifier.db.inbound_tables import SupplierOutlook
from notifier.db.insight_tables import SkuNews, SkuOutlook, SkuPast
from notifier.db.tables import BackorderLine, Fact, Store
from notifier.domain.hindsight import Moved, Outlook, Shipped, outcomes, outlook
from notifier.domain.policy import local_day

LOOKED_BACK = timedelta(days=3 * 365)
"""How far back the past of a SKU is looked at."""

# --- noted, in the transaction of the fact ---------------------------------------------------------------


def note(session: Session, changed: Iterable[tuple[Order, Sequence[Fact]]]) -> None:
    """Note what these facts say of their SKUs' dates."""
    bulk.insert(session, "sku_news", [row for order, facts in changed for row in _news(order, facts)])


def note_move(
    session: Session, store_id: str, sku: str, lines: Mapping[date, int], became: date | None, at: datetime
) -> None:
    """Note that of a SKU so many lines with each of these dates now have that one."""
    rows = [
        _row(store_id, sku, "moved", named, became, count, at)
        for named, count in lines.items()
        if named != became
    ]
    bulk.insert(session, "sku_news", rows)


def _news(order: Order, facts: Sequence[Fact]) -> Iterable[dict[str, Any]]:
    lines = {line.id: line for line in order.lines}
    store_id, zone = order.row.store_id, ZoneInfo(order.store.timezone)
    for fact in facts:
        data = fact.data
        if fact.kind == "eta_changed" and data["before"] and data["before"] != data["eta"]:
            named = date.fromisoformat(data["before"])
            became = date.fromisoformat(data["eta"]) if data["eta"] else None
            yield _row(store_id, data["sku"], "moved", named, became, 1, fact.at)
        elif fact.kind == "shipped":
            day = local_day(fact.at, zone)
            for line_id, units in data["units"].items():
                line = lines[line_id]
                known = _row(store_id, line.sku, "shipped", line.eta, day, units, fact.at)
                yield known | {"backorder_id": order.row.id, "line_id": line_id}


def _row(
    store_id: str, sku: str, kind: str, named: date | None, became: date | None, units: int, at: datetime
) -> dict[str, Any]:
    return {
        "id": new_id("news"),
        "store_id": store_id,
        "sku": sku,
        "kind": kind,
        "named": named,
        "became": became,
        "units": units,
        "at": at,
        "backorder_id": None,
        "line_id": None,
    }


# --- folded, by the worker -------------------------------------------------------------------------------

Key = tuple[str, date, date]
"""A row of one SKU's past: kind, named, became."""


def fold(session: Session, limit: int, now: datetime) -> int:
    """Add the oldest news to the past of their SKUs, and say anew what that means; how many there were.

    Several may fold at once: each takes news of its own, and those of one SKU wait for each other.
    """
    query = select(SkuNews).order_by(SkuNews.id).limit(limit).with_for_update(skip_locked=True)
    news = session.exec(query).all()
    first = _first_named(session, [it for it in news if it.kind == "shipped"])
    groups: defaultdict[tuple[str, str], list[SkuNews]] = defaultdict(list)
    for it in news:
        groups[it.store_id, it.sku].append(it)
    for (store_id, sku), of_sku in sorted(groups.items()):
        known = _locked(session, store_id, sku)
        before = {(row.kind, row.named, row.became): row for row in _past(session, store_id, sku, now)}
        past = dict(before)
        settle = timedelta(minutes=policy_from_json(session.get_one(Store, store_id).policy).settle_minutes)
        for it in of_sku:
            _add(past, it, first, settle)
        for key, row in before.items():
            if past.get(key) is not row:
                session.delete(row)
        session.add_all(past.values())
        shipped, moves = _as_values(past.values())
        tell(known, outlook(outcomes(shipped, moves)))
        session.add(known)
    session.exec(delete(SkuNews).where(col(SkuNews.id).in_([it.id for it in news])))
    session.flush()
    return len(news)


def _locked(session: Session, store_id: str, sku: str) -> SkuOutlook:
    """The SKU's outlook, made if there is none, and nobody else's until the transaction ends."""
    bulk.insert_new(session, "sku_outlook", [{"store_id": store_id, "sku": sku}], answer="sku")
    return session.get_one(SkuOutlook, (store_id, sku), with_for_update=True, populate_existing=True)


def _first_named(session: Session, shipped: Sequence[SkuNews]) -> dict[str, date | None]:
    """By line, the first date that was ever named for it, where it was moved at all."""
    query = (
        select(Fact.data)
        .where(
            col(Fact.backorder_id).in_({it.backorder_id for it in shipped}),
            Fact.kind == "eta_changed",
        )
        .order_by(col(Fact.at), col(Fact.id))
    )
    first: dict[str, date | None] = {}
    for data in session.exec(query):
        named = data["before"] or data["eta"]
        if first.get(data["line"]) is None:
            first[data["line"]] = date.fromisoformat(named) if named else None
    return first


def _add(
    past: dict[Key, SkuPast], news: SkuNews, first: Mapping[str, date | None], settle: timedelta
) -> None:
    kind = "lost" if news.kind == "moved" and news.became is None else news.kind
    named = first.get(news.line_id or "") or news.named
    if named is None:  # it shipped, and nobody had ever said when it would
        return
    became = news.became or named
    undone = past.get((kind, became, named))
    if kind == "moved" and undone and timedelta(0) <= news.at - undone.last_at <= settle:
        # Taken back before anybody was told: a slip of the pen, and none of the date.
        undone.units -= news.units
        if undone.units <= 0:
            del past[kind, became, named]
        return
    row = past.get((kind, named, became))
    if row is None:
        row = past[kind, named, became] = SkuPast(
            store_id=news.store_id,
            sku=news.sku,
            kind=kind,
            named=named,
            became=became,
            days=None if kind == "lost" else (became - named).days,
            units=0,
            first_at=news.at,
            last_at=news.at,
        )
    row.units += news.units
    row.first_at, row.last_at = min(row.first_at, news.at), max(row.last_at, news.at)


def tell(row: SkuOutlook | SupplierOutlook, found: Outlook | None) -> None:
    """Write what is to be expected into the row that keeps it."""
    for name in ("observations", "dates", "late", "likely", "safe", "since"):
        setattr(row, name, getattr(found, name) if found else None)


# --- read ------------------------------------------------------------------------------------------------


def _past(session: Session, store_id: str, sku: str, now: datetime) -> Sequence[SkuPast]:
    query = select(SkuPast).where(
        SkuPast.store_id == store_id, SkuPast.sku == sku, col(SkuPast.last_at) > now - LOOKED_BACK
    )
    return session.exec(query.order_by(col(SkuPast.first_at), col(SkuPast.named))).all()


def past(session: Session, store_id: str, sku: str, now: datetime) -> tuple[list[Shipped], list[Moved]]:
    """What shipped of a SKU and which of its dates moved, the oldest first."""
    return _as_values(_past(session, store_id, sku, now))


def _as_values(rows: Iterable[SkuPast]) -> tuple[list[Shipped], list[Moved]]:
    shipped, moves = [], []
    for row in rows:
        if row.kind == "shipped":
            shipped.append(Shipped(row.named, row.became, row.units))
        else:
            became = row.became if row.kind == "moved" else None
            moves.append(Moved(row.named, became, row.first_at, row.units))
    return shipped, moves


def dates_waiting(session: Session, store_id: str, sku: str) -> list[date]:
    """The dates that open lines of a SKU have."""
    line = SQLModel.metadata.tables["backorder_line"].c
    query = (
        select(line.eta)
        .where(line.store_id == store_id, line.sku == sku, line.waiting > 0, line.eta.is_not(None))
        .distinct()
    )
    return list(session.execute(query).scalars())


def dates_of_order(session: Session, backorder_id: str) -> dict[str, date]:
    """By SKU, the date of each line of an order that has one."""
    query = select(BackorderLine).where(BackorderLine.backorder_id == backorder_id)
    return {line.sku: line.eta for line in session.exec(query) if line.eta}


def contradicting(session: Session, store_id: str, skus: Collection[str]) -> dict[str, Outlook]:
    """Of these SKUs, what is to be expected of those whose dates are missed more often than not."""
    query = select(SkuOutlook).where(
        SkuOutlook.store_id == store_id,
        bulk.among(session, col(SkuOutlook.sku), skus),
        col(SkuOutlook.likely) > 0,
    )
    return {row.sku: found for row in session.exec(query) if (found := as_outlook(row))}


def outlooks(session: Session, store_id: str, skus: Collection[str]) -> dict[str, Outlook]:
    """Of these SKUs, what is to be expected of those of which enough is known, be it good or bad."""
    query = select(SkuOutlook).where(
        SkuOutlook.store_id == store_id, bulk.among(session, col(SkuOutlook.sku), skus)
    )
    return {row.sku: found for row in session.exec(query) if (found := as_outlook(row))}


def as_outlook(row: SkuOutlook | SupplierOutlook) -> Outlook | None:
    """The row as a value; None while too little is known."""
    if row.observations is None or row.dates is None or row.late is None or row.since is None:
        return None
    return Outlook(row.observations, row.dates, row.late, row.likely or 0, row.safe or 0, row.since)
