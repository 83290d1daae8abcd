"""Plays every story and writes its expected timeline beside it, and the index: `make stories`.

What it writes is for a person to read before it is committed: the timeline of a story is what the product promises.
"""

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from notifier.config import Settings
from notifier.rehearsal import rehearse
from notifier.simulate import Numbered, Scenario, read_scenario

HERE = Path(__file__).parent
INDEX = HERE / "README.md"
CHAPTERS = {
    "dates": "Dates that hold, move, and are lost",
    "law": "The law on late orders",
    "supply": "Supply",
    "customer": "Customers",
    "clock": "Clocks and calendars",
    "money": "Money",
    "policy": "A store's own policy",
    "all": "All together",
}
HEAD = """# Stories

What each customer gets, when, and why: each story is one file that `notifier simulate` plays through the real engine,
and beside it stands its expected timeline, to the letter what `--json` prints. A test plays every one.

```sh
.venv/bin/notifier simulate stories/dates-a-date-kept.json    # what the customer gets, as a calendar
make stories                                           # write what is expected again, then read what changed
```

They are in the console too, under Simulate, to play by your own store's policy and templates. The format, and how to
tell a story of your own, is in [docs/simulate.md](../docs/simulate.md). Times below are those of the customer's wall.
"""


def names() -> list[str]:
    """Every story, in the order of the chapters."""
    order = list(CHAPTERS)
    return sorted(
        (file.stem for file in HERE.glob("*.json")), key=lambda name: (order.index(chapter(name)), name)
    )


def chapter(name: str) -> str:
    return name.partition("-")[0]


def load(name: str) -> tuple[Scenario, list[Numbered]]:
    return read_scenario(HERE / f"{name}.json")


def expected(name: str) -> Path:
    return HERE / f"{name}.expected.jsonl"


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


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    timelines = {name: told(name) for name in names()}
    for file in HERE.glob("*.expected.jsonl"):
        if file.name.removesuffix(".expected.jsonl") not in timelines:
            file.unlink()
    changed = []
    for name, timeline in timelines.items():
        if not expected(name).exists() or expected(name).read_text("utf-8") != timeline:
            changed.append(name)
        expected(name).write_text(timeline, encoding="utf-8")
    INDEX.write_text(index(timelines), encoding="utf-8")
    sys.stdout.write(f"{len(timelines)} stories; other than before: {', '.join(changed) or 'none'}\n")


if __name__ == "__main__":
    main()
