"""What a million emails in the future cost: in emails a second, in an idle tick, and in a worker's memory."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.common import Bench, Row, database, main, median
from benchmarks.drains import rate, send_due
from notifier.db import claims
from notifier.db.engine import make_engine, transaction

TICKS = 300


def measure(bench: Bench) -> Iterator[Row]:
    due = bench.count(4000, 40)
    many, none = f"{bench.million:,} future", "none"
    with database(bench, bench.million) as full, database(bench) as empty:
        ticks = {url: idle_tick(url, bench.count(TICKS, 5)) for url in (empty, full, empty, full)}
        rates: dict[str, list[float]] = {full: [], empty: []}
        memory: dict[str, list[float]] = {full: [], empty: []}
        for _ in range(bench.repeat):
            for url in (full, empty):
                done = send_due(bench, url, due)
                rates[url].append(rate(done))
                memory[url] += [it.peak_megabytes for it in done]
    ratio = median(rates[full]) / median(rates[empty])
    yield Row(
        f"dispatch, {many} ÷ {none}",
        f"{median(rates[full]):,.0f}/s",
        f"{median(rates[empty]):,.0f}/s",
        ratio,
        "≥ 0.9",
        ratio >= 0.9,
    )
    most = 1.0 if bench.db == "postgresql" else 0.2
    ratio, tick = ticks[full] / ticks[empty], ticks[full] * 1000
    yield Row(
        f"idle tick, {many} ÷ {none}",
        f"{tick:.3f} ms",
        f"{ticks[empty] * 1000:.3f} ms",
        ratio,
        f"≤ 1.5, ≤ {most:g} ms",
        ratio <= 1.5 and tick <= most,
    )
    ratio = median(memory[full]) / median(memory[empty])
    yield Row(
        f"a worker's memory, {many} ÷ {none}",
        f"{median(memory[full]):.0f} MB",
        f"{median(memory[empty]):.0f} MB",
        ratio,
        "≤ 1.1, ≤ 200 MB",
        ratio <= 1.1 and median(memory[full]) <= 200,
    )


def idle_tick(url: str, ticks: int) -> float:
    """Seconds of a tick that finds nothing due: the claim, in its transaction, as dispatch makes it."""
    engine = make_engine(url)
    taken = []
    for _ in range(ticks):
        began = time.perf_counter()
        with transaction(engine) as session:
            found = claims.claim(session, datetime.now(UTC), 50, timedelta(minutes=1), "sendgrid", {})
        taken.append(time.perf_counter() - began)
        assert not found
    engine.dispose()
    return median(taken)


if __name__ == "__main__":
    main(measure)
