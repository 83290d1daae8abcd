"""What `make demo` shows before anybody has done anything."""

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from rich.console import Console

from notifier import demo, wording
from notifier.api.app import create_app
from notifier.domain.message import Kind
from notifier.words.render import Templates

TEMPLATES = Path(__file__).parents[2] / "templates"


def test_the_second_subject_that_the_demo_tries_could_be_published_by_a_store() -> None:
    templates = Templates(TEMPLATES)
    wording.checked(templates, Kind.COUNTDOWN, demo._two_subjects(templates))


def test_the_demo_shows_a_trial_that_runs_and_units_that_were_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "ORDERS", 12)
    now = datetime.now(UTC)
    services, words = demo.set_the_stage(tmp_path / "demo", 8000, now, Console(quiet=True))
    with TestClient(create_app(services)) as browser:
        assert browser.post("/console/login", data={"api_key": demo.API_KEY}).status_code == 200
        shown = {
            name: urlsplit(address)
            for name, address in re.findall(r"^  (Trial|Arrivals) +(\S+)", words, re.MULTILINE)
        }
        trial = browser.get(shown["Trial"].path).text
        assert "Being tried now" in trial
        assert "is on time" in trial
        arrivals = browser.get(f"{shown['Arrivals'].path}?{shown['Arrivals'].query}")
        assert arrivals.status_code == 200
        assert "One to each order in turn" in arrivals.text
        aside = browser.get("/v1/insights", headers={"Authorization": f"Bearer {demo.API_KEY}"}).json()
        assert any(it["allocated"] for it in aside["waiting_by_sku"])
    services.engine.dispose()
