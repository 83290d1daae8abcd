"""The benchmarks still run: each with a few of everything. What they measure is no test's business."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


@pytest.mark.usefixtures("postgresql_server")
def test_every_benchmark_runs_and_prints_its_rows() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--db", "postgresql"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for what in (
        "dispatch",
        "two workers",
        "idle tick",
        "memory",
        "start",
        "in flight",
        "dry run",
        "registration",
        "together",
    ):
        assert what in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["benchmarks.chaos", "--quick", "--provider", "sendgrid"], "doubled"),
        (["benchmarks.pickup", "--quick"], "99 of 100 within"),
    ],
)
@pytest.mark.usefixtures("postgresql_server")
def test_what_is_measured_with_processes_runs_too(command: list[str], says: str, tmp_path: Path) -> None:
    log = ["--log", str(tmp_path / "log")] if "benchmarks.chaos" in command else []
    done = subprocess.run(
        [sys.executable, "-m", *command, *log], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout
