"""Emails a second, one request each, with a million more in the future; against the bare ceiling and peers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

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
    what = f"dispatch, {bench.million:,} in the future"
    yield replace(_against("bare, the same emails", median(ceiling), ours, 0.6), what=what)
    if bench.peers:
        yield _against("ceiling.py, emails of its own", peers.ceiling(bench), ours, 0.6)
        yield _against("django-post_office", peers.post_office(bench), ours, 4)


def _against(peer: str, theirs: float, ours: Sequence[float], must: float) -> Row:
    ratio = median(ours) / theirs
    return Row(
        "the same", f"{median(ours):,.0f}/s", f"{peer} {theirs:,.0f}/s", ratio, f"≥ {must}", ratio >= must
    )


if __name__ == "__main__":
    main(measure)
