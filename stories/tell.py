"""Plays every story and writes its expected timeline beside it, and the index: `make stories`.

What it writes is for a person to read before it is committed: the timeline of a story is what the product promises.
"""

import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from notifier.config import Settings
from notifier.rehearsal import rehearse
from notifier.simulate import Numbered, Scenario, read_scenario
from notifier.simulate.library import CHAPTERS, FOLDER, chapter, names

INDEX = FOLDER / "README.md"
HEAD = """# Stories

What each customer gets, when, and why: each story is one file that `notifier simulate` plays through the real engine,
and beside it stands its expected timeline, to the letter what `--json` prints. A test plays every one.

```sh
.venv/bin/notifier simulate stories/dates-a-date-kept.json    # what the customer gets, as a calendar
make stories                                           # write what is expected again, then read what changed
make stories STORY=dates-a-date-kept                   # of one only
```

They are in the console too, under Simulate, to play by your own store's policy and templates. The format, and how to
tell a story of your own, is in [docs/simulate.md](../docs/simulate.md). Times below are those of the customer's wall.
"""


def load(name: str) -> tuple[Scenario, list[Numbered]]:
    return read_scenario(FOLDER / f"{name}.json")


def expected(name: str) -> Path:
    return FOLDER / f"{name}.expected.jsonl"


def told(name: str) -> str:
    """What `notifier simulate --json` prints of a story."""
    lines = rehearse(*load(name), Settings(_env_file=None))
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def index(timelines: Mapping[str, str]) -> str:
    """The README: every story with its reason and, in short, what comes of it."""
    pages, before = [HEAD], ""
    for name in names():
        if chapter(name) != before:
            before = chapter(name)
            pages.append(f"\n## {CHAPTERS[before]}\n")
        scenario, events = load(name)
        pages.append(f"\n### {scenario.title}\n\n{scenario.why}\n[{name}.json]({name}.json)\n\n```\n")
        pages += [f"{line}\n" for line in short(timelines[name].splitlines(), zones(scenario, events))]
        pages.append("```\n")
    return "".join(pages)


def zones(scenario: Scenario, events: Iterable[Numbered]) -> dict[str, ZoneInfo]:
    """By order, the zone of its customer."""
    orders = (item.event.backorder for item in events if item.event.do == "register")
    return {order.order_id: ZoneInfo(order.customer.timezone or scenario.store.timezone) for order in orders}


def short(lines: Iterable[str], zones: Mapping[str, ZoneInfo]) -> list[str]:
    """A timeline in few words; orders are named where there are several."""
    return [_short(json.loads(line), zones) for line in lines]


def _short(line: Mapping[str, Any], zones: Mapping[str, ZoneInfo]) -> str:
    at = datetime.fromisoformat(line["at"]).astimezone(zones[line["order_id"]])
    order = f"{line['order_id']:>5}  " if len(zones) > 1 else ""
    when = f"{at:%Y-%m-%d %a %H:%M}  {order}"
    if line["event"] == "message":
        return f"{when}{line['kind']:<12}{line['subject']}"
    more = "".join(f", {name} {line[name]}" for name in ("notice", "answer_by", "refund_by") if name in line)
    return f"{when}{'law':<12}{line['sku']} is {line['state']}{more}"


def main(wanted: Sequence[str]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for file in FOLDER.glob("*.expected.jsonl"):
        if file.name.removesuffix(".expected.jsonl") not in names():
            file.unlink()
    changed = []
    for name in wanted or names():
        timeline = told(name)
        if not expected(name).exists() or expected(name).read_text("utf-8") != timeline:
            changed.append(name)
        expected(name).write_text(timeline, encoding="utf-8")
    INDEX.write_text(index({name: expected(name).read_text("utf-8") for name in names()}), encoding="utf-8")
    sys.stdout.write(f"{len(names())} stories; other than before: {', '.join(changed) or 'none'}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
