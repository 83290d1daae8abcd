"""The words of an email, for looking at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from notifier.db.facts import Order
from notifier.db.tables import MessageContent
from notifier.delivery import Post
from notifier.dispatch import compose, thaw
from notifier.domain.message import Kind, Said
from notifier.words.render import TemplateFault


@dataclass(frozen=True, slots=True)
class Words:
    """What an email says; where it does not render, `fault` says why and the rest is None."""

    subject: str | None = None
    html: str | None = None
    text: str | None = None
    fault: str | None = None


def as_now(
    post: Post, order: Order, kind: Kind, says: Mapping[str, Said], about: str, now: datetime
) -> Words:
    """As the email would be now."""
    try:
        envelope = compose(post, order, kind, says, about, now).envelope
    except TemplateFault as fault:
        return Words(fault=str(fault))
    return Words(envelope.subject, envelope.html, envelope.text)


def as_sent(content: MessageContent | None) -> Words:
    """As it was sent; nothing where that is no longer kept."""
    if content is None:
        return Words()
    envelope = thaw(content)
    return Words(envelope.subject, envelope.html, envelope.text)
