"""When the card on file runs out before the goods come: one email with a way to mend it."""

from collections.abc import Iterable, Iterator
from datetime import time, timedelta

from notifier.domain.message import Draft, Kind, Said
from notifier.domain.order import Facts, Line
from notifier.domain.policy import Policy, at_local, into_window


def payment(facts: Facts, policy: Policy, lines: Iterable[Line]) -> Iterator[Draft]:
    """At most one email for each month that a card runs out in, about those of these lines that ship after it.

    It goes `payment_lead_days` before the card's last day, or when the date that lies past it has settled, if that is
    later. A date that nobody knows lies past no card. The lines are those that wait and that no answer may end first.
    """
    card, zone, window = facts.card, facts.customer.zone, policy.send_window
    if card is None:
        return
    late = {
        line.id: (line.eta.latest, line.eta_changed_at, Said(line.eta))
        for line in lines
        if line.eta.latest and line.eta.latest > card.last_day and not line.set_aside
    }
    if not late:
        return
    settled = max(at for _, at, _ in late.values()) + timedelta(minutes=policy.settle_minutes)
    warned = at_local(card.last_day - timedelta(days=policy.payment_lead_days), window.start, zone)
    due = into_window(max(settled, warned), window, zone)
    last = max(day for day, _, _ in late.values())
    over = at_local(last + timedelta(days=1), time(0), zone)
    if due < over:
        says = {line_id: said for line_id, (_, _, said) in late.items()}
        yield Draft(payment_key(facts), Kind.PAYMENT, due, over, says)


def payment_key(facts: Facts) -> str:
    """Of the email about the card that the order has now; empty where it has none."""
    return f"{Kind.PAYMENT}:{facts.card.last_day:%Y-%m}" if facts.card else ""
