"""What the API answers of a store itself: its settings, its accounts, and what a test email came to."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from notifier.api.shapes import Shape
from notifier.db.accounts import State


class Account(Shape):
    """An account of a mail service. Other stores of this installation may send through it too."""

    account: str = Field(
        description="Called like the service, or with a dash and a digest where keys are the store's own"
    )
    provider: str
    second: bool = Field(description="Whether it only stands in while the first has lasting trouble")
    state: State = Field(
        description="`closed`: all is well; `paused`: nothing goes before `paused_until`; `probing`: one email goes"
        " first, to see whether it works again"
    )
    reason: str | None = Field(description="What the trouble is")
    paused_until: datetime | None
    failures: int = Field(description="How often in a row there was trouble")
    sends_per_second: float | None = Field(description="Its budget; null where there is none")


class KeyShape(Shape):
    """A key that is not shown."""

    set: bool
    last4: str | None = Field(description="Its last four characters, if it is long enough to show those")


class SendgridShape(Shape):
    api_key: KeyShape
    base_url: str | None
    unsubscribe_group: int | None = Field(
        description="Through which group of the account customers unsubscribe"
    )
    templates: str | None = Field(description="Kinds that go many in a request, with their templates")
    webhook_public_key: KeyShape


class KlaviyoShape(Shape):
    api_key: KeyShape
    webhook_secret: KeyShape


class SmtpShape(Shape):
    url: KeyShape
    server: str | None = Field(description="The address without its login")


class ShopShape(Shape):
    webhook_secret: KeyShape


class BigCommerceShape(ShopShape):
    api_token: KeyShape
    store_hash: str | None = Field(description="What names the store in its API path")


class KeysShape(Shape):
    """Which keys the store has of its own. They can be changed with PATCH, and never read."""

    sendgrid: SendgridShape
    klaviyo: KlaviyoShape
    smtp: SmtpShape
    shopify: ShopShape
    woocommerce: ShopShape
    bigcommerce: BigCommerceShape


class Trial(Shape):
    """What came of a test email."""

    to: str
    account: str
    accepted: bool
    detail: str = Field(
        description="In one sentence: what is wrong and where to mend it, or what was accepted"
    )
    mend: str | None = Field(description="The setting that is wrong, if one is")


class StoreShape(Shape):
    """A store. Keys are never answered."""

    model_config = ConfigDict(title="Store")

    id: str
    name: str
    timezone: str
    locale: str
    country: str | None
    sender: str
    reply_to: str | None
    provider: str
    second_provider: str | None = Field(description="Carries while the first has lasting trouble")
    digest_to: str | None = Field(description="Gets the daily list of duties; null: nobody does")
    digest_hour: int = Field(description="From which hour on, by the store's clock")
    widget: str = Field(description="What the shop's own pages may say: `off`, `stated` or `honest`")
    widget_key: str | None = Field(
        description="The public key by which they ask; null until that is turned on once"
    )
    brand: dict[str, Any]
    keys: KeysShape
    created_at: datetime
