"""The metronome: APScheduler calls the engine at short intervals. It keeps no schedule; the database does.

Each job but the sending of emails imports what it needs at its first turn: the first email does not wait for that.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from notifier.bootstrap import Services
from notifier.calling import Courier
from notifier.db.engine import take_stock, transaction
from notifier.dispatch import dispatch, resend_doubtful
from notifier.errors import Unavailable

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 2.0
BREATH_SECONDS = 0.15
"""How long others may write before the next chunk: SQLite has them look every tenth of a second."""
SHOPS_SECONDS = 1.0
CONFIRM_SECONDS = 15.0
DIGEST_SECONDS = 60.0
PRUNE_SECONDS = 600.0
RETAIN_EVERY = timedelta(hours=6)
ANSWERS_KEPT = timedelta(hours=24)
"""How long the answer to an Idempotency-Key is kept."""


class Worker:
    """Runs the recurring jobs in threads of its own, from `start` until `stop` has finished what is in hand."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stopping = threading.Event()
        self._away = threading.Event()
        self._courier = Courier(services.hooks)
        self._retained: datetime | None = None
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600},
        )
        for name, job, every in (
            ("dispatch", self._dispatch, services.settings.tick_seconds),
            ("sweep", self._sweep, SWEEP_SECONDS),
            ("restocks", self._hand_out, SWEEP_SECONDS),
            ("webhooks", self._call, services.settings.tick_seconds),
            ("shops", self._fetch, SHOPS_SECONDS),
            ("confirm", self._confirm, CONFIRM_SECONDS),
            ("digest", self._digest, DIGEST_SECONDS),
            ("prune", self._prune, PRUNE_SECONDS),
        ):
            services.pulse.expected[name] = every
            # The first turn is at once: who was due while nobody worked has waited long enough.
            at_once = {"next_run_time": datetime.now(UTC)} if name == "dispatch" else {}
            self._scheduler.add_job(self._beating, "interval", (name, job), seconds=every, id=name, **at_once)

    def start(self) -> None:
        now = self._services.clock()
        for name in self._services.pulse.expected:
            self._services.pulse.beat(name, now)
        self._scheduler.start()
        log.info("worker started", provider=self._services.settings.provider)

    def stop(self) -> None:
        """Claim no more, finish what is in hand, and return."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self._courier.close()
        log.info("worker stopped")

    def _beating(self, name: str, job: Callable[[], None]) -> None:
        """One turn of a job. A database that is away is said once, and once more when it is back."""
        if self._stopping.is_set():
            return
        try:
            job()
        except Unavailable as error:
            if not self._away.is_set():
                self._away.set()
                log.error("the database is away; waiting for it", reason=error.detail)
            return
        if self._away.is_set():
            self._away.clear()
            log.info("the database is back")
        self._services.pulse.beat(name, self._services.clock())

    def _drain(self, job: str, step: Callable[[], object]) -> None:
        """Take step after step while there is work; a job that has much of it is not stuck."""
        while not self._stopping.is_set() and step():
            self._services.pulse.beat(job, self._services.clock())

    def _dispatch(self) -> None:
        self._drain("dispatch", lambda: dispatch(self._services.post))

    def _sweep(self) -> None:
        from notifier import advising, feedback, skus
        from notifier.db.sweep import sweep
        from notifier.inbound import dealing
        from notifier.planning import watch

        services = self._services
        with transaction(services.engine) as session:
            done = sweep(session, services.clock())
        services.metrics.swept(done)
        if any(done.values()):
            log.warning("messages left behind were given a way on", **done)
        self._drain("sweep", lambda: resend_doubtful(services.post))
        self._drain("sweep", lambda: feedback.apply(services.engine, services.clock()))
        self._drain("sweep", lambda: watch(services.engine, services.clock()))
        self._drain("sweep", lambda: dealing.carry_on(services.engine, services.clock()))
        self._drain("sweep", lambda: skus.carry_on(services.engine, services.clock()))
        self._drain("sweep", lambda: advising.learn(services.engine, services.clock()))

    def _hand_out(self) -> None:
        """By itself, as units for very many orders take minutes.

        SQLite has no queue of writers: they look again and again whether it is free, and so it must be now and then.
        """
        from notifier.restocking import chunks

        services = self._services
        pause = BREATH_SECONDS if services.engine.dialect.name == "sqlite" else 0
        self._drain(
            "restocks",
            lambda: chunks.carry_on(services.engine, services.clock, lambda: self._stopping.wait(pause)),
        )

    def _call(self) -> None:
        self._drain("webhooks", self._courier.turn)

    def _fetch(self) -> None:
        self._drain("shops", self._services.fetcher.turn)

    def _confirm(self) -> None:
        from notifier.confirming import confirm

        self._drain("confirm", lambda: confirm(self._services.post))

    def _digest(self) -> None:
        from notifier.digest import send_due

        send_due(self._services.post)

    def _prune(self) -> None:
        from notifier import calling, privacy_requests
        from notifier.db import digests, idempotency
        from notifier.retaining import retain

        now = self._services.clock()
        with transaction(self._services.engine) as session:
            idempotency.forget_before(session, now - ANSWERS_KEPT)
            digests.forget(session, now)
            missed = digests.end(session, now)
        if missed:
            log.warning("daily lists of duties could not be sent", lists=missed)
        calling.forget(self._services.hooks, self._stopping)
        self._drain("prune", self._forget_shops)
        secret_key = self._services.settings.secret_key.get_secret_value()
        if erased := privacy_requests.pursue(
            self._services.engine, secret_key, self._services.clock, self._stopping.is_set
        ):
            log.info("customers who asked for it by a shop are erased", customers=erased)
        if self._retained is None or now - self._retained >= RETAIN_EVERY:
            self._retained = now
            take_stock(self._services.engine)
            if gone := retain(self._services, self._stopping):
                log.info("orders that were kept long enough are gone", orders=gone)

    def _forget_shops(self) -> bool:
        from notifier.db import shops

        with transaction(self._services.engine) as session:
            return shops.forget_before(session, self._services.clock() - shops.KEPT)
