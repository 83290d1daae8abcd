"""One store and the engine around it, on a clock that tests move: the stage of most tests above the domain."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from notifier import answering, intake, settling
from notifier.db import queries
from notifier.db.engine import reading, transaction
from notifier.db.stores import create_store
from notifier.db.sweep import sweep
from notifier.db.tables import Backorder, BackorderLine, MessageRow, Store
from notifier.delivery import Post
from notifier.dispatch import dispatch, resend_doubtful
from notifier.feedback import apply
from notifier.inputs import (
    BackorderChange,
    NewAnswer,
    NewBackorder,
    NewCancellation,
    NewRefund,
    NewShipment,
)
from notifier.links import Links
from notifier.planning import watch
from notifier.providers.base import Provider
from notifier.words.render import Templates
from tests.providers.fake import Scripted

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
"""A Tuesday, in the send window of a customer in UTC."""

LEASE = timedelta(seconds=60)
TEMPLATES = Path(__file__).parents[1] / "templates"


@cache
def templates() -> Templates:
    return Templates(TEMPLATES)


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def order(order_id: str = "1042", **changes: Any) -> NewBackorder:
    """An ordinary order; `changes` replace parts of it."""
    body: dict[str, Any] = {
        "order_id": order_id,
        "customer": {"email": f"jane+{order_id}@example.com", "name": "Jane", "country": "CH"},
        "lines": [{"sku": "ORN-RED", "name": "Red ornament", "quantity": 3, "eta": "2026-12-20"}],
    }
    return NewBackorder.model_validate(body | changes)


def make_post(engine: Engine, clock: Callable[[], datetime], *providers: Provider) -> Post:
    """What dispatch works with; the first provider is the default one."""
    shelf = {provider.name: provider for provider in providers}
    return Post(
        engine=engine,
        templates=templates(),
        links=Links("https://notifier.example", "secret-of-the-tests"),
        provider_for=shelf.__getitem__,
        default_provider=providers[0].name,
        default_sender="Shop <shop@example.com>",
        lease=LEASE,
        max_attempts=4,
        threads=1,
        clock=clock,
    )


@dataclass
class House:
    engine: Engine
    clock: Clock = field(default_factory=Clock)
    provider: Scripted = field(default_factory=Scripted)
    store_id: str = "store_1"

    def __post_init__(self) -> None:
        self.post = make_post(self.engine, self.clock, self.provider)
        with self.writing() as session:
            if session.get(Store, self.store_id) is None:
                create_store(session, self.clock.now, name="Shop", country="CH", store_id=self.store_id)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with transaction(self.engine) as session:
            yield session

    def watch(self, at: str, act: Callable[[], object]) -> None:
        """Do `act` once, when the first message reaches that point of its way."""
        todo = [act]

        def told(point: str, _message_id: str) -> None:
            if point == at and todo:
                todo.pop()()

        self.post = replace(self.post, watch=told)

    # --- what happens ---

    def register(self, order_id: str = "1042", **changes: Any) -> str:
        with self.writing() as session:
            shop = session.get_one(Store, self.store_id)
            return intake.register(session, shop, order(order_id, **changes), self.clock.now).backorder_id

    def set_policy(self, **policy: Any) -> None:
        """What the store's policy says otherwise than the default."""
        with self.writing() as session:
            session.get_one(Store, self.store_id).policy = policy

    def ship(self, backorder_id: str, **shipment: Any) -> None:
        with self.writing() as session:
            new = NewShipment.model_validate(shipment)
            intake.ship(session, self.store_id, backorder_id, new, self.clock.now)

    def move(self, backorder_id: str, eta: str | None, sku: str = "ORN-RED", **more: Any) -> None:
        self.change(backorder_id, lines=[{"sku": sku, "eta": eta} | more])

    def change(self, backorder_id: str, **wanted: Any) -> None:
        with self.writing() as session:
            change = BackorderChange.model_validate(wanted)
            intake.change(session, self.store_id, backorder_id, change, self.clock.now)

    def cancel(self, backorder_id: str, **cancellation: Any) -> None:
        with self.writing() as session:
            new = NewCancellation.model_validate(cancellation)
            intake.cancel(session, self.store_id, backorder_id, new, self.clock.now)

    def answer(self, backorder_id: str, answer: str, skus: list[str] | None = None) -> None:
        with self.writing() as session:
            new = NewAnswer.model_validate({"answer": answer, "skus": skus})
            answering.answer(session, self.store_id, backorder_id, new, self.clock.now)

    def refund(self, backorder_id: str, **refund: Any) -> None:
        with self.writing() as session:
            new = NewRefund.model_validate({"amount": "9.50", "currency": "USD"} | refund)
            settling.refund(session, self.store_id, backorder_id, new, self.clock.now)

    # --- what the worker does ---

    def dispatch(self) -> int:
        """Everything that is due now."""
        count = 0
        while done := dispatch(self.post):
            count += done
        return count

    def turn(self) -> None:
        """One turn of every job of the worker."""
        with self.writing() as session:
            sweep(session, self.clock.now)
        resend_doubtful(self.post)
        while apply(self.engine, self.clock.now):
            pass
        while watch(self.engine, self.clock.now):
            pass
        self.dispatch()

    # --- what one sees ---

    def messages(self, backorder_id: str | None = None) -> list[MessageRow]:
        query = select(MessageRow).order_by(col(MessageRow.due_at), col(MessageRow.key))
        if backorder_id:
            query = query.where(MessageRow.backorder_id == backorder_id)
        with reading(self.engine) as session:
            return list(session.exec(query))

    def message(self, key: str = "expectation", backorder_id: str | None = None) -> MessageRow:
        (found,) = (row for row in self.messages(backorder_id) if row.key == key)
        return found

    def statuses(self, backorder_id: str | None = None) -> dict[str, str]:
        return {row.key: row.status for row in self.messages(backorder_id)}

    def history(self, message: MessageRow) -> list[tuple[str | None, str, str]]:
        """(before, after, reason) of every change of a message, oldest first."""
        with reading(self.engine) as session:
            changes = queries.history(session, message.backorder_id)
        return [
            (row.before, row.after, row.reason)
            for row in sorted(changes, key=lambda change: (change.before is not None, change.id))
            if row.message_id == message.id
        ]

    def line(self, backorder_id: str, sku: str = "ORN-RED") -> BackorderLine:
        query = select(BackorderLine).where(
            BackorderLine.backorder_id == backorder_id, BackorderLine.sku == sku
        )
        with reading(self.engine) as session:
            return session.exec(query).one()

    def order(self, backorder_id: str) -> Backorder:
        with reading(self.engine) as session:
            return session.get_one(Backorder, backorder_id)


@pytest.fixture
def house(engine: Engine) -> House:
    """A store on a new database of each kind, and a mail service that takes everything."""
    return House(engine)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run all at the same time; what each answered, or the error that it raised."""
    answers: list[object] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], object]) -> None:
        start.wait()
        try:
            answers[number] = act()
        except Exception as error:  # noqa: BLE001  the test looks at it
            answers[number] = error

    threads: Sequence[threading.Thread] = [
        threading.Thread(target=run, args=item) for item in enumerate(acts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
