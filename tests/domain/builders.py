"""Orders, lines and policies for the tests of the domain: say what matters, the rest is ordinary."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.domain.eta import Eta
from notifier.domain.message import Kind, Message, Said, Status
from notifier.domain.order import Cancellation, Customer, Facts, Line, Shipment
from notifier.domain.policy import Policy

NEW_YORK = "America/New_York"
PLACED = datetime(2026, 3, 1, 15, tzinfo=UTC)
"""1 March 2026, ten in the morning in New York."""


def on(
    month: int, day: int, hour: int = 12, minute: int = 0, *, zone: str = NEW_YORK, year: int = 2026
) -> datetime:
    """That wall time in the zone, as an instant in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def a_policy(**fields: Any) -> Policy:
    return Policy(**fields)


def a_line(
    eta: date | Eta | None = None,
    *,
    promised: date | None = None,
    line_id: str = "a",
    quantity: int = 1,
    **fields: Any,
) -> Line:
    """One line, known to the store since the order was placed; `eta` None means that nobody can say."""
    ordinary: dict[str, Any] = {"sku": line_id.upper(), "name": f"Item {line_id}", "eta_changed_at": PLACED}
    expected = eta if isinstance(eta, Eta) else Eta(eta)
    return Line(id=line_id, quantity=quantity, eta=expected, promised=promised, **(ordinary | fields))


def an_order(*lines: Line, zone: str = NEW_YORK, country: str | None = "US", **fields: Any) -> Facts:
    """An order of Alice's, placed on 1 March 2026; customer and store share a zone unless said otherwise."""
    ordinary: dict[str, Any] = {
        "backorder_id": "b1",
        "order_id": "1001",
        "placed_at": PLACED,
        "registered_at": fields.get("placed_at", PLACED),
        "customer": Customer("alice@example.com", "Alice", timezone=zone, country=country),
        "store_timezone": zone,
    }
    return Facts(lines=lines or (a_line(date(2026, 3, 20)),), **(ordinary | fields))


def a_message(
    at: datetime,
    eta: date | None = None,
    notice: str | None = None,
    *,
    answer_by: date | None = None,
    line_id: str = "a",
    status: Status = Status.SENT,
    kind: Kind = Kind.DELAY,
    further: bool = False,
) -> Message:
    """An email about one line; handed over at `at` if its status says that it left."""
    said = Said(Eta(eta), notice, answer_by, further)
    key = f"{kind}:{at.isoformat()}"
    sent_at = None if status in {Status.PLANNED, Status.SENDING, Status.CANCELLED} else at
    return Message(
        key, key, kind, status, at, datetime.max.replace(tzinfo=UTC), {line_id: said}, sent_at=sent_at
    )


def a_shipment(at: datetime, units: int = 1, line_id: str = "a") -> Shipment:
    return Shipment(f"s:{at.isoformat()}", at, at, {line_id: units})


def a_cancellation(at: datetime, units: int = 1, line_id: str = "a", by: str = "store") -> Cancellation:
    return Cancellation(f"c:{at.isoformat()}", at, {line_id: units}, by)
