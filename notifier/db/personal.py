"""Where an address stands in the database, and how it goes from there.

What is not known by name here is found by walking the tables themselves, so a table that is added later forgets too.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    RowMapping,
    String,
    Table,
    TypeDecorator,
    and_,
    cast,
    delete,
    func,
    or_,
    true,
    update,
)
from sqlmodel import Session, SQLModel, col, select

from notifier.db import suppressions
from notifier.db.facts import Order
from notifier.db.ids import new_id
from notifier.db.privacy_tables import Erasure
from notifier.db.tables import (
    Backorder,
    Fact,
    MessageContent,
    MessageHistory,
    MessageRow,
)
from notifier.domain.forgetting import Person
from notifier.domain.message import Status

BY_HAND = frozenset(
    {"backorder", "fact", "message", "message_content", "message_history", "provider_event", "idempotency_key",
     "suppression", "erasure"}
)  # fmt: skip
"""Tables that have their own rule; the others are searched."""

GONE = {
    "type": "/problems/erased",
    "title": "Erased",
    "status": 410,
    "detail": "the answer to this request held data of a customer who has been erased since",
}


def _is(column: Any, address: str) -> Any:
    return or_(column == address, func.lower(column) == address.lower())


# --- finding ----------------------------------------------------------------------------------------------


def orders_of(session: Session, store_id: str, address: str) -> list[str]:
    """Ids of the orders of this address, oldest first."""
    query = select(Backorder.id).where(Backorder.store_id == store_id, _is(col(Backorder.email), address))
    return list(session.exec(query.order_by(col(Backorder.id))))


def messages_to(session: Session, store_id: str, address: str) -> list[MessageRow]:
    """Emails that went to this address, whosever order it is now."""
    query = select(MessageRow).where(MessageRow.store_id == store_id, _is(col(MessageRow.to_email), address))
    return list(session.exec(query.order_by(col(MessageRow.id))))


def names_of(session: Session, backorder_ids: Collection[str]) -> frozenset[str]:
    query = select(Backorder.name).where(col(Backorder.id).in_(backorder_ids))
    return frozenset(name for name in session.exec(query) if name)


def on_their_way(session: Session, backorder_ids: Collection[str]) -> int:
    """How many emails of these orders are in a worker's hands at this moment."""
    query = select(func.count()).where(
        col(MessageRow.backorder_id).in_(backorder_ids), MessageRow.status == Status.SENDING.value
    )
    return session.exec(query).one()


def history_of(session: Session, backorder_ids: Collection[str]) -> Sequence[MessageHistory]:
    query = select(MessageHistory).where(col(MessageHistory.backorder_id).in_(backorder_ids))
    return session.exec(query.order_by(col(MessageHistory.id))).all()


def facts_of(session: Session, backorder_ids: Collection[str]) -> Sequence[Fact]:
    query = select(Fact).where(col(Fact.backorder_id).in_(backorder_ids))
    return session.exec(query.order_by(col(Fact.at), col(Fact.id))).all()


def last_erasure(session: Session, store_id: str, pseudonym: str) -> Erasure | None:
    query = select(Erasure).where(Erasure.store_id == store_id, Erasure.pseudonym == pseudonym)
    return session.exec(query.order_by(col(Erasure.id).desc()).limit(1)).first()


# --- forgetting -------------------------------------------------------------------------------------------


def forget_customer(order: Order, person: Person) -> None:
    """What the order itself says of the person; country and zone stay, as the law's clocks run by them."""
    row = order.row
    row.email, row.name, row.payment, row.order_url = person.pseudonym, "", None, None
    row.content = "erased"  # it was a digest of what was registered, address and all
    row.link_series += 1


def forget_emails(session: Session, messages: Sequence[MessageRow], person: Person) -> None:
    """The emails' words and whom they went to; what they were, when they left and what became of them stays."""
    ids = [message.id for message in messages]
    session.execute(delete(MessageContent).where(col(MessageContent.message_id).in_(ids)))
    for message in messages:
        message.to_email = person.pseudonym if message.to_email else None
        message.subject = None
        message.reason = person.forgotten(message.reason)
        message.provider_ref = person.forgotten(message.provider_ref)
        session.add(message)
    session.flush()


def forget_suppressions(session: Session, store_id: str, person: Person) -> None:
    """The pseudonym takes the address's place, and goes on suppressing."""
    taken = {row.scope for row in suppressions.find(session, store_id, address=person.pseudonym, limit=10)}
    for row in suppressions.find(session, store_id, address=person.address, limit=10):
        if row.scope in taken:
            session.delete(row)
        else:
            row.address, row.reason = person.pseudonym, person.without(row.reason)
            session.add(row)
    session.flush()


def forget_answers(session: Session, store_id: str, person: Person) -> None:
    """Answers kept for repeats: a repeat must not do its work again, so it is told that the answer is gone."""
    table = SQLModel.metadata.tables["idempotency_key"]
    session.execute(
        update(table)
        .where(table.c.store_id == store_id, _holds(table.c.body, person.address))
        .values(status=410, body=json.dumps(GONE))
    )


def forget_buyers(session: Session, backorder_ids: Collection[str]) -> None:
    """The digests of what shops said of these orders' customers."""
    table = SQLModel.metadata.tables["shop_order"]
    session.execute(update(table).where(table.c.backorder_id.in_(backorder_ids)).values(buyer=None))


def forget_elsewhere(
    session: Session, store_id: str, own: Collection[str], touched: Collection[str], person: Person
) -> None:
    """Every other table: what tells of the person's `own` orders loses address and names, all else the address.

    `touched` are those orders, and others of which an email went to the address once.
    """
    for table in SQLModel.metadata.sorted_tables:
        if table.name in BY_HAND:
            continue
        if "backorder_id" in table.c:
            _forget_in(session, table, table.c.backorder_id.in_(own), person, names=True)
            _forget_in(session, table, table.c.backorder_id.in_(touched), person, names=False)
        else:
            mine = _of_store(table, store_id)
            for column in _texts(table):
                _forget_in(session, table, and_(mine, _holds(column, person.address)), person, names=False)
                if own:  # it tells of one of these orders, so a name in it is the person's
                    told = or_(*(cast(column, String).contains(id_) for id_ in own))
                    _forget_in(session, table, and_(mine, told), person, names=True)


def _of_store(table: Table, store_id: str) -> Any:
    if table.name == "store":
        return table.c.id == store_id
    return table.c.store_id == store_id if "store_id" in table.c else true()


def _forget_in(session: Session, table: Table, condition: Any, person: Person, *, names: bool) -> None:
    keys = list(table.primary_key.columns)
    for row in session.execute(table.select().where(condition)).mappings().all():
        changed = dict(_changed(table, row, person, names=names))
        if changed:
            session.execute(
                update(table).where(and_(*(key == row[key.name] for key in keys))).values(changed)
            )


def _changed(table: Table, row: RowMapping, person: Person, *, names: bool) -> Iterator[tuple[str, Any]]:
    for column in _texts(table):
        before = row[column.name]
        if names:
            after = person.forgotten(before, column.name)
        else:
            after = Person(person.address, person.pseudonym).forgotten(before, column.name)
        if after != before:
            yield column.name, after


def _texts(table: Table) -> list[Any]:
    """The columns that may hold words: text and JSON, but not what names rows."""
    return [
        column
        for column in table.columns
        if isinstance(
            column.type.impl if isinstance(column.type, TypeDecorator) else column.type, String | JSON
        )
        and not column.primary_key
        and not column.foreign_keys
        and column.name not in {"store_id", "backorder_id", "message_id", "endpoint_id"}
    ]


def _holds(column: Any, address: str) -> Any:
    """That its text has the address in it, as it is or as JSON escapes it."""
    text = func.lower(cast(column, String))
    written = {address.lower(), json.dumps(address.lower())[1:-1]}
    return or_(*(text.contains(words, autoescape=True) for words in written))


def remember_erasure(
    session: Session, store_id: str, pseudonym: str, orders: int, messages: int, by: str, now: datetime
) -> Erasure:
    """That it was done."""
    row = Erasure(
        id=new_id("erasure"),
        store_id=store_id,
        pseudonym=pseudonym,
        at=now,
        by=by,
        orders=orders,
        messages=messages,
    )
    session.add(row)
    session.flush()
    return row
