"""A process that posts what is due, until it is killed at a point or has nothing left to do."""

import os
import signal
from datetime import datetime

from notifier.calling import Courier, Hooks
from notifier.db.engine import make_engine
from notifier.webhooks.call import Caller
from tests.webhooks.stage import SECRET_KEY


def main(url: str, now: str, die_at: str) -> None:
    def watch(point: str, _delivery_id: str) -> None:
        if point == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    at = datetime.fromisoformat(now)
    courier = Courier(Hooks(make_engine(url), SECRET_KEY, Caller(private=True), lambda: at, watch=watch))
    while courier.turn():
        courier.finish()
    courier.close()
