"""Everything that happened to an order and that is planned to happen, oldest first, each with why, in words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from notifier.db import queries
from notifier.db.tables import Fact, MessageHistory, MessageRow
from notifier.domain.message import DROPPED, Kind, Status

REASONS = {
    "rescheduled": "the facts ask for it at another time",
    "moved_with_date": "it goes along with the date that it tells",
    "facts_changed": "the facts give it other news to tell",
    "wanted_again": "the facts ask for it again",
    "order_shipped": "not sent: everything has shipped",
    "order_cancelled": "not sent: the order is cancelled",
    "lines_shipped": "not sent: the lines that it speaks of have shipped",
    "lines_cancelled": "not sent: the lines that it speaks of are cancelled",
    "unsubscribed": "not sent: the customer wants no countdown emails",
    "erased": "not sent: the customer's address was erased",
    "date_moved": "not sent: the date that it would have told has moved",
    "date_moved_again": "not sent: the date moved again before it left",
    "date_moved_back": "not sent: the date moved back to what the customer knows",
    "ended_by_law": "not sent: by law the order has ended without shipping",
    "notice_not_needed": "not sent: no legal deadline ends on that day any more",
    "answer_awaited": "not sent: the customer must first say yes to the new date",
    "set_aside": "not sent: its units are here, and it waits for its parcel only",
    "told_with_the_rest": "not sent: the order's first email tells it",
    "card_changed": "not sent: the order has another card now, or none that runs out",
    "too_close": "not sent: too close to another email, or to word of the date",
    "policy_changed": "not sent: the store's policy no longer asks for it",
    DROPPED: "given up by the store",
    "too_late": "not sent: it would have come too late to be true",
}
"""What the reason words of the plan mean. Any other reason was written in words already."""


PLANNED = {
    Kind.EXPECTATION: "planned because the order was registered",
    Kind.COUNTDOWN: "planned because the date comes near",
    Kind.DELAY: "planned because a date moved, or was lost",
    Kind.CONSENT: "planned because the law asks for the customer's answer",
    Kind.EARLIER: "planned because a date moved to an earlier day",
    Kind.SHIPPED: "planned because units shipped",
    Kind.CANCELLED: "planned because units were cancelled",
    Kind.REFUND: "planned because money was sent back",
    Kind.WAITING: "planned because nothing else is to be said for a while, or because word was promised",
    Kind.PAYMENT: "planned because the card runs out before the goods come",
}
"""Why an email of each kind comes to be."""

Data = Mapping[str, Any]


def _units(data: Data) -> str:
    return ", ".join(f"{count} × {sku}" for sku, count in data["units"].items())


def _because(data: Data) -> str:
    return f": {data['reason']}" if "reason" in data else ""


def _dates(data: Data) -> str:
    return f"from {data.get('before', 'unknown')} to {data.get('eta', 'unknown')}"


def _about(data: Data) -> str:
    return f" about {', '.join(data['lines'])}" if data.get("lines") else ""


def _by(data: Data) -> str:
    return f": {data['method']}" if data.get("method") else ""


def _for_how_long(data: Data) -> str:
    if data.get("further"):
        return ", and agreed to any further delay"
    return f", until {data['extra_until']}" if data.get("extra_until") else ""


WORDS: Mapping[str, Callable[[Data], str]] = {
    "registered": lambda data: (
        f"the store registered {len(data['lines'])} line{'s' * (len(data['lines']) != 1)}"
    ),
    "lines_added": lambda data: f"{_units(data)} came to the order",
    "customer_changed": lambda data: f"the store changed the customer's {', '.join(data['fields'])}",
    "payment_changed": lambda data: (
        f"the card was updated: it runs out in {data['expires']}"
        if data.get("expires")
        else "no card is known to run out any more"
    ),
    "eta_changed": lambda data: f"the store moved {data['sku']} {_dates(data)}{_because(data)}",
    "allocated": lambda data: f"{data['quantity']} × {data['sku']} arrived and were set aside",
    "shipped": lambda data: f"{_units(data)} shipped{' by ' * ('carrier' in data)}{data.get('carrier', '')}",
    "cancelled": lambda data: f"the {data['by']} cancelled {_units(data)}{_because(data)}",
    "refunded": lambda data: f"the store sent {data['amount']} {data['currency']} back{_by(data)}",
    "duty_done": lambda data: (
        f"the store says of the {data['duty']} of {data['sku']} that it is done{_because(data)}"
    ),
    "answered": lambda data: f"the customer chose to {data['choice']}{_about(data)}{_for_how_long(data)}",
    "unsubscribed": lambda _: "the customer wants no countdown emails for this order",
    "language_chosen": lambda data: f"the customer chose to be written to in {data['locale']!r}",
    "erased": lambda _: "the customer's address, name and emails were erased",
    "redacted": lambda _: "emails to an address that this order had before were erased",
    "links_revoked": lambda data: f"the store ended the links to the customer's page{_because(data)}",
    "resubscribed": lambda _: "the customer wants countdown emails for this order again",
}
"""What each kind of fact means, from what it holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened at `at`, or, with `future`, is planned to. `what` names it, `why` explains it.

    `what` is the kind of fact (`registered`, `shipped`, …) or `message_` and the message's new status.
    """

    at: datetime
    what: str
    why: str
    future: bool = False
    message: MessageRow | None = None
    data: Data | None = None


def timeline(session: Session, backorder_id: str) -> list[Entry]:
    """The whole story of one order. What happened comes before what is planned for the same instant."""
    messages = {row.id: row for row in queries.messages_of(session, [backorder_id])[backorder_id]}
    skus = queries.skus(session, [backorder_id])
    entries = [
        *(_happened(fact, skus) for fact in queries.facts_about(session, backorder_id)),
        *_moved(queries.history(session, backorder_id), messages),
        *(_planned(row) for row in messages.values() if row.status == Status.PLANNED),
    ]
    return sorted(entries, key=lambda entry: (entry.future, entry.at))


def _happened(fact: Fact, skus: Mapping[str, str]) -> Entry:
    data = {name: value for name, value in fact.data.items() if value not in (None, "")}
    if "units" in data:
        data["units"] = {skus[line]: count for line, count in data["units"].items()}
    if isinstance(data.get("lines"), list) and fact.kind == "answered":
        data["lines"] = [skus[line] for line in data["lines"]]
    for name in ("line", "form", "redacted"):  # ids and digests of ours that mean nothing outside
        data.pop(name, None)
    return Entry(fact.at, fact.kind, _why(fact.kind, data), data=data)


def _why(kind: str, data: Data) -> str:
    return WORDS[kind](data) if kind in WORDS else kind.replace("_", " ")


def _moved(history: list[MessageHistory], messages: Mapping[str, MessageRow]) -> Iterator[Entry]:
    for change in history:
        message = messages[change.message_id]
        why = _why_planned(message) if change.before is None else REASONS.get(change.reason, change.reason)
        yield Entry(change.at, f"message_{change.after}", why, message=message)


def _why_planned(message: MessageRow) -> str:
    if message.kind == Kind.EXPECTATION and message.key != Kind.EXPECTATION:
        return "planned because lines came to the order"
    return PLANNED[Kind(message.kind)]


def _planned(row: MessageRow) -> Entry:
    why = "will be sent, if the facts still ask for it then"
    if row.reason and row.attempts:
        why = f"will be tried again: {row.reason}"
    return Entry(max(row.due_at, row.attempt_at), "message_due", why, future=True, message=row)
