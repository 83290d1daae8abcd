"""Accounts of mail services, shared by all workers through the database: trouble, and budgets.

Trouble opens a circuit breaker. `closed`: all is well. `paused`: nothing goes before `paused_until`. `probing`: the
pause is over, and a single message goes first; when it is taken the account is well again, else it is paused for
longer. A budget is a token bucket, which is taken from before anything is claimed.

The installation's account of a mail service is called like the service. One that a store opens with keys of its own
adds a dash and a digest of those: stores with the same keys share it, and new keys are a new account, without trouble.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, delete, func, inspect, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from notifier.db.account_tables import ProviderAccount, ProviderKeys
from notifier.db.tables import Store
from notifier.domain.pace import Pace

WELL = {
    "paused_until": None,
    "probe_until": None,
    "reason": None,
    "failures": 0,
    "failing_since": None,
    "doubts": 0,
}
DOUBTS = 5
"""So many sends in a row without an answer are trouble with the account: each more would be one more email in doubt."""
PATIENCE = timedelta(minutes=5)
"""Trouble that lasts as long as this is worth a second account; a shorter one mends itself sooner."""

_STORE, _KEYS = (inspect(table).local_table.c for table in (Store, ProviderKeys))


def provider_of(account: str) -> str:
    """The mail service whose account this is."""
    return account.partition("-")[0]


def first(otherwise: Any) -> Any:
    """In a query on stores: the account that a store sends through, `otherwise` where it chose none."""
    return _through(func.coalesce(_STORE.provider, otherwise))


def second() -> Any:
    """In a query on stores: the account that stands in for the first, null where there is none."""
    return _through(_STORE.second_provider)


def _through(provider: Any) -> Any:
    own = select(_KEYS.account).where(_KEYS.store_id == _STORE.id, _KEYS.provider == provider)
    return func.coalesce(own.correlate(_STORE.id.table).scalar_subquery(), provider)


_OF_STORE = select(first(bindparam("otherwise", type_=_STORE.provider.type)), second()).where(
    _STORE.id == bindparam("store_id")
)


def of_store(session: Session, store_id: str, otherwise: str) -> list[str]:
    """The accounts that a store sends through: the first, and the second if it has one."""
    row = session.execute(_OF_STORE, {"store_id": store_id, "otherwise": otherwise}).one()
    return list(dict.fromkeys(account for account in row if account))


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


def keys_of(session: Session, store_id: str) -> dict[str, ProviderKeys]:
    """What the store has of its own, by mail service."""
    query = select(ProviderKeys).where(col(ProviderKeys.store_id) == store_id)
    return {row.provider: row for row in session.scalars(query)}


def keys_to(session: Session, account: str) -> ProviderKeys | None:
    """Keys that open this account; those of any store, as all that share it have the same."""
    query = (
        select(ProviderKeys).where(col(ProviderKeys.account) == account).order_by(col(ProviderKeys.store_id))
    )
    return session.scalars(query.limit(1)).first()


def forget_if_unused(session: Session, account: str) -> None:
    """An account to which nobody has the keys any more has no trouble that anybody could mend."""
    if keys_to(session, account) is None:
        session.execute(delete(ProviderAccount).where(col(ProviderAccount.account) == account))


def lasting_troubles(session: Session, names: Collection[str]) -> dict[str, str]:
    """Of these accounts those whose trouble lasts, or whose pause alone will: by name, what the trouble is."""
    query = select(ProviderAccount).where(
        col(ProviderAccount.account).in_(names), col(ProviderAccount.failures) > 0
    )
    return {
        row.account: row.reason or "trouble"
        for row in session.scalars(query.execution_options(populate_existing=True))
        if row.failing_since and row.paused_until and row.paused_until - row.failing_since >= PATIENCE
    }


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
        row.failing_since = row.failing_since or now
        row.paused_until, row.probe_until, row.reason = until(row.failures), None, reason
    else:
        row.paused_until = max(row.paused_until, until(row.failures))
    session.flush()
    return row.paused_until


def doubt(
    session: Session, account: str, now: datetime, reason: str, until: Callable[[int], datetime]
) -> None:
    """A send got no answer. A few in a row pause the account, and so does a probe that gets none."""
    row = _locked(session, account)
    row.doubts += 1
    if row.doubts >= DOUBTS or state(row, now) is State.PROBING:
        pause(session, account, now, reason, until)
    session.flush()


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
        or_(_TABLE.c.failures > 0, _TABLE.c.doubts > 0),
        or_(_TABLE.c.paused_until.is_(None), _TABLE.c.paused_until <= bindparam("now")),
    )
    .values(**WELL)
)
"""Said after every few messages, so it is put together once."""


def _locked(session: Session, account: str) -> ProviderAccount:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(ProviderAccount).values(account=account, failures=0, doubts=0).on_conflict_do_nothing()
    )
    return session.get_one(ProviderAccount, account, with_for_update=True, populate_existing=True)


def _change(session: Session, account: str, values: Any, *where: Any) -> None:
    session.execute(
        update(ProviderAccount)
        .where(col(ProviderAccount.account) == account, *where)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
