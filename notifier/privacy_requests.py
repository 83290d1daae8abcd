"""What customers ask for by a shop platform: their data, or to be forgotten. Kept, shown, told, and done.

Nobody's data are ever sent to who asks here: a person of the store hands them out. Who is to be forgotten is so by
itself, by the rules of every erasure: not while an order of theirs waits. All customers of a shop are forgotten only
after a person of the store has said so: a platform tells that when an app is removed, and that may be a mistake.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from notifier import privacy
from notifier.addresses import fold
from notifier.db import privacy_requests as requests
from notifier.db.endpoints import tell
from notifier.db.engine import transaction
from notifier.db.privacy_tables import PrivacyRequest
from notifier.db.tables import Store
from notifier.domain.news import News, Type
from notifier.errors import Conflict, NotFound
from notifier.receiving import ASKED, NOT_OURS, UNCHANGED, Outcome
from notifier.shops import Asked
from notifier.signed import ERASED

TERM = timedelta(days=30)
"""Within which Shopify has it done, a day or so before the month of the GDPR (Art. 12(3)) is over."""
KEPT = {
    "export": "kept as a task: a person of the store hands the customer their data",
    "erase": "kept: the customer is erased within minutes, or as soon as none of their orders waits",
    "erase_shop": "kept as a task: nobody is erased before a person of the store says so",
}


def take(session: Session, store_row: Store, platform: str, asked: Asked, now: datetime) -> Outcome:
    """Keep what is asked for, once while it is open; nothing of it where nobody is known here."""
    emails: list[str] = []
    if asked.kind == "erase_shop":
        if not requests.count_of_shop(session, store_row.id, platform, ERASED):
            return Outcome(NOT_OURS, "no customer of this shop is known here")
    else:
        of_orders = requests.emails_of(session, store_row.id, platform, asked.orders)
        candidates = {fold(it): it for it in (asked.email, *of_orders) if it and not it.endswith(ERASED)}
        emails = sorted(it for it in candidates.values() if privacy.knows(session, store_row.id, it))
        if not emails:
            return Outcome(NOT_OURS, "nothing is kept of this customer")
    row, new = requests.keep(
        session, store_row.id, platform, asked.kind, asked.ref[:100], emails, now, now + TERM
    )
    if not new:
        return Outcome(UNCHANGED, "asked for before, and still open")
    said = {"request_id": row.id, "kind": row.kind, "platform": platform, "due_at": _instant(row.due_at)}
    tell(session, [News(Type.PRIVACY_REQUESTED, store_row.id, now, said)], now)
    return Outcome(ASKED, f"{KEPT[asked.kind]}; due on {row.due_at:%Y-%m-%d}")


@dataclass(frozen=True, slots=True)
class Answered:
    """A request after its answer; `exports` are what is to be handed to the customer."""

    request: PrivacyRequest
    exports: list[dict[str, Any]]


def answer(session: Session, store_row: Store, request_id: str, secret_key: str, now: datetime) -> Answered:
    """A person of the store sees to it: takes the data to hand out, has a customer erased now, or approves of a shop's.

    Customers of a shop are then erased by workers. What is done stays as it is. Raises NotFound.
    """
    row = requests.one(session, request_id)
    if row is None or row.store_id != store_row.id:
        raise NotFound(f"there is no privacy request {request_id!r} in this store")
    exports: list[dict[str, Any]] = []
    if row.kind == "erase":
        _forget(session, row, secret_key, now)
    row = requests.locked(session, request_id)
    if row.done_at is None and row.kind == "export":
        known = [it for it in row.emails if not it.endswith(ERASED)]
        exports = [privacy.export(session, store_row, it, secret_key, now) for it in known]
        row.emails, row.done_at = [], now
    elif row.kind == "erase_shop":
        row.approved_at = row.approved_at or now
    session.add(row)
    session.flush()
    return Answered(row, exports)


def pursue(
    engine: Engine, secret_key: str, clock: Callable[[], datetime], stopping: Callable[[], bool]
) -> int:
    """Erase who asked for it and waits for nothing any more; how many were erased. Each customer is a transaction."""
    with transaction(engine) as session:
        ids = requests.to_pursue(session)
    erased = 0
    for request_id in ids:
        after: str | None = ""
        while after is not None and not stopping():
            with transaction(engine) as session:
                row = requests.one(session, request_id)
                if row is None:
                    break
                if row.kind == "erase":
                    erased += _forget(session, row, secret_key, clock())
                    after = None
                else:
                    after, count = _forget_next(session, row, secret_key, clock(), after)
                    erased += count
    return erased


# Orders are locked before the request, as whoever erases a customer by another road comes by all tables at the end.


def _forget(session: Session, row: PrivacyRequest, secret_key: str, now: datetime) -> int:
    """Erase the customer, but for addresses with an order that waits, or whose data are still to be handed out.

    Answers how many addresses were erased.
    """
    asked_first = requests.to_hand_out(session, row.store_id, now)
    addresses = [it for it in row.emails if it not in asked_first and not it.endswith(ERASED)]
    gone = {it: count for it in addresses if (count := _erase(session, row, it, secret_key, now)) is not None}
    held = requests.locked(session, row.id)
    if held.done_at is None:
        held.emails = [it for it in held.emails if it not in gone and not it.endswith(ERASED)]
        held.erased += sum(gone.values())
        held.done_at = None if held.emails else now
        session.add(held)
    return sum(gone.values())


def _forget_next(
    session: Session, row: PrivacyRequest, secret_key: str, now: datetime, after: str
) -> tuple[str | None, int]:
    """Erase the next customer of a shop who waits for nothing; where to go on, None at the end, and how many went."""
    email = requests.next_of_shop(session, row.store_id, row.platform, ERASED, after)
    asked_first = requests.to_hand_out(session, row.store_id, now)
    count = 0
    if email is not None and email not in asked_first:
        count = _erase(session, row, email, secret_key, now) or 0
    held = requests.locked(session, row.id)
    held.erased += count
    if email is None and not requests.count_of_shop(session, row.store_id, row.platform, ERASED):
        held.done_at = held.done_at or now
    session.add(held)
    return email, count


def _erase(session: Session, row: PrivacyRequest, address: str, secret_key: str, now: datetime) -> int | None:
    """1 where the address is erased now, 0 where nothing was left of it, None while something of it is under way."""
    try:
        done = privacy.erase(session, row.store_id, address, secret_key, now, by=row.platform)
    except Conflict:  # raised before anything is written; the next turn tries again
        return None
    except NotFound:
        return 0
    return 0 if done.again else 1


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
