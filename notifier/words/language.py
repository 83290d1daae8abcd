"""Which language an email speaks, and how a day is written in it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import (
    format_date,
    format_skeleton,
    format_time,
    format_timedelta,
    get_timezone_gmt,
    get_timezone_name,
)
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po, write_po
from babel.numbers import format_currency

from notifier.errors import Misconfigured

_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""In files that are kept in git a date would change with every pull."""

SOURCE = "en"
"""The language that the templates are written in."""

LANGUAGES = (SOURCE, "de", "fr", "es", "pl", "ar", "ja")
"""What emails are written in; each but the first has a catalog `templates/locales/<language>.po`."""


@lru_cache(maxsize=1024)
def speak(tag: str, country: str | None = None) -> Locale:
    """The locale to write in for a BCP 47 tag: itself, else its language, else English.

    A tag without a region takes the customer's country, so that "en" writes British dates to Britain.
    """
    language, *rest = tag.replace("_", "-").split("-")
    wanted = language.lower() if language.lower() in LANGUAGES else SOURCE
    region = next((part.upper() for part in rest if len(part) == 2), country)
    try:
        return Locale(wanted, region)
    except (UnknownLocaleError, ValueError):
        return Locale(wanted)


@lru_cache(maxsize=1024)
def wanted(header: str) -> Locale:
    """The language that a browser asks for in `Accept-Language`: the first best of ours, else English."""
    asked = []
    for place, part in enumerate(header[:1000].split(",")):
        name, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        asked.append((-quality, place, name.strip().lower().partition("-")[0]))
    ours = [name for quality, _, name in sorted(asked) if name in LANGUAGES and quality < 0]
    return Locale(ours[0] if ours else SOURCE)


def tag(locale: Locale) -> str:
    """As `lang` in HTML and `Content-Language` write it: `en-US`."""
    return str(locale).replace("_", "-")


@lru_cache(maxsize=8192)
def spell(day: date, locale: Locale) -> str:
    """With its weekday: Saturday, December 12, 2026."""
    return format_date(day, "full", locale=locale)


@lru_cache(maxsize=8192)
def spell_short(day: date, locale: Locale) -> str:
    """Without its weekday, for subjects: December 12, 2026."""
    return format_date(day, "long", locale=locale)


@lru_cache(maxsize=8192)
def spell_month(day: date, locale: Locale) -> str:
    """The month that it lies in: December 2026."""
    return format_skeleton("yMMMM", day, locale=locale)


@lru_cache(maxsize=8192)
def spell_money(amount: Decimal, currency: str, locale: Locale) -> str:
    return format_currency(amount, currency, locale=locale)


@lru_cache(maxsize=8192)
def spell_list(items: tuple[str, ...], locale: Locale) -> str:
    return format_list(items, locale=locale)


def spell_moment(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """A day with the time on a clock of that zone, and the zone: Friday, November 27, 2026, 10:03 AM EST."""
    local = at.astimezone(zone)
    clock = format_time(local, "short", tzinfo=zone, locale=locale)
    name = get_timezone_name(local, "short", locale=locale)
    name = get_timezone_gmt(local, locale=locale) if name.startswith(("+", "-")) else name
    return f"{spell(local.date(), locale)}, {clock} {name}"


@lru_cache(maxsize=8192)
def spell_days(days: int, locale: Locale) -> str:
    """A number of days in words: 15 days."""
    return format_timedelta(timedelta(days=days), granularity="day", threshold=1_000_000, locale=locale)


def own_name(language: str) -> str:
    """What a language is called by those who speak it: Deutsch."""
    return (Locale(language).display_name or language).capitalize()


def catalogs(folder: Path) -> Mapping[str, NullTranslations]:
    """Every language's translations, read from its .po file; the source language needs none."""
    return {SOURCE: NullTranslations()} | {
        language: _catalog(folder / f"{language}.po", language)
        for language in LANGUAGES
        if language != SOURCE
    }


Translations = Mapping[str, str | Sequence[str]]
"""How sentences are said in a language; where one counts something, in all forms that the language has for numbers."""


def plural_forms(language: str) -> int:
    """How many forms a sentence has in that language, by what number it counts."""
    return Catalog(locale=language).num_plurals


def catalog(own: Translations, language: str, otherwise: NullTranslations) -> NullTranslations:
    """A store's own translations, and `otherwise` for what they leave out."""
    first = _compiled(_made(own, language))
    first.add_fallback(otherwise)
    return first


def read_translations(path: Path) -> Translations:
    """What a PO file translates; what is left empty or marked as fuzzy is not.

    Raises Misconfigured for a file that is none.
    """
    try:
        with path.open("rb") as po:
            entries = list(read_po(po, abort_invalid=True))
    except (PoFileError, ValueError) as error:
        raise Misconfigured(f"{path}: {error}") from None
    found: dict[str, str | Sequence[str]] = {}
    for entry in entries:
        forms = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
        if entry.id and not entry.fuzzy and forms and all(forms):
            sentence = entry.id if isinstance(entry.id, str) else entry.id[0]
            found[sentence] = forms if entry.pluralizable else forms[0]
    return found


def write_translations(own: Translations, language: str) -> str:
    """The same as a PO file."""
    text = BytesIO()
    write_po(text, _made(own, language), omit_header=False, sort_output=True, width=0)
    return text.getvalue().decode()


def _made(own: Translations, language: str) -> Catalog:
    made = Catalog(locale=language, creation_date=_NO_DATE, revision_date=_NO_DATE, fuzzy=False)
    for sentence, said in own.items():
        forms = said if isinstance(said, str) else tuple(said)
        made.add(sentence if isinstance(said, str) else (sentence, sentence), forms)
    return made


def _catalog(path: Path, language: str) -> GNUTranslations:
    with path.open("rb") as po:
        return _compiled(read_po(po, locale=language, abort_invalid=True))


def _compiled(catalog: Catalog) -> GNUTranslations:
    binary = BytesIO()
    write_mo(binary, catalog)
    binary.seek(0)
    return GNUTranslations(binary)
