"""The engine in a process of its own, to be killed, or stopped for a while.

Runs every job of the worker at the moment `now` until nothing is left to do. At the `point` of the first message it
kills itself as `kill -9` does, or sends itself the signal `by`; `never` lets it end. The provider is `outbox`, which
removes duplicates, or `lines`, which does not: it adds a line to folder/lines for each email that it takes, as a relay
would.
"""

import os
import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from notifier.ahead import Stride
from notifier.db.engine import make_engine
from notifier.dispatch import FIRST
from notifier.providers import make
from notifier.providers.base import Accepted, Envelope, Outcome, Provider
from tests.house import Clock, House, make_post
from tests.providers.fake import Scripted

KILLS = 10
"""More often than any test kills the engine with one message in hand, so that none is given up for that."""

FROZEN_TOGETHER = FIRST
"""As where the mail service was fast so far: more than one is frozen when the process dies."""


class Lines(Scripted):
    """Takes everything, each time, and keeps count where a dead process can't take it along."""

    folder: Path

    def send(self, envelope: Envelope, now: datetime) -> Outcome:
        with (self.folder / "lines").open("a") as file:
            file.write(f"{envelope.message_id} {envelope.to}\n")
            file.flush()
            os.fsync(file.fileno())
        return Accepted()


def main(
    url: str, provider_name: str, folder: str, now: str, point: str, by: signal.Signals = signal.SIGKILL
) -> None:
    provider: Provider
    if provider_name == "outbox":
        provider = make("outbox", folder=Path(folder))
    else:
        provider = Lines(name="smtp")
        provider.folder = Path(folder)
    clock = Clock(datetime.fromisoformat(now))
    house = House(make_engine(url), clock)

    def watch(here: str, _message_id: str) -> None:
        if here == point:
            os.kill(os.getpid(), by)

    post = make_post(house.engine, clock, provider)
    house.post = replace(post, watch=watch, max_attempts=KILLS, stride=Stride(size=FROZEN_TOGETHER))
    house.turn()
    house.engine.dispose()
