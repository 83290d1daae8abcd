"""A small shop on 1 December 2026: its orders, and what became of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr
from sqlmodel import Session

from notifier import intake
from notifier.api.app import create_app
from notifier.bootstrap import Services, build
from notifier.config import Settings
from notifier.db.engine import reading, transaction
from notifier.db.stores import create_store
from notifier.db.tables import Backorder, Store
from notifier.dispatch import dispatch
from notifier.inputs import BackorderChange, NewBackorder, NewCancellation, NewShipment
from notifier.planning import watch

NOW = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)
API_KEY = "nk_the-key-of-fern-and-oak"
OTHER_KEY = "nk_the-key-of-somebody-else"


@dataclass
class Shop:
    """The service, a clock that tests move, and the ids of what was registered, by order id."""

    services: Services
    clock: list[datetime]
    app: FastAPI
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.clock[0]

    def pass_time(self, **duration: float) -> None:
        self.clock[0] += timedelta(**duration)

    def dispatch(self) -> None:
        """Send what is due, and note what follows from it."""
        while dispatch(self.services.post) or watch(self.services.engine, self.now):
            pass

    def register(self, order_id: str, store_id: str = "store_fern", **changes: Any) -> str:
        """Register an order; `changes` replace parts of an ordinary one."""
        body = an_order(order_id) | changes
        with self.writing() as session:
            done = intake.register(
                session, session.get_one(Store, store_id), NewBackorder.model_validate(body), self.now
            )
        self.ids[order_id] = done.backorder_id
        return done.backorder_id

    def move_date(self, order_id: str, sku: str, eta: str | None, reason: str | None = None) -> None:
        wanted = BackorderChange.model_validate({"lines": [{"sku": sku, "eta": eta, "reason": reason}]})
        with self.writing() as session:
            intake.change(session, "store_fern", self.ids[order_id], wanted, self.now)

    def ship(self, order_id: str, **shipment: Any) -> None:
        new = NewShipment.model_validate(
            {"carrier": "UPS", "tracking_number": "1Z999AA10123456784"} | shipment
        )
        with self.writing() as session:
            intake.ship(session, "store_fern", self.ids[order_id], new, self.now)

    def cancel(self, order_id: str, **cancellation: Any) -> None:
        with self.writing() as session:
            new = NewCancellation.model_validate(cancellation)
            intake.cancel(session, "store_fern", self.ids[order_id], new, self.now)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with transaction(self.services.engine) as session:
            yield session

    def link(self, order_id: str) -> str:
        """The path of a customer's page, as an email of now would have it."""
        links, backorder_id = self.services.links, self.ids[order_id]
        with reading(self.services.engine) as session:
            series = session.get_one(Backorder, backorder_id).link_series
        return links.order_page(backorder_id, series, self.now).removeprefix(links.public_url)


def an_order(order_id: str) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "currency": "USD",
        "order_url": f"https://fernandoak.example/orders/{order_id}",
        "customer": {
            "email": f"jane.{order_id}@example.com",
            "name": "Jane Doe",
            "locale": "en-US",
            "timezone": "America/New_York",
            "country": "US",
        },
        "lines": [
            {
                "sku": "ORN-RED",
                "name": "Red glass ornament",
                "quantity": 3,
                "unit_price": "9.50",
                "eta": "2026-12-12",
            }
        ],
    }


def open_shop(engine_url: str, folder: Path) -> Shop:
    """The service, at work on that database."""
    clock = [NOW]
    settings = Settings(
        database_url=engine_url,
        outbox_dir=folder / "outbox",
        secret_key=SecretStr("only for the tests of the pages, 32 or more"),
    )
    services = build(settings, clock=lambda: clock[0])
    return Shop(services, clock, create_app(services))


SIDEBOARD = {
    "sku": "SIDE/WALNUT 160",
    "name": "Walnut sideboard, 160 cm, oiled finish",
    "quantity": 1,
    "unit_price": "1290.00",
    "eta": "2027-01-15",
    "eta_earliest": "2027-01-08",
}
LAMP = {"sku": "LAMP-OPAL", "name": "Opal reading lamp", "quantity": 1, "unit_price": "84.00", "eta": None,
        "reason": "the maker waits for the glass"}  # fmt: skip


def stock(shop: Shop) -> None:
    """Fill the shop: two stores, and orders in every situation, told as they happened."""
    with shop.writing() as session:
        for store_id, name, key in (
            ("store_fern", "Fern & Oak", API_KEY),
            ("store_else", "Somebody Else", OTHER_KEY),
        ):
            made = create_store(
                session,
                NOW,
                name=name,
                timezone="America/New_York",
                country="US",
                store_id=store_id,
                api_key=key,
            )
            made.store.brand = {
                "support_email": "hello@fernandoak.example",
                "address": "12 Mill Lane, Burlington",
            }
    ornament = an_order("x")["lines"][0]
    german = {"email": "jonas@example.de", "name": "Jonas Weber", "locale": "de", "timezone": "Europe/Berlin",
              "country": "DE"}  # fmt: skip
    arabic = {
        "email": "layla@example.ae",
        "name": "ليلى",
        "locale": "ar",
        "timezone": "Asia/Dubai",
        "country": "AE",
    }
    shop.clock[0] = NOW - timedelta(days=9)
    shop.register("1042")
    shop.register("1043", lines=[ornament, SIDEBOARD, LAMP])
    shop.register("1044", customer=german, currency="EUR", lines=[ornament, SIDEBOARD])
    shop.register("1045", customer=arabic, lines=[ornament, LAMP])
    shop.register("1046", lines=[ornament | {"eta": "2026-12-04", "promised": "2026-12-04"}])
    shop.register("1047", lines=[ornament, SIDEBOARD])
    shop.register("1048", lines=[SIDEBOARD])
    shop.dispatch()
    shop.pass_time(days=4)
    shop.ship("1043", lines=[{"sku": "ORN-RED", "quantity": 2}], tracking_url="https://ups.example/1Z999")
    shop.ship("1047")
    shop.cancel("1048", by="customer")
    shop.dispatch()
    shop.pass_time(days=4)
    shop.move_date("1046", "ORN-RED", "2027-02-12", "the kiln cracked")
    shop.move_date("1044", "ORN-RED", "2026-12-19", "held at customs")
    shop.pass_time(hours=2)
    shop.dispatch()
    shop.clock[0] = NOW
    shop.move_date("1042", "ORN-RED", "2026-12-18", "a late container")
