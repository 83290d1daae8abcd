"""The story of an order as its customer reads it: what was promised, each change with its reason, what shipped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from notifier.db.facts import Order
from notifier.db.tables import Fact
from notifier.domain.eta import Eta, Slip, slip
from notifier.domain.order import Choice, Facts
from notifier.domain.policy import local_day
from notifier.domain.story import Move, settled
from notifier.pages.order_words import Tongue


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened at `at`. `what` chooses the words, `values` fill them; `reason` is the shop's own."""

    at: datetime
    what: str
    values: Mapping[str, Any]
    reason: str = ""


def moves(happened: Iterable[Fact]) -> list[Move]:
    """Every change of a date, from the facts of one order, oldest first."""
    known: dict[str, Eta] = {}
    found = []
    for fact in happened:
        if fact.kind == "eta_changed":
            line_id, after = fact.data["line"], Eta(_day(fact.data["eta"]), _day(fact.data["earliest"]))
            before = known.get(line_id, Eta(_day(fact.data["before"])))
            found.append(Move(line_id, fact.at, before, after, fact.data["reason"]))
            known[line_id] = after
    return found


def story(order: Order, happened: Sequence[Fact], said: Tongue) -> list[dict[str, Any]]:
    """What happened, oldest first, each with its day spelled out."""
    facts = order.facts
    moments = [
        *_beginning(facts, said),
        *_moved(facts, settled(moves(happened), timedelta(minutes=order.policy.settle_minutes)), said),
        *_arrived(facts, happened, said),
        *_answered(facts, said),
        *_shipped(facts, said),
        *_cancelled(facts, said),
        *(Moment(it.at, "refunded", {"amount": said.money(it.amount, it.currency)}) for it in facts.refunds),
    ]
    return [
        {"on": said.day(_local(facts, it.at)), "what": it.what, "reason": it.reason, **it.values}
        for it in sorted(moments, key=lambda it: it.at)
    ]


def _beginning(facts: Facts, said: Tongue) -> Iterator[Moment]:
    for at in sorted({facts.ordered_at(line) for line in facts.lines} | {facts.placed_at}):
        lines = [line for line in facts.lines if facts.ordered_at(line) == at]
        promised: dict[date, list[str]] = {}
        for line in lines:
            if line.promised:
                promised.setdefault(line.promised, []).append(line.name)
        dates = [{"eta": said.day(day), "names": said.list(names)} for day, names in sorted(promised.items())]
        items = _items(facts, {line.id: line.quantity for line in lines}, said)
        yield Moment(at, "placed" if at == facts.placed_at else "added", {"promised": dates, "items": items})


def _moved(facts: Facts, lasting: Sequence[Move], said: Tongue) -> Iterator[Moment]:
    """Lines that moved at once, alike, are one moment."""
    together: dict[tuple[datetime, Eta, Eta, str | None], list[str]] = {}
    for move in lasting:
        key = (move.at, move.before, move.after, move.reason)
        together.setdefault(key, []).append(facts.line(move.line_id).name)
    for (at, before, after, reason), names in together.items():
        what = slip(before, after)
        if what is Slip.NONE:  # only the first day of a range moved
            what = Slip.LATER if (after.earliest or after.latest) > (before.earliest or before.latest) else Slip.EARLIER  # type: ignore[operator]  # fmt: skip
        values = {"names": said.list(names), "eta": said.eta(after), "before": said.eta(before)}
        yield Moment(at, what.value, values, (reason or "").rstrip(". "))


def _arrived(facts: Facts, happened: Iterable[Fact], said: Tongue) -> Iterator[Moment]:
    names = {line.sku: line.name for line in facts.lines}
    for fact in happened:
        if fact.kind == "allocated" and fact.data["sku"] in names:
            item = said.units(names[fact.data["sku"]], fact.data["quantity"])
            yield Moment(fact.at, "arrived", {"items": item})


def _answered(facts: Facts, said: Tongue) -> Iterator[Moment]:
    for answer in facts.answers:
        if answer.choice is Choice.KEEP:
            until = said.day(answer.extra_until) if answer.extra_until else None
            what = "extra" if until else "kept_longer" if answer.further else "kept"
            yield Moment(answer.at, what, {"until": until})


def _shipped(facts: Facts, said: Tongue) -> Iterator[Moment]:
    for parcel in facts.shipments:
        values = {"items": _items(facts, parcel.units, said), "carrier": parcel.carrier}
        yield Moment(parcel.at, "shipped", values)


def _cancelled(facts: Facts, said: Tongue) -> Iterator[Moment]:
    for gone in facts.cancellations:
        values = {"items": _items(facts, gone.units, said)}
        what = {"customer": "you_cancelled", "law": "lapsed"}.get(gone.by, "cancelled")
        yield Moment(gone.at, what, values, (gone.reason or "").rstrip(". "))


def _items(facts: Facts, units: Mapping[str, int], said: Tongue) -> str:
    return said.list([said.units(facts.line(key).name, count) for key, count in units.items() if count])


def _local(facts: Facts, at: datetime) -> date:
    return local_day(at, facts.customer.zone)


def _day(iso: str | None) -> date | None:
    return date.fromisoformat(iso) if iso else None
