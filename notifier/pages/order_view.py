"""An order as its customer reads it: facts as words and dates in their language."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from notifier.db.facts import Order
from notifier.db.tables import Fact
from notifier.dispatch import shop_of
from notifier.domain.eta import Eta
from notifier.domain.law import standing
from notifier.domain.law.standing import Standing
from notifier.domain.message import CHANGE_OF_DATE, Status
from notifier.domain.order import Cancellation, Choice, Facts, Line
from notifier.domain.plan import ENDED_IN_LAW
from notifier.domain.policy import at_local, local_day
from notifier.pages.order_story import story
from notifier.pages.order_words import Tongue, tongue
from notifier.words.colour import theme
from notifier.words.language import LANGUAGES, own_name

LATE = frozenset({"silence_ok", "need_consent", "renewed", "late", "terminable"})
"""States in law in which it is for the customer to say whether they keep waiting."""

PLANNED_SHOWN = 5

EXTRA_SUGGESTED, EXTRA_AT_MOST = timedelta(days=14), timedelta(days=365)
"""The last day that the form proposes, and the furthest that it takes."""

Value = dict[str, Any]


def open_lines(order: Order, now: datetime) -> list[tuple[Line, Standing]]:
    """The lines still to come, and where each stands in law; not those that the law has ended."""
    facts = order.facts
    standings = [(line, standing(facts, line, order.policy, now)) for line in facts.waiting_lines]
    return [(line, where) for line, where in standings if where.state not in ENDED_IN_LAW]


def view(order: Order, happened: Sequence[Fact], now: datetime) -> Value:
    """Everything that the page shows, spelled out. `happened` are all facts of the order, oldest first."""
    facts, said = order.facts, tongue(order.facts.customer)
    standings = open_lines(order, now)
    lines = [line for line, _ in standings]
    answer_by = min((where.answer_by for _, where in standings if where.answer_by), default=None)
    kept_at = _kept_at(facts)
    shop = shop_of(order.store)
    return {
        "shop_facts": shop,
        "theme": asdict(theme(shop.accent)),
        "law": order.law,
        "order_id": facts.order_id,
        "order_url": facts.order_url,
        "status": facts.status.value,
        "today": said.day(_day(facts, now)),
        "groups": _groups(facts, lines, said, now),
        "waiting": [
            {"sku": line.sku, "name": line.name, "units": line.waiting, "eta": said.eta(line.eta)}
            for line in lines
        ],
        "ended": [
            {"name": line.name, "units": line.waiting} for line in facts.waiting_lines if line not in lines
        ],
        "parcels": [
            {
                "on": said.day(_day(facts, parcel.at)),
                "carrier": parcel.carrier,
                "number": parcel.tracking_number,
                "url": parcel.tracking_url,
                "lines": _units(facts, parcel.units),
            }
            for parcel in facts.shipments
        ],
        "cancellations": [
            {"on": said.day(_day(facts, gone.at)), "lines": _units(facts, gone.units)}
            for gone in facts.cancellations
        ],
        "refunds": [
            {"on": said.day(_day(facts, paid.at)), "amount": said.money(paid.amount, paid.currency)}
            for paid in facts.refunds
        ],
        # Who said yes to a new date before its notice came was not asked by the law yet, and must be.
        "asks": answer_by is not None
        or (
            kept_at is None and (_told_of_change(facts) or any(where.state in LATE for _, where in standings))
        ),
        "answer_by": said.day(answer_by) if answer_by else None,
        "answer_for": said.list(
            [line.name for line, where in standings if answer_by and where.answer_by == answer_by]
        ),
        "further_asked": any(where.further for _, where in standings),
        "extra": _extra(facts, standings, said, now),
        "kept_on": said.moment(kept_at) if kept_at else None,
        "withdrawn": _withdrawn(order, said, now),
        "story": story(order, happened, said),
        "ahead": _ahead(facts, standings, said, now),
        "reminders": not facts.unsubscribed,
        "languages": [(name, own_name(name)) for name in LANGUAGES],
        "language": said.catalog,
        "dated": any(line.eta.known for line in lines),
    }


def worth(facts: Facts, units: Mapping[str, int], said: Tongue) -> str | None:
    """What these units cost, by line id; None where a price is not known."""
    prices = [(facts.line(key).unit_price, count) for key, count in units.items()]
    if facts.currency is None or any(price is None for price, _ in prices):
        return None
    total = sum((price * count for price, count in prices if price is not None), Decimal(0))
    return said.money(total, facts.currency)


def _groups(facts: Facts, lines: list[Line], said: Tongue, now: datetime) -> list[Value]:
    """What is still to come, by date; the nearest first, what has no date last."""
    today = _day(facts, now)
    groups: dict[tuple[Eta, str | None], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.eta, line.eta_reason), []).append(line)
    return [
        {
            "eta": said.eta(eta),
            "passed": eta.latest is not None and eta.latest < today,
            "left": said.days((eta.latest - today).days) if eta.latest and eta.latest > today else None,
            "is_today": eta.latest == today,
            "over_at": at_local(eta.latest + timedelta(days=1), time(0), facts.customer.zone).isoformat()
            if eta.latest
            else None,
            "reason": (reason or "").rstrip(". "),
            "lines": [
                {
                    "name": line.name,
                    "units": line.waiting,
                    "of": line.quantity,
                    "set_aside": line.allocated,
                    "image_url": line.image_url,
                    "product_url": line.product_url,
                    "promised": said.day(line.promised)
                    if line.promised and line.promised != eta.latest
                    else None,
                }
                for line in lines
            ],
        }
        for (eta, reason), lines in sorted(groups.items(), key=lambda item: item[0][0].latest or date.max)
    ]


def _ahead(
    facts: Facts, standings: Sequence[tuple[Line, Standing]], said: Tongue, now: datetime
) -> list[Value]:
    """What is to come, the nearest first: emails, the days on which items are expected to ship, and the last days on
    which the law takes an answer."""
    planned = sorted(
        (mail for mail in facts.messages if mail.status is Status.PLANNED), key=lambda mail: mail.due_at
    )
    coming: list[tuple[date, Value]] = [
        (
            _day(facts, mail.due_at),
            {
                "on": said.day(_day(facts, mail.due_at)),
                "kind": "lapse" if mail.key.startswith("lapse:") else mail.kind.value,
            },
        )
        for mail in planned[:PLANNED_SHOWN]
    ]
    dates: dict[Eta, list[str]] = {}
    deadlines: dict[date, list[str]] = {}
    for line, where in standings:
        dates.setdefault(line.eta, []).append(line.name)
        if where.answer_by:
            deadlines.setdefault(where.answer_by, []).append(line.name)
    coming += [
        (eta.latest, {"on": said.eta(eta), "kind": "ships", "names": said.list(names)})
        for eta, names in dates.items()
        if eta.latest and eta.latest >= _day(facts, now)
    ]
    coming += [
        (day, {"on": said.day(day), "kind": "answer", "names": said.list(names)})
        for day, names in deadlines.items()
    ]
    return [value for _, value in sorted(coming, key=lambda item: item[0])]


def extra_days(facts: Facts, now: datetime) -> tuple[date, date]:
    """From when to when the last day may be that a customer gives the shop; the first ends nowhere before it begins."""
    today = _day(facts, now)
    return today + timedelta(days=1), today + EXTRA_AT_MOST


def _extra(facts: Facts, standings: Sequence[tuple[Line, Standing]], said: Tongue, now: datetime) -> Value:
    """The additional period that a consumer may grant (Directive 2011/83/EU, Art. 18(2)), and what became of it."""
    late = [line.name for line, where in standings if where.state == "late"]
    ended = [line.name for line, where in standings if where.state == "terminable"]
    named = [answer.extra_until for answer in facts.answers if answer.extra_until]
    first, last = extra_days(facts, now)
    suggested = _day(facts, now) + EXTRA_SUGGESTED
    return {
        "names": said.list(late),
        "ended": said.list(ended),
        "named": said.day(named[-1]) if named else None,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "suggested": suggested.isoformat(),
        "first_day": said.day(first),
        "last_day": said.day(last),
    }


def _withdrawn(order: Order, said: Tongue, now: datetime) -> Value | None:
    """The customer's last cancellation: what, when it came in, and by when the law has its money sent back."""
    facts = order.facts
    theirs: list[Cancellation] = [gone for gone in facts.cancellations if gone.by == "customer"]
    if not theirs:
        return None
    last = max(theirs, key=lambda gone: gone.at)
    owed = [
        where.refund_by
        for line in facts.lines
        if line.id in last.units and (where := standing(facts, line, order.policy, now)).refund_by
    ]
    return {
        "at": said.moment(last.at),
        "items": said.list(
            [said.units(facts.line(key).name, count) for key, count in last.units.items() if count]
        ),
        "worth": worth(facts, last.units, said),
        "refund_by": said.day(min(owed)) if owed else None,
    }


def _units(facts: Facts, units: Mapping[str, int]) -> list[Value]:
    return [{"name": facts.line(line_id).name, "units": count} for line_id, count in units.items() if count]


def _told_of_change(facts: Facts) -> bool:
    waiting = {line.id for line in facts.waiting_lines}
    return any(mail.kind in CHANGE_OF_DATE and waiting & mail.says.keys() for mail in facts.left)


def _kept_at(facts: Facts) -> datetime | None:
    """When the customer last chose to wait, if no date has moved since they chose."""
    kept = max((answer.at for answer in facts.answers if answer.choice is Choice.KEEP), default=None)
    moved = max((line.eta_changed_at for line in facts.waiting_lines), default=None)
    return kept if kept and moved and moved <= kept else None


def _day(facts: Facts, at: datetime) -> date:
    return local_day(at, facts.customer.zone)
