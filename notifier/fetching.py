"""Orders that a shop platform only named: fetched from its API by workers, again and again while that is away."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from notifier import receiving
from notifier.db import accounts, shops
from notifier.db.engine import transaction
from notifier.db.shop_tables import ShopEvent
from notifier.db.tables import Store
from notifier.errors import Conflict, Invalid, Misconfigured
from notifier.keyring import Keyring
from notifier.receiving import NOT_OURS, REFUSED, WAITING, Outcome
from notifier.shop_events import in_words, keep
from notifier.shops import ShopOrder, bigcommerce
from notifier.shops.calls import Away, BigCommerce

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
"""For how long a worker that fetches has an order to itself: longer than all calls together may take."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=1)
GIVE_UP = timedelta(days=3)
"""After which time it is called refused; a later webhook of the order has it fetched anew."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """What it takes to fetch: the database, the stores' keys, the API, the time, and somebody who counts."""

    engine: Engine
    keyring: Keyring
    api: BigCommerce
    clock: Callable[[], datetime]
    count: Callable[[str, str], None]

    def turn(self) -> bool:
        """Fetch the order that waits longest, and take it up; False when none is due."""
        with transaction(self.engine) as session:
            event = shops.next_to_fetch(session, self.clock(), LEASE)
            if event is None:
                return False
            event_id, ref = event.id, event.ref or ""
            keys = self._keys(session, event.store_id)
        try:
            order = self._fetch(keys, ref)
            self._settle(event_id, lambda session, event: self._outcome(session, event, order))
        except Away as error:
            self._later(event_id, error)
        except (Invalid, Conflict) as error:
            refused = Outcome(REFUSED, in_words(error))
            self._settle(event_id, lambda _session, _event: refused)
        return True

    def _keys(self, session: Session, store_id: str) -> dict[str, str]:
        row = accounts.keys_of(session, store_id).get("bigcommerce")
        try:
            return self.keyring.read(row) if row else {}
        except Misconfigured:
            return {}

    def _fetch(self, keys: dict[str, str], ref: str) -> ShopOrder | None:
        if missing := [name for name in ("store_hash", "api_token") if name not in keys]:
            raise Away(
                f"the order can't be fetched: keys.bigcommerce.{missing[0]} is not set, or can't be opened"
            )
        found = self.api.fetch(keys["store_hash"], keys["api_token"], ref)
        return bigcommerce.order(found) if found else None

    def _outcome(self, session: Session, event: ShopEvent, order: ShopOrder | None) -> Outcome:
        if order is None:
            return Outcome(NOT_OURS, "BigCommerce knows no such order")
        store = session.get_one(Store, event.store_id)
        return receiving.take_up(session, store, event.platform, order, self.clock())

    def _settle(self, event_id: str, outcome_of: Callable[[Session, ShopEvent], Outcome]) -> None:
        with transaction(self.engine) as session:
            event = shops.waiting(session, event_id)
            if event is None:  # another worker was faster
                return
            outcome = outcome_of(session, event)
            event.attempt_at = None
            keep(session, event, outcome, new=True)
            platform = event.platform
        self.count(platform, outcome.outcome)
        if outcome.outcome == REFUSED:
            log.error("a shop's order can't be taken up", platform=platform, event_id=event_id)

    def _later(self, event_id: str, error: Away) -> None:
        now = self.clock()
        with transaction(self.engine) as session:
            event = shops.waiting(session, event_id)
            if event is None:
                return
            tries = min(event.tries, 12)
            pause = max(FIRST_PAUSE * 2 ** (tries - 1), timedelta(seconds=error.retry_after or 0))
            over = now - event.received_at > GIVE_UP
            event.attempt_at = None if over else now + min(LONGEST_PAUSE, pause)
            event.tries += 1
            keep(session, event, Outcome(REFUSED if over else WAITING, error.detail), new=True)
        log.warning("a shop's order can't be fetched yet", reason=error.detail, event_id=event_id)
