"""Orders registered a second over HTTP by one API process: one a request, against a bare insert; and in batches."""

import asyncio
import json
import multiprocessing
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from benchmarks import orders, peers
from benchmarks.common import NOTIFIER, PYTHON, Bench, Row, database, environment, main, median

CONNECTIONS = 16
BATCH = 1000


def measure(bench: Bench) -> Iterator[Row]:
    count = bench.count(4000, 20)
    batches = bench.count(11, 3)
    batch = bench.count(BATCH, 10)
    now = datetime.now(UTC)

    def new() -> dict[str, object]:
        return orders.order(os.urandom(6).hex(), now, 40)

    small = {"email": "jane@customer.example", "sku": "LAMP", "quantity": 1, "eta": "2030-01-01"}
    theirs = {"email": "jane@customer.example", "sku": "LAMP", "qty": 1, "eta": "2030-01-01T00:00:00Z"}
    single, bare, many, anchor = [], [], [], []
    cpu: dict[str, list[float]] = {"single": [], "bare": [], "many": []}
    for _ in range(bench.repeat):
        # Tables analysed while empty would have PostgreSQL check each reference by reading them whole.
        with database(bench, bench.count(10_000, 400)) as url:
            with api(url) as (address, server):
                bodies = [new() for _ in range(count)]
                with working(server, cpu["single"], count):
                    single.append(posted(address, "/v1/backorders", bodies, CONNECTIONS))
                batched = [{"backorders": [new() for _ in range(batch)]} for _ in range(batches)]
                with working(server, cpu["many"], batch * batches):
                    many.append(batch * posted(address, "/v1/backorders/batch", batched, 2))
            with bare_api(url) as (address, server):
                flat = [small | {"order_id": str(n)} for n in range(count)]
                with working(server, cpu["bare"], count):
                    bare.append(posted(address, "/orders", flat, CONNECTIONS))
            if bench.peers:
                with api_anchor(bench) as (address, _):
                    flat = [theirs | {"order_no": str(n)} for n in range(count)]
                    anchor.append(posted(address, "/orders", flat, CONNECTIONS))
    yield _against("bare insert", bare, single)
    if anchor:
        yield _against("api_anchor.py", anchor, single)
    yield Row(
        f"registration, {batch} a request",
        f"{median(many):,.0f}/s",
        f"one a request {median(single):,.0f}/s",
        median(many) / median(single),
        "≥ 10,000/s",
        median(many) >= 10_000,
    )
    spent = {name: median(values) for name, values in cpu.items()}
    for name, what in (("single", "one a request"), ("many", f"{batch} a request")):
        yield Row(
            f"processor of the server, an order, {what}",
            f"{spent[name] * 1e6:,.0f} µs",
            f"bare insert {spent['bare'] * 1e6:,.0f} µs",
            spent[name] / spent["bare"],
        )


def _against(peer: str, theirs: Sequence[float], ours: Sequence[float]) -> Row:
    ratio = median(ours) / median(theirs)
    return Row(
        "registration, one a request",
        f"{median(ours):,.0f}/s",
        f"{peer} {median(theirs):,.0f}/s",
        ratio,
        "≥ 2",
        ratio >= 2,
    )


# --- the servers -----------------------------------------------------------------------------------------

Serving = tuple[tuple[str, int], int]
"""The address of a server, and its process."""


@contextmanager
def working(pid: int, each: list[float], count: int) -> Iterator[None]:
    """Add the seconds of a processor that the process spends meanwhile on each of `count`."""
    before = _processor_seconds(pid)
    yield
    each.append((_processor_seconds(pid) - before) / count)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def api(url: str) -> Iterator[Serving]:
    """`notifier api` on a free port."""
    port = _free_port()
    command = [NOTIFIER, "api", "--port", str(port)]
    with _listening(command, environment(url, "http://127.0.0.1:9"), port) as serving:
        yield serving


@contextmanager
def bare_api(url: str) -> Iterator[Serving]:
    port = _free_port()
    command = [PYTHON, "-m", "uvicorn", "benchmarks.bare_api:app", "--port", str(port), "--no-access-log"]
    with _listening(command, environment(url, "") | {"DATABASE_URL": url}, port) as serving:
        yield serving


@contextmanager
def api_anchor(bench: Bench) -> Iterator[Serving]:
    """The bare insert that `--peers` brings, on a database of its own that is set up as SQLAlchemy does by itself."""
    assert bench.peers
    port = _free_port()
    command = [bench.peers_python, "-m", "uvicorn", "--app-dir", str(bench.peers), "api_anchor:app"]
    command += ["--port", str(port), "--no-access-log"]
    where = peers.new_database(bench)
    url = (
        f"sqlite:///{where}" if bench.db == "sqlite" else where.replace("postgresql:", "postgresql+psycopg:")
    )
    with _listening(command, os.environ | {"DB": url}, port) as serving:
        yield serving


@contextmanager
def _listening(command: Sequence[str], env: dict[str, str], port: int) -> Iterator[Serving]:
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while socket.socket().connect_ex(("127.0.0.1", port)):
                assert server.poll() is None, f"{command} did not start"
                assert time.monotonic() < deadline, f"{command} does not listen"
                time.sleep(0.05)
            yield ("127.0.0.1", port), server.pid
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# --- the client ------------------------------------------------------------------------------------------


def posted(address: tuple[str, int], path: str, bodies: Sequence[object], connections: int) -> float:
    """Requests a second, from a process of its own; each answered with success; the first is not timed."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {orders.API_KEY}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: "
    requests = [
        f"{head}{len(body)}\r\n\r\n".encode() + body for body in (json.dumps(it).encode() for it in bodies)
    ]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return (len(requests) - 1) / pool.submit(_post_all, address, requests, connections).result()


def _post_all(address: tuple[str, int], requests: list[bytes], connections: int) -> float:
    async def post_all() -> float:
        waiting = iter(requests)
        await _one_after_another(address, iter([next(waiting)]))  # the first pays for what is made once
        began = time.perf_counter()
        await asyncio.gather(*(_one_after_another(address, waiting) for _ in range(connections)))
        return time.perf_counter() - began

    return uvloop.run(post_all())


async def _one_after_another(address: tuple[str, int], requests: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        body = await reader.readexactly(int(length.partition(b":")[2]))
        assert head.startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")), head + body[:500]
    writer.close()


if __name__ == "__main__":
    main(measure)
