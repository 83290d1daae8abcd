"""Through which account a legal notice goes that came to nothing: not the one that did not bring it."""

from dataclasses import replace

from notifier.db import accounts
from notifier.db.engine import transaction
from notifier.db.outbox import Claim
from notifier.delivery import Post
from notifier.domain.message import LOST, Draft, Message
from notifier.domain.order import Facts, left_at
from notifier.domain.waiting import without_word


def other_channel(post: Post, facts: Facts, draft: Draft, claim: Claim) -> Claim:
    """The claim as it is, or for the store's other account where the last try of this notice through its own was lost.

    The other's budget and pauses hold: where it can't carry now, the notice goes as it would, for no notice at all is
    worse than one more try. `facts` are the order's.
    """
    last = _last_lost(facts, draft)
    if last is None or last.account != claim.account:
        return claim
    with transaction(post.engine) as session:
        known = accounts.of_store(session, claim.store_id, post.default_provider)
        for other in (account for account in known if account != claim.account):
            pace = post.paces.get(accounts.provider_of(other))
            if accounts.take(session, other, post.clock(), 1, pace, post.lease):
                accounts.give_back(session, claim.account, 1)
                return replace(claim, account=other, instead_of=f"{claim.account} ({last.status} there)")
    return claim


def _last_lost(facts: Facts, draft: Draft) -> Message | None:
    """The last email that gave one of these notices and did not arrive."""
    notices = {line_id: without_word(said) for line_id, said in draft.says.items() if said.notice}
    lost = (
        message
        for message in facts.messages
        if message.status in LOST
        and any(without_word(message.says.get(line_id)) == said for line_id, said in notices.items())
    )
    return max(lost, key=left_at, default=None)
