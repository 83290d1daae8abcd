"""Emails a second when each answer takes 50 ms, with a hundred in flight: fifty from each of two workers.

By SendGrid, which gets one request for each; and by Klaviyo, which gets a backlog in bulks of some hundreds.
"""

from collections.abc import Iterator

from benchmarks.common import Bench, Row, database, main, median
from benchmarks.drains import rate, send_due

WORKERS = 2
EACH = 50


def measure(bench: Bench) -> Iterator[Row]:
    if bench.db == "sqlite":  # which is for one process
        return
    due = bench.count(6000, 40)
    rates: dict[str, list[float]] = {"sendgrid": [], "klaviyo": []}
    with database(bench) as url:
        for _ in range(bench.repeat):
            for provider, seen in rates.items():
                done = send_due(
                    bench, url, due, workers=WORKERS, latency_ms=50, send_threads=EACH, provider=provider
                )
                seen.append(rate(done))
    in_flight = WORKERS * EACH
    limit = in_flight / 0.05
    for provider, seen in rates.items():
        ours = median(seen)
        yield Row(
            f"{in_flight} in flight at 50 ms, {provider}",
            f"{ours:,.0f}/s",
            f"one in a request at most {limit:,.0f}/s",
            ours / limit,
            "≥ 1,500/s",
            ours >= 1500,
        )


if __name__ == "__main__":
    main(measure)
