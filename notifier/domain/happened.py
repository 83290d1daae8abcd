"""Word of what has happened to an order: registered, shipped, cancelled, refunded. No other email decides about it."""

from collections.abc import Iterator
from datetime import timedelta

from notifier.domain.message import Draft, Kind, Said
from notifier.domain.order import Facts, Line
from notifier.domain.policy import Policy
from notifier.domain.waiting import with_word

NEWS_LASTS = timedelta(days=14)
"""How long word of something that happened is still worth sending."""

OF_WHAT_HAPPENED = frozenset({Kind.EXPECTATION, Kind.SHIPPED, Kind.CANCELLED, Kind.REFUND})


def registered(facts: Facts, policy: Policy, alive: tuple[Line, ...]) -> Iterator[Draft]:
    """What to expect of the lines that are still alive."""
    if alive:
        expectation = Draft(
            key="expectation",
            kind=Kind.EXPECTATION,
            due_at=facts.registered_at,
            expires_at=facts.registered_at + NEWS_LASTS,
            says={line.id: Said(line.eta) for line in alive},
        )
        yield with_word(expectation, facts, policy)


def added(facts: Facts, policy: Policy, alive: tuple[Line, ...]) -> Iterator[Draft]:
    """What to expect of lines that came after the order's first email had left: one email for those of one time."""
    first = next((message for message in facts.messages if message.key == Kind.EXPECTATION), None)
    told = first.says.keys() if first and first.may_have_left else frozenset[str]()
    times = {line.added_at for line in alive if line.added_at and line.id not in told}
    for at in sorted(times):
        together = [line.id for line in facts.lines if line.added_at == at and line.id not in told]
        expectation = Draft(
            key=f"{Kind.EXPECTATION}:{min(together)}",
            kind=Kind.EXPECTATION,
            due_at=at,
            expires_at=at + NEWS_LASTS,
            says={line.id: Said(line.eta) for line in alive if line.id in together},
        )
        yield with_word(expectation, facts, policy)


def happened(facts: Facts, alive: tuple[Line, ...]) -> Iterator[Draft]:
    """One email for each parcel, cancellation and refund."""
    yield from _shipped(facts)
    yield from _cancelled(facts)
    yield from _refunded(facts, alive)


def _shipped(facts: Facts) -> Iterator[Draft]:
    for shipment in facts.shipments:
        yield Draft(
            key=f"shipped:{shipment.id}",
            kind=Kind.SHIPPED,
            due_at=shipment.recorded_at,
            expires_at=shipment.recorded_at + NEWS_LASTS,
            says={line_id: Said(facts.line(line_id).eta) for line_id in shipment.units},
            about=shipment.id,
        )


def _cancelled(facts: Facts) -> Iterator[Draft]:
    for cancellation in facts.cancellations:
        yield Draft(
            key=f"cancelled:{cancellation.id}",
            kind=Kind.CANCELLED,
            due_at=cancellation.at,
            expires_at=cancellation.at + NEWS_LASTS,
            says={line_id: Said(facts.line(line_id).eta) for line_id in cancellation.units},
            about=cancellation.id,
        )


def _refunded(facts: Facts, alive: tuple[Line, ...]) -> Iterator[Draft]:
    """Word of money that was sent back, for what is off the order; for all of it where nothing is."""
    off = tuple(line for line in facts.lines if line.cancelled or (line.waiting and line not in alive))
    for refund in facts.refunds:
        at = refund.recorded_at or refund.at
        yield Draft(
            key=f"{Kind.REFUND}:{refund.id}",
            kind=Kind.REFUND,
            due_at=at,
            expires_at=at + NEWS_LASTS,
            says={line.id: Said(line.eta) for line in off or facts.lines},
            about=refund.id,
        )
