"""Peers, measured by scripts that are no part of this project: `--peers` names their folder."""

import json
import subprocess

import psycopg

from benchmarks.common import Bench


def post_office(bench: Bench) -> float:
    """Emails a second of django-post_office with as many in the future, on the same server, to a sink of its own."""
    assert bench.peers
    port = "18926"
    smtp = [bench.peers_python, str(bench.peers / "smtp_sink.py"), "--port", port]
    if bench.db == "sqlite":
        where = f"sqlite:{bench.folder / 'peer.db'}"
    else:
        with psycopg.connect(bench.server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE peer")
        where = "pg:" + bench.server.replace("/postgres?", "/peer?")
    future = str(bench.million)
    script = bench.peers / "peers" / "post_office_bench.py"
    with subprocess.Popen(smtp, stdout=subprocess.DEVNULL) as sink:
        try:
            printed = subprocess.run(
                [bench.peers_python, script, "--db", where, "--smtp-port", port, "--due", "1000", "--future", future,
                 "--modes", "render", "--repeat", str(bench.repeat)],
                cwd=script.parent, capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
        finally:
            sink.terminate()
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return next(float(line["msg_s"]) for line in lines if "msg_s" in line)
