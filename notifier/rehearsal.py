"""Puts a scenario on a stage of its own: an in-memory database, a mail service that keeps all it gets.

As a program (`python -m notifier.rehearsal`) it is the child that `apart` starts: a script on stdin, a reply on stdout.
"""

import logging
import os
import resource
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import SecretStr

from notifier.apart import Own, Refusal, Reply, Script
from notifier.bootstrap import build
from notifier.config import Settings
from notifier.db import wordings
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.migrate import upgrade
from notifier.db.stores import create_store
from notifier.domain.message import Kind
from notifier.errors import Unavailable
from notifier.simulate import Line, Numbered, Recorder, Scenario, ScenarioError, Stage, VirtualClock
from notifier.simulate.outcome import Outcome, outcome
from notifier.simulate.story import check_scenario


def rehearse(scenario: Scenario, events: Sequence[Numbered], settings: Settings) -> Iterator[Line]:
    """Yield what happens, in order of time. Of `settings` only the templates, sender and public URL count.

    Raises ScenarioError at an event that can't happen.
    """
    with _stage(scenario, events, settings, Own()) as stage:
        yield from stage.play(events, scenario.until)


def perform(
    scenario: Scenario,
    events: Sequence[Numbered],
    settings: Settings,
    own: Own | None = None,
    most_emails: int | None = None,
) -> Outcome:
    """The same to its end, with every email's words and reasons. Raises ScenarioError, also past `most_emails`."""
    with _stage(scenario, events, settings, own or Own()) as stage:
        lines, emails = [], 0
        for line in stage.play(events, scenario.until):
            lines.append(line)
            emails += line["event"] == "message"
            if most_emails is not None and emails > most_emails:
                raise ScenarioError(
                    f"the story sends more than {most_emails} emails; tell it with fewer orders or days"
                )
        with reading(stage.engine) as session:
            return outcome(session, stage.store_id, lines)


@contextmanager
def _stage(scenario: Scenario, events: Sequence[Numbered], settings: Settings, store: Own) -> Iterator[Stage]:
    start = events[0].event.at.astimezone(UTC) if events else datetime(2000, 1, 1, tzinfo=UTC)
    clock, recorder = VirtualClock(start), Recorder()
    engine = make_engine("sqlite://")
    upgrade(engine)
    own = settings.model_copy(update={"provider": "outbox", "send_threads": 1})
    services = build(own, engine=engine, clock=clock, provider_for=lambda _name: recorder)
    with transaction(engine) as session:
        told = scenario.store.model_dump()
        row = create_store(session, start, policy=scenario.policy.document, **told).store
        row.brand, row.sender, row.reply_to = dict(store.brand), store.sender, store.reply_to
        for kind, (source, translations) in store.templates.items():
            wordings.publish(session, row, Kind(kind), source, translations, "simulation", start)
    try:
        yield Stage(services.post, clock, row.id)
    finally:
        engine.dispose()


def reply(script: Script) -> Reply:
    """What comes of a script: the outcome, or why there is none."""
    settings = Settings(
        _env_file=None,
        templates_dir=Path(script.templates_dir),
        public_url=script.public_url,
        sender=script.sender,
        secret_key=SecretStr(secrets.token_urlsafe(32)),  # so that no link in these emails opens anything
    )
    try:
        scenario, events = check_scenario(script.story)
        return Reply(outcome=perform(scenario, events, settings, script.own, script.most_emails))
    except ScenarioError as error:
        return Reply(refusal=Refusal.of(error))


def main(seconds: int, memory_bytes: int) -> None:
    """The child's part, within the limits that the system holds it to: it ends though nobody be left to end it."""
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    script = Script.model_validate_json(sys.stdin.buffer.read())
    try:
        answer = reply(script)
    except (MemoryError, Unavailable):  # SQLite says in its own words that it has no memory left
        most = f"{memory_bytes // 1_000_000:,} MB"
        answer = Reply(
            refusal=Refusal.of(ScenarioError(f"the story takes more than {most} to play; tell it with less"))
        )
    sys.stdout.write(answer.model_dump_json())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
