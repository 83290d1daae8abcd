"""How a countdown's two subjects have done so far, and what may be said of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from notifier import wording
from notifier.db import trying, wordings
from notifier.db.tables import Store
from notifier.domain.message import Kind
from notifier.domain.trying import MIN_ORDERS, VARIANTS, WEEK, Finding, Share, Variant, Verdict, compared
from notifier.errors import NotFound
from notifier.words.render import Templates, Wording
from notifier.words.trying import mark

Outcome = Literal["cancelled", "stopped"]
OUTCOMES: Mapping[Outcome, str] = {
    "cancelled": "were cancelled by their customers",
    "stopped": "had their reminders stopped or marked as spam",
}
"""What an order's customer did within a week of its first such email. Of both, fewer are better."""


@dataclass(frozen=True, slots=True)
class Half:
    """How one subject has done: its emails by what became of them, its orders, and what share of those that are a week
    old did what. `subject` is what it says to the first sample order."""

    subject: str
    sent: int
    delivered: int
    bounced: int
    complained: int
    orders: int
    shares: Mapping[Outcome, Share]


@dataclass(frozen=True, slots=True)
class Trial:
    """`version` of the template tries these two; `running` says whether emails that leave now do."""

    version: int
    running: bool
    halves: Mapping[Variant, Half]
    findings: Mapping[Outcome, Finding]


def trial(
    session: Session, templates: Templates, store: Store, kind: Kind, version: int | None, now: datetime
) -> Trial:
    """How the two subjects of a version, by default the live one, have done, in whatever versions they stood.

    Raises NotFound where there is no such version, or it has one subject.
    """
    live = store.templates.get(kind.value, 0)
    number = live if version is None else version
    words = _words(session, store, kind, number) if number else None
    if words is None or words.experiment is None:
        raise NotFound(
            f"{f'version {number}' if number else 'the template'} of {kind} tries no second subject"
        )
    now_live = words if number == live else _words(session, store, kind, live) if live else None
    subjects = _subjects(templates, store, kind, words)
    halves = _halves(session, store.id, words.experiment, subjects, now)
    return Trial(
        version=number,
        running=now_live is not None and now_live.experiment == words.experiment,
        halves=halves,
        findings={
            outcome: compared({chosen: one.shares[outcome] for chosen, one in halves.items()})
            for outcome in OUTCOMES
        },
    )


def told(outcome: Outcome, finding: Finding) -> str:
    """What may be said of an outcome, in one sentence."""
    low, high = finding.interval.low * 100, finding.interval.high * 100
    match finding.verdict:
        case Verdict.TOO_FEW:
            return f"Nothing can be said yet: each half needs {MIN_ORDERS} orders that got it a week ago or more."
        case Verdict.NO_DIFFERENCE:
            return (
                f"No difference can be told: with B, between {-low:.1f} of a hundred orders fewer and {high:.1f} more"
                f" {OUTCOMES[outcome]}, at 95 % confidence."
            )
        case Verdict.FEWER_WITH_A:
            return f"A does better: with B, {low:.1f} to {high:.1f} more of a hundred orders {OUTCOMES[outcome]}."
        case Verdict.FEWER_WITH_B:
            return f"B does better: with it, {-high:.1f} to {-low:.1f} fewer of a hundred orders {OUTCOMES[outcome]}."


def _words(session: Session, store: Store, kind: Kind, number: int) -> Wording | None:
    row = wordings.version(session, store.id, kind, number)
    return wording.of_version(row) if row is not None and row.source is not None else None


def _subjects(templates: Templates, store: Store, kind: Kind, words: Wording) -> Mapping[Variant, str]:
    scene = wording.sample_scene(kind, None, store.locale)
    first, _ = wording.draw(templates, store, kind, scene, words)
    other, _ = wording.draw(templates, store, kind, scene, words, second=True)
    return {"a": first.subject, "b": other.subject}


def _halves(
    session: Session, store_id: str, experiment: str, subjects: Mapping[Variant, str], now: datetime
) -> Mapping[Variant, Half]:
    until = now - WEEK
    marks = {mark(experiment, chosen): chosen for chosen in VARIANTS}
    found: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for its, status, count in trying.emails(session, store_id, list(marks)):
        found[its][status] += count
    orders = trying.orders(session, store_id, list(marks), until)
    did: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for reaction in trying.reactions(session, store_id, list(marks), until):
        if reaction.at - reaction.sent_at <= WEEK:
            did[reaction.variant, reaction.what].add(reaction.backorder_id)
    halves = {}
    for its, chosen in marks.items():
        every, ripe = orders.get(its, (0, 0))
        complained = found[its]["complained"]
        halves[chosen] = Half(
            subject=subjects[chosen],
            sent=sum(found[its].values()),
            delivered=found[its]["delivered"] + complained,
            bounced=found[its]["bounced"],
            complained=complained,
            orders=every,
            shares={outcome: Share(len(did[its, outcome]), ripe) for outcome in OUTCOMES},
        )
    return halves
