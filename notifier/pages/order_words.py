"""How one customer is spoken to on their pages: their language, and days, money and lists as it writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale

from notifier.domain.eta import Eta
from notifier.domain.order import Customer
from notifier.words import language


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language and its region, and the zone in which a time of day is told."""

    locale: Locale
    zone: ZoneInfo

    @property
    def lang(self) -> str:
        """As `lang` in HTML writes it."""
        return language.tag(self.locale)

    @property
    def dir(self) -> str:
        return self.locale.text_direction

    @property
    def catalog(self) -> str:
        """The catalog of words."""
        return self.locale.language

    def day(self, day: date) -> str:
        return language.spell(day, self.locale)

    def days(self, count: int) -> str:
        return language.spell_days(count, self.locale)

    def moment(self, at: datetime) -> str:
        return language.spell_moment(at, self.zone, self.locale)

    def money(self, amount: Decimal, currency: str) -> str:
        return language.spell_money(amount, currency, self.locale)

    def list(self, items: Sequence[str]) -> str:
        return language.spell_list(tuple(self._apart(item) for item in items), self.locale)

    def units(self, name: str, count: int) -> str:
        return name if count == 1 else f"{count} × {name}"

    def _apart(self, name: str) -> str:
        """A name in a sentence that runs the other way keeps its own way (Unicode's isolates, UAX 9)."""
        return f"\u2068{name}\u2069" if self.dir == "rtl" else name

    def eta(self, eta: Eta) -> str:
        """A range is written as one; a date that nobody knows is empty."""
        return " – ".join(self.day(day) for day in (eta.earliest, eta.latest) if day)


def tongue(customer: Customer) -> Tongue:
    return Tongue(language.speak(customer.locale, customer.country), customer.zone)
