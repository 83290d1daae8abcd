"""The one place that wires real parts from settings."""

import ctypes
import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from notifier import providers
from notifier.calling import Hooks
from notifier.config import Settings
from notifier.db.engine import make_engine, reading
from notifier.delivery import Post
from notifier.domain.pace import Pace
from notifier.keyring import Keyring
from notifier.links import Links
from notifier.metrics import Metrics
from notifier.providers.base import Provider
from notifier.providers.templates import template_of_kind
from notifier.shops.calls import BigCommerce
from notifier.webhooks.call import Caller
from notifier.wording import Published
from notifier.words.render import Templates

if TYPE_CHECKING:
    from notifier.apart import Plays
    from notifier.fetching import Fetcher
    from notifier.shop_events import Ears

Clock = Callable[[], datetime]

_M_ARENA_MAX = -8


def system_clock() -> datetime:
    return datetime.now(UTC)


def tune_memory() -> None:
    """For processes that serve: look for circular garbage seldom, and let all threads share their memory.

    By itself Python walks through all modules and models again for each few thousand rows that are in hand, which was a
    third of the processor's time of a batch; whatever hangs in no circle is freed at once. And glibc by itself gives
    each thread memory of its own, up to eight for each core, of which none gives back to another (mallopt(3)).
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # glibc alone has it
        mallopt(_M_ARENA_MAX, 2)


@dataclass(frozen=True)
class Services:
    """Everything that the edges (API, pages, worker, command line) work with. `close` hangs up on mail services."""

    settings: Settings
    engine: Engine
    post: Post
    keyring: Keyring
    links: Links
    clock: Clock
    pulse: "Pulse"
    metrics: Metrics
    hooks: Hooks
    bigcommerce: BigCommerce
    close: Callable[[], None]

    # What not every process needs, or not before its first email, is imported when it is asked for.

    @cached_property
    def plays(self) -> "Plays":
        """Plays stories."""
        from notifier.apart import Plays

        return Plays(self.settings, self.post.wording)

    @cached_property
    def ears(self) -> "Ears":
        """Hears what shops tell."""
        from notifier.shop_events import Ears

        return Ears(self.engine, self.keyring, self.metrics.heard)

    @cached_property
    def fetcher(self) -> "Fetcher":
        """Fetches the orders that shops tell of by their ids alone."""
        from notifier.fetching import Fetcher

        return Fetcher(self.engine, self.keyring, self.bigcommerce, self.clock, self.metrics.heard)


@dataclass
class Pulse:
    """When each recurring job of this process last ended well; `expected` is empty where none runs here.

    `every` is in seconds. A job is late when it has missed ten of its turns, and a minute.
    """

    expected: dict[str, float] = field(default_factory=dict)
    last: dict[str, datetime] = field(default_factory=dict)

    def beat(self, job: str, now: datetime) -> None:
        self.last[job] = now

    def late(self, now: datetime) -> list[str]:
        """The names of the jobs that should have run by now."""
        return [
            job
            for job, every in self.expected.items()
            if job in self.last and now - self.last[job] > timedelta(seconds=max(60.0, 10 * every))
        ]


class ProviderShelf:
    """Mail services by the account that they open, each made when it is first asked for, and kept while it is used.

    New keys are a new account, so what stands here is never out of date. Of the accounts that stores have of their own,
    the one that was idle longest makes room; whoever is just using it can do so to the end.
    """

    def __init__(self, settings: Settings, keyring: Keyring, engine: Engine, room: int = 64) -> None:
        self._settings, self._keyring, self._engine, self._room = settings, keyring, engine, room
        self._made, self._lock = dict[str, Provider](), Lock()

    def __call__(self, account: str) -> Provider:
        """Raises Misconfigured for an account that can't be opened."""
        with self._lock:
            if account in self._made:
                self._made[account] = self._made.pop(account)  # to the end: the longest idle stand first
                return self._made[account]
        made = self._make(account)  # with the lock open: others need not wait for the database
        with self._lock:
            spare = [made] if account in self._made else []
            found = self._made.setdefault(account, made)
            while len(self._made) > self._room:
                spare.append(self._made.pop(next(iter(self._made))))
        for provider in spare:
            provider.close()
        return found

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, {}
        for provider in made.values():
            provider.close()

    def _make(self, account: str) -> Provider:
        if account in providers.NAMES:
            return _make(account, self._settings)
        with reading(self._engine) as session:
            return self._keyring.open(session, account)


def _make(name: str, settings: Settings) -> Provider:
    keys = {
        "sendgrid": (settings.sendgrid_api_key, settings.sendgrid_base_url),
        "klaviyo": (settings.klaviyo_api_key, settings.klaviyo_base_url),
    }
    api_key, base_url = keys.get(name, (None, None))
    return providers.make(
        name,
        folder=settings.outbox_dir,
        url=settings.smtp_url.get_secret_value(),
        api_key=api_key.get_secret_value() if api_key else None,
        base_url=base_url,
        bounces_to=settings.bounce_address or None,
        sandbox=settings.sendgrid_sandbox,
        unsubscribe_group=settings.sendgrid_unsubscribe_group,
        templates=template_of_kind(settings.sendgrid_templates, "SENDGRID_TEMPLATES"),
        timeout_seconds=settings.send_timeout_seconds,
    )


def _paces(rate: float | None) -> Mapping[str, Pace]:
    """How fast each mail service may be used: as set, with a second's worth at once, or as it says itself."""
    if rate is None:
        return providers.PACES
    return dict.fromkeys(providers.NAMES, Pace(rate, max(1, int(rate))))


def build(
    settings: Settings,
    *,
    engine: Engine | None = None,
    clock: Clock = system_clock,
    provider_for: Callable[[str], Provider] | None = None,
) -> Services:
    """Wire the parts. Raises Misconfigured, naming the setting, when one can't work."""
    engine = engine or make_engine(settings.database_url, max(10, settings.send_threads))
    links = Links(settings.public_url, settings.secret_key.get_secret_value())
    keyring = Keyring(
        settings.secret_key.get_secret_value(),
        settings.send_timeout_seconds,
        any_host=settings.on_laptop,
        sandbox=settings.sendgrid_sandbox,
    )
    own = ProviderShelf(settings, keyring, engine)
    shelf = provider_for or own
    shelf(settings.provider)
    pulse = Pulse()
    metrics = Metrics(engine, clock, lambda: dict(pulse.last))
    post = Post(
        engine=engine,
        templates=Templates(settings.templates_dir),
        links=links,
        provider_for=shelf,
        default_provider=settings.provider,
        default_sender=settings.sender,
        lease=timedelta(seconds=settings.lease_seconds),
        max_attempts=settings.max_attempts,
        threads=settings.send_threads,
        clock=clock,
        paces=_paces(settings.send_rate),
        # A pace that was set holds for every message, however many go in one request.
        wording=Published(engine),
        bulk_paces=providers.BULK_PACES if settings.send_rate is None else {},
        most_at_once=providers.TOGETHER if settings.sendgrid_templates else 0,
        count=metrics.tried,
    )
    hooks = Hooks(
        engine=engine,
        secret_key=settings.secret_key.get_secret_value(),
        caller=Caller(private=settings.webhooks_to_private),
        clock=clock,
        count=metrics.called,
    )
    bigcommerce = BigCommerce(settings.bigcommerce_base_url)

    def close() -> None:
        own.close()
        bigcommerce.close()

    return Services(settings, engine, post, keyring, links, clock, pulse, metrics, hooks, bigcommerce, close)
