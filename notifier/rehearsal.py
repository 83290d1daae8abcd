"""Puts a scenario on a stage of its own: an in-memory database, a mail service that keeps all it gets."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from notifier.bootstrap import build
from notifier.config import Settings
from notifier.db.engine import make_engine, transaction
from notifier.db.migrate import upgrade
from notifier.db.stores import create_store
from notifier.simulate import Numbered, Recorder, Scenario, Stage, VirtualClock


def rehearse(scenario: Scenario, events: Sequence[Numbered], settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield what happens, in order of time. Of `settings` only the templates and the public URL count."""
    start = events[0].event.at.astimezone(UTC) if events else datetime(2000, 1, 1, tzinfo=UTC)
    clock, recorder = VirtualClock(start), Recorder()
    engine = make_engine("sqlite://")
    upgrade(engine)
    own = settings.model_copy(update={"provider": "outbox", "send_threads": 1})
    services = build(own, engine=engine, clock=clock, provider_for=lambda _name: recorder)
    with transaction(engine) as session:
        made = create_store(session, start, **scenario.store.model_dump())
        made.store.policy = scenario.policy.model_dump(mode="json", exclude_unset=True)
    yield from Stage(services.post, clock, made.store.id).play(events, scenario.until)
    engine.dispose()
