"""What the API answers of shop platforms: what became of a delivery."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from notifier.api.shapes import Shape

Which = Literal["shopify", "woocommerce", "bigcommerce"]
What = Literal["registered", "changed", "unchanged", "not_ours", "held", "waiting", "asked", "refused"]
OUTCOME = (
    "`registered`: a backorder now; `changed`: facts of one; `unchanged`: all of it was known; `not_ours`: nothing of"
    " it is a backorder; `held`: kept until its order is told of; `waiting`: its order is still to be fetched;"
    " `asked`: a customer asks for their data, or to be forgotten (`GET /v1/privacy-requests`);"
    " `refused`: it can't be read, see `detail`"
)


class ShopOutcome(Shape):
    """What became of a delivery of a shop platform."""

    outcome: What = Field(description=OUTCOME)
    detail: str = Field(description="In one sentence, without anything of the customer")
    order_id: str | None
    backorder_id: str | None
    again: bool = Field(
        description="Whether this very delivery had come before; then this is what became of it then"
    )


class ShopEventShape(Shape):
    """A delivery of a shop platform. They are kept for thirty days."""

    model_config = ConfigDict(title="ShopEvent")

    id: str
    platform: Which
    topic: str
    outcome: What = Field(description=OUTCOME)
    detail: str
    order_id: str | None
    tries: int = Field(description="How often it came, or its order was fetched")
    received_at: datetime
    attempt_at: datetime | None = Field(
        description="When its order is fetched next; null where nothing is to fetch"
    )
