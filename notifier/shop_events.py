"""A request of a shop platform: proved genuine, remembered once, taken up, and what became of it kept to be seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from notifier import privacy_requests, receiving
from notifier.db import accounts, shops
from notifier.db.engine import reading, transaction
from notifier.db.shop_tables import ShopEvent
from notifier.db.tables import Store
from notifier.domain.news import without_addresses
from notifier.errors import Conflict, Invalid, NotifierError, Unauthorized
from notifier.keyring import SIGNED_WITH, Keyring
from notifier.receiving import REFUSED, WAITING, Outcome
from notifier.shops import LABELS, Asked, Delivery, ToFetch, Told, bigcommerce, shopify, woocommerce

log = structlog.get_logger(__name__)

MOST_TOLD = 1000
"""How many characters of what became of a delivery are kept."""


@dataclass(frozen=True, slots=True)
class Platform:
    """How a platform's requests are proved and read."""

    verify: Callable[[bytes, Mapping[str, str], str], Delivery]
    read: Callable[[Delivery], Told | Asked | ToFetch]
    greets: Callable[[bytes, Mapping[str, str]], bool] = lambda body, headers: False
    """Whether a request only asks if somebody is here, without any proof: it is answered well, and changes nothing."""


PLATFORMS: Mapping[str, Platform] = MappingProxyType(
    {
        "shopify": Platform(shopify.verify, shopify.read),
        "woocommerce": Platform(woocommerce.verify, woocommerce.read, woocommerce.greets),
        "bigcommerce": Platform(bigcommerce.verify, bigcommerce.read),
    }
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a request; `again` where it had come before."""

    outcome: Outcome
    again: bool = False


@dataclass(frozen=True, slots=True)
class Ears:
    """What it takes to listen: the database, the stores' secrets, and somebody who counts what came of each request."""

    engine: Engine
    keyring: Keyring
    count: Callable[[str, str], None]

    def hear(
        self, store_id: str, platform: str, body: bytes, headers: Mapping[str, str], now: datetime
    ) -> Heard:
        """Take a request up. Raises Unauthorized for one that is not proved, and then nothing has changed.

        Invalid, pointing into the body, or Conflict, for an order that can't be taken up: it is kept that it was
        refused, and a repeat is tried anew. NotifierError (400) for a body that is no JSON.
        """
        if PLATFORMS[platform].greets(body, headers):
            return Heard(Outcome(receiving.NOT_OURS, "somebody listens here; this greeting changes nothing"))
        try:
            delivery = PLATFORMS[platform].verify(body, headers, self._secret(store_id, platform))
        except Unauthorized as error:
            self.count(platform, "unauthorized")
            log.warning("a shop's webhook is not proved genuine", platform=platform, reason=error.detail)
            raise
        try:
            told = PLATFORMS[platform].read(delivery)
            with transaction(self.engine) as session:
                heard = self._take(session, store_id, platform, delivery, told, now)
        except (Invalid, Conflict) as error:
            with transaction(self.engine) as session:
                self._refused(session, store_id, platform, delivery, error, now)
            raise
        self.count(platform, "again" if heard.again else heard.outcome.outcome)
        return heard

    def _secret(self, store_id: str, platform: str) -> str:
        """What proves the store's webhooks. A store that is none gets the same words, so nobody learns which are."""
        with reading(self.engine) as session:
            row = accounts.keys_of(session, store_id).get(platform)
            field = SIGNED_WITH[platform]
            if row is None or field not in row.shown:
                raise Unauthorized(
                    f"this store has no secret to prove webhooks of {LABELS[platform]} with; set"
                    f" keys.{platform}.{field} (PATCH /v1/store, `notifier store set`, or the console under Shops)"
                )
            return self.keyring.read(row)[field]

    def _take(
        self,
        session: Session,
        store_id: str,
        platform: str,
        delivery: Delivery,
        told: Told | Asked | ToFetch,
        now: datetime,
    ) -> Heard:
        event, new = shops.delivery(
            session, store_id, platform, delivery.id, delivery.topic[:60], REFUSED, now
        )
        if not new and event.outcome != REFUSED:
            place = (platform, event.ref or "")
            backorder_id = shops.backorders_of(session, store_id, {place}).get(place)
            known = Outcome(event.outcome, event.detail, event.ref, event.order_id, backorder_id)
            return Heard(known, again=True)
        if isinstance(told, ToFetch):
            event.attempt_at = now
            outcome = Outcome(WAITING, f"its order is asked for at {LABELS[platform]}", told.ref)
            keep(session, event, outcome, new=new)
            return Heard(outcome)
        store_row = session.get_one(Store, store_id)
        if isinstance(told, Asked):
            outcome = privacy_requests.take(session, store_row, platform, told, now)
        else:
            outcome = receiving.take_up(session, store_row, platform, told, now)
        keep(session, event, outcome, new=new)
        return Heard(outcome)

    def _refused(
        self,
        session: Session,
        store_id: str,
        platform: str,
        delivery: Delivery,
        error: NotifierError,
        now: datetime,
    ) -> None:
        event, new = shops.delivery(
            session, store_id, platform, delivery.id, delivery.topic[:60], REFUSED, now
        )
        keep(session, event, Outcome(REFUSED, in_words(error)), new=new)
        self.count(platform, REFUSED)
        faults = [fault.pointer for fault in error.faults]
        log.error("a shop's order can't be taken up", platform=platform, topic=delivery.topic[:60], at=faults)


def keep(session: Session, event: ShopEvent, outcome: Outcome, *, new: bool) -> None:
    """Write down what became of a delivery."""
    event.outcome, event.detail = outcome.outcome, outcome.detail[:MOST_TOLD]
    event.ref, event.order_id = outcome.ref or event.ref, outcome.order_id or event.order_id
    event.tries += 0 if new else 1
    session.add(event)
    session.flush()


def in_words(error: NotifierError) -> str:
    """The refusal with all that it points at, and nobody's address."""
    faults: list[Any] = [f"{fault.pointer or 'the body'}: {fault.detail}" for fault in error.faults]
    return without_addresses("; ".join(faults) or error.detail) or ""
