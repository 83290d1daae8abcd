"""Figures for Prometheus: what this process did, counted as it happens, and how the outbox stands, asked when read.

What stands in the database is asked only by indexes, so that reading it often costs the same at a million planned
messages as at none. Many processes tell the same of it: take the maximum, not the sum.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from notifier.db import deliveries, queries
from notifier.db.engine import reading
from notifier.delivery import Tried
from notifier.domain.message import Kind
from notifier.errors import Unavailable
from notifier.providers.base import Accepted

CONTENT_TYPE = CONTENT_TYPE_LATEST
LATENESS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
SEND_TIME = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
ATTEMPTS = (1, 2, 3, 4, 6, 8, 12)

Beats = Callable[[], Mapping[str, datetime]]
"""By recurring job of this process, when it last ended well."""


class Metrics:
    """The figures of one process, in a registry of their own."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime], beats: Beats) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Standing(engine, clock, beats))
        self._sends = Counter(
            "notifier_sends_total",
            "Messages handed to mail services, by what those answered",
            ["provider", "kind", "outcome"],
            registry=self._registry,
        )
        self._send_seconds = Histogram(
            "notifier_send_seconds",
            "How long mail services took to answer",
            ["provider"],
            buckets=SEND_TIME,
            registry=self._registry,
        )
        self._lateness = Histogram(
            "notifier_lateness_seconds",
            "How long after it was due a message was accepted",
            ["kind"],
            buckets=LATENESS,
            registry=self._registry,
        )
        self._attempts = Histogram(
            "notifier_attempts",
            "How many attempts an accepted message took",
            ["provider"],
            buckets=ATTEMPTS,
            registry=self._registry,
        )
        self._swept = Counter(
            "notifier_swept_total",
            "Messages that were left behind, by what became of them",
            ["became"],
            registry=self._registry,
        )
        self._calls = Counter(
            "notifier_webhooks_total",
            "Webhooks posted to stores, by what came of it",
            ["outcome"],
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "notifier_webhook_seconds",
            "How long stores took to answer a webhook",
            buckets=SEND_TIME,
            registry=self._registry,
        )
        self._heard = Counter(
            "notifier_shop_events_total",
            "Webhooks of shop platforms, by what became of them",
            ["platform", "outcome"],
            registry=self._registry,
        )
        self._requests = Counter(
            "notifier_http_requests_total", "Requests answered", ["route", "status"], registry=self._registry
        )
        self._request_seconds = Histogram(
            "notifier_http_request_seconds", "How long requests took", ["route"], registry=self._registry
        )

    def heard(self, platform: str, outcome: str) -> None:
        """A shop platform told something, and this became of it; `unauthorized` where it was not proved genuine."""
        self._heard.labels(platform, outcome).inc()

    def tried(self, tried: Tried) -> None:
        """A message was handed to a mail service, which answered this."""
        self._sends.labels(tried.provider, tried.kind.value, type(tried.outcome).__name__.lower()).inc()
        if tried.seconds is not None:
            self._send_seconds.labels(tried.provider).observe(tried.seconds)
        if isinstance(tried.outcome, Accepted):
            self._lateness.labels(tried.kind.value).observe(tried.late_seconds)
            self._attempts.labels(tried.provider).observe(tried.attempts)

    def swept(self, counts: Mapping[str, int]) -> None:
        """So many messages were left behind and became this."""
        for became, count in counts.items():
            self._swept.labels(became).inc(count)

    def called(self, outcome: str, seconds: float) -> None:
        """A webhook was posted, and this came of it."""
        self._calls.labels(outcome).inc()
        self._call_seconds.observe(seconds)

    def requested(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus' text format; those of the database only while that answers."""
        return generate_latest(self._registry)

    def serve(self, host: str, port: int) -> None:
        """Tell them by HTTP from a thread of its own, for a process that serves nothing else."""
        start_http_server(port, host, self._registry)


class _Standing(Collector):
    """How the outbox stands, and how the jobs of this process do."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime], beats: Beats) -> None:
        self._engine, self._clock, self._beats = engine, clock, beats

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        now = self._clock()
        yield _labelled(
            "notifier_job_age_seconds",
            "How long ago a recurring job of this process last ended well",
            "job",
            {job: (now - at).total_seconds() for job, at in self._beats().items()},
        )
        try:
            with reading(self._engine) as session:
                figures = queries.figures(session, now)
                hooks = deliveries.figures(session, now)
        except Unavailable:
            yield GaugeMetricFamily("notifier_database_up", "Whether the database answers", 0)
            return
        yield GaugeMetricFamily("notifier_database_up", "Whether the database answers", 1)
        age = (now - figures.oldest_due).total_seconds() if figures.oldest_due else 0
        yield GaugeMetricFamily("notifier_oldest_due_seconds", "How long the oldest due message waits", age)
        yield _labelled(
            "notifier_due_messages",
            "Messages that should have left",
            "kind",
            {kind.value: figures.due.get(kind, 0) for kind in Kind},
        )
        yield _labelled(
            "notifier_doubtful_messages",
            "Messages that may or may not have been sent",
            "provider",
            figures.doubtful,
        )
        yield _labelled(
            "notifier_account_paused_seconds",
            "How much longer an account at a mail service is paused",
            "account",
            {
                account: max(0.0, (until - now).total_seconds()) if until else 0.0
                for account, (until, _) in figures.accounts.items()
            },
        )
        yield _labelled(
            "notifier_account_failures",
            "How often in a row there was trouble with an account",
            "account",
            {account: failures for account, (_, failures) in figures.accounts.items()},
        )
        yield GaugeMetricFamily(
            "notifier_unfinished_sku_changes", "Large changes under way", figures.unfinished_sku_changes
        )
        yield GaugeMetricFamily(
            "notifier_unfinished_restocks",
            "Restocks for very many orders under way",
            figures.unfinished_restocks,
        )
        yield GaugeMetricFamily(
            "notifier_lost_notices",
            "Legal notices that did not reach customers who still wait, or that nobody confirms",
            figures.lost_notices,
        )
        yield _labelled(
            "notifier_overdue_duties",
            "What the law asked of stores by a day that is over everywhere on earth",
            "duty",
            {task.value: count for task, count in figures.overdue_duties.items()},
        )
        waits = (now - hooks.oldest_due).total_seconds() if hooks.oldest_due else 0
        yield GaugeMetricFamily(
            "notifier_oldest_webhook_seconds", "How long the oldest due webhook waits", waits
        )
        yield _labelled(
            "notifier_webhook_endpoints",
            "Endpoints of stores that are in trouble",
            "state",
            {"failing": hooks.failing, "paused": hooks.paused},
        )


def _labelled(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
