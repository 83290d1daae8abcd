"""A store's daily email of what the law asks: the duties that are overdue, fall due today, or within a week.

It goes at least once a day, and in the usual case once, by the primary key of its row, which is committed before
anything is handed over. Whatever is not known to have gone is tried again after a while: where a mail service took
nothing for as long as the day lasts, where it perhaps took it, or where a process died meanwhile, a few times. The
store's own people had better read a list twice than miss it; each try has the same id, so services that remove
duplicates do. What no try could bring is `missed`, and the next day's list has everything again.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from notifier import duties
from notifier.db import accounts, digests
from notifier.db.duties import Wanted
from notifier.db.engine import reading, transaction
from notifier.db.tables import Store
from notifier.delivery import Post
from notifier.dispatch import shop_of
from notifier.domain.digest import due_day
from notifier.duties import Listed
from notifier.errors import Misconfigured
from notifier.providers.base import Accepted, Deferred, Envelope, Rejected, Unavailable, Unknown
from notifier.words.letters import digest_values
from notifier.words.render import TemplateFault

log = structlog.get_logger(__name__)

AHEAD = timedelta(days=8)
MOST = 200
"""How many duties are counted; an email names the first of them."""


def send_due(post: Post) -> int:
    """Send the lists whose hour has come, each by itself; how many were taken in hand."""
    now = post.clock()
    with reading(post.engine) as session:
        waiting = [
            (store, due_day(now, store.timezone, store.digest_hour)) for store in digests.stores(session)
        ]
    taken = 0
    for store, day in waiting:
        if day is not None and _claimed(post, store, day, now):
            taken += 1
            status, detail = _send(post, store, day, now)
            with transaction(post.engine) as session:
                digests.settle(session, store.id, day, status, detail, post.clock())
            log.info("a list of duties", store_id=store.id, day=day.isoformat(), status=status, detail=detail)
    return taken


def _claimed(post: Post, store: Store, day: date, now: datetime) -> bool:
    with transaction(post.engine) as session:
        return digests.claim(session, store.id, day, now)


def _send(post: Post, store: Store, day: date, now: datetime) -> tuple[str, str | None]:
    """The list's new status, and why."""
    with reading(post.engine) as session:
        found = duties.listed(session, store.id, Wanted(due_before=day + AHEAD), now, limit=MOST + 1)
        account = accounts.of_store(session, store.id, post.default_provider)[0]
    if not found:
        return "empty", None
    try:
        provider, envelope = post.provider_for(account), _envelope(post, store, day, found, now)
    except Misconfigured as error:
        return "waiting", error.detail
    except TemplateFault as fault:
        return "failed", f"the template does not render: {fault}"
    try:
        outcome = provider.send(envelope, now)
    except Exception as error:
        log.exception("the provider's adapter failed", provider=account)
        outcome = Unknown(f"the adapter failed: {type(error).__name__}")
    match outcome:
        case Accepted():
            return "sent", None
        case Deferred(reason) | Unavailable(reason):
            return "waiting", reason
        case Rejected(reason):
            return "failed", reason
        case Unknown(reason):
            return "unknown", reason


def _envelope(post: Post, store: Store, day: date, found: Sequence[Listed], now: datetime) -> Envelope:
    values: Mapping[str, Any] = digest_values(
        shop_of(store),
        store.locale,
        store.country,
        day,
        f"{post.links.public_url}/console/duties",
        found,
        MOST,
    )
    rendered = post.templates.letter("digest", values, store.locale)
    return Envelope(
        message_id=f"digest_{store.id}_{day.isoformat()}",
        store_id=store.id,
        kind="digest",
        sender=store.sender or post.default_sender,
        to=store.digest_to or "",
        to_name="",
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        occurred_at=now,
        reply_to=store.reply_to,
        headers=rendered.headers,
        properties=values,
    )
