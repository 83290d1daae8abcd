"""Handed over is not delivered: a legal notice counts as told only once its mail service confirms that it arrived.

Some services take word of an email and send it, or not, by rules of their own. Of each legal notice that went through
one, the service is asked until it says what became of it. Where it says nothing in good time before the notice's limit,
the store is warned: at the top of its console, in the message's history, and in `notifier_lost_notices`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from notifier import feedback
from notifier.db import notices
from notifier.db.accounts import provider_of
from notifier.db.engine import transaction
from notifier.db.tables import MessageRow
from notifier.delivery import Post
from notifier.domain.message import Said
from notifier.errors import Misconfigured
from notifier.providers.base import Sent, Witness
from notifier.providers.reports import Report

log = structlog.get_logger(__name__)

AT_ONCE = 20
FIRST_LOOK = timedelta(minutes=2)
LONGEST_BETWEEN = timedelta(hours=1)
TAKEN_FOR = timedelta(minutes=5)
"""After this, a notice whose worker vanished while it asked is asked about again."""
GIVEN = timedelta(hours=6)
"""How long a service has to confirm a notice before the store is warned;"""
BEFORE_LIMIT = timedelta(hours=6)
"""less where the notice's limit is near, so that the store has this long to act,"""
AT_LEAST = timedelta(hours=1)
"""but never less than this."""
LOOKED_FOR = timedelta(days=7)


def first_look(post: Post, account: str, says: Mapping[str, Said], now: datetime) -> datetime | None:
    """When to ask what became of a message that is leaving through that account; None where nobody needs to."""
    if not any(said.notice for said in says.values()):
        return None
    try:
        must_be_asked = isinstance(post.provider_for(account), Witness)
    except Misconfigured:
        return None
    return now + FIRST_LOOK if must_be_asked else None


def warn_at(sent_at: datetime, limit: datetime) -> datetime:
    """When the store is warned that a notice is not confirmed. `limit` is when it is too late to be true."""
    return max(sent_at + AT_LEAST, min(sent_at + GIVEN, limit - BEFORE_LIMIT))


def confirm(post: Post) -> int:
    """Ask about some of the notices of which it is time to; how many there were."""
    now = post.clock()
    with transaction(post.engine) as session:
        taken = list(notices.take_to_confirm(session, now, AT_ONCE, now + TAKEN_FOR))
        session.expunge_all()
    out_of_order: dict[str, str] = {}
    for message in taken:
        trouble = out_of_order.get(message.provider or "")
        reports = trouble or _asked(post, message, now)
        if isinstance(reports, str):
            out_of_order[message.provider or ""] = reports
        _settle(post, message, reports, now)
    return len(taken)


def _asked(post: Post, message: MessageRow, now: datetime) -> list[Report] | str:
    """What the service says of it; or why it could not be asked."""
    account = message.provider or ""
    try:
        service = post.provider_for(account)
    except Misconfigured as error:
        return error.detail
    if not isinstance(service, Witness):
        return f"{account} tells by itself only"
    since = (message.sent_at or message.due_at) - timedelta(minutes=5)  # clocks need not agree
    sent = Sent(message.id, message.to_email or "", message.subject or "", since)
    told = service.reports_of(sent, now)
    return list(told) if isinstance(told, list | tuple) else str(getattr(told, "reason", told))


def _settle(post: Post, message: MessageRow, told: list[Report] | str, now: datetime) -> None:
    sent_at = message.sent_at or message.due_at
    hours, service = (now - sent_at) / timedelta(hours=1), provider_of(message.provider or "")
    with transaction(post.engine) as session:
        if isinstance(told, list) and told:
            # The message stays to be asked about until the reports are applied, which may be a matter of seconds.
            feedback.keep(session, message.store_id, service, told, now)
            return
        if now >= warn_at(sent_at, message.expires_at):
            why = f"{service} does not confirm, {hours:.0f} hours after it took it, that it was delivered"
            why += f" (it can't be asked: {told})" if isinstance(told, str) else ""
            if notices.doubt(session, message, why, now):
                log.error("a legal notice is not confirmed", message_id=message.id, provider=message.provider)
        between = min(max((now - sent_at) / 4, FIRST_LOOK), LONGEST_BETWEEN)
        # Not past the moment of the warning, which must not come late.
        due = warn_at(sent_at, message.expires_at)
        following = min(now + between, due) if now < due else now + between
        notices.ask_again(session, message.id, following if now < sent_at + LOOKED_FOR else None)
