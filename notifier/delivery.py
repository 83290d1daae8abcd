"""Hands frozen emails to their provider and settles what came of it; trouble with an account pauses it for all."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from notifier.ahead import Stride
from notifier.bundling import Going, bundled
from notifier.db import accounts, outbox
from notifier.db import facts as store
from notifier.db.engine import transaction
from notifier.db.outbox import Claim
from notifier.db.tables import MessageRow, Store
from notifier.domain.message import Kind, Status
from notifier.domain.pace import Pace
from notifier.errors import Misconfigured
from notifier.errors import Unavailable as DatabaseAway
from notifier.links import Links
from notifier.providers.base import (
    Accepted,
    Apart,
    Bundling,
    Deferred,
    Outcome,
    Provider,
    Rejected,
    Unavailable,
    Unknown,
)
from notifier.words.render import Templates, Wording

log = structlog.get_logger(__name__)

SHORTEST_WAIT = timedelta(seconds=1)
FIRST_BACKOFF = timedelta(seconds=15)
LONGEST_BACKOFF = timedelta(hours=1)
NEEDS_PERSON_PAUSE = timedelta(minutes=5)
ROUNDS = 5
"""How often what is left of a bundle is tried together, each time without those that were refused by name."""
IN_BULK = "-bulk"
"""What follows an account's name in that of its budget of requests with many messages."""
TOGETHER_SECONDS = 0.05
"""How long answers are gathered that are then settled in one transaction."""
SETTLE_AGAIN_SECONDS = (0.25, 0.5, 1, 2, 4, 8)


@dataclass(frozen=True)
class Post:
    """What dispatch works with. `paces` are the budgets of those mail services that have one, `bulk_paces` those of
    their requests with many messages, which take nothing of the first. At least `most_at_once` are claimed at a time;
    `stride` learns how many to freeze at a time.

    `watch` is told each step of each message, for tests that kill at one; `count` what each try came to, for metrics.
    """

    engine: Engine
    templates: Templates
    links: Links
    provider_for: Callable[[str], Provider]
    default_provider: str
    default_sender: str
    lease: timedelta
    max_attempts: int
    threads: int
    clock: Callable[[], datetime]
    paces: Mapping[str, Pace] = field(default_factory=dict)
    wording: Callable[[Store, Kind], Wording | None] = lambda _store, _kind: None
    bulk_paces: Mapping[str, Pace] = field(default_factory=dict)
    most_at_once: int = 0
    stride: Stride = field(default_factory=Stride)
    watch: Callable[[str, str], None] = lambda _point, _message_id: None
    count: Callable[["Tried"], None] = lambda _tried: None


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Frozen, but not handed over: certainly nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What a provider answered, how long it took to, and how long after the message was due that was."""

    kind: Kind
    provider: str
    outcome: Outcome
    attempts: int
    seconds: float
    late_seconds: float


NotAccepted = Rejected | Deferred | Unavailable | Unknown | NotBegun
Answer = tuple[Going, Accepted | NotAccepted]
"""A message, and what came of it."""
Handed = tuple[list[Answer], list[Going]]
"""What came of a parcel, and what of it is still to be sent, each by itself."""


def send_all(post: Post, batches: Iterable[Sequence[Going]], *, again: bool = False) -> None:
    """Send each, several at a time, and settle answers that come together in one transaction.

    The next batch is asked for while the last of the one before are on their way. Once an account has trouble, the
    rest of its messages are given back. What is sent `again` goes by itself, never with others in one request.
    """
    in_trouble: set[str] = set()
    parcels = (
        ([[item] for item in batch] for batch in batches)
        if again
        else bundled(partial(_bundling, post), batches)
    )
    if post.threads == 1:
        for parcel in chain.from_iterable(parcels):
            answers, left = _hand_over(post, parcel, in_trouble)
            _conclude(post, answers, again)
            for item in left:
                _conclude(post, [(item, _attempt(post, item, in_trouble))], again)
        return
    with ThreadPoolExecutor(post.threads, thread_name_prefix="send") as pool:
        on_their_way: list[Future[Handed]] = []

        def hand_over(parcels: Iterable[Sequence[Going]]) -> list[Future[Handed]]:
            return [pool.submit(_hand_over, post, parcel, in_trouble) for parcel in parcels]

        def settle_answered() -> None:
            nonlocal on_their_way
            answered = {it for it in on_their_way if it.done()}
            on_their_way = [it for it in on_their_way if it not in answered]
            results = [it.result() for it in answered]
            _conclude(post, [answer for answers, _ in results for answer in answers], again)
            on_their_way += hand_over([item] for _, left in results for item in left)

        try:
            for batch in parcels:
                on_their_way += hand_over(batch)
                ahead = post.threads + len(batch) // 2
                while behind := on_their_way[:-ahead]:
                    wait(behind[-1:], TOGETHER_SECONDS)
                    settle_answered()
                settle_answered()
        finally:  # what was accepted is settled, even where the next could not be prepared
            while on_their_way:
                wait(on_their_way, TOGETHER_SECONDS)
                settle_answered()


def _hand_over(post: Post, parcel: Sequence[Going], in_trouble: set[str]) -> Handed:
    if len(parcel) == 1:
        return [(parcel[0], _attempt(post, parcel[0], in_trouble))], []
    return send_bundle(post, parcel, in_trouble)


def _conclude(post: Post, answers: Sequence[Answer], again: bool) -> None:
    """Settle what came of some messages, however long the database is away."""
    if not answers:
        return
    _keep_trying(lambda: _settle_all(post, answers, post.clock(), again))
    for (claim, _, _), outcome in answers:
        log.info(
            "message settled",
            message_id=claim.id,
            kind=claim.kind.value,
            outcome=type(outcome).__name__.lower(),
        )
        post.watch("settled", claim.id)


def _attempt(post: Post, item: Going, in_trouble: set[str]) -> Accepted | NotAccepted:
    """Hand it to the provider, unless there is no use in it, or no time left to hear the answer."""
    claim, envelope, name = item
    if name in in_trouble:
        return NotBegun(f"{name} has trouble")
    try:
        provider = post.provider_for(name)
    except Misconfigured as error:
        in_trouble.add(name)
        return Unavailable(error.detail, needs_person=True)
    except DatabaseAway as error:  # which has the account's keys
        return NotBegun(error.detail)
    if post.clock() + timedelta(seconds=provider.timeout_seconds) > claim.until:
        return NotBegun("its lease would have run out while it was sent")
    post.watch("sending", claim.id)
    began = post.clock()
    try:
        outcome = provider.send(envelope, began)
    except Exception as error:  # a fault in the adapter: nobody knows how far it got
        log.exception("the provider's adapter failed", message_id=claim.id, provider=name)
        outcome = Unknown(f"the adapter failed: {type(error).__name__}")
    ended = post.clock()
    late = (ended - claim.due_at).total_seconds()
    took = (ended - began).total_seconds()
    post.count(Tried(claim.kind, accounts.provider_of(name), outcome, claim.attempts, took, late))
    post.watch("accepted", claim.id)
    if _is_trouble(outcome):
        in_trouble.add(name)
    return outcome


# --- many in one request ---------------------------------------------------------------------------------


def _bundling(post: Post, account: str) -> Bundling | None:
    try:
        service = post.provider_for(account)
    except (Misconfigured, DatabaseAway):  # which the first message that goes by itself will tell
        return None
    return service if isinstance(service, Bundling) else None


def send_bundle(post: Post, items: Sequence[Going], in_trouble: set[str]) -> Handed:
    """Hand over many in one request, and again without those that were refused by name; who is left goes by itself.

    Each is settled by its own claim. What comes of the request comes of each: no answer leaves each in doubt.
    """
    account = items[0][2]
    service = _bundling(post, account)
    answers: list[Answer] = []
    left = list(items)
    for _ in range(ROUNDS):
        if service is None or account in in_trouble or not _may_bundle(post, account, service):
            break
        if post.clock() + timedelta(seconds=service.timeout_seconds) > min(
            claim.until for claim, _, _ in left
        ):
            break
        outcomes = _try_together(post, service, left)
        tried = list(zip(left, outcomes, strict=True))
        settled = [(it, outcome) for it, outcome in tried if not isinstance(outcome, Apart)]
        left = [it for it, outcome in tried if isinstance(outcome, Apart)]
        answers += settled
        if any(_is_trouble(outcome) for _, outcome in settled):
            in_trouble.add(account)
        if service.name in post.bulk_paces:
            _return_budget(post, account, sum(isinstance(outcome, Accepted) for _, outcome in settled))
        if not settled or len(left) < service.fewest_together:
            break
    return answers, left


def _try_together(post: Post, service: Bundling, items: Sequence[Going]) -> Sequence[Outcome | Apart]:
    for claim, _, _ in items:
        post.watch("sending", claim.id)
    began = post.clock()
    try:
        outcomes = service.send_many([envelope for _, envelope, _ in items], began)
    except Exception as error:  # a fault in the adapter: nobody knows how far it got
        log.exception("the provider's adapter failed", provider=service.name, messages=len(items))
        outcomes = [Unknown(f"the adapter failed: {type(error).__name__}")] * len(items)
    ended = post.clock()
    for (claim, _, _), outcome in zip(items, outcomes, strict=True):
        if not isinstance(outcome, Apart):
            late, took = (ended - claim.due_at).total_seconds(), (ended - began).total_seconds()
            post.count(Tried(claim.kind, service.name, outcome, claim.attempts, took, late))
            post.watch("accepted", claim.id)
    return outcomes


def _may_bundle(post: Post, account: str, service: Bundling) -> bool:
    """Whether the budget of requests with many allows one now; that of single ones was taken from at the claim."""
    pace = post.bulk_paces.get(service.name)
    if pace is None:
        return True
    try:
        with transaction(post.engine) as session:
            return accounts.take(session, f"{account}{IN_BULK}", post.clock(), 1, pace, post.lease) == 1
    except DatabaseAway:  # each by itself needs no leave
        return False


def _return_budget(post: Post, account: str, unused: int) -> None:
    """What went together used nothing of the budget of those that go by themselves."""
    if not unused:
        return
    try:
        with transaction(post.engine) as session:
            accounts.give_back(session, account, unused)
    except DatabaseAway:  # what the service said must be settled all the same; a budget fills up by itself
        log.warning("a budget was not given back: the database is away", account=account)


def _is_trouble(outcome: object) -> bool:
    return isinstance(outcome, Unavailable) or (isinstance(outcome, Deferred) and outcome.account_wide)


# --- settling --------------------------------------------------------------------------------------------


def _keep_trying(settle: Callable[[], None]) -> None:
    """What the provider said must not be forgotten because the database is away for a moment.

    Raises Unavailable when it stays away; the sweep then puts the message in doubt.
    """
    for pause in SETTLE_AGAIN_SECONDS:
        try:
            settle()
        except DatabaseAway:
            time.sleep(pause)
        else:
            return
    settle()


def _settle_all(post: Post, answers: Sequence[Answer], now: datetime, again: bool) -> None:
    taken: defaultdict[str, list[tuple[Claim, str | None]]] = defaultdict(list)
    for (claim, _, provider), outcome in answers:
        if isinstance(outcome, Accepted):
            taken[provider].append((claim, outcome.ref))
    with transaction(post.engine) as session:
        for provider, accepted in taken.items():
            accounts.works_again(session, provider, now)
            why = f"accepted by {provider}"
            settled = outbox.accepted(session, accepted, why, now)
            for claim, ref in accepted:
                if claim.id not in settled:
                    _accepted_late(session, claim, why, ref, now)
        told: set[int] = set()
        for (claim, _, provider), outcome in answers:
            if not isinstance(outcome, Accepted):
                _settle(post, session, claim, provider, outcome, now, again, id(outcome) not in told)
                told.add(id(outcome))


def _settle(
    post: Post,
    session: Session,
    claim: Claim,
    provider: str,
    outcome: NotAccepted,
    now: datetime,
    again: bool,
    first: bool,
) -> None:
    """Write what came of it. Trouble with the account pauses it for all and burns no attempt: its messages stay due,
    in their order, until the pause ends. Any answer about the message alone shows that the account works. What one
    missing answer leaves in doubt counts once, with the `first` of them.

    A message sent again because it was in doubt stays in doubt when this try certainly failed: the first may
    have been taken.
    """
    waits = Status.UNKNOWN if again else Status.PLANNED
    settle = partial(outbox.settle, session, claim, now=now)
    pause = partial(accounts.pause, session, provider, now)
    match outcome:
        case Rejected(reason):
            accounts.works_again(session, provider, now)
            settle(status=Status.FAILED, reason=f"rejected by {provider}: {reason}")
        case Deferred(reason, until, account_wide=False):
            accounts.works_again(session, provider, now)
            why = f"deferred by {provider}: {reason}"
            if claim.attempts >= post.max_attempts and not again:
                settle(status=Status.FAILED, reason=f"gave up after {claim.attempts} attempts: {why}")
            else:
                settle(status=waits, reason=why, retry_at=_retry_at(until, claim.attempts, now))
        case Deferred(reason, until):
            pause(reason, lambda failures: _retry_at(until, failures, now))
            settle(status=waits, reason=f"deferred by {provider}: {reason}", burns_attempt=False)
        case Unavailable(reason, needs_person):
            pause(reason, lambda n: now + (NEEDS_PERSON_PAUSE if needs_person else backoff(n)))
            settle(status=waits, reason=f"{provider} unavailable: {reason}", burns_attempt=False)
        case NotBegun(reason):
            accounts.give_back(session, provider, 1)
            settle(status=waits, reason=f"not begun: {reason}", burns_attempt=False)
        case Unknown(reason):
            if first:
                accounts.doubt(session, provider, now, reason, lambda failures: now + backoff(failures))
            retry_at = now + backoff(claim.attempts)
            settle(status=Status.UNKNOWN, reason=f"in doubt: {reason}", retry_at=retry_at)


def _accepted_late(session: Session, claim: Claim, reason: str, ref: str | None, now: datetime) -> None:
    """The lease ran out before the answer came. Nobody else's claim is touched, but a doubt is cleared up."""
    store.versions(session, [claim.backorder_id])
    message = session.get(MessageRow, claim.id, populate_existing=True)
    if message is not None and message.status == Status.UNKNOWN:
        outbox.move(session, message, Status.SENT, f"{reason}, said late", now, provider_ref=ref)
    log.warning("the claim was lost before its send was settled", message_id=claim.id)


def _retry_at(until: datetime | None, failures: int, now: datetime) -> datetime:
    """When the provider asked for it, within reason: never at once, never later than the longest back-off."""
    wanted = until if until is not None else now + backoff(failures)
    return min(max(wanted, now + SHORTEST_WAIT), now + LONGEST_BACKOFF)


def backoff(failures: int) -> timedelta:
    """Doubling from 15 seconds up to an hour, with up to a quarter of jitter so that workers spread."""
    doubled: int = 2 ** min(max(failures - 1, 0), 10)
    return min(FIRST_BACKOFF * doubled, LONGEST_BACKOFF) * (1 + random.random() / 4)
