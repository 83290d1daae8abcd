"""Domain values as JSON columns, and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, time
from functools import lru_cache
from typing import Any, TypeVar

from notifier.domain.eta import Eta
from notifier.domain.inbound import Stage
from notifier.domain.message import Said
from notifier.domain.policy import Policy, SkuPolicy, Window

Place = TypeVar("Place", str, int)
"""A line, by its id or by its position."""


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def says_to_json(says: Mapping[Place, Said]) -> dict[Place, Any]:
    return {line_id: _said_to_json(said) for line_id, said in says.items()}


def _said_to_json(said: Said) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in (
            ("eta", said.eta.latest),
            ("earliest", said.eta.earliest),
            ("notice", said.notice),
            ("answer_by", said.answer_by),
            ("further", said.further or None),
            ("next_word", said.next_word),
            ("stage", said.stage),
        )
        if value is not None
    }


@lru_cache(10_000)
def written(said: Said) -> str:
    """The JSON of what is said of a line: the same of very many lines, so it is spelled once."""
    return json.dumps(_said_to_json(said))


def says_from_json(data: Mapping[str, Any]) -> dict[str, Said]:
    return {
        line_id: Said(
            Eta(_day(said.get("eta")), _day(said.get("earliest"))),
            said.get("notice"),
            _day(said.get("answer_by")),
            said.get("further", False),
            _day(said.get("next_word")),
            Stage(said["stage"]) if "stage" in said else None,
        )
        for line_id, said in data.items()
    }


def policy_to_json(policy: Policy) -> dict[str, Any]:
    """Every field of a policy as plain JSON values: days and hours as numbers, wall times as "HH:MM"."""
    window = policy.send_window
    return asdict(policy) | {
        "countdown_days": list(policy.countdown_days),
        "send_window": {"start": window.start.strftime("%H:%M"), "end": window.end.strftime("%H:%M")},
        "skus": {
            sku: {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(own).items()
                if value is not None
            }
            for sku, own in policy.skus.items()
        },
    }


def policy_from_json(data: Mapping[str, Any]) -> Policy:
    """A policy from what a store has set; what it left out has its default."""
    values = _with_milestones(data)
    if "send_window" in values:
        window = values["send_window"]
        values["send_window"] = Window(time.fromisoformat(window["start"]), time.fromisoformat(window["end"]))
    if "skus" in values:
        values["skus"] = {sku: SkuPolicy(**_with_milestones(own)) for sku, own in values["skus"].items()}
    return Policy(**values)


def _with_milestones(data: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(data)
    if values.get("countdown_days") is not None:
        values["countdown_days"] = tuple(sorted(set(values["countdown_days"]), reverse=True))
    return values
