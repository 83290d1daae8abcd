"""An order as its customer reads it: facts as words and dates in their language."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from notifier.db.facts import Order
from notifier.dispatch import shop_of
from notifier.domain.eta import Eta
from notifier.domain.law import standing
from notifier.domain.law.standing import Standing
from notifier.domain.message import CHANGE_OF_DATE, Status
from notifier.domain.order import Choice, Facts, Line
from notifier.domain.plan import ENDED_IN_LAW
from notifier.domain.policy import local_day
from notifier.words import language
from notifier.words.colour import theme

LATE = frozenset({"silence_ok", "need_consent", "renewed", "late", "terminable"})
"""States in law in which it is for the customer to say whether they keep waiting."""

PLANNED_SHOWN = 5

Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tongue:
    """How this customer is spoken to: `lang` and `dir` for HTML, the catalog of words, days and money in words."""

    lang: str
    dir: str
    catalog: str
    day: Callable[[date], str]
    money: Callable[[Decimal, str], str]

    def eta(self, eta: Eta) -> str:
        """A range is written as one; a date that nobody knows is empty."""
        return " – ".join(self.day(day) for day in (eta.earliest, eta.latest) if day)


def tongue(facts: Facts) -> Tongue:
    locale = language.speak(facts.customer.locale, facts.customer.country)
    return Tongue(
        language.tag(locale),
        locale.text_direction,
        locale.language,
        partial(language.spell, locale=locale),
        partial(language.spell_money, locale=locale),
    )


def open_lines(order: Order, now: datetime) -> list[tuple[Line, Standing]]:
    """The lines still to come, and where each stands in law; not those that the law has ended."""
    facts = order.facts
    standings = [(line, standing(facts, line, order.policy, now)) for line in facts.waiting_lines]
    return [(line, where) for line, where in standings if where.state not in ENDED_IN_LAW]


def view(order: Order, now: datetime) -> Value:
    """Everything that the page shows, spelled out."""
    facts, said = order.facts, tongue(order.facts)
    standings = open_lines(order, now)
    lines = [line for line, _ in standings]
    answer_by = min((where.answer_by for _, where in standings if where.answer_by), default=None)
    kept_at = _kept_at(facts)
    shop = shop_of(order.store)
    return {
        "shop_facts": shop,
        "theme": asdict(theme(shop.accent)),
        "order_id": facts.order_id,
        "order_url": facts.order_url,
        "status": facts.status.value,
        "placed": said.day(_day(facts, facts.placed_at)),
        "groups": _groups(lines, said, _day(facts, now)),
        "waiting": [{"sku": line.sku, "name": line.name, "units": line.waiting} for line in lines],
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
        "asks": kept_at is None
        and (_told_of_change(facts) or any(where.state in LATE for _, where in standings)),
        "answer_by": said.day(answer_by) if answer_by else None,
        "answer_for": [line.name for line, where in standings if answer_by and where.answer_by == answer_by],
        "kept_on": said.day(_day(facts, kept_at)) if kept_at else None,
        "planned": [
            {
                "on": said.day(_day(facts, mail.due_at)),
                "kind": mail.kind.value,
                "lapse": mail.key.startswith("lapse:"),
            }
            for mail in sorted(facts.messages, key=lambda mail: mail.due_at)
            if mail.status is Status.PLANNED
        ][:PLANNED_SHOWN],
        "reminders": not facts.unsubscribed,
        "dated": any(line.eta.known for line in lines),
    }


def _groups(lines: list[Line], said: Tongue, today: date) -> list[Value]:
    """What is still to come, by date; the nearest first, what has no date last."""
    groups: dict[tuple[Eta, str | None], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.eta, line.eta_reason), []).append(line)
    return [
        {
            "eta": said.eta(eta),
            "passed": eta.latest is not None and eta.latest < today,
            "reason": (reason or "").rstrip(". "),
            "lines": [
                {
                    "name": line.name,
                    "units": line.waiting,
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


def _units(facts: Facts, units: Any) -> list[Value]:
    return [{"name": facts.line(line_id).name, "units": count} for line_id, count in units.items() if count]


def _told_of_change(facts: Facts) -> bool:
    waiting = {line.id for line in facts.waiting_lines}
    return any(
        mail.kind in CHANGE_OF_DATE and mail.may_have_left and waiting & mail.says.keys()
        for mail in facts.messages
    )


def _kept_at(facts: Facts) -> datetime | None:
    """When the customer last chose to wait, if no date has moved since they chose."""
    kept = max((answer.at for answer in facts.answers if answer.choice is Choice.KEEP), default=None)
    moved = max((line.eta_changed_at for line in facts.waiting_lines), default=None)
    return kept if kept and moved and moved <= kept else None


def _day(facts: Facts, at: datetime) -> date:
    return local_day(at, facts.customer.zone)
