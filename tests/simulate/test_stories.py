"""Whole stories through the real engine: what each customer got, when, and where each line stood in law."""

import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.config import Settings
from notifier.rehearsal import rehearse
from notifier.simulate import read_scenario

HERE = Path(__file__).parent
NEW_YORK = ZoneInfo("America/New_York")

MESSAGE = ["at", "event", "order_id", "kind", "subject", "to", "lines"]
LAW = ["at", "event", "order_id", "sku", "state"]
DATES = ["notice", "answer_by", "refund_by"]


def played(name: str) -> list[dict[str, Any]]:
    scenario, events = read_scenario(HERE / f"{name}.json")
    return list(rehearse(scenario, events, Settings()))


def short(lines: Sequence[dict[str, Any]], zone: ZoneInfo = NEW_YORK) -> list[str]:
    """Each line in a few words, its time that of the zone's wall."""
    return [_short(line, zone) for line in lines]


def _short(line: dict[str, Any], zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(line["at"]).astimezone(zone)
    if line["event"] == "message":
        return f"{at:%m-%d %H:%M} {line['kind']} {'+'.join(line['lines'])}"
    dates = "".join(f" {name}={line[name].removeprefix('2026-')}" for name in DATES if name in line)
    return f"{at:%m-%d %H:%M} {line['sku']} {line['state']}{dates}"


# --- the examples of the rule on late orders (16 CFR 435) -------------------------------------------------
# Placed on 1 March, for 31 March: T. X is 30 April.

WELCOME = "03-01 10:00 expectation A"
SHORT = [WELCOME, "03-20 09:15 delay A", "03-20 09:15 A silence_ok notice=n1_short"]
LONG = [WELCOME, "03-20 09:15 consent A", "03-20 09:15 A need_consent notice=n1_long answer_by=04-30"]
RENEWED = [*SHORT, "04-15 09:15 consent A", "04-15 09:15 A renewed notice=n2_renewed answer_by=04-20"]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("law_1_shipped_on_the_last_day", [WELCOME, "03-31 15:00 A shipped", "03-31 15:00 shipped A"]),
        (
            "law_1_no_notice",
            [
                WELCOME,
                "04-01 00:00 A cancelled refund_by=04-10",
                "04-11 00:00 A refund_overdue refund_by=04-10",
            ],
        ),
        (
            "law_1_no_notice_but_auto",
            [
                WELCOME,
                "03-31 19:00 consent A",
                "03-31 19:00 A need_consent notice=n1_indef answer_by=04-30",
                "05-01 00:00 A cancelled notice=n1_indef refund_by=05-12",
                "05-13 00:00 A refund_overdue notice=n1_indef refund_by=05-12",
            ],
        ),
        (
            "law_2_short",
            [
                *SHORT,
                "04-30 19:00 consent A",
                "04-30 19:00 A renewed notice=n2_renewed answer_by=04-30",
                "05-01 00:00 A cancelled notice=n2_renewed refund_by=05-12",
                "05-13 00:00 A refund_overdue notice=n2_renewed refund_by=05-12",
            ],
        ),
        (
            "law_2_long",
            [
                *LONG,
                "05-01 00:00 A cancelled notice=n1_long refund_by=05-12",
                "05-13 00:00 A refund_overdue notice=n1_long refund_by=05-12",
            ],
        ),
        (
            "law_3_short_silence_shipped",
            [*SHORT, "04-20 15:00 A shipped notice=n1_short", "04-20 15:00 shipped A"],
        ),
        (
            "law_4_long_silence_shipped",
            [*LONG, "04-28 09:00 A shipped notice=n1_long", "04-28 09:00 shipped A"],
        ),
        (
            "law_4_long_silence_unshipped",
            [
                *LONG,
                "05-01 00:00 A cancelled notice=n1_long refund_by=05-12",
                "05-13 00:00 A refund_overdue notice=n1_long refund_by=05-12",
            ],
        ),
        (
            "law_5_renewed_silence",
            [
                *RENEWED,
                "04-21 00:00 A cancelled notice=n2_renewed refund_by=04-30",
                "05-01 00:00 A refund_overdue notice=n2_renewed refund_by=04-30",
            ],
        ),
        (
            "law_5_renewed_shipped",
            [*RENEWED, "04-19 09:00 A shipped notice=n2_renewed", "04-19 09:00 shipped A"],
        ),
        (
            "law_5_renewed_consent",
            [
                *RENEWED,
                "04-20 22:00 A consented notice=n2_renewed",
                "05-10 19:00 consent A",
                "05-10 19:00 A renewed notice=n2_renewed answer_by=05-10",
                "05-11 00:00 A cancelled notice=n2_renewed refund_by=05-20",
                "05-21 00:00 A refund_overdue notice=n2_renewed refund_by=05-20",
            ],
        ),
        (
            "law_6_bounced_notice",
            [
                *SHORT,
                "03-20 12:00 A on_time",
                "03-31 19:00 delay A",
                "03-31 19:00 A silence_ok notice=n1_short",
                "04-20 19:00 consent A",
                "04-20 19:00 A renewed notice=n2_renewed answer_by=04-20",
                "04-21 00:00 A cancelled notice=n2_renewed refund_by=04-30",
                "05-01 00:00 A refund_overdue notice=n2_renewed refund_by=04-30",
            ],
        ),
        (
            "law_7_range_at_checkout",
            [
                WELCOME,
                "04-12 19:00 consent A",
                "04-12 19:00 A need_consent notice=n1_indef answer_by=05-12",
                "05-13 00:00 A cancelled notice=n1_indef refund_by=05-22",
                "05-23 00:00 A refund_overdue notice=n1_indef refund_by=05-22",
            ],
        ),
        (
            "law_0_no_date_at_checkout",
            [
                WELCOME,
                "03-01 10:15 consent A",
                "03-01 10:15 A need_consent notice=n1_indef answer_by=04-30",
                "05-01 00:00 A cancelled notice=n1_indef refund_by=05-12",
                "05-13 00:00 A refund_overdue notice=n1_indef refund_by=05-12",
            ],
        ),
    ],
)
def test_the_dated_examples_of_the_rule_come_out_as_dated(story: str, expected: list[str]) -> None:
    assert short(played(story)) == expected


# --- every kind of event ----------------------------------------------------------------------------------


def test_a_story_of_every_kind_of_event() -> None:
    assert short(played("contract")) == [
        "03-01 10:00 expectation A+B",
        "03-20 09:15 delay A",
        "03-20 09:15 A silence_ok notice=n1_short",
        "04-01 09:15 consent A",
        "04-01 09:15 A renewed notice=n2_renewed answer_by=04-30",
        "04-03 09:00 countdown B",
        "04-06 09:00 shipped A",
        "04-07 09:00 A indefinite notice=n2_renewed",
        "04-08 09:00 A silence_ok notice=n1_short",  # the notice that the customer had agreed to came back
        "04-09 09:00 A cancelled notice=n1_short refund_by=04-20",
        "04-09 09:00 B cancelled refund_by=04-20",
        "04-09 09:00 cancelled A+B",
        "04-15 09:00 A refunded notice=n1_short",
        "04-15 09:00 B refunded",
    ]


def test_lines_come_in_order_of_time_with_the_fields_that_are_promised() -> None:
    lines = played("contract")
    times = [datetime.fromisoformat(line["at"]) for line in lines]
    assert times == sorted(times)
    assert all(line["at"].endswith("Z") for line in lines)
    for line in lines:
        if line["event"] == "message":
            assert list(line) == MESSAGE
            assert line["to"] == "jane@example.com"
            assert line["subject"]
        else:
            fields = list(line)
            assert fields[: len(LAW)] == LAW
            assert fields[len(LAW) :] == [name for name in DATES if name in line]
            for name in {"answer_by", "refund_by"} & line.keys():
                date.fromisoformat(line[name])


# --- a year ----------------------------------------------------------------------------------------------


def of_order(lines: Sequence[dict[str, Any]], order_id: str, zone: str) -> list[str]:
    return short([line for line in lines if line["order_id"] == order_id], ZoneInfo(zone))


def test_a_year_of_a_shop_with_customers_around_the_world() -> None:
    year = played("year")
    assert of_order(year, "2001", "America/New_York") == [
        "01-10 21:30 expectation LAMP",
        "01-23 09:00 countdown LAMP",
        "01-30 09:00 countdown LAMP",
        "02-03 09:00 countdown LAMP",
        "02-05 09:00 countdown LAMP",
        "02-06 16:00 LAMP shipped",
        "02-06 16:00 shipped LAMP",
    ]
    assert of_order(year, "2002", "America/Los_Angeles") == [
        "02-20 08:00 expectation LAMP+VASE",
        "03-01 09:00 countdown LAMP",
        "03-08 09:00 countdown LAMP+VASE",  # the morning after the clock went forward
        "03-12 09:00 countdown LAMP",
        "03-13 10:00 LAMP shipped",
        "03-13 10:00 shipped LAMP",
        "03-15 09:00 countdown VASE",
        "03-16 18:15 earlier VASE",
        "03-18 09:00 countdown VASE",
        "03-19 10:00 VASE shipped",
        "03-19 10:00 shipped VASE",
    ]
    assert of_order(year, "2003", "Europe/Berlin") == [
        "03-02 12:00 expectation CLOCK",
        "03-28 09:00 delay CLOCK",  # two changes in the night, one email in the morning
        "04-15 09:00 countdown CLOCK",
        "04-16 00:00 CLOCK late",
        "04-22 09:00 countdown CLOCK",
        "04-26 09:00 countdown CLOCK",
        "04-28 09:00 countdown CLOCK",
        "04-28 15:00 CLOCK shipped",
        "04-28 15:00 shipped CLOCK",
    ]
    assert of_order(year, "2004", "America/New_York") == [
        "05-04 10:00 expectation DESK",
        "05-18 09:00 countdown DESK",
        "05-20 11:15 delay DESK",
        "05-20 11:15 DESK silence_ok notice=n1_short",
        "06-01 09:00 countdown DESK",
        "06-08 09:00 countdown DESK",
        "06-08 11:15 consent DESK",
        "06-08 11:15 DESK renewed notice=n2_renewed answer_by=06-15",
        "06-09 20:00 DESK consented notice=n2_renewed",
        "07-06 09:00 countdown DESK",
        "07-13 09:00 countdown DESK",
        "07-14 11:15 consent DESK",
        "07-14 11:15 DESK renewed notice=n2_renewed answer_by=07-20",
        "07-15 08:00 DESK cancelled notice=n2_renewed refund_by=07-24",
        "07-15 08:00 cancelled DESK",
        "07-20 08:00 DESK refunded notice=n2_renewed",
    ]
    assert of_order(year, "2005", "Asia/Tokyo") == [
        "09-28 09:00 expectation LAMP",
        "10-06 01:00 cancelled LAMP",
        "10-22 09:00 countdown LAMP",
        "10-29 09:00 countdown LAMP",
        "11-02 09:00 countdown LAMP",
        "11-03 02:00 LAMP shipped",
        "11-03 02:00 shipped LAMP",
    ]
    assert of_order(year, "2006", "America/New_York") == [
        "11-20 10:00 expectation ORN",
        "12-04 09:00 countdown ORN",
        "12-11 09:00 countdown ORN",
        "12-15 09:00 countdown ORN",
        "12-17 09:00 countdown ORN",
        "12-18 19:00 consent ORN",  # forgotten by the shop: the deadline never passes in silence
        "12-18 19:00 ORN need_consent notice=n1_indef answer_by=2027-01-17",
        "12-19 09:00 ORN shipped notice=n1_indef",
        "12-19 09:00 shipped ORN",
    ]


def test_each_customer_is_written_to_in_their_language() -> None:
    subjects = {line["order_id"]: line["subject"] for line in played("year") if line.get("kind") == "delay"}
    assert "2004" in subjects["2004"]
    assert "29. April 2026" in subjects["2003"]


def test_the_story_of_the_manual_is_told_as_the_manual_tells_it(tmp_path: Path) -> None:
    manual = (HERE.parent.parent / "docs" / "simulate.md").read_text(encoding="utf-8")
    story, lines = re.findall(r"```json\n(.*?)```", manual, re.DOTALL)
    printed = re.search(r"```\n\$ notifier simulate story.json\nwhen [^\n]*\n(.*?)```", manual, re.DOTALL)
    file = tmp_path / "story.json"
    file.write_text(story, encoding="utf-8")
    scenario, events = read_scenario(file)
    told = list(rehearse(scenario, events, Settings()))
    assert all(json.loads(line) in told for line in lines.splitlines())
    assert printed
    rows = [row.split(maxsplit=4)[:4] for row in printed[1].splitlines()]
    stamps = [datetime.fromisoformat(line["at"]).strftime("%Y-%m-%d %H:%M").split() for line in told]
    assert rows == [
        [*at, line["order_id"], line.get("kind", "law")] for at, line in zip(stamps, told, strict=True)
    ]
    assert all(line["subject"] in printed[1] for line in told if line["event"] == "message")
