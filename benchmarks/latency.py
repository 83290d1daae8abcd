"""Emails a second when each answer takes 50 ms, with a hundred in flight: fifty from each of two workers."""

from collections.abc import Iterator

from benchmarks.common import Bench, Row, database, main, median
from benchmarks.drains import rate, send_due

WORKERS = 2
EACH = 50


def measure(bench: Bench) -> Iterator[Row]:
    if bench.db == "sqlite":  # which is for one process
        return
    due = bench.count(6000, 40)
    with database(bench) as url:
        rates = [
            rate(send_due(bench, url, due, workers=WORKERS, latency_ms=50, send_threads=EACH))
            for _ in range(bench.repeat)
        ]
    in_flight = WORKERS * EACH
    ours, limit = median(rates), in_flight / 0.05
    what = f"{in_flight} in flight at 50 ms"
    yield Row(what, f"{ours:,.0f}/s", f"limit {limit:,.0f}/s", ours / limit, "≥ 1,500/s", ours >= 1500)


if __name__ == "__main__":
    main(measure)
