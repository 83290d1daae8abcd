"""Goods that arrive for 100,000 orders that wait: the dry run, and handing them out, while sending goes on."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Engine, event

from benchmarks import orders
from benchmarks.common import Bench, Row, database, main, peak_megabytes, tidy
from notifier import restocking
from notifier.bootstrap import system_clock, tune_memory
from notifier.db.engine import make_engine, reading, transaction
from notifier.db.tables import Store
from notifier.inputs import NewRestock
from notifier.restocking import chunks


def measure(bench: Bench) -> Iterator[Row]:
    count = bench.count(100_000, 20)
    with database(bench) as url:
        engine = make_engine(url)
        orders.lay_waiting(engine, count)
        tidy(engine)
        engine.dispose()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), tune_memory) as pool:
            dry, asked, memory = pool.submit(_dry_run, url, count).result()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), tune_memory) as pool:
            request, done, longest, of_worker = pool.submit(_hand_out, url, count).result()
    what = f"goods for {asked:,} orders"
    yield Row(f"{what}: dry run of both rules", f"{dry:.1f} s")
    yield Row(f"{what}: dry run, memory", f"{memory:.0f} MB", "", None, "≤ 200 MB", memory <= 200)
    yield Row(f"{what}: the request", f"{request:.2f} s")
    yield Row(f"{what}: set aside", f"{done:.1f} s")
    yield Row(f"{what}: the longest that locks are held", f"{longest:.2f} s")
    yield Row(f"{what}: set aside, memory", f"{of_worker:.0f} MB", "", None, "≤ 200 MB", of_worker <= 200)


def _new(count: int) -> NewRestock:
    """Enough for all of them, as each lacks one unit or two."""
    return NewRestock(sku=orders.HOT, quantity=2 * count, rule="fair")


def _dry_run(url: str, count: int) -> tuple[float, int, float]:
    """How long it takes, how many orders would get units, and the most memory that it took."""
    engine, began = make_engine(url), time.perf_counter()
    with reading(engine) as session:
        shop = session.get_one(Store, orders.STORE)
        told = restocking.foretell_restock(session, shop, _new(count), datetime.now(UTC))
        given = sum(1 for _ in told.allocated)
    took = time.perf_counter() - began
    engine.dispose()
    return took, given, peak_megabytes()


def _hand_out(url: str, count: int) -> tuple[float, float, float, float]:
    """How long the request takes, all of it until the last chunk, and the longest chunk; and the most memory."""
    engine, began = make_engine(url), time.perf_counter()
    with transaction(engine) as session:
        restocking.restock(session, session.get_one(Store, orders.STORE), _new(count), datetime.now(UTC))
    request, held = time.perf_counter() - began, _held(engine)
    while chunks.carry_on(engine, system_clock):
        pass
    done, longest = time.perf_counter() - began, max(held)
    engine.dispose()
    return request, done, longest, peak_megabytes()


def _held(engine: Engine) -> list[float]:
    """Of each transaction from now on, how many seconds it takes."""
    began, held = [0.0], [0.0]
    event.listen(engine, "begin", lambda _: began.append(time.perf_counter()))
    event.listen(engine, "commit", lambda _: held.append(time.perf_counter() - began[-1]))
    return held


if __name__ == "__main__":
    main(measure)
