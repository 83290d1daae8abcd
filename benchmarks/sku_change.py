"""A new date for a SKU that 100,000 open orders wait for: its dry run, and the change, while sending goes on."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta

from benchmarks import orders
from benchmarks.common import Bench, Row, database, main, median, peak_megabytes, tidy
from notifier import skus
from notifier.bootstrap import tune_memory
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.tables import Store
from notifier.inputs import SkuEta


def measure(bench: Bench) -> Iterator[Row]:
    count = bench.count(100_000, 20)
    with database(bench) as url:
        engine = make_engine(url)
        orders.lay_waiting(engine, count)
        tidy(engine)
        engine.dispose()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), tune_memory) as pool:
            runs = [pool.submit(_run, url, 40 + n).result() for n in range(bench.repeat)]
    dry, change = (median([run[n] for run in runs]) for n in (0, 1))
    found, memory = runs[0][2], max(run[3] for run in runs)
    what = f"a SKU's new date, {found:,} orders"
    yield Row(f"{what}: dry run", f"{dry:.1f} s", "", None, "≤ 3 s", dry <= 3)
    most = 10 if bench.db == "postgresql" else 8
    yield Row(f"{what}: done", f"{change:.1f} s", "", None, f"≤ {most} s", change <= most)
    yield Row(f"{what}: memory", f"{memory:.0f} MB", "", None, "≤ 200 MB", memory <= 200)


def _run(url: str, days: int) -> tuple[float, float, int, float]:
    """Seconds of the dry run and of the change, how many orders moved, and the most memory it took.

    The change counts from the request until the last chunk is committed.
    """
    engine = make_engine(url)
    now = datetime.now(UTC)
    wanted = SkuEta(eta=(now + timedelta(days=days)).date(), reason="held at customs", confirm=True)
    began = time.perf_counter()
    with reading(engine) as session:
        radius = skus.preview_eta(session, session.get_one(Store, orders.STORE), orders.HOT, wanted, now)
    dry, began = time.perf_counter() - began, time.perf_counter()
    with transaction(engine) as session:
        skus.change_eta(session, session.get_one(Store, orders.STORE), orders.HOT, wanted, now)
    while skus.carry_on(engine, datetime.now(UTC)):
        pass
    change = time.perf_counter() - began
    engine.dispose()
    return dry, change, radius.backorders, peak_megabytes()


if __name__ == "__main__":
    main(measure)
