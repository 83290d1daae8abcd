"""Peers and bare code, measured by scripts that are no part of this project: `--peers` names their folder."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.common import Bench


def post_office(bench: Bench) -> float:
    """Emails a second of django-post_office with as many in the future, on the same server, to a sink of its own."""
    port = "18926"
    script = _folder(bench) / "peers" / "post_office_bench.py"
    with _running(bench, "smtp_sink.py", "--port", port):
        lines = _printed(bench, script, "--smtp-port", port, "--due", "1000", "--modes", "render")
    return next(float(line["msg_s"]) for line in lines if "msg_s" in line)


def ceiling(bench: Bench) -> float:
    """Emails a second of the least code that claims, renders emails of its own with Jinja, posts and marks them."""
    port = "18925"
    with _running(bench, "sink.py", "--port", port):
        lines = _printed(
            bench, _folder(bench) / "ceiling.py", "--due", "5000", SINK=f"http://127.0.0.1:{port}"
        )
    return next(float(line["msg_s"]) for line in lines)


def new_database(bench: Bench) -> str:
    """The libpq URL of a database for one script alone, or the path of a new file."""
    name = f"peer_{len(list(bench.folder.glob('peer_*')))}"
    (bench.folder / name).touch()  # a name is taken once, whichever database
    if bench.db == "sqlite":
        return str(bench.folder / f"{name}.db")
    with psycopg.connect(bench.server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return bench.server.replace("/postgres?", f"/{name}?")


def _folder(bench: Bench) -> Path:
    assert bench.peers
    return bench.peers


@contextmanager
def _running(bench: Bench, script: str, *options: str) -> Iterator[None]:
    command = [bench.peers_python, str(_folder(bench) / script), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as sink:
        try:
            yield
        finally:
            sink.terminate()


def _printed(bench: Bench, script: Path, *options: str, **variables: str) -> list[dict[str, Any]]:
    """What a script prints of itself with as many emails in the future as the table says, a line each."""
    kind = "sqlite" if bench.db == "sqlite" else "pg"
    command = [bench.peers_python, str(script), "--db", f"{kind}:{new_database(bench)}"]
    command += ["--future", str(bench.million), "--repeat", str(bench.repeat), *options]
    printed = subprocess.run(
        command, cwd=script.parent, env=os.environ | variables, capture_output=True, text=True, check=True
    ).stdout
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
