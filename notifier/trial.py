"""A store tries out the account that it sends through: one email, at once, and what came of it in one sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from notifier.db import accounts, suppressions
from notifier.db.engine import reading, transaction
from notifier.db.ids import new_id
from notifier.db.tables import Store
from notifier.delivery import Post
from notifier.dispatch import shop_of
from notifier.domain.message import Kind, Scope
from notifier.errors import Fault, Invalid, Misconfigured
from notifier.keyring import FIELDS
from notifier.providers import SETTINGS
from notifier.providers.advice import advise
from notifier.providers.base import Accepted, Envelope, Unknown
from notifier.signed import naming
from notifier.words import samples
from notifier.words.context import in_locale, variables
from notifier.words.render import Rendered, TemplateFault

log = structlog.get_logger(__name__)

Email = Callable[[], tuple[Kind, Rendered, Mapping[str, Any]]]
"""Writes the email to be sent: of which kind, its words, and what they say as values. Raises TemplateFault."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it, in one sentence; `mend` names the setting that is wrong, if one is."""

    to: str
    account: str
    accepted: bool
    detail: str
    mend: str | None = None


def send_test(
    post: Post,
    store_id: str,
    to: str,
    now: datetime,
    *,
    second: bool = False,
    email: Email | None = None,
) -> Trial:
    """Send a sample email, or the `email` that is given, through the store's account, or its second, be that paused or
    not.

    One that is accepted ends a pause. Raises Invalid where there is no second.
    """
    with reading(post.engine) as session:
        store = session.get_one(Store, store_id)
        through = accounts.of_store(session, store_id, post.default_provider)
        names = naming(post.links.secret)
        barred = suppressions.find(session, store_id, address=to, naming=names, scope=Scope.ALL, limit=1)
    if second and len(through) < 2:
        detail = "there is none to try: set second_provider first"
        raise Invalid(f"second: {detail}", (Fault("/second", detail),))
    account = through[1 if second else 0]
    if barred:
        return Trial(to, account, False, f"Nothing was sent: {to} is suppressed ({barred[0].reason}).", "to")
    tried = _try(post, store, account, to, now, email or partial(_sample, post, store))
    if tried.accepted:
        with transaction(post.engine) as session:
            accounts.resume(session, account)
    return tried


def _try(post: Post, store: Store, account: str, to: str, now: datetime, email: Email) -> Trial:
    name = accounts.provider_of(account)
    key = SETTINGS[name] if account == name else f"keys.{name}.{FIELDS[name][0]}"
    try:
        provider, envelope = post.provider_for(account), _envelope(post, store, to, now, *email())
    except Misconfigured as error:
        return Trial(to, account, False, f"{error.detail.rstrip('. ')}.", key)
    except TemplateFault as fault:
        return Trial(to, account, False, f"The template of the test email does not render: {fault}.")
    try:
        outcome = provider.send(envelope, now)
    except Exception as error:
        log.exception("the provider's adapter failed", provider=name)
        outcome = Unknown(f"the adapter failed: {type(error).__name__}")
    advice = advise(name, outcome, key=key, sender="sender" if store.sender else "NOTIFIER_SENDER")
    return Trial(to, account, isinstance(outcome, Accepted), advice.sentence, advice.mend)


def _sample(post: Post, store: Store) -> tuple[Kind, Rendered, Mapping[str, Any]]:
    """An email that every customer gets, of an order that nobody made. Raises TemplateFault with file and line."""
    sample = samples.SAMPLES[0]
    facts = in_locale(sample.facts, store.locale)
    values = variables(
        facts,
        sample.kind,
        sample.says,
        sample.about,
        shop_of(store),
        samples.LINKS,
        samples.NOW,
        sample.law,
    )
    own = post.wording(store, sample.kind)
    return sample.kind, post.templates.render(sample.kind, values, store.locale, own), values


def _envelope(
    post: Post,
    store: Store,
    to: str,
    now: datetime,
    kind: Kind,
    rendered: Rendered,
    values: Mapping[str, Any],
) -> Envelope:
    return Envelope(
        message_id=new_id("test"),
        store_id=store.id,
        kind=kind.value,
        sender=store.sender or post.default_sender,
        to=to,
        to_name="",
        subject=f"[Test] {rendered.subject}",
        html=rendered.html,
        text=rendered.text,
        occurred_at=now,
        reply_to=store.reply_to,
        headers=rendered.headers,
        properties=values,
    )
