"""Workers in processes of their own, sending what is due through the real dispatch until nothing is left."""

import logging
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

import structlog

from benchmarks.common import Bench, peak_megabytes, services, sink, taken
from benchmarks.orders import lay_due
from notifier.db.engine import make_engine
from notifier.dispatch import dispatch

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Drained:
    """What one worker did: from when to when by the clock that all share, and the most memory it had."""

    messages: int
    began: float
    ended: float
    peak_megabytes: float


def rate(done: Sequence[Drained]) -> float:
    """Messages a second of these workers together."""
    began, ended = min(it.began for it in done), max(it.ended for it in done)
    return sum(it.messages for it in done) / (ended - began)


def send_due(
    bench: Bench, url: str, due: int, *, workers: int = 1, latency_ms: float = 0, **settings: object
) -> list[Drained]:
    """Lay that many due emails, and let workers send them to a sink; every one must have arrived there."""
    engine = make_engine(url)
    lay_due(engine, due)
    engine.dispose()
    together = _SPAWN.Barrier(workers)
    with (
        sink(latency_ms) as far_side,
        ProcessPoolExecutor(workers, _SPAWN, initializer=_remember, initargs=(together,)) as pool,
    ):
        done = list(pool.map(_drain, *zip(*[(url, far_side, settings)] * workers, strict=True), timeout=600))
        arrived = taken(far_side).accepted
    sent = sum(it.messages for it in done)
    assert arrived == sent >= due * 0.9, f"{due} laid, {sent} sent, {arrived} arrived"
    return done


_together: Barrier


def _remember(together: Barrier) -> None:
    global _together  # how a barrier reaches a process of a pool
    _together = together


def _drain(url: str, far_side: str, more: dict[str, object]) -> Drained:
    quiet_log()
    post = services(url, far_side, **more).post
    with post.engine.connect():
        pass
    _together.wait(60)
    began = time.monotonic()
    messages = 0
    while found := dispatch(post):
        messages += found
    return Drained(messages, began, time.monotonic(), peak_megabytes())


def quiet_log() -> None:
    """A log line is written as in service, to a file that keeps nothing."""
    logging.basicConfig(level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(Path(os.devnull).open("w")),  # noqa: SIM115  kept open for good
    )
