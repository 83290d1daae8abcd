"""The worker's part in large changes and restocks, in a process of its own, to be killed in the middle of one.

It works them off until none is left. In chunk number `last` it kills itself as `kill -9` does, with what that chunk
changes written and not committed; 0 lets it end.
"""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

from notifier import skus
from notifier.db import restocks
from notifier.db.engine import make_engine
from notifier.planning import replan_alike
from notifier.restocking import chunks


def main(url: str, now: str, last: int) -> None:
    """Changes of dates."""
    _run(url, now, last, ("notifier.skus.replan_alike", replan_alike), skus.carry_on)


CHUNK = 200
"""How large the chunks of restocks are here: smaller than in service, so that it takes few orders to fill some."""


def hand_out(url: str, now: str, last: int) -> None:
    """Restocks."""
    kept = "notifier.restocking.chunks.restocks.keep", restocks.keep
    with patch.object(chunks, "CHUNK", CHUNK):
        _run(url, now, last, kept, lambda engine, at: chunks.carry_on(engine, lambda: at))


def _run(
    url: str,
    now: str,
    last: int,
    written: tuple[str, Callable[..., None]],
    carry_on: Callable[[Engine, datetime], bool],
) -> None:
    engine, done, (name, write) = make_engine(url), count(1), written

    def killed(*what: Any) -> None:
        write(*what)
        if next(done) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    with patch(name, killed):
        while carry_on(engine, datetime.fromisoformat(now)):
            pass
    engine.dispose()
