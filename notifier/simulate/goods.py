"""The events of a story that are about goods on their way."""

from datetime import datetime
from typing import Literal

from sqlmodel import Session

from notifier import inbound
from notifier.db import supply
from notifier.db.tables import Store
from notifier.errors import Fault, Invalid, NotFound
from notifier.fields import Moment, Text
from notifier.inbound.wishes import InboundChange, NewInbound


class Expect(NewInbound):
    """A shipment is on its way."""

    at: Moment
    do: Literal["inbound"]


class MoveInbound(InboundChange):
    """The shipment of that reference has another date, another stage, or arrives."""

    at: Moment
    do: Literal["inbound_move"]
    reference: Text


def expect(session: Session, store_row: Store, event: Expect, now: datetime) -> None:
    new = NewInbound.model_validate(event.model_dump(exclude={"at", "do", "dry_run"}) | {"confirm": True})
    if not inbound.register(session, store_row, new, now).created:
        raise Invalid(
            f"shipment {event.reference!r} is on its way already", (Fault("/reference", "stands twice"),)
        )


def move(session: Session, store_row: Store, event: MoveInbound, now: datetime) -> None:
    row = supply.called(session, store_row.id, event.reference)
    if row is None:
        raise NotFound(
            f"no shipment {event.reference!r} is on its way by then",
            (Fault("/reference", "must be that of an earlier inbound event"),),
        )
    said = event.model_dump(exclude={"at", "do", "reference", "dry_run"}, exclude_unset=True)
    inbound.change(session, store_row, row.id, InboundChange.model_validate(said | {"confirm": True}), now)
