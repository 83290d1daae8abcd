"""What the API answers of the dates of SKUs: what became of them, and what that says of the next."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class DateRange(Shape):
    eta: date
    eta_earliest: date | None


class Outlook(Shape):
    """What the history of a SKU, or of its supplier's shipments, says of the next date."""

    observations: int = Field(
        description="Past dates that tell of nothing but themselves: as many as there were first dates, or days of"
        " shipping, whichever are fewer"
    )
    dates: int = Field(description="First dates that count: the last thirty")
    late: int = Field(description="How many of those were missed")
    likely_days: int = Field(
        description="At most so many days after its date half of the goods shipped (P50); of a supplier: arrived"
    )
    safe_days: int = Field(description="At most so many days after its date four in five shipped (P80)")
    since: date = Field(description="The earliest date that counts")


class DateAdvice(Shape):
    """A range that history makes likelier than the date that was entered. Nothing was changed."""

    sku: str
    entered: DateRange
    suggested: DateRange = Field(description="From the likely (P50) to the safe (P80) day")
    because: str = Field(description="The evidence, in a sentence")
    supplier: str | None = Field(
        description="Whose record this is, where the SKU has too few past dates of its own; null: the SKU's"
    )
    evidence: Outlook
    reckoned_from: date = Field(
        description="The date entered, or the first one named for these goods, if it was moved from that"
    )


class PastDate(Shape):
    """A date that was the first to be named, and when the goods shipped that had it."""

    named: date
    shipped: date = Field(description="The day on which half of the units had left")
    days_late: int = Field(description="Less than 0 when they shipped early")
    units: int


class PastMove(Shape):
    """A date that became another one, or was lost."""

    at: datetime = Field(description="When it first did")
    named: date
    became: date | None = Field(description="Null when nobody could say any more")
    days: int | None = Field(description="Less than 0 when it became earlier")
    lines: int = Field(description="How many order lines moved so")


class SkuHistory(Shape):
    """What the dates of a SKU were worth."""

    sku: str
    outlook: Outlook | None = Field(description="Null while there are fewer than five observations")
    dates: list[PastDate] = Field(description="The earliest first")
    moves: list[PastMove] = Field(description="The earliest first")
