"""Who may send what next: a claim is a lease with a token of its own, and counts the attempt.

While all that is due fits into one batch, nobody has to wait for anybody. When it does not, each store that has
something due gets a share of every batch, or, when they are very many, a random ten of them do, so that a store with
a million due messages delays no other store's email by more than moments. Within a store the urgent kinds go first,
and within a kind what was due first, then the oldest order.

Where the account of a store has lasting trouble, its second carries: all but what the first may have already, for a
doubt stays with the account that it is about. One message a pause is still tried through the first, the least urgent,
and once that is taken the first carries again.
"""

import random
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, literal, literal_column, or_, text, union_all, update
from sqlmodel import Session, SQLModel, col, select

from notifier.db import accounts
from notifier.db.outbox import Claim, remember_claims
from notifier.db.tables import MessageRow, Store
from notifier.domain.message import URGENCY, Kind, Status
from notifier.domain.pace import Pace

ROW = MessageRow
# Conditions of partial indexes, in full: as parameters, no plan made for all values could use those.
OF_ANYBODY = text("message.status = 'planned' AND message.urgency >= 0")
"""Planned messages of all stores together, by time (index `message_due`)."""
OF_ONE_STORE = text("message.status = 'planned'")
"""Planned messages of one store, as they go (index `message_turn`)."""
URGENCIES = sorted(set(URGENCY.values()))
TURNS = 10
"""How many stores, or urgencies of one, share a batch at most."""
QUIET = timedelta(minutes=15)
"""How long evidence of a send in doubt is waited for before it goes again where duplicates are not removed."""

MESSAGE, STORE = (SQLModel.metadata.tables[name].c for name in ("message", "store"))
_NOW = bindparam("now", type_=MESSAGE.attempt_at.type)
_OTHERWISE = bindparam("otherwise", type_=STORE.provider.type)


@cache
def _first(most: int) -> Any:
    """What is due first. Asked at every tick, mostly in vain: so it is put together once, and makes no objects.

    How many is a part of the statement, for of a parameter PostgreSQL would guess that it means a tenth of all, and
    so plan anew each time.
    """
    account = select(accounts.first(_OTHERWISE)).where(STORE.id == MESSAGE.store_id)
    return (
        select(MESSAGE.store_id, account.correlate(MESSAGE.store_id.table).scalar_subquery(), MESSAGE.urgency)
        .where(
            OF_ANYBODY,
            MESSAGE.attempt_at <= _NOW,
            or_(MESSAGE.lease_until.is_(None), MESSAGE.lease_until <= _NOW),
        )
        .order_by(MESSAGE.attempt_at)
        .limit(literal_column(str(most)))
    )


@dataclass(frozen=True, slots=True)
class _Carrier:
    """An account through which messages may go now, and instead of what if it stands in for another."""

    account: str
    instead_of: str | None = None

    def may_take(self, due: Any) -> Any:
        """Of the due messages, those that it may carry: one that stands in takes none that another may have."""
        if self.instead_of is None:
            return due
        return due.where(or_(col(ROW.in_doubt).is_(None), col(ROW.in_doubt) == self.account))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A store has messages of this urgency due, which go through this account."""

    store_id: str
    account: str
    urgency: int


def claim(
    session: Session,
    now: datetime,
    limit: int,
    lease: timedelta,
    default_provider: str,
    paces: Mapping[str, Pace],
) -> list[Claim]:
    """Claim up to `limit` due messages, as many as the budgets of their accounts allow, the most urgent first.

    Workers pass over each other's rows, and leave those of a paused account where they are.
    """
    waiting = _turns(session, now, limit, default_provider)
    if not waiting:
        return []
    carriers = _carriers(session, waiting, now)
    granted = {
        account: accounts.take(session, account, now, limit, paces.get(accounts.provider_of(account)), lease)
        for account in sorted({carrier.account for some in carriers.values() for carrier in some})
    }
    turns = [turn for turn in waiting if any(granted[it.account] for it in carriers[turn.store_id])][:TURNS]
    if not turns:
        return []
    left, shares = dict(granted), list[Any]()
    places: defaultdict[str, list[_Carrier]] = defaultdict(list)
    for turn in turns:
        share = max(1, limit // len(turns))
        for carrier in carriers[turn.store_id]:
            some = min(left[carrier.account], share)
            left[carrier.account] -= some
            share -= some
            if some:
                due = carrier.may_take(_due(turn.store_id, turn.urgency, now)).limit(some)
                due = due.with_for_update(skip_locked=True, of=ROW).cte(f"share_{len(shares)}")
                shares.append(select(due.c.id))
                places[turn.store_id] += [carrier] * some
    claims = _lease(session, union_all(*shares), now + lease, lambda row: places[row.store_id].pop(0), {})
    used = Counter(held.account for held in claims)
    for account, most in granted.items():
        if most > used[account] and (accounts.provider_of(account) in paces or most < limit):
            accounts.give_back(session, account, most - used[account])
    return claims


def _carriers(session: Session, turns: Sequence[_Turn], now: datetime) -> dict[str, list[_Carrier]]:
    """Through which accounts each store's messages may go now: the first, and the second where that has trouble."""
    carriers = {turn.store_id: [_Carrier(turn.account)] for turn in turns}
    troubles = accounts.lasting_troubles(session, {turn.account for turn in turns})
    if troubles:
        those = [turn.store_id for turn in turns if turn.account in troubles]
        found = select(Store.id, accounts.second()).where(col(Store.id).in_(those))
        for store_id, second in session.execute(found):
            (first,) = carriers[store_id]
            if second and second != first.account:
                trouble = troubles[first.account]
                carriers[store_id].append(_Carrier(second, f"{first.account} ({trouble})"))
    return carriers


def _turns(session: Session, now: datetime, limit: int, default_provider: str) -> list[_Turn]:
    """Whose messages are due: the urgent first while all fit into one batch, else of each store the most urgent."""
    asked = {"now": now, "otherwise": default_provider}
    found = [_Turn(*row) for row in session.execute(_first(limit), asked)]
    if len(found) < limit:
        return sorted(dict.fromkeys(found), key=lambda turn: turn.urgency)
    most_urgent = [
        _due(col(Store.id), urgency, now)
        .with_only_columns(literal(urgency))
        .limit(1)
        .correlate(Store)
        .scalar_subquery()
        for urgency in URGENCIES
    ]
    account = accounts.first(default_provider)
    stores = select(Store.id, account, func.coalesce(*most_urgent).label("urgency")).subquery()
    found = [_Turn(*row) for row in session.execute(stores.select().where(stores.c.urgency.is_not(None)))]
    random.shuffle(found)
    return found


def _due(store_id: Any, urgency: int, now: datetime) -> Any:
    """The due messages of one store and urgency, as its index has them: what was due first, then the oldest order."""
    return (
        select(ROW.id)
        .where(
            OF_ONE_STORE,
            col(ROW.store_id) == store_id,
            col(ROW.urgency) == urgency,
            col(ROW.attempt_at) <= now,
            _free(now),
        )
        .order_by(col(ROW.attempt_at), col(ROW.backorder_id))
    )


def _free(now: datetime) -> Any:
    return or_(col(ROW.lease_until).is_(None), col(ROW.lease_until) <= now)


def claim_doubtful(
    session: Session,
    now: datetime,
    limit: int,
    lease: timedelta,
    account: str,
    pace: Pace | None,
    max_attempts: int,
    *,
    removes_duplicates: bool,
) -> list[Claim]:
    """Claim messages in doubt at one account that may go again: any where the provider removes duplicates, for then
    sending the same bytes again is safe; elsewhere those of stores that would rather send twice than not at all,
    once no evidence has come for a while.

    Not those of a paused account, nor those too late to be true; after `max_attempts` a person decides.
    """
    granted = accounts.take(session, account, now, limit, pace, lease)
    if not granted:
        return []
    doubtful = (
        select(ROW.id)
        .where(
            col(ROW.status) == Status.UNKNOWN.value,
            col(ROW.attempt_at) <= (now if removes_duplicates else now - QUIET),
            col(ROW.expires_at) > now,
            col(ROW.provider) == account,
            col(ROW.attempts) < max_attempts,
        )
        .order_by(col(ROW.attempt_at))
        .limit(granted)
        .with_for_update(skip_locked=True, of=ROW)
    )
    if not removes_duplicates:
        rather_twice = select(Store.id).where(col(Store.policy)["unknown_sends"].as_string() == "resend")
        doubtful = doubtful.where(col(ROW.store_id).in_(rather_twice))
    claims = _lease(
        session,
        select(doubtful.cte("doubtful").c.id),
        now + lease,
        lambda _row: _Carrier(account),
        {"status": Status.SENDING.value},
    )
    if len(claims) < granted and (pace or granted < limit):
        accounts.give_back(session, account, granted - len(claims))
    why = "the provider removes duplicates" if removes_duplicates else "the store prefers twice to not at all"
    remember_claims(session, claims, now, Status.UNKNOWN, Status.SENDING, f"taken up again: {why}")
    return claims


def _lease(
    session: Session,
    ids: Any,
    until: datetime,
    carrier_of: Callable[[Any], _Carrier],
    values: Mapping[str, Any],
) -> list[Claim]:
    """`carrier_of` is asked for those first that may be with somebody already, then for the least urgent."""
    token = secrets.token_hex(12)
    leased = session.execute(
        update(ROW)
        .where(col(ROW.id).in_(ids))
        .values(lease_token=token, lease_until=until, attempts=ROW.attempts + 1, **values)
        .returning(
            col(ROW.id), col(ROW.store_id), col(ROW.backorder_id), col(ROW.key), col(ROW.kind), col(ROW.attempts),
            col(ROW.due_at), col(ROW.expires_at), col(ROW.urgency), col(ROW.in_doubt),
        )
        .execution_options(synchronize_session=False)
    ).all()  # fmt: skip
    rows = sorted(leased, key=lambda row: (row.urgency, row.due_at, row.backorder_id))
    in_turn = [row for row in rows if row.in_doubt] + [row for row in reversed(rows) if not row.in_doubt]
    carriers = {row.id: carrier_of(row) for row in in_turn}
    return [
        Claim(
            id=row.id,
            store_id=row.store_id,
            backorder_id=row.backorder_id,
            key=row.key,
            kind=Kind(row.kind),
            token=token,
            until=until,
            attempts=row.attempts,
            due_at=row.due_at,
            expires_at=row.expires_at,
            account=carriers[row.id].account,
            instead_of=carriers[row.id].instead_of,
        )
        for row in rows
    ]
