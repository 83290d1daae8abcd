"""Whole stories through the real engine: what each customer got, when, and where each line stood in law."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.config import Settings
from notifier.rehearsal import rehearse
from notifier.simulate import read_scenario
from notifier.simulate.library import FOLDER, names
from notifier.simulate.story import VERBS, Register
from notifier.words.language import LANGUAGES
from stories import tell

NEW_YORK = ZoneInfo("America/New_York")
NOTIFIER = Path(sys.executable).with_name("notifier")
MANUAL = Path(__file__).parents[2] / "docs" / "simulate.md"

MESSAGE = ["at", "event", "order_id", "kind", "subject", "to", "lines"]
LAW = ["at", "event", "order_id", "sku", "state"]
DATES = ["notice", "answer_by", "refund_by"]


@pytest.mark.parametrize("name", names())
def test_a_story_is_told_as_expected(name: str) -> None:
    assert tell.told(name).splitlines() == tell.expected(name).read_text("utf-8").splitlines()


def test_every_story_says_what_it_is_and_why_and_stands_in_the_index() -> None:
    timelines = {name: tell.expected(name).read_text("utf-8") for name in names()}
    assert len(timelines) >= 25
    titles = [tell.load(name)[0].title for name in timelines]
    assert len({title for title in titles if title}) == len(timelines)
    assert all(tell.load(name)[0].why for name in timelines)
    assert tell.INDEX.read_text("utf-8") == tell.index(timelines)
    assert {file.name for file in FOLDER.glob("*.expected.jsonl")} == {
        tell.expected(name).name for name in timelines
    }


def test_the_stories_tell_of_every_kind_of_event_email_and_state() -> None:
    happened = {item.event.do for name in names() for item in tell.load(name)[1]}
    assert happened == set(VERBS) == {
        "register", "eta", "sku_eta", "restock", "ship", "answer", "cancel", "refund", "bounce", "complain",
        "unsubscribe", "customer", "policy", "inbound", "inbound_move",
    }  # fmt: skip
    lines = [
        json.loads(line) for name in names() for line in tell.expected(name).read_text("utf-8").splitlines()
    ]
    assert {line["kind"] for line in lines if line["event"] == "message"} == {
        "expectation", "countdown", "delay", "consent", "earlier", "shipped", "cancelled",
        "refund", "waiting", "payment",
    }  # fmt: skip
    assert {line["state"] for line in lines if line["event"] == "law"} == {
        "on_time", "silence_ok", "need_consent", "renewed", "consented", "indefinite", "shipped", "cancelled",
        "refunded", "refund_overdue", "late", "terminable", "terminated",
    }  # fmt: skip


def test_a_customer_of_every_language_is_written_to() -> None:
    _, events = tell.load("customer-languages")
    spoken = {item.event.backorder.customer.locale for item in events if isinstance(item.event, Register)}
    assert set(LANGUAGES) <= spoken


# --- the examples of the rule on late orders (16 CFR 435), dated by hand -----------------------------------
# Placed on 1 March, for 31 March: T. X is 30 April.

SHORT = "03-20 silence_ok n1_short"
LONG = "03-20 need_consent n1_long answer by 04-30"
RENEWED = [SHORT, "04-15 renewed n2_renewed answer by 04-20"]
UNSAID = "03-31 need_consent n1_indef answer by 04-30"


@pytest.mark.parametrize(
    ("story", "states"),
    [
        ("shipped-on-the-last-day", ["03-31 shipped"]),
        ("no-notice", ["04-01 cancelled refund by 04-10", "04-11 refund_overdue refund by 04-10"]),
        (
            "auto-notice",
            [
                UNSAID,
                "05-01 cancelled n1_indef refund by 05-12",
                "05-13 refund_overdue n1_indef refund by 05-12",
            ],
        ),
        (
            "short-unshipped",
            [
                SHORT,
                "04-30 renewed n2_renewed answer by 04-30",
                "05-01 cancelled n2_renewed refund by 05-12",
                "05-13 refund_overdue n2_renewed refund by 05-12",
            ],
        ),
        (
            "long",
            [LONG, "05-01 cancelled n1_long refund by 05-12", "05-13 refund_overdue n1_long refund by 05-12"],
        ),
        ("short-silence", [SHORT, "04-20 shipped n1_short"]),
        ("long-shipped", [LONG, "04-28 shipped n1_long"]),
        (
            "renewed-silence",
            [
                *RENEWED,
                "04-21 cancelled n2_renewed refund by 04-30",
                "05-01 refund_overdue n2_renewed refund by 04-30",
            ],
        ),
        ("renewed-shipped", [*RENEWED, "04-19 shipped n2_renewed"]),
        (
            "renewed-consent",
            [
                *RENEWED,
                "04-20 consented n2_renewed",
                "05-10 renewed n2_renewed answer by 05-10",
                "05-11 cancelled n2_renewed refund by 05-20",
                "05-21 refund_overdue n2_renewed refund by 05-20",
            ],
        ),
        (
            "bounced-notice",
            [
                SHORT,
                "03-20 on_time",
                "03-31 silence_ok n1_short",
                "04-20 renewed n2_renewed answer by 04-20",
                "04-21 cancelled n2_renewed refund by 04-30",
                "05-01 refund_overdue n2_renewed refund by 04-30",
            ],
        ),
        (
            "range-at-checkout",
            [
                "04-12 need_consent n1_indef answer by 05-12",
                "05-13 cancelled n1_indef refund by 05-22",
                "05-23 refund_overdue n1_indef refund by 05-22",
            ],
        ),
        (
            "no-date-at-checkout",
            [
                "03-02 need_consent n1_indef answer by 04-30",
                "05-01 cancelled n1_indef refund by 05-12",
                "05-13 refund_overdue n1_indef refund by 05-12",
            ],
        ),
    ],
)
def test_the_dated_examples_of_the_rule_come_out_as_dated(story: str, states: list[str]) -> None:
    lines = [json.loads(line) for line in tell.expected(f"law-us-{story}").read_text("utf-8").splitlines()]
    assert [_state(line) for line in lines if line["event"] == "law"] == states


def _state(line: dict[str, Any]) -> str:
    at = datetime.fromisoformat(line["at"]).astimezone(NEW_YORK)
    dates = [
        f"{name.replace('_', ' ')} {line[name][5:]}" for name in ("answer_by", "refund_by") if name in line
    ]
    return " ".join([f"{at:%m-%d}", line["state"], *filter(None, [line.get("notice")]), *dates])


# --- what is printed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["all-every-event", "all-a-year-of-a-shop"])
def test_lines_come_in_order_of_time_with_the_fields_that_are_promised(name: str) -> None:
    lines: Sequence[dict[str, Any]] = [
        json.loads(line) for line in tell.expected(name).read_text("utf-8").splitlines()
    ]
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    assert times == sorted(times)
    assert all(line["at"].endswith("Z") for line in lines)
    for line in lines:
        if line["event"] == "message":
            assert list(line) == MESSAGE
            assert "@example" in line["to"]
            assert line["subject"]
        else:
            fields = list(line)
            assert fields[: len(LAW)] == LAW
            assert fields[len(LAW) :] == [name for name in DATES if name in line]
            for field in {"answer_by", "refund_by"} & line.keys():
                date.fromisoformat(line[field])


def test_the_story_of_the_manual_is_told_as_the_manual_tells_it(tmp_path: Path) -> None:
    manual = MANUAL.read_text(encoding="utf-8")
    story, lines = re.findall(r"```json\n(.*?)```", manual, re.DOTALL)
    printed = re.search(r"```\n\$ notifier simulate story.json\n(.*?)```", manual, re.DOTALL)
    file = tmp_path / "story.json"
    file.write_text(story, encoding="utf-8")
    told = list(rehearse(*read_scenario(file), Settings()))
    assert all(json.loads(line) in told for line in lines.splitlines())
    done = subprocess.run(
        [NOTIFIER, "simulate", str(file)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "112"},
    )
    assert printed
    assert [line.rstrip() for line in done.stdout.strip("\n").splitlines()] == printed[1].splitlines()
