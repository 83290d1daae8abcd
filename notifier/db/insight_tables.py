"""What is kept of the past of each SKU: dates that were named, what they became, and when the goods shipped."""

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from notifier.db.columns import time_column


class SkuNews(SQLModel, table=True):
    """Something that a SKU's history must learn of; written with the fact, folded into `SkuPast` later, and gone then.

    `kind` is `moved` (a date of `units` lines became another, None when it was lost) or `shipped` (`units` of one line
    left on `became`; its `named` is the estimate that it then had). Only ever added by those who change orders, so that
    they never wait for each other here.
    """

    __tablename__ = "sku_news"

    id: str = Field(primary_key=True)
    store_id: str = Field(foreign_key="store.id")
    sku: str
    kind: str
    named: date | None = None
    became: date | None = None
    units: int
    at: datetime = time_column()
    backorder_id: str | None = None
    line_id: str | None = None


class SkuPast(SQLModel, table=True):
    """How often a date of a SKU became another (`moved`), was lost (`lost`, `became` is the same), or shipped on a day.

    `days` is how much later, None for a lost date; `units` are lines where a date moved, units where goods shipped.
    """

    __tablename__ = "sku_past"
    __table_args__ = (Index("sku_past_of_store", "store_id", "kind", "last_at"),)

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    sku: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    named: date = Field(primary_key=True)
    became: date = Field(primary_key=True)
    days: int | None = None
    units: int
    first_at: datetime = time_column()
    last_at: datetime = time_column()


class SkuOutlook(SQLModel, table=True):
    """What the past of a SKU says of its next date: `domain.hindsight.Outlook`, kept so that a registration need not
    work it out. The last six are None while too little is known."""

    __tablename__ = "sku_outlook"

    store_id: str = Field(primary_key=True, foreign_key="store.id")
    sku: str = Field(primary_key=True)
    observations: int | None = None
    dates: int | None = None
    late: int | None = None
    likely: int | None = None
    safe: int | None = None
    since: date | None = None
