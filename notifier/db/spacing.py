"""What each customer was written lately, over all their orders at a store: for the gap and the cap of reminders."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Select, String, any_, bindparam, func, inspect, join, select, text, true
from sqlmodel import Session

from notifier.addresses import fold
from notifier.db.tables import Backorder, MessageRow
from notifier.domain.message import Kind, Status
from notifier.domain.plan import LAPSE

MESSAGES, ORDERS = inspect(MessageRow).local_table.c, inspect(Backorder).local_table.c

Address = tuple[str, str]
"""A store, and whom it writes to: folded, as mailboxes that differ in case only are one."""


class Sent(NamedTuple):
    """An email that went: of which order and kind, and when."""

    backorder_id: str
    kind: str
    at: datetime


def sent_to(
    session: Session, addresses: Collection[Address], kinds: Collection[Kind], since: datetime
) -> dict[Address, list[Sent]]:
    """Which emails of these kinds went to each address since then, as far as is known."""
    found: defaultdict[Address, list[Sent]] = defaultdict(list)
    for store_id, those in _by_store(addresses):
        written = select(MESSAGES.to_email, MESSAGES.backorder_id, MESSAGES.kind, MESSAGES.sent_at).where(
            MESSAGES.store_id == store_id,
            MESSAGES.to_email.is_not(None),
            MESSAGES.sent_at > since,
            MESSAGES.kind.in_([kind.value for kind in kinds]),
        )
        for email, *sent in session.execute(_to_each(session, written, those)):
            found[store_id, fold(email)].append(Sent(*sent))
    return found


def _to_each(session: Session, written: Select[Any], emails: Sequence[str]) -> Select[Any]:
    """Of what was written, that to these addresses.

    PostgreSQL looks each of them up by itself: of an expression it guesses so many rows that for a hundred addresses at
    once it would rather read all that the store sent lately.
    """
    if session.get_bind().dialect.name == "sqlite":
        return written.where(_is_one_of(session, MESSAGES.to_email, emails))
    asked = func.unnest(bindparam(None, emails, ARRAY(String))).table_valued("email").render_derived("asked")
    to_one = (
        written.where(func.lower(MESSAGES.to_email) == func.lower(asked.c.email)).offset(0).lateral("to_one")
    )
    return select(*to_one.c).select_from(join(asked, to_one, true()))


def _is_one_of(session: Session, column: Any, emails: Sequence[str]) -> Any:
    """That it is one of these mailboxes, as the database itself lowers their names."""
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(json.dumps(emails)).table_valued("value").c.value
        return func.lower(column).in_(select(func.lower(each)))
    each = func.unnest(bindparam(None, emails, ARRAY(String))).table_valued("email").render_derived().c.email
    return func.lower(column) == any_(func.array(select(func.lower(each)).scalar_subquery()))


def planned_for(
    session: Session, addresses: Collection[Address], kinds: Collection[Kind], before: datetime
) -> dict[Address, list[datetime]]:
    """When emails of these kinds are due to each address, of any order, up to then.

    Not those that go only if nothing ships by a legal deadline: they are planned of every order, and few are needed.
    """
    found: defaultdict[Address, list[datetime]] = defaultdict(list)
    for store_id, those in _by_store(addresses):
        query = (
            select(ORDERS.email, MESSAGES.due_at)
            .join(MessageRow, MESSAGES.backorder_id == ORDERS.id)
            .where(
                ORDERS.store_id == store_id,
                _is_one_of(session, ORDERS.email, those),
                MESSAGES.status == Status.PLANNED.value,
                MESSAGES.kind.in_([kind.value for kind in kinds]),
                MESSAGES.due_at < before,
                MESSAGES.key.not_like(f"{LAPSE}:%"),
            )
        )
        for email, at in session.execute(query):
            found[store_id, fold(email)].append(at)
    return found


def _by_store(addresses: Collection[Address]) -> Iterator[tuple[str, list[str]]]:
    emails: defaultdict[str, set[str]] = defaultdict(set)
    for store_id, email in addresses:
        emails[store_id].add(email)
    for store_id, those in emails.items():
        yield store_id, sorted(those)


def hold(session: Session, addresses: Collection[Address]) -> None:
    """Nobody else freezes mail to these addresses until the transaction ends: on SQLite nobody else writes anyway.

    All take their locks in one order, so that two workers can't wait for each other.
    """
    if addresses and session.get_bind().dialect.name == "postgresql":
        query = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")
        session.execute(query, {"keys": sorted({_key(address) for address in addresses})})


def _key(address: Address) -> int:
    digest = blake2b(" ".join(address).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
