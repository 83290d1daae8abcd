"""Accounts of mail services, shared by all workers through the database: trouble, and budgets.

Trouble opens a circuit breaker. `closed`: all is well. `paused`: nothing goes before `paused_until`. `probing`: the
pause is over, and a single message goes first; when it is taken the account is well again, else it is paused for
longer. A budget is a token bucket, which is taken from before anything is claimed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from notifier.db.tables import ProviderAccount
from notifier.domain.pace import Pace

WELL = {"paused_until": None, "probe_until": None, "reason": None, "failures": 0}


class State(StrEnum):
    CLOSED = "closed"
    PAUSED = "paused"
    PROBING = "probing"


def state(row: ProviderAccount | None, now: datetime) -> State:
    """Where the breaker stands; an account without a row never had trouble."""
    if row is None or not row.failures:
        return State.CLOSED
    return State.PAUSED if row.paused_until and row.paused_until > now else State.PROBING


def find(session: Session, account: str) -> ProviderAccount | None:
    """What is known of this account now, None where it never had trouble nor a budget."""
    return session.get(ProviderAccount, account, populate_existing=True)


def take(
    session: Session, account: str, now: datetime, wanted: int, pace: Pace | None, lease: timedelta
) -> int:
    """How many messages, up to `wanted`, may now be claimed for this account; that many are off its budget.

    None while it is paused, or while another worker's probe is on its way; one, which is then the probe for as long
    as the lease, when its pause is over. Without a `pace` there is no budget. Give back what you don't use.
    """
    row = find(session, account)
    if pace is None and state(row, now) is State.CLOSED:
        return wanted
    row = _locked(session, account)
    standing = state(row, now)
    if standing is State.PAUSED or (standing is State.PROBING and row.probe_until and row.probe_until > now):
        return 0
    allowed = min(wanted, 1) if standing is State.PROBING else wanted
    if pace:
        tokens, row.refilled_at = pace.refilled(row.tokens, row.refilled_at, now)
        allowed = min(allowed, int(tokens))
        row.tokens = tokens - allowed
    if standing is State.PROBING and allowed:
        row.probe_until = now + lease
    session.flush()
    return allowed


def give_back(session: Session, account: str, unused: int) -> None:
    """Put back what was taken and not handed to the mail service; a probe that never left is no probe."""
    _change(
        session,
        account,
        {"tokens": col(ProviderAccount.tokens) + unused, "probe_until": None},
        col(ProviderAccount.tokens).is_not(None) | col(ProviderAccount.probe_until).is_not(None),
    )


def pause(
    session: Session, account: str, now: datetime, reason: str, until: Callable[[int], datetime]
) -> datetime:
    """No sends through this account, by any worker, before the time that this answers.

    `until` gives that time from how often in a row there was trouble. Sends that fail together are one trouble:
    those that come when the account is paused already can only make the pause longer if they name a later time.
    """
    row = _locked(session, account)
    if row.paused_until is None or row.paused_until <= now:
        row.failures += 1
        row.paused_until, row.probe_until, row.reason = until(row.failures), None, reason
    else:
        row.paused_until = max(row.paused_until, until(row.failures))
    session.flush()
    return row.paused_until


def works_again(session: Session, account: str, now: datetime) -> None:
    """A send went through. One that had begun before a pause says nothing about it, so the pause stays."""
    session.execute(_WORKS_AGAIN, {"well": account, "now": now})


def resume(session: Session, account: str) -> None:
    """A person says that all is well: sends go on at once."""
    _change(session, account, WELL)


_TABLE = SQLModel.metadata.tables["provider_account"]
_WORKS_AGAIN = (
    update(_TABLE)
    .where(
        _TABLE.c.account == bindparam("well"),
        _TABLE.c.failures > 0,
        _TABLE.c.paused_until <= bindparam("now"),
    )
    .values(**WELL)
)
"""Said after every few messages, so it is put together once."""


def _locked(session: Session, account: str) -> ProviderAccount:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(ProviderAccount).values(account=account, failures=0).on_conflict_do_nothing()
    )
    return session.get_one(ProviderAccount, account, with_for_update=True, populate_existing=True)


def _change(session: Session, account: str, values: Any, *where: Any) -> None:
    session.execute(
        update(ProviderAccount)
        .where(col(ProviderAccount.account) == account, *where)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
