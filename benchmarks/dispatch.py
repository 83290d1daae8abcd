"""Emails a second, one request each, with a million more in the future; against the bare ceiling and a peer."""

from collections.abc import Iterator

from benchmarks import bare, peers
from benchmarks.common import Bench, Row, database, main, median
from benchmarks.drains import rate, send_due


def measure(bench: Bench) -> Iterator[Row]:
    due = bench.count(6000, 40)
    with database(bench, bench.million) as url:
        ours, ceiling = [], []
        for _ in range(bench.repeat):  # in turns, so that a noisy minute meets both
            ours.append(rate(send_due(bench, url, due)))
            ceiling.append(bare.send_due(bench, url, due))
    ratio = median(ours) / median(ceiling)
    said = f"{median(ours):,.0f}/s"
    yield Row(
        f"dispatch, {bench.million:,} in the future",
        said,
        f"bare {median(ceiling):,.0f}/s",
        ratio,
        "≥ 0.6",
        ratio >= 0.6,
    )
    if bench.peers:
        peer = peers.post_office(bench)
        ratio = median(ours) / peer
        yield Row("the same", said, f"django-post_office {peer:,.0f}/s", ratio, "≥ 4", ratio >= 4)


if __name__ == "__main__":
    main(measure)
