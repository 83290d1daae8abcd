"""Plays stories in processes of their own, so that however heavy one is, nobody else's work waits for it.

Each play is one child: it has no settings, no secrets and no database but its own in memory, little right to the
processor, a limit of memory, and so many seconds of its time. What does not end by then is ended.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError

from notifier.config import Settings
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.errors import Fault, NotifierError, Unavailable
from notifier.simulate import ScenarioError
from notifier.simulate.outcome import Outcome
from notifier.words.render import Wording

SECONDS = 20
"""How much of a processor's time a play may take."""
WALL = 3
"""How much longer it may take by the clock, on a machine that has much else to do."""
MEMORY_BYTES = 1_000_000_000
MOST_EMAILS = 500
AT_ONCE = 4
"""How many stories one process plays at a time, each of another store."""

log = structlog.get_logger(__name__)


class Busy(NotifierError):
    """A story is being played already; trying again in a moment is right."""

    status, slug, title = 429, "busy", "Too much at once"


class Own(BaseModel):
    """What a store brings to its stories: how it looks and speaks. `templates` are its own, by kind."""

    sender: str | None = None
    reply_to: str | None = None
    brand: dict[str, Any] = {}
    templates: dict[str, tuple[str, dict[str, Any]]] = {}


class Script(BaseModel):
    """What is to be played, and whose it is."""

    story: Any
    own: Own
    templates_dir: str
    public_url: str
    sender: str
    most_emails: int


class Refusal(BaseModel):
    """Why a story was not played to its end; see ScenarioError."""

    detail: str
    faults: list[tuple[str, str]]
    event: int | None

    @classmethod
    def of(cls, error: ScenarioError) -> "Refusal":
        faults = [(fault.pointer, fault.detail) for fault in error.faults]
        detail = error.detail.removeprefix(f"event {error.event}: ") if error.event else error.detail
        return cls(detail=detail, faults=faults, event=error.event)

    def error(self) -> ScenarioError:
        return ScenarioError(self.detail, tuple(Fault(*fault) for fault in self.faults), self.event)


class Reply(BaseModel):
    """What a child answers: one of the two."""

    outcome: Outcome | None = None
    refusal: Refusal | None = None


def with_store(story: Any, store: Store) -> Any:
    """The story, and what it leaves out of its store and policy as this store has it."""
    if not isinstance(story, dict):
        return story
    own = {"name": store.name, "timezone": store.timezone, "locale": store.locale, "country": store.country}
    return {"store": own, "policy": store.policy} | story


@dataclass(frozen=True, slots=True)
class Child:
    """A process that plays one story and is gone, in time or ended; `seconds` are those of a processor."""

    seconds: int = SECONDS
    memory_bytes: int = MEMORY_BYTES

    def __call__(self, script: Script) -> Reply:
        """Raises ScenarioError when its time is over, and Unavailable when it died otherwise."""
        limits = [str(self.seconds), str(self.memory_bytes)]
        too_long = ScenarioError(
            f"the story takes more than {self.seconds} seconds to play; tell it with fewer orders or days"
        )
        try:
            child = subprocess.run(  # noqa: S603  our own program, and two numbers
                [sys.executable, "-m", "notifier.rehearsal", *limits],
                input=script.model_dump_json().encode(),
                capture_output=True,
                timeout=WALL * self.seconds,
                env=_environment(os.environ),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise too_long from None
        if child.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
            raise too_long
        try:
            return Reply.model_validate_json(child.stdout)
        except ValidationError:
            told = child.stderr[-2000:].decode("utf-8", "replace")
            log.error("a story's process died", status=child.returncode, stderr=told)
            raise Unavailable(
                "the story could not be played; this is a fault of ours, and has been noted"
            ) from None


class Plays:
    """Plays the stories of stores, one of each store at a time; `ask` plays a single one."""

    def __init__(
        self,
        settings: Settings,
        wording: Callable[[Store, Kind], Wording | None],
        ask: Callable[[Script], Reply] = Child(),
    ) -> None:
        self._settings, self._wording, self.ask = settings, wording, ask
        self._slots, self._lock, self._busy = BoundedSemaphore(AT_ONCE), Lock(), set[str]()

    def play(self, store: Store, story: Any) -> Outcome:
        """What comes of it; what it leaves out of its store and policy is this store's.

        Raises ScenarioError for a story that can't be played, or is too heavy, and Busy when this store's last one,
        or too many others, are not at their end yet.
        """
        script = Script(
            story=with_store(story, store),
            own=self._own(store),
            templates_dir=str(self._settings.templates_dir.resolve()),
            public_url=self._settings.public_url,
            sender=self._settings.sender,
            most_emails=MOST_EMAILS,
        )
        with self.turn(store.id):
            reply = self.ask(script)
        if reply.refusal is not None:
            raise reply.refusal.error()
        assert reply.outcome is not None  # noqa: S101  a reply is one of the two
        return reply.outcome

    @contextmanager
    def turn(self, store_id: str) -> Iterator[None]:
        """This store's turn to play. Raises Busy."""
        with self._lock:
            if store_id in self._busy:
                raise Busy("another story of this store is being played; try again when it has ended")
            if not self._slots.acquire(blocking=False):
                raise Busy("many stories are being played; try again in a few seconds")
            self._busy.add(store_id)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(store_id)
                self._slots.release()

    def _own(self, store: Store) -> Own:
        found = ((kind, self._wording(store, kind)) for kind in Kind)
        templates = {kind.value: (own.source, dict(own.translations)) for kind, own in found if own}
        return Own(sender=store.sender, reply_to=store.reply_to, brand=store.brand, templates=templates)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Where the program is, and nothing that it could find a database or an account by."""
    kept = {name: environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TZDIR") if name in environ}
    return kept | {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "PYTHONUTF8": "1"}
