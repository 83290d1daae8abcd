"""What operators are given speaks of figures that exist."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.delivery import Tried
from notifier.domain.message import Kind
from notifier.metrics import Metrics
from notifier.providers.base import Accepted

DOCS = Path(__file__).parent.parent / "docs"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
EXPRESSION = re.compile(r"\bnotifier_[a-z_]+")


@pytest.fixture
def figures(engine: Engine) -> str:
    """What a process tells after it has done a little of everything."""
    metrics = Metrics(engine, lambda: NOW, lambda: {"dispatch": NOW})
    metrics.tried(Tried(Kind.SHIPPED, "outbox", Accepted(), attempts=1, seconds=0.02, late_seconds=0.3))
    metrics.swept({"unknown": 1, "expired": 0})
    metrics.called("delivered", 0.02)
    metrics.heard("shopify", "registered")
    metrics.requested("/v1/backorders", 201, 0.01)
    return metrics.text().decode()


@pytest.mark.parametrize("file", ["alerts.yml", "grafana-dashboard.json", "operations.md"])
def test_every_figure_that_is_named_exists(figures: str, file: str) -> None:
    exist = set(re.findall(r"^# TYPE (\w+)", figures, re.MULTILINE)) | set(
        re.findall(r"^(\w+)[{ ]", figures, re.MULTILINE)
    )
    named = set(EXPRESSION.findall((DOCS / file).read_text(encoding="utf-8")))
    assert named
    assert named - exist == set()


def test_every_figure_is_on_the_dashboard(figures: str) -> None:
    dashboard = json.loads((DOCS / "grafana-dashboard.json").read_text(encoding="utf-8"))
    shown = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    families = set(re.findall(r"^# TYPE (notifier_\w+)", figures, re.MULTILINE))
    assert {name for name in families if not name.endswith("_created") and name not in shown} == set()


def test_every_alert_is_explained() -> None:
    alerts = re.findall(r"alert: (\w+)", (DOCS / "alerts.yml").read_text(encoding="utf-8"))
    explained = re.findall(
        r"^### (Notifier\w+)$", (DOCS / "operations.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert alerts == explained
