"""When goods ship, in a sentence for a product page, in the visitor's language."""

import re
from collections.abc import Iterator
from datetime import date

from babel import Locale
from babel.dates import format_interval, format_skeleton

from notifier.domain.believed import Belief, Supply
from notifier.domain.eta import Eta
from notifier.pages.html import catalogs
from notifier.words.language import LANGUAGES, speak, spell_short

LONGEST = 200
"""Of a browser's list of languages, how much is read."""
TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def say(belief: Belief, locale: Locale, today: date) -> str | None:
    """The sentence; None where there is nothing to say."""
    _ = catalogs[locale.language].gettext
    match belief.supply:
        case Supply.NONE:
            return None
        case Supply.UNKNOWN:
            return _("On backorder: we can’t say yet when it ships")
    dates = _spelt(belief.eta, locale, today)
    if belief.eta.is_range:
        return _("On backorder: ships %(dates)s") % {"dates": dates}
    return _("On backorder: ships by %(day)s") % {"day": dates}


def _spelt(eta: Eta, locale: Locale, today: date) -> str:
    """Without the year where that is this one."""
    if eta.latest is None:
        raise ValueError("an unknown date can't be spelt")
    this_year = eta.latest.year == today.year
    if eta.earliest:
        skeleton = "MMMMd" if this_year else "yMMMMd"
        return format_interval(eta.earliest, eta.latest, skeleton, locale=locale)
    return (
        format_skeleton("MMMMd", eta.latest, locale=locale) if this_year else spell_short(eta.latest, locale)
    )


def negotiate(accepted: str, otherwise: str) -> Locale:
    """The locale to speak to who accepts these languages (RFC 9110, 12.5.4); `otherwise` where we speak none."""
    for tag in _by_preference(accepted):
        if tag.replace("_", "-").split("-")[0].lower() in LANGUAGES:
            return speak(tag)
    return speak(otherwise)


def _by_preference(accepted: str) -> Iterator[str]:
    weighed = []
    for part in accepted[:LONGEST].split(","):
        tag, _, parameter = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", parameter)
        if TAG.fullmatch(tag.strip()) and (weight or not parameter):
            weighed.append((float(weight[1]) if weight else 1.0, tag.strip()))
    return (tag for weight, tag in sorted(weighed, key=lambda it: -it[0]) if weight > 0)
