"""Where the goods are that a line waits for, as its customer reads it in the weekly word: one new fact, or none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from notifier.domain.inbound import Stage
from notifier.domain.message import Said
from notifier.domain.order import Facts, left_at

STAGES = tuple(Stage)
"""In the order in which goods come through them."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The stage of the goods that a line waits for, and since when they have been there."""

    stage: Stage
    since: datetime


def of_line(needed: int, shares: Iterable[tuple[int, Whereabouts]]) -> Whereabouts | None:
    """Where the goods of a line are that needs so many units, by its shares of coming shipments.

    It is complete when its last units are here, so it is where those are that have farthest to go. None where shipments
    cover only a part: nobody knows where the rest is.
    """
    mine = [(units, where) for units, where in shares if units]
    if not mine or sum(units for units, _ in mine) < needed:
        return None
    return min((where for _, where in mine), key=lambda it: (STAGES.index(it.stage), it.since))


def with_progress(
    facts: Facts, says: Mapping[str, Said], whereabouts: Mapping[str, Whereabouts]
) -> dict[str, Said]:
    """The same, and the stage of those lines whose goods have come to it since their customer last heard of the order.

    Of several stages only the nearest is told, of the lines that are there: one new fact. What was the last to be told
    of a line is not told again.
    """
    heard = max([facts.registered_at, *(left_at(m) for m in facts.left)])
    news = {
        id_: where.stage
        for id_ in says
        if (where := whereabouts.get(id_)) and where.since > heard and where.stage != _told(facts, id_)
    }
    nearest = max(news.values(), key=STAGES.index, default=None)
    return {
        id_: replace(said, stage=nearest) if nearest and news.get(id_) is nearest else said
        for id_, said in says.items()
    }


def _told(facts: Facts, line_id: str) -> Stage | None:
    """The stage that was last told of a line."""
    told = [
        (left_at(message), said.stage)
        for message in facts.left
        if (said := message.says.get(line_id)) and said.stage
    ]
    return max(told)[1] if told else None


def without_progress(says: Mapping[str, Said]) -> dict[str, Said]:
    """What planning wants said, which knows of no stages."""
    return {id_: replace(said, stage=None) if said.stage else said for id_, said in says.items()}
