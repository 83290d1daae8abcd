"""A store with an endpoint, and the worker's part in it, on a clock that tests move."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import col, select

from notifier import endpoints
from notifier.calling import Courier, Hooks
from notifier.db.engine import reading
from notifier.db.webhook_tables import WebhookDelivery, WebhookEndpoint
from notifier.inputs import NewEndpoint
from notifier.webhooks.call import Caller
from tests.house import House
from tests.webhooks.receiver import Receiver

SECRET_KEY = "the secret key of these tests, 32 or more"


@dataclass
class Stage:
    house: House
    receiver: Receiver
    seconds: float = 10
    secrets: dict[str, str] = field(default_factory=dict)
    counted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hooks = Hooks(
            engine=self.house.engine,
            secret_key=SECRET_KEY,
            caller=Caller(private=True, seconds=self.seconds, authorities=self.receiver.authorities),
            clock=self.house.clock,
            count=lambda outcome, _seconds: self.counted.append(outcome),
        )

    def listen(self, *events: str, url: str | None = None, store_id: str = "store_1") -> str:
        """A new endpoint; its id."""
        wanted: dict[str, Any] = {"url": url or self.receiver.url}
        new = NewEndpoint.model_validate(wanted | ({"events": list(events)} if events else {}))
        with self.house.writing() as session:
            row, secret = endpoints.create(session, self.hooks, store_id, new, self.house.clock.now)
        self.secrets[row.id] = secret
        return row.id

    def call(self) -> None:
        """Post all that is due now, and settle it."""
        courier = Courier(self.hooks)
        try:
            while courier.turn():
                courier.finish()
        finally:
            courier.close()

    def pass_and_call(self, **duration: float) -> None:
        self.house.clock.pass_time(**duration)
        self.call()

    def watch(self, at: str, act: Callable[[], object]) -> None:
        """Do `act` whenever a delivery reaches that point of its way."""

        def told(point: str, _delivery_id: str) -> None:
            if point == at:
                act()

        self.hooks = replace(self.hooks, watch=told)

    def deliveries(self, endpoint_id: str | None = None) -> list[WebhookDelivery]:
        query = select(WebhookDelivery).order_by(col(WebhookDelivery.id))
        if endpoint_id:
            query = query.where(WebhookDelivery.endpoint_id == endpoint_id)
        with reading(self.house.engine) as session:
            return list(session.exec(query))

    def endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        with reading(self.house.engine) as session:
            return session.get_one(WebhookEndpoint, endpoint_id)

    def test(self, endpoint_id: str) -> str:
        """Send a test; the id of its delivery."""
        with self.house.writing() as session:
            return endpoints.test(session, "store_1", endpoint_id, self.house.clock.now).id
