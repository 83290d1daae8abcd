"""What the API answers of how a store stands."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from notifier.domain.law.duties import Task
from notifier.domain.message import Kind, Status


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Sum(Shape):
    amount: str
    currency: str = Field(description="Empty where orders named none")


class Worth(Shape):
    """Units and money, one sum for each currency; `unpriced` units have no price and are in no sum."""

    orders: int
    units: int
    value: list[Sum]
    unpriced: int


class WaitingSku(Worth):
    sku: str
    name: str
    allocated: int = Field(description="Of the units, those in stock: set aside, not shipped yet")


class AgeBucket(Worth):
    """Orders placed at least `from_days` and at most `to_days` ago."""

    from_days: int
    to_days: int | None = Field(description="Null: without end")


class SkuSlips(Shape):
    """How the dates of a SKU moved in the period, each move once, however many orders had the date."""

    sku: str
    later: int
    days_later: int = Field(description="By how many days in all")
    most_days: int
    earlier: int
    lost: int = Field(description="Nobody could say any more")
    lines: int = Field(description="Order lines that moved")
    missed: int | None = Field(
        description="Of its last `dates`, how many were missed; null: too little known"
    )
    dates: int | None


class SupplierSlips(Shape):
    """How the dates of a supplier's shipments moved in the period, be they many or few units."""

    supplier: str
    later: int
    days_later: int = Field(description="By how many days in all")
    most_days: int
    earlier: int
    lost: int = Field(description="Nobody could say any more")
    shipments: int = Field(description="Shipments whose date moved")
    missed: int | None = Field(
        description="Of its last `dates` that arrived, how many came late; null: too little known"
    )
    dates: int | None


class LostSku(Worth):
    sku: str


class LostSales(Shape):
    """Cancellations within seven days of the last word of a delay to their order."""

    delay_emails: int = Field(description="Emails that told of a later date in the period")
    total: Worth
    by_customer: Worth = Field(description="Of those, what customers cancelled themselves")
    by_sku: list[LostSku]


class Answers(Shape):
    """Customers who were asked whether they keep waiting, and said so in the period."""

    kept_orders: int
    kept_customers: int
    cancelled_orders: int


class EmailFigures(Shape):
    """Emails that left in the period, and where they stand now."""

    sent: int
    orders: int = Field(description="Orders that any of them was about")
    per_order: str | None = Field(description="Emails an order, on average; null where there was none")
    by_kind: dict[Kind, int]
    by_status: dict[Status, int]
    not_sent: dict[Status, int] = Field(description="Due in the period, and not on their way")


class Deadline(Shape):
    duty: Task
    due: date
    lines: int


class InsightsShape(Shape):
    """How a store stands, and what its delays cost."""

    model_config = ConfigDict(title="Insights", populate_by_name=True)

    first: date = Field(alias="from", description="First day of the period, by the store's calendar")
    last: date = Field(alias="to", description="Its last day")
    waiting: Worth = Field(description="Now, of all SKUs")
    waiting_by_sku: list[WaitingSku] = Field(
        description="Now; the hundred of which most units are waited for"
    )
    age: list[AgeBucket] = Field(description="Now")
    slips: list[SkuSlips] = Field(description="In the period; the hundred SKUs that slipped most often")
    slips_by_supplier: list[SupplierSlips] = Field(
        description="In the period; the hundred suppliers whose shipments slipped most often"
    )
    lost_after_delay: LostSales
    answers: Answers
    emails: EmailFigures
    deadlines: list[Deadline] = Field(
        description="Now: what is overdue, and what falls due within 14 days; GET /v1/duties lists each"
    )
