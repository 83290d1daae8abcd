"""What became of messages, as news for stores that listen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlmodel import Session, col, select

from notifier.db import facts
from notifier.db.endpoints import listeners, tell
from notifier.db.tables import Backorder, BackorderLine, MessageRow
from notifier.domain.law import standing
from notifier.domain.message import DROPPED, UNHEARD, Status
from notifier.domain.news import OF_MESSAGES, News, of_lost_notice, without_addresses

Entry = Mapping[str, Any]
"""A row of the history of messages."""


def moved(session: Session, entries: Iterable[Entry]) -> None:
    """Tell what these changes are, to whom it concerns; in the transaction that made them."""
    notable = [entry for entry in entries if _is_news(entry)]
    if not notable:
        return
    listening = listeners(session, {entry["store_id"] for entry in notable})
    notable = [entry for entry in notable if entry["store_id"] in listening]
    if notable:
        tell(session, list(_news(session, notable)), notable[0]["at"])


def _is_news(entry: Entry) -> bool:
    return _lost(entry) or (entry["after"] in OF_MESSAGES and entry["before"] != entry["after"])


def _lost(entry: Entry) -> bool:
    """Whether a legal notice has not reached its customer; so has none that a person dropped."""
    if entry["before"] == entry["after"]:
        return bool(entry["after"] == Status.SENT)  # handed over, and nobody confirms that it was delivered
    return entry["after"] in UNHEARD or (entry["after"] == Status.CANCELLED and entry["reason"] == DROPPED)


def _news(session: Session, entries: Sequence[Entry]) -> Iterator[News]:
    query = (
        sqlalchemy.select(
            col(MessageRow.id),
            col(MessageRow.kind),
            col(MessageRow.says),
            col(MessageRow.provider),
            col(Backorder.order_id),
        )
        .join(Backorder, col(Backorder.id) == col(MessageRow.backorder_id))
        .where(col(MessageRow.id).in_({entry["message_id"] for entry in entries}))
    )
    messages = {row.id: row for row in session.execute(query)}
    about = {entry["backorder_id"] for entry in entries}
    lines = select(BackorderLine.id, BackorderLine.sku).where(col(BackorderLine.backorder_id).in_(about))
    skus = dict(session.exec(lines).all())
    for entry in entries:
        row, after = messages[entry["message_id"]], Status(entry["after"])
        said = {
            "backorder_id": entry["backorder_id"],
            "order_id": row.order_id,
            "message_id": row.id,
            "kind": row.kind,
            "status": after.value,
            "reason": without_addresses(entry["reason"]),
            "provider": row.provider,
            "skus": [skus[line_id] for line_id in row.says],
        }
        if after in OF_MESSAGES and entry["before"] != after:
            yield News(OF_MESSAGES[after], entry["store_id"], entry["at"], said)
        if _lost(entry) and any(word.get("notice") for word in row.says.values()):
            yield from _lost_notice(session, entry, said, entry["at"])


def _lost_notice(session: Session, entry: Entry, said: Mapping[str, Any], now: datetime) -> Iterator[News]:
    order = facts.load(session, [entry["backorder_id"]])[entry["backorder_id"]]
    wheres = {line.id: standing(order.facts, line, order.policy, now) for line in order.facts.lines}
    news = of_lost_notice(entry["store_id"], order.facts, entry["message_id"], said, wheres, now)
    if news:
        yield news
