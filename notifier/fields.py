"""What single values may be, each with an error that says what would be right: texts, days, money, zones."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, core_schema

MAX_UNITS = 1_000_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_COUNTRIES = frozenset(
    code for code in get_global("territory_zones") if len(code) == 2 and code.isalpha() and code != "ZZ"
)
_CURRENCIES = frozenset(get_global("all_currencies"))
_ZONES = frozenset(available_timezones()) - {"localtime", "Factory"}  # which depend on the host


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not contain line breaks or control characters")
    return value


def _visible(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return _printable(value)


def _zone(value: str) -> str:
    if value not in _ZONES:
        raise ValueError(f"{value!r} is not an IANA time zone; write it like 'Europe/Berlin'")
    return value


@lru_cache(maxsize=1024)  # parsing one costs more than the rest of an order's checks together
def _locale(value: str) -> str:
    try:
        parsed = Locale.parse(value.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"{value!r} is not a known locale; write it like 'en-US' or 'de'") from None
    return str(parsed).replace("_", "-")


def _country(value: str) -> str:
    code = value.upper()
    if code not in _COUNTRIES:
        raise ValueError(f"{value!r} is not an ISO 3166-1 country; write two letters like 'US'")
    return code


def _currency(value: str) -> str:
    if value not in _CURRENCIES:
        raise ValueError(f"{value!r} is not an ISO 4217 currency; write three letters like 'USD'")
    return value


def _money(value: Any) -> Any:
    if isinstance(value, float | bool):
        raise ValueError('must be a decimal string like "9.50", so that no cent is lost')
    return value


def _day(value: Any) -> Any:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("must be a date like '2026-12-12', without a time")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value} is not a day of the calendar") from None
    if not date(2000, 1, 1) <= day <= date(2100, 1, 1):
        raise ValueError(f"{value} is not between 2000 and 2100")
    return day


def _moment(value: datetime) -> datetime:
    if not datetime(2000, 1, 1, tzinfo=UTC) <= value <= datetime(2100, 1, 1, tzinfo=UTC):
        raise ValueError(f"{value.isoformat()} is not between 2000 and 2100")
    return value


def _wall_time(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f"{value[:35]!r} is not a time of day; write it like '09:00'")
    return value


class _Url:
    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        checked = core_schema.url_schema(max_length=2000, allowed_schemes=["https", "http"])
        as_text = core_schema.simple_ser_schema("str")
        return core_schema.no_info_after_validator_function(str, checked, serialization=as_text)


Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_visible)]
Words = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
"""May be empty."""
Supplier = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_visible)
]
"""Who makes or sells goods to a store; space around it does not make another of them."""
LongText = Annotated[str, StringConstraints(max_length=500), AfterValidator(_printable)]
Url = Annotated[str, _Url]
"""As `HttpUrl` writes it, but as plain text, which costs half."""
Zone = Annotated[str, AfterValidator(_zone)]
LocaleTag = Annotated[str, StringConstraints(max_length=35), AfterValidator(_locale)]
Country = Annotated[str, StringConstraints(max_length=35), AfterValidator(_country)]
Currency = Annotated[str, StringConstraints(max_length=35), AfterValidator(_currency)]
Units = Annotated[int, Field(strict=True, ge=1, le=MAX_UNITS)]
Money = Annotated[
    Decimal, Field(ge=0, max_digits=14, decimal_places=4, allow_inf_nan=False), BeforeValidator(_money)
]
WallTime = Annotated[str, AfterValidator(_wall_time)]
Day = Annotated[date, BeforeValidator(_day)]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
