"""A person decides what became of a message that failed, or of which nobody knows whether it was taken."""

from datetime import datetime
from typing import Literal

from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import outbox, queries
from notifier.domain.message import DROPPED, Status
from notifier.errors import Conflict, NotFound

Action = Literal["resend", "mark_sent", "drop"]

RESOLVABLE = frozenset({Status.UNKNOWN, Status.FAILED})


def resolve(session: Session, store_id: str, message_id: str, action: Action, now: datetime) -> None:
    """Send it again, count it as sent, or drop it. Raises NotFound, or Conflict where nothing is to be resolved."""
    row = queries.message(session, store_id, message_id)
    if row is None:
        raise NotFound(f"there is no message {message_id!r} in this store")
    store.load(session, [row.backorder_id], lock=True)
    session.refresh(row)
    if row.status not in RESOLVABLE:
        raise Conflict(
            f"message {message_id} is {row.status!r}; only one that is 'unknown' or 'failed' is resolved"
        )
    match action:
        case "resend":
            if row.expires_at <= now:
                raise Conflict(
                    f"message {message_id} was true until {row.expires_at.isoformat()}; it can't go now"
                )
            outbox.move(
                session, row, Status.PLANNED, "the store wants it sent again", now,
                attempt_at=now, attempts=0, sent_at=None, provider_ref=None,
            )  # fmt: skip
        case "mark_sent":
            outbox.move(
                session, row, Status.SENT, "the store knows that it was sent", now, sent_at=row.sent_at or now
            )
        case "drop":
            outbox.move(session, row, Status.CANCELLED, DROPPED, now)
