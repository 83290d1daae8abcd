"""Which kinds of email SendGrid may take many of in one request, each by a dynamic template."""

import re
from itertools import groupby

from notifier.domain.message import Kind
from notifier.errors import Misconfigured

NEVER_TOGETHER = frozenset({Kind.DELAY, Kind.CONSENT})
"""Kinds that can be legal notices: one lost answer must not leave a thousand of them in doubt."""
_PAIR = re.compile(r"([a-z_]+)=(d-[0-9a-zA-Z]+)")


def template_of_kind(text: str, setting: str) -> dict[str, str]:
    """The templates by kind, of `text` like `countdown=d-1a2b expectation=d-3c4d`.

    Raises Misconfigured, which names the `setting` and what is wrong in it.
    """
    pairs = [_PAIR.fullmatch(pair) for pair in text.split()]
    found = [(pair[1], pair[2]) for pair in pairs if pair]
    if len(found) < len(pairs):
        raise Misconfigured(
            f"{setting} is {text!r}; it must be kinds and their dynamic templates,"
            " like countdown=d-1a2b expectation=d-3c4d."
        )
    kinds = sorted(kind for kind, _ in found)
    if wrong := sorted(set(kinds) - set(Kind)):
        raise Misconfigured(
            f"{setting} has {', '.join(wrong)}; the kinds are {', '.join(Kind)}, but for"
            f" {' and '.join(sorted(NEVER_TOGETHER))}."
        )
    if wrong := sorted(NEVER_TOGETHER & set(kinds)):
        raise Misconfigured(
            f"{setting} has {', '.join(wrong)}: legal notices go one in a request; leave them out."
        )
    if wrong := [kind for kind, them in groupby(kinds) if len(list(them)) > 1]:
        raise Misconfigured(f"{setting} has {', '.join(wrong)} twice; give each kind one template.")
    return dict(found)
