"""A template that carries a second subject, `{% block subject_b %}`, tries it on half of its orders."""

import hashlib
import json
from collections.abc import Mapping

from jinja2 import Environment, TemplateSyntaxError, nodes

from notifier.domain.message import Kind
from notifier.domain.trying import Variant
from notifier.words.catalogue import sentences
from notifier.words.language import Translations

FIRST, SECOND = "subject", "subject_b"
MAY_TRY = Kind.COUNTDOWN
"""Other emails are news that somebody has to hear: no place for experiments."""


def experiment(source: str, translations: Mapping[str, Translations]) -> str | None:
    """A name of this pair of subjects, in whatever version of the template they stand; None where there is one alone.

    It is another one when a word of either changes, in any language.
    """
    try:
        tree = Environment(autoescape=True).parse(source)
    except TemplateSyntaxError:  # which the check tells
        return None
    blocks = {block.name: block for block in tree.find_all(nodes.Block)}
    if FIRST not in blocks or SECOND not in blocks:
        return None
    said = {sentence for name in (FIRST, SECOND) for sentence, _ in sentences(blocks[name])}
    own = [
        (spoken, sentence, words)
        for spoken, pairs in sorted(translations.items())
        for sentence, words in sorted(pairs.items())
        if sentence in said
    ]
    words = [repr(blocks[FIRST].body), repr(blocks[SECOND].body), json.dumps(own)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]


def mark(experiment: str, variant: Variant) -> str:
    """What is kept with a message of which trial it is part, and which subject it has."""
    return f"{experiment}-{variant}"
