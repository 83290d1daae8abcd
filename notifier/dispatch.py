"""A due message leaves the house, in named steps: claim, check, render, freeze, send, settle.

Until it is frozen as `sending`, nothing has left, and any fact that arrives wins: freezing is refused when the
order has changed since it was looked at. After that the message is out, as far as anybody can know, until the
provider's answer is settled under the same claim.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import orjson
import structlog

from notifier import crowding
from notifier.ahead import one_ahead
from notifier.bundling import Going
from notifier.channels import other_channel
from notifier.confirming import first_look
from notifier.crowding import address as _address
from notifier.db import accounts, outbox, spacing, suppressions, whereabouts
from notifier.db import facts as store
from notifier.db.claims import claim as claim_due
from notifier.db.claims import claim_doubtful
from notifier.db.codec import says_to_json
from notifier.db.engine import reading, transaction
from notifier.db.facts import Order
from notifier.db.outbox import Claim, Frozen
from notifier.db.packed import pack, unpack
from notifier.db.tables import MessageContent, Store
from notifier.delivery import Post, backoff, send_all
from notifier.domain.message import WAITING_SERIES, Draft, Kind, Said, Status
from notifier.domain.plan import planned, window_for
from notifier.domain.trying import half
from notifier.domain.whereabouts import with_progress, without_progress
from notifier.errors import Misconfigured
from notifier.errors import Unavailable as DatabaseAway
from notifier.planning import replan
from notifier.providers.base import Envelope
from notifier.signed import naming, pseudonym
from notifier.words.context import Shop, variables
from notifier.words.render import TemplateFault
from notifier.words.trying import mark

log = structlog.get_logger(__name__)

BATCH = 100
"""How many are prepared together; while they are on their way, so are the next."""
FIRST = 2
"""How many are prepared before those, so that nothing waits long for the first to leave."""
EACH = 32
"""How many are claimed for each thread that sends: enough to keep it busy, few enough to be sent at once."""
TOGETHER = 2
"""Up to which attempt a message is taken together with others; later ones go alone, for they may kill their worker."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a message that is not to be sent again by itself is tried next."""


@dataclass(frozen=True, slots=True)
class Composed:
    """An email ready to go."""

    envelope: Envelope
    template_version: str
    variant: str | None


@dataclass(frozen=True, slots=True)
class _Ready:
    claim: Claim
    order: Order
    draft: Draft
    email: Composed


def dispatch(post: Post) -> int:
    """Send one batch of what is due; answers how many messages it took up, so 0 means nothing was due.

    Raises Unavailable when the database is away; what was claimed is then due again when its lease ends.
    """
    now = post.clock()
    with transaction(post.engine) as session:
        batches = -(-max(BATCH, EACH * post.threads, post.most_at_once) // BATCH)
        limit = FIRST + batches * BATCH  # none of them half full
        claims = claim_due(session, now, limit, post.lease, post.default_provider, post.paces)
    if not claims:
        return 0
    for claim in claims:
        post.watch("claimed", claim.id)
    _take(post, [claim for claim in claims if claim.attempts <= TOGETHER], now)
    suspects = [claim for claim in claims if claim.attempts > TOGETHER]
    if suspects:
        with transaction(post.engine) as session:
            for claim in suspects[1:]:
                outbox.release(session, claim)
                accounts.give_back(session, claim.account, 1)
        _take(post, suspects[:1], now)
    return len(claims)


def _take(post: Post, claims: Sequence[Claim], now: datetime) -> None:
    """Prepare a few at a time, so that those are on their way while the next are being rendered.

    They are frozen only as they are about to leave: until then a fact still wins, and a worker that dies leaves no
    doubt of them.
    """

    def prepared() -> Iterator[tuple[Sequence[Claim], list[_Ready]]]:
        for start in (0, *range(FIRST, len(claims), BATCH)):
            few = claims[start : start + BATCH if start else FIRST]
            yield few, _prepare(post, [claim for claim in few if not _used_up(post, claim, now)], now)

    def ready_to_go() -> Iterator[list[Going]]:
        for few, ready in one_ahead(prepared()) if post.threads > 1 else prepared():
            _give_back(post, few, [item.claim for item in ready])
            for soon in post.stride.over(ready, post.threads):
                going = _freeze(post, soon, post.clock())
                _give_back(post, [item.claim for item in soon], [claim for claim, _, _ in going])
                yield going

    send_all(post, ready_to_go())


def _give_back(post: Post, claims: Sequence[Claim], leaving: Sequence[Claim]) -> None:
    """What was claimed and does not leave uses up no budget."""
    ids = {claim.id for claim in leaving}
    unused = Counter(claim.account for claim in claims if claim.id not in ids)
    if unused:
        with transaction(post.engine) as session:
            for account, number in sorted(unused.items()):
                accounts.give_back(session, account, number)


def _used_up(post: Post, claim: Claim, now: datetime) -> bool:
    """Give up a message that was claimed too often. A try that ends is settled, so each of its workers died."""
    if claim.attempts <= post.max_attempts:
        return False
    reason = f"gave up after {post.max_attempts} attempts: the last worker vanished"
    with transaction(post.engine) as session:
        outbox.settle(session, claim, Status.FAILED, reason, now, before=Status.PLANNED, burns_attempt=False)
    return True


def resend_doubtful(post: Post) -> int:
    """Send again, byte for byte, what is in doubt and may go again; answers how many messages it took up.

    What the facts no longer ask for stays in doubt, for a person.
    """
    with reading(post.engine) as session:
        doubted = outbox.accounts_in_doubt(session)
    return sum(_resend_doubtful(post, account, post.clock()) for account in sorted(doubted))


def _resend_doubtful(post: Post, account: str, now: datetime) -> int:
    going: list[Going] = []
    overtaken: list[Claim] = []
    try:
        safe = post.provider_for(account).removes_duplicates
    except Misconfigured:  # its keys are gone, and no other account may try again what this one may have
        return 0
    pace = post.paces.get(accounts.provider_of(account))
    with transaction(post.engine) as session:
        claims = claim_doubtful(
            session, now, BATCH, post.lease, account, pace, post.max_attempts, removes_duplicates=safe
        )
        orders = store.load(session, {claim.backorder_id for claim in claims})
        suppressed = suppressions.of(
            session, {_address(order) for order in orders.values()}, naming(post.links.secret)
        )
        for claim in claims:
            content, order = outbox.content(session, claim.id), orders[claim.backorder_id]
            barred = suppressions.against(suppressed.get(_address(order), ()), claim.kind)
            if content is not None and not barred and _still_asked_for(order, claim, now):
                going.append((claim, thaw(content), account))
            else:
                overtaken.append(claim)
    for claim in overtaken:
        with transaction(post.engine) as session:
            accounts.give_back(session, account, 1)
            reason = "in doubt, and overtaken by facts since: not sent again"
            outbox.settle(session, claim, Status.UNKNOWN, reason, now, retry_at=NEVER)
    send_all(post, [going], again=True)
    return len(claims)


def _still_asked_for(order: Order, claim: Claim, now: datetime) -> bool:
    """Whether the plan, had this message never been tried, would want the same of it."""
    (message,) = (m for m in order.facts.messages if m.id == claim.id)
    others = tuple(m for m in order.facts.messages if m.id != claim.id)
    wanted = planned(replace(order.facts, messages=others), order.policy, now, message.key)
    return wanted is not None and wanted.says == without_progress(message.says)


# --- check and render ------------------------------------------------------------------------------------


def _prepare(post: Post, claims: Sequence[Claim], now: datetime) -> list[_Ready]:
    """Check that each claimed message is still true and may go now, and render it; the rest is put right.

    One that can't be prepared at all must not keep the others from leaving, so then each is taken by itself.
    """
    if not claims:
        return []
    try:
        return _prepared(post, claims, now)
    except DatabaseAway:
        raise
    except Exception as error:  # noqa: BLE001  whatever one order's data can make any step say
        log.warning(
            "a batch could not be prepared; taking its messages one by one", error=type(error).__name__
        )
    ready: list[_Ready] = []
    for claim in claims:
        try:
            ready += _prepared(post, [claim], now)
        except DatabaseAway:
            raise
        except Exception as error:
            log.exception("message could not be prepared", message_id=claim.id, kind=claim.kind.value)
            _try_later(post, claim, f"could not be prepared: {error!r}", now)
    return ready


def _prepared(post: Post, claims: Sequence[Claim], now: datetime) -> list[_Ready]:
    with reading(post.engine) as session:
        orders = store.load(session, {claim.backorder_id for claim in claims})
        reminded = [orders[claim.backorder_id] for claim in claims if claim.kind is Kind.WAITING]
        progress = whereabouts.of_orders(session, reminded)
        suppressed = suppressions.of(
            session, {_address(order) for order in orders.values()}, naming(post.links.secret)
        )
    ready: list[_Ready] = []
    for claim in claims:
        order = orders[claim.backorder_id]
        draft = planned(order.facts, order.policy, now, claim.key)
        if draft is None or draft.due_at > now:
            _overtaken(post, claim, now)
            continue
        if why := suppressions.against(suppressed.get(_address(order), ()), claim.kind):
            with transaction(post.engine) as session:
                outbox.settle(
                    session, claim, Status.HELD, why, now, before=Status.PLANNED, burns_attempt=False
                )
            continue
        opens = window_for(draft, order.facts, order.policy, now)
        if opens > now:
            with transaction(post.engine) as session:
                outbox.postpone(session, claim, opens, "waits for the customer's send window", now)
            continue
        if draft.kind is Kind.WAITING:
            draft = replace(draft, says=with_progress(order.facts, draft.says, progress))
        try:
            email = compose(post, order, draft.kind, draft.says, draft.about, now, message_id=claim.id)
        except TemplateFault as fault:
            _give_up(post, claim, f"the template does not render: {fault}", now)
            continue
        ready.append(_Ready(other_channel(post, order.facts, draft, claim), order, draft, email))
    return ready


def compose(
    post: Post,
    order: Order,
    kind: Kind,
    says: Mapping[str, Said],
    about: str,
    now: datetime,
    message_id: str = "preview",
) -> Composed:
    """Render an email as it would be now. Raises TemplateFault with file and line."""
    shop = shop_of(order.store)
    links = post.links.for_email(order.row.id, order.row.link_series, now)
    values = variables(order.facts, kind, says, about, shop, links, now, order.law)
    own = post.wording(order.store, kind)
    experiment = own.experiment if own else None
    chosen = half(order.row.id) if experiment else None
    rendered = post.templates.render(kind, values, order.facts.customer.locale, own, second=chosen == "b")
    thread = f"<{order.row.id}@{order.row.store_id}.notifier>"
    envelope = Envelope(
        message_id=message_id,
        store_id=order.row.store_id,
        kind=kind.value,
        sender=order.store.sender or post.default_sender,
        to=order.facts.customer.email,
        to_name=order.facts.customer.name,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        occurred_at=now,
        reply_to=order.store.reply_to,
        headers={"References": thread, **rendered.headers},
        properties=values,
    )
    return Composed(
        envelope, rendered.template_version, mark(experiment, chosen) if experiment and chosen else None
    )


def shop_of(row: Store) -> Shop:
    """What emails say of a store."""
    return Shop(**({"name": row.name} | row.brand))


def _overtaken(post: Post, claim: Claim, now: datetime) -> None:
    """The facts no longer ask for this message now: planning again moves or stops it, with its reason."""
    with transaction(post.engine) as session:
        replan(session, store.load(session, [claim.backorder_id], lock=True).values(), now)
        outbox.release(session, claim)


def _give_up(post: Post, claim: Claim, reason: str, now: datetime) -> None:
    with transaction(post.engine) as session:
        outbox.settle(session, claim, Status.FAILED, reason, now, before=Status.PLANNED)


def _try_later(post: Post, claim: Claim, reason: str, now: datetime) -> None:
    """Back to planned, until its attempts are used up."""
    if claim.attempts >= post.max_attempts:
        _give_up(post, claim, f"gave up after {claim.attempts} attempts: {reason}", now)
        return
    retry_at = now + backoff(claim.attempts)
    with transaction(post.engine) as session:
        outbox.settle(session, claim, Status.PLANNED, reason, now, retry_at=retry_at, before=Status.PLANNED)


# --- freeze ----------------------------------------------------------------------------------------------


def _freeze(post: Post, ready: Sequence[_Ready], now: datetime) -> list[Going]:
    """Keep what was rendered, unless a fact arrived since, or its customer was written enough for now; from here on
    each message counts as on its way.
    """
    if not ready:
        return []
    spaced = {_address(item.order) for item in ready if item.draft.kind in WAITING_SERIES}
    frozen = {item.claim.id: _frozen(post, item, now) for item in ready}
    with transaction(post.engine) as session:
        spacing.hold(session, spaced)
        lately = crowding.look(session, spaced, [item.order for item in ready], now)
        # By customer, for which orders: two of one customer are spaced, too.
        reminding = defaultdict[spacing.Address, list[str]](list)
        versions = store.versions(session, {item.order.row.id for item in ready})
        leaving = []
        for item in ready:
            order, claim = item.order, item.claim
            if versions.get(order.row.id) != order.facts.version:
                outbox.release(session, claim)
                continue
            if item.draft.kind in WAITING_SERIES:
                reminded = reminding[_address(order)]
                if wait := lately.too_much(order, reminded, now):
                    outbox.postpone(session, claim, wait.until, wait.reason, now)
                    continue
                reminded.append(order.row.id)
            leaving.append((claim, frozen[claim.id], claim.account))
        held = outbox.freeze(session, leaving, now)
    going = [(item.claim, item.email.envelope, item.claim.account) for item in ready if item.claim.id in held]
    for claim, _, _ in going:
        post.watch("frozen", claim.id)
    return going


def _frozen(post: Post, item: _Ready, now: datetime) -> Frozen:
    envelope = item.email.envelope
    data = orjson.dumps(envelope)
    return Frozen(
        envelope=pack(data),
        digest=hashlib.sha256(data).hexdigest(),
        to=envelope.to,
        pseudonym=pseudonym(post.links.secret, envelope.store_id, envelope.to),
        subject=envelope.subject,
        template_version=item.email.template_version,
        variant=item.email.variant,
        says=says_to_json(item.draft.says),
        confirm_at=first_look(post, item.claim.account, item.draft.says, now),
    )


def thaw(row: MessageContent) -> Envelope:
    """The very email that was frozen."""
    data = orjson.loads(unpack(row.envelope))
    return replace(Envelope(**data), occurred_at=datetime.fromisoformat(data["occurred_at"]))
