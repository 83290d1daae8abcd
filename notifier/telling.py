"""Tells stores that listen what facts came in and where the law stands; in the transaction of what happened."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from notifier.db.endpoints import listeners, tell
from notifier.db.facts import Order, after, store_standings
from notifier.db.tables import Fact
from notifier.domain.law import standing
from notifier.domain.law.duties import next_look
from notifier.domain.law.standing import Standing
from notifier.domain.news import News, next_near, of_facts, of_law, of_registering
from notifier.domain.order import Facts
from notifier.domain.policy import Policy

Known = tuple[str, Facts, Policy]
"""An order as far as news of it goes: its store, its facts, its policy."""


def listened(session: Session, store_id: str) -> bool:
    """Whether anybody wants news of that store: of one order and its law, so that each is planned by itself."""
    return bool(listeners(session, {store_id}))


def registered(session: Session, new: Iterable[Known], now: datetime) -> None:
    """These orders are new, and written with where they stand."""
    new = list(new)
    listening = listeners(session, {store_id for store_id, _, _ in new})
    news: list[News] = []
    again: list[dict[str, Any]] = []
    for store_id, facts, policy in new:
        if store_id in listening:
            wheres = _wheres(facts, policy, now)
            news.append(of_registering(store_id, facts, now))
            news += of_law(
                store_id, facts, {line_id: it.state for line_id, it in wheres.items()}, wheres, now
            )
            again += _again(facts, policy, wheres, now)
    tell(session, news, now)
    store_standings(session, again, [])


def happened(session: Session, changed: Sequence[tuple[Order, Sequence[Fact]]], now: datetime) -> None:
    """These facts came in; the rows of their orders show them already."""
    listening = listeners(session, {order.row.store_id for order, _ in changed})
    for order, facts in changed:
        if order.row.store_id in listening:
            told = [(fact.kind, fact.at, fact.data) for fact in facts]
            tell(session, of_facts(order.row.store_id, after(order, facts).facts, told), now)


def stands(session: Session, orders: Sequence[Order], now: datetime) -> list[dict[str, Any]]:
    """Say where lines stand in law that stood elsewhere as their rows have it, and what falls due.

    Answers when orders must be looked at again so that their next duty is told in time: dicts of `id` and
    `replan_at`, of those for which that is earlier than for any other reason.
    """
    listening = listeners(session, {order.row.store_id for order in orders})
    news: list[News] = []
    again: list[dict[str, Any]] = []
    for order in orders:
        if order.row.store_id in listening:
            wheres = _wheres(order.facts, order.policy, now)
            before = {row.id: row.law_state for row in order.lines}
            news += of_law(order.row.store_id, order.facts, before, wheres, now)
            again += _again(order.facts, order.policy, wheres, now)
    tell(session, news, now)
    return again


def _wheres(facts: Facts, policy: Policy, now: datetime) -> dict[str, Standing]:
    return {line.id: standing(facts, line, policy, now) for line in facts.lines}


def _again(
    facts: Facts, policy: Policy, wheres: Mapping[str, Standing], now: datetime
) -> list[dict[str, Any]]:
    near, planned = next_near(facts, wheres, now), next_look(facts, policy, wheres, now)
    if near is None or (planned is not None and planned <= near):
        return []
    return [{"id": facts.backorder_id, "replan_at": near}]
