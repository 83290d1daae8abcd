"""What a store's own product pages may show of a SKU: when an order placed now would ship."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from notifier.advising import contradicted
from notifier.db import hindsight
from notifier.db import widget as db
from notifier.domain.believed import ASKED, Belief, believed, newest
from notifier.domain.hindsight import origins
from notifier.domain.policy import local_day
from notifier.errors import NotFound

HONEST = "honest"
"""The store wants its pages to say what history makes likelier, where that contradicts its own dates."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows, on `today` by the store's calendar; `shop` is the store's name, `language` its own."""

    belief: Belief
    today: date
    shop: str
    language: str


def ask(session: Session, key: str, sku: str, now: datetime) -> Shown:
    """Of the store with this public key and of this very SKU. Raises NotFound where no store shows anything by it."""
    store = db.store_of(session, key)
    if store is None:
        raise NotFound("no store shows its dates by this key; it may have turned that off")
    stated = None
    if waiting := db.estimates(session, store.id, sku, ASKED):
        stated = (
            db.moving_to(session, store.id, sku) or db.to_spare(session, store.id, sku) or newest(waiting)
        )
    known = origin = None
    if store.widget == HONEST and stated and stated.latest:
        record = contradicted(session, store.id, [sku]).get(sku)
        if record:
            known = record.outlook
            origin = origins(hindsight.past(session, store.id, sku, now)[1]).get(stated.latest)
    today = local_day(now, ZoneInfo(store.timezone))
    return Shown(believed(stated, today, known, origin), today, store.name, store.locale)
