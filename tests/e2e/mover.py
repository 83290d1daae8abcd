"""The worker's part in large changes, in a process of its own, to be killed in the middle of one.

It works changes of dates off until none is left. In chunk number `last` it kills itself as `kill -9` does, with that
chunk's dates and plans written and not committed; 0 lets it end.
"""

import os
import signal
from datetime import datetime
from itertools import count
from typing import Any
from unittest.mock import patch

from notifier import skus
from notifier.db.engine import make_engine
from notifier.planning import replan_alike


def main(url: str, now: str, last: int) -> None:
    engine, chunks = make_engine(url), count(1)

    def planned(*what: Any) -> None:
        replan_alike(*what)
        if next(chunks) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    with patch("notifier.skus.replan_alike", planned):
        while skus.carry_on(engine, datetime.fromisoformat(now)):
            pass
    engine.dispose()
