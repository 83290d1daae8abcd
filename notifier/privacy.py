"""What a customer may ask of a store about themselves: all that is kept of them, and that it be forgotten.

GDPR Art. 15, 17 and 20. What stays after an erasure stays on Art. 17(3)(b) and (e): keyed hashes, times and states, by
which the store shows that it kept the law. Every function takes a session inside a transaction, and the time `now`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from notifier import evidence
from notifier.db import facts as store
from notifier.db import personal, proof, queries, suppressions
from notifier.db.facts import Order, record
from notifier.db.tables import (
    Backorder,
    BackorderLine,
    Fact,
    MessageHistory,
    MessageRow,
    ProviderEvent,
    Store,
)
from notifier.domain.evidence import own_digest
from notifier.domain.forgetting import Person
from notifier.errors import Conflict, NotFound
from notifier.planning import write
from notifier.signed import naming, pseudonym

EXPORT = "notifier-customer/1"
INTERNAL = frozenset({"lease_token", "lease_until", "content", "version", "replan_at", "link_series"})
"""Columns that say nothing of a customer, only of how the work is done."""
SHOWN = 10
"""How many open orders a refusal names."""


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure: when, of how many orders and emails; `again` where it had been done and nothing was left."""

    at: datetime
    pseudonym: str
    orders: int
    messages: int
    again: bool = False


# --- export -----------------------------------------------------------------------------------------------


def export(
    session: Session, store_row: Store, address: str, secret_key: str, now: datetime
) -> dict[str, Any]:
    """All that is kept of this address in one store, as plain JSON; empty lists where nothing is."""
    store_id = store_row.id
    ids = personal.orders_of(session, store_id, address)
    elsewhere = [
        row for row in personal.messages_to(session, store_id, address) if row.backorder_id not in ids
    ]
    suppressed = suppressions.find(session, store_id, address=address, naming=naming(secret_key), limit=10)
    erasure = personal.last_erasure(session, store_id, pseudonym(secret_key, store_id, address))
    loaded = store.load(session, ids)
    return {
        "format": EXPORT,
        "address": address,
        "made_at": evidence.instant(now),
        "store": {"id": store_id, "name": store_row.name},
        "orders": [_order(session, loaded[id_]) for id_ in ids],
        "emails_of_other_orders": _emails(session, store_id, elsewhere),
        "suppressions": [_row(row) for row in suppressed],
        "erased_at": evidence.instant(erasure.at) if erasure else None,
    }


def _order(session: Session, order: Order) -> dict[str, Any]:
    id_ = order.row.id
    return {
        **_row(Backorder.model_validate(order.row, from_attributes=True)),
        "lines": [_row(BackorderLine.model_validate(line, from_attributes=True)) for line in order.lines],
        "happened": [_row(fact) for fact in queries.facts_about(session, id_)],
        "emails": _emails(session, order.row.store_id, queries.messages_of(session, [id_])[id_]),
        "emails_history": [_row(change) for change in queries.history(session, id_)],
    }


def _emails(session: Session, store_id: str, rows: Sequence[MessageRow]) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    reports: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for report in proof.reports(session, store_id, ids):
        reports[report.message_id].append(_row(report))
    words = {}
    for text in proof.bodies(session, ids).values():
        envelope = json.loads(text)
        words[envelope["message_id"]] = {name: envelope[name] for name in ("to", "to_name", "html", "text")}
    return [_row(row) | {"words": words.get(row.id), "reports": reports[row.id]} for row in rows]


def _row(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.model_dump(mode="json").items() if name not in INTERNAL}


def knows(session: Session, store_id: str, address: str) -> bool:
    """Whether the store has anything of this address."""
    return bool(
        personal.orders_of(session, store_id, address)
        or personal.messages_to(session, store_id, address)
        or suppressions.find(session, store_id, address=address, limit=1)
    )


# --- erasure ----------------------------------------------------------------------------------------------


def erase(
    session: Session,
    store_id: str,
    address: str,
    secret_key: str,
    now: datetime,
    *,
    by: str,
    stop_open: bool = False,
) -> Erased:
    """Forget a customer: address, name and emails go from every table; a keyed hash takes the address's place.

    An order that still waits keeps its emails coming, because the law asks for them: erasing its customer is refused
    unless the store says, with `stop_open`, that it tells them itself from now on. The law's clocks run on.
    Erasing again changes nothing. Raises NotFound where the store never knew the address, Conflict where an order is
    open or an email is leaving at this moment.
    """
    name = pseudonym(secret_key, store_id, address)
    mails = personal.messages_to(session, store_id, address)
    own = personal.orders_of(session, store_id, address)
    known = own or mails or suppressions.find(session, store_id, address=address, limit=1)
    if not known:
        earlier = personal.last_erasure(session, store_id, name)
        if earlier is None:
            raise NotFound("this store knows nothing of that address; see that it is the one of the order")
        return Erased(earlier.at, name, earlier.orders, earlier.messages, again=True)
    touched = sorted({*own, *(row.backorder_id for row in mails)})
    orders = store.load(session, touched, lock=True)
    _refuse_open([orders[id_] for id_ in own], stop_open=stop_open)
    if personal.on_their_way(session, touched):
        raise Conflict("an email to this customer is leaving at this very moment; try again in a minute")
    messages = [row for rows in queries.messages_of(session, own).values() for row in rows]
    messages = list({row.id: row for row in (*messages, *mails)}.values())
    person = Person(address, name, personal.names_of(session, own))
    redacted = _redact(session, store_id, set(own), touched, messages, person)
    happened = []
    for id_ in touched:
        order, mine = orders[id_], id_ in own
        if mine:
            personal.forget_customer(order, person)
        data = {"redacted": redacted[id_], "by": by}
        happened.append((order, [record(order, "erased" if mine else "redacted", now, now, data)]))
    personal.forget_emails(session, messages, person)
    personal.forget_suppressions(session, store_id, person)
    personal.forget_answers(session, store_id, person)
    personal.forget_buyers(session, own)
    personal.forget_elsewhere(session, store_id, own, touched, person)
    write(session, happened, now)
    done = personal.remember_erasure(session, store_id, name, len(own), len(messages), by, now)
    return Erased(done.at, name, done.orders, done.messages)


def _refuse_open(orders: Iterable[Order], *, stop_open: bool) -> None:
    waiting = [order.row.order_id for order in orders if order.facts.waiting_lines]
    if waiting and not stop_open:
        named = ", ".join(repr(order_id) for order_id in waiting[:SHOWN])
        more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
        raise Conflict(
            f"the customer still waits for order {named}{more}, and the law may ask that they be told of delays:"
            ' ship or cancel first, or send "open_orders": "stop" to end all emails and tell them yourself'
        )


def _redact(
    session: Session,
    store_id: str,
    own: set[str],
    touched: Sequence[str],
    messages: Sequence[MessageRow],
    person: Person,
) -> Mapping[str, dict[str, str]]:
    """Take the person out of rows that evidence is made of; by order, the digests of what stood there before."""
    redacted: defaultdict[str, dict[str, str]] = defaultdict(dict)
    stranger = Person(person.address, person.pseudonym)
    for fact in personal.facts_of(session, touched):
        whom = person if fact.backorder_id in own else stranger
        _replace(fact, {"data": whom.forgotten(fact.data)}, redacted[fact.backorder_id])
    for change in personal.history_of(session, touched):
        whom = person if change.backorder_id in own else stranger
        new = {"reason": whom.without(change.reason), "detail": whom.forgotten(change.detail)}
        _replace(change, new, redacted[change.backorder_id])
    order_of = {row.id: row.backorder_id for row in messages}
    for report in proof.reports(session, store_id, list(order_of)):
        _replace(report, {"detail": None}, redacted[order_of[report.message_id]])
    session.flush()
    return redacted


def _replace(
    row: Fact | MessageHistory | ProviderEvent, new: Mapping[str, Any], redacted: dict[str, str]
) -> None:
    if all(getattr(row, name) == value for name, value in new.items()):
        return
    redacted[row.id] = own_digest(_record(row))
    for name, value in new.items():
        setattr(row, name, value)


def _record(row: Fact | MessageHistory | ProviderEvent) -> dict[str, Any]:
    match row:
        case Fact():
            return evidence.of_fact(row)
        case MessageHistory():
            return evidence.of_change(row)
        case ProviderEvent():
            return evidence.of_report(row)
