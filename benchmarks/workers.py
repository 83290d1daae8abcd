"""Two workers on one PostgreSQL, against one."""

from collections.abc import Iterator

from benchmarks.common import Bench, Row, database, main, median
from benchmarks.drains import rate, send_due


def measure(bench: Bench) -> Iterator[Row]:
    if bench.db == "sqlite":  # which is for one process
        return
    due = bench.count(6000, 40)
    with database(bench, bench.million) as url:
        one, two = [], []
        for _ in range(bench.repeat):
            one.append(rate(send_due(bench, url, due)))
            two.append(rate(send_due(bench, url, 2 * due, workers=2)))
    ratio = median(two) / median(one)
    yield Row(
        "two workers", f"{median(two):,.0f}/s", f"one {median(one):,.0f}/s", ratio, "≥ 1.6", ratio >= 1.6
    )


if __name__ == "__main__":
    main(measure)
