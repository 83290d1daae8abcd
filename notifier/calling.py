"""Webhooks leave: claimed, posted, settled. One slow endpoint keeps no other waiting, and no email.

At least once: a worker that dies between the post and its settling leaves a lease that ends, and the event goes again
under the same id, by which receivers tell a repeat. There is no promise of order.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter

import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from notifier.db import deliveries, endpoints
from notifier.db.deliveries import Claim, Try
from notifier.db.engine import reading, transaction
from notifier.db.webhook_tables import WebhookEndpoint
from notifier.errors import Misconfigured, Unavailable
from notifier.sealed import unseal
from notifier.webhooks.call import Answered, Caller, Unreached

log = structlog.get_logger(__name__)

SECRET = "webhook secret"  # noqa: S105  the purpose that secrets of endpoints are sealed for
SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""How long after each failed try the next one comes, as Standard Webhooks advises: ten tries in some three days."""
MOST_TRIES = len(SCHEDULE) + 1
PATIENCE = timedelta(days=5)
"""How long an endpoint may fail before it is paused."""
LONGEST_REST = timedelta(minutes=5)
GONE = 410
MOMENT_SECONDS = 0.25
LEASE = timedelta(seconds=60)
"""Several times what a call may take."""
KEPT = timedelta(days=30)
"""How long deliveries are kept, those that wait for a paused endpoint too."""
FORGET_AT_ONCE = 5000


def _silent(_point: str, _delivery_id: str) -> None:
    """Where nobody watches the steps."""


def _uncounted(_outcome: str, _seconds: float) -> None:
    """Where nobody counts."""


@dataclass(frozen=True)
class Hooks:
    """What calling works with. `threads` is how many calls this process makes at a time.

    `watch` is told each step of each delivery, for tests that kill at one; `count` what each call came to and how long
    it took, for metrics.
    """

    engine: Engine
    secret_key: str = field(repr=False)
    caller: Caller
    clock: Callable[[], datetime]
    threads: int = 16
    watch: Callable[[str, str], None] = field(default=_silent)
    count: Callable[[str, float], None] = field(default=_uncounted)


class Courier:
    """The calls of one process that are on their way. Takes up more with each `turn`, until it is closed."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._pool = ThreadPoolExecutor(hooks.threads, thread_name_prefix="webhook")
        self._on_their_way: dict[Future[None], str] = {}

    def turn(self) -> bool:
        """Take up as many due deliveries as there are free places; False when there is nothing more to do for now.

        Where none may go until a call has ended, wait a moment for that. Raises Unavailable when the database is away.
        """
        hooks, now = self._hooks, self._hooks.clock()
        with reading(hooks.engine) as session:
            if not deliveries.any_due(session, now):
                return False
        busy, most = self._busy(), max(1, hooks.threads // 4)
        claims: list[Claim] = []
        if free := hooks.threads - busy.total():
            with transaction(hooks.engine) as session:
                claims = deliveries.claim(session, now, free, LEASE, busy, most)
        for claim in claims:
            hooks.watch("claimed", claim.id)
            self._on_their_way[self._pool.submit(deliver, hooks, claim)] = claim.endpoint_id
        if not claims and self._on_their_way:
            wait(self._on_their_way, timeout=MOMENT_SECONDS, return_when=FIRST_COMPLETED)
            return True
        return bool(claims)

    def finish(self) -> None:
        """Wait until all that is on its way has ended."""
        wait(self._on_their_way)
        self._busy()

    def close(self) -> None:
        """Take up no more, and wait for what is on its way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _busy(self) -> Counter[str]:
        """How many calls to each endpoint are on their way. Raises what nobody foresaw in one that has ended."""
        ended = [call for call in self._on_their_way if call.done()]
        for endpoint_id, call in [(self._on_their_way.pop(call), call) for call in ended]:
            if error := call.exception():
                raise RuntimeError(f"a webhook to {endpoint_id} was left without an end") from error
        return Counter(self._on_their_way.values())


def deliver(hooks: Hooks, claim: Claim) -> None:
    """Post a claimed delivery and settle what came of it. What can't be settled goes again when its lease ends."""
    try:
        with reading(hooks.engine) as session:
            endpoint = session.get(WebhookEndpoint, claim.endpoint_id)
        if endpoint is None:
            return  # deleted since, and its deliveries with it
        began = perf_counter()
        answer = _post(hooks, endpoint, claim)
        seconds = perf_counter() - began
        hooks.watch("posted", claim.id)
        with transaction(hooks.engine) as session:
            outcome = settle(session, claim, answer, seconds, hooks.clock())
    except Unavailable as error:
        log.warning("the database is away; a webhook goes again", delivery_id=claim.id, reason=error.detail)
        return
    hooks.count(outcome, seconds)
    hooks.watch("settled", claim.id)
    log.info("webhook settled", delivery_id=claim.id, type=claim.type, outcome=outcome)


def _post(hooks: Hooks, endpoint: WebhookEndpoint, claim: Claim) -> Answered | Unreached:
    """What the endpoint said, or why nothing was heard of it: whatever goes wrong, the delivery has a way on."""
    if claim.attempts > MOST_TRIES:  # a try that ends is settled, so each of its last workers died
        return Unreached("its last worker vanished")
    try:
        secrets = signing_secrets(hooks.secret_key, endpoint, hooks.clock())
        return hooks.caller.post(endpoint.url, claim.event_id, claim.body, secrets, hooks.clock())
    except Unreached as error:
        return error
    except Misconfigured as error:  # the installation's secret key is not that of before
        log.error("a webhook can't be signed", endpoint_id=endpoint.id, reason=error.detail)
        return Unreached("this installation can't sign with its secret; rotate it")
    except Exception as error:
        log.exception("a webhook could not be posted", endpoint_id=endpoint.id)
        return Unreached(f"a fault of ours: {type(error).__name__}")


def signing_secrets(secret_key: str, endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The endpoint's secrets that count now, the newest first."""
    sealed = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > now:
        sealed.append(endpoint.old_secret)
    return [unseal(secret_key, SECRET, each) for each in sealed]


def settle(
    session: Session, claim: Claim, answer: Answered | Unreached, seconds: float, now: datetime
) -> str:
    """Write what came of a call; answers it in a word: delivered, retried, failed, or lost where the lease was.

    A failed call makes its endpoint rest; one that has failed for days, or says 410 Gone, is paused.
    """
    if isinstance(answer, Answered) and 200 <= answer.status < 300:
        settled = deliveries.delivered(session, claim, Try(answer.status, None, seconds), now)
        return "delivered" if settled else "lost"
    tried = Try(answer.status if isinstance(answer, Answered) else None, in_words(answer), seconds)
    endpoint = deliveries.endpoint_of(session, claim)
    if endpoint is None:
        return "lost"
    over = claim.attempts >= MOST_TRIES
    if over:
        settled = deliveries.failed(session, claim, tried, now)
    else:
        held = endpoint.status == endpoints.PAUSED
        settled = deliveries.again(session, claim, tried, now, _next(claim, answer, now), held=held)
    if not settled:
        return "lost"
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.failures += 1
    endpoint.rest_until = now + rest(endpoint.failures)
    endpoint.last_error = tried.error
    gone = tried.status == GONE
    if endpoint.status == endpoints.ACTIVE and (gone or now - endpoint.failing_since >= PATIENCE):
        endpoints.pause(session, endpoint)
        log.warning("a webhook endpoint is paused", endpoint_id=endpoint.id, reason=tried.error)
    return "failed" if over else "retried"


def in_words(answer: Answered | Unreached) -> str:
    """Why it was not taken."""
    if isinstance(answer, Unreached):
        return str(answer)
    if answer.status == GONE:
        return "it answered 410: gone for good"
    if 300 <= answer.status < 400:
        return f"it answered {answer.status}: redirects are not followed; set the address that it leads to"
    return f"it answered {answer.status}" + (f": {answer.words}" if answer.words else "")


def _next(claim: Claim, answer: Answered | Unreached, now: datetime) -> datetime:
    """When it is tried next: by the schedule with a tenth of jitter, or later where the endpoint asks for it."""
    pause = SCHEDULE[claim.attempts - 1] * (1 + random.random() / 10)
    if isinstance(answer, Answered) and answer.retry_after_seconds:
        pause = min(max(pause, timedelta(seconds=answer.retry_after_seconds)), SCHEDULE[-1])
    return now + pause


def rest(failures: int) -> timedelta:
    """How long nothing goes to an endpoint that failed so often in a row: once may be the event's own fault."""
    doubled: int = 2 ** min(failures - 1, 10)
    return timedelta() if failures <= 1 else min(timedelta(seconds=5) * doubled / 2, LONGEST_REST)


def forget(hooks: Hooks, stopping: threading.Event) -> None:
    """Delete deliveries that are older than they are kept, some at a time."""
    before = hooks.clock() - KEPT
    while not stopping.is_set():
        with transaction(hooks.engine) as session:
            if deliveries.forget_before(session, before, FORGET_AT_ONCE) < FORGET_AT_ONCE:
                return
