"""How soon after `notifier worker` was started with a million emails in the future the first due one leaves."""

import subprocess
import time
from collections.abc import Iterator

from benchmarks import orders
from benchmarks.common import NOTIFIER, Bench, Row, database, environment, main, median, sink, taken
from notifier.db.engine import make_engine


def measure(bench: Bench) -> Iterator[Row]:
    with database(bench, bench.million) as url:
        waits = []
        for _ in range(bench.repeat):
            engine = make_engine(url)
            orders.lay_due(engine, 20)
            engine.dispose()
            waits.append(first_send(url))
    wait = median(waits)
    yield Row(
        f"first send after a start, {bench.million:,} future", f"{wait:.2f} s", "", None, "≤ 1 s", wait <= 1
    )


def first_send(url: str) -> float:
    with sink() as far_side:
        began = time.monotonic()
        command = [NOTIFIER, "worker"]
        with subprocess.Popen(command, env=environment(url, far_side), stderr=subprocess.DEVNULL) as worker:
            try:
                while not taken(far_side).accepted:
                    assert worker.poll() is None, "the worker did not start"
                    assert time.monotonic() < began + 60, "nothing was sent within a minute"
                    time.sleep(0.01)
                return taken(far_side).first - began
            finally:
                worker.terminate()


if __name__ == "__main__":
    main(measure)
