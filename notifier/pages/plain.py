"""States and kinds as a store reads them, with their tone."""

from collections.abc import Iterable
from dataclasses import dataclass

from notifier.db.overview import Mail
from notifier.db.tables import Backorder, MessageRow
from notifier.timeline import REASONS


@dataclass(frozen=True, slots=True)
class Label:
    """A word, and whether it is `good`, `bad`, to `wait` for, or none of these."""

    text: str
    tone: str = ""


KINDS = {
    "expectation": "What to expect",
    "countdown": "Countdown",
    "delay": "Delay",
    "consent": "Answer needed",
    "earlier": "Earlier date",
    "shipped": "Shipped",
    "cancelled": "Cancelled",
    "refund": "Refund",
    "waiting": "Still waiting",
    "payment": "Card runs out",
}

MESSAGE_STATES = {
    "planned": Label("Planned"),
    "sending": Label("Sending", "wait"),
    "sent": Label("Sent", "good"),
    "delivered": Label("Delivered", "good"),
    "bounced": Label("Bounced", "bad"),
    "complained": Label("Complaint", "bad"),
    "failed": Label("Failed", "bad"),
    "unknown": Label("In doubt", "bad"),
    "held": Label("Held", "wait"),
    "cancelled": Label("Not needed"),
    "expired": Label("Too late"),
}

STAGES = {
    "ordered": Label("Ordered"),
    "in_production": Label("In production"),
    "in_transit": Label("In transit", "wait"),
    "customs": Label("At customs", "wait"),
    "arrived": Label("Arrived", "good"),
}
"""Of goods on their way, in the order in which they come."""

RULES = {"fifo": "the oldest order first", "fair": "one to each order in turn"}
"""Of sharing units that arrived."""

ORDER_STATES = {
    "open": Label("Waiting", "wait"),
    "partly_shipped": Label("Partly shipped", "wait"),
    "shipped": Label("Shipped", "good"),
    "cancelled": Label("Cancelled"),
}

LAW_STATES = {
    "none": Label("No rule applies"),
    "on_time": Label("On time", "good"),
    "silence_ok": Label("Late; silence agrees", "wait"),
    "need_consent": Label("Needs an answer", "bad"),
    "renewed": Label("Late again; needs an answer", "bad"),
    "consented": Label("Customer agreed to wait", "good"),
    "indefinite": Label("Agreed to wait without a date", "wait"),
    "late": Label("Late", "wait"),
    "terminable": Label("Customer may withdraw", "bad"),
    "terminated": Label("Withdrawn", "bad"),
    "shipped": Label("Shipped", "good"),
    "cancelled": Label("Cancelled; refund owed", "wait"),
    "refunded": Label("Refunded", "good"),
    "refund_overdue": Label("Refund overdue", "bad"),
}


def by_kind(emails: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """How many emails there are of each kind, which is told by its name."""
    return [(kind(code), count) for code, count in emails]


def kind(code: str) -> str:
    return KINDS.get(code) or _spoken(code)


def message_state(code: str) -> Label:
    return MESSAGE_STATES.get(code) or Label(_spoken(code))


def order_state(code: str) -> Label:
    return ORDER_STATES.get(code) or Label(_spoken(code))


def law_state(code: str) -> Label:
    return LAW_STATES.get(code) or Label(_spoken(code))


def reason(code: str | None) -> str:
    """A reason code in words; a reason that was written as words stays as it is."""
    return REASONS.get(code or "", code or "").removeprefix("not sent: ")


@dataclass(frozen=True, slots=True)
class MailRow:
    """One message as lists show it."""

    message: MessageRow
    order: Backorder
    kind: str
    label: Label
    why: str


def mail_row(mail: Mail) -> MailRow:
    message, order = mail
    return MailRow(message, order, kind(message.kind), message_state(message.status), reason(message.reason))


def _spoken(code: str) -> str:
    return code.replace("_", " ").capitalize()
