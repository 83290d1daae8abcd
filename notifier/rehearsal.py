"""Puts a scenario on a stage of its own: an in-memory database, a mail service that keeps all it gets."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from notifier.bootstrap import build
from notifier.config import Settings
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.migrate import upgrade
from notifier.db.stores import create_store
from notifier.simulate import Line, Numbered, Recorder, Scenario, Stage, VirtualClock
from notifier.simulate.outcome import Outcome, outcome


def rehearse(scenario: Scenario, events: Sequence[Numbered], settings: Settings) -> Iterator[Line]:
    """Yield what happens, in order of time. Of `settings` only the templates and the public URL count.

    Raises ScenarioError at an event that can't happen.
    """
    with _stage(scenario, events, settings) as stage:
        yield from stage.play(events, scenario.until)


def perform(scenario: Scenario, events: Sequence[Numbered], settings: Settings) -> Outcome:
    """The same to its end, with every email's words and reasons. Raises ScenarioError."""
    with _stage(scenario, events, settings) as stage:
        lines = list(stage.play(events, scenario.until))
        with reading(stage.engine) as session:
            return outcome(session, stage.store_id, lines)


@contextmanager
def _stage(scenario: Scenario, events: Sequence[Numbered], settings: Settings) -> Iterator[Stage]:
    start = events[0].event.at.astimezone(UTC) if events else datetime(2000, 1, 1, tzinfo=UTC)
    clock, recorder = VirtualClock(start), Recorder()
    engine = make_engine("sqlite://")
    upgrade(engine)
    own = settings.model_copy(update={"provider": "outbox", "send_threads": 1})
    services = build(own, engine=engine, clock=clock, provider_for=lambda _name: recorder)
    with transaction(engine) as session:
        made = create_store(session, start, policy=scenario.policy.document, **scenario.store.model_dump())
    try:
        yield Stage(services.post, clock, made.store.id)
    finally:
        engine.dispose()
