"""Emails for the tests of the words: every sample order in every language, as the engine would write them."""

from pathlib import Path
from typing import Any

from notifier.words.context import Shop, in_locale, variables
from notifier.words.render import Rendered, Templates
from notifier.words.samples import LINKS, LOCALES, NOW, SAMPLES, SHOP, Sample

FOLDER = Path(__file__).parents[2] / "templates"
TEMPLATES = Templates(FOLDER)

EVERY = [(sample, locale) for sample in SAMPLES for locale in LOCALES]


def name(value: Sample | str) -> str:
    """How pytest calls a case."""
    return value if isinstance(value, str) else f"{value.kind}: {value.name}"


def the(kind: str, name: str) -> Sample:
    return next(sample for sample in SAMPLES if (sample.kind, sample.name) == (kind, name))


def values(sample: Sample, locale: str = "en-US", shop: Shop = SHOP) -> dict[str, Any]:
    return variables(
        in_locale(sample.facts, locale),
        sample.kind,
        sample.says,
        sample.about,
        shop,
        LINKS,
        NOW,
        sample.law,
    )


def write(sample: Sample, locale: str = "en-US", shop: Shop = SHOP) -> Rendered:
    return TEMPLATES.render(sample.kind, values(sample, locale, shop), locale)
