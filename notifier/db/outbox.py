"""The outbox: every statement that moves or settles a message.

Whoever needs an order's row and its messages' in one transaction locks the order first, so that nobody waits in a
circle. A claim is a lease with a token of its own. Whoever settles shows the token, so a worker that slept through its
lease changes nothing. Claimed (still `planned`) means that nothing has left the house, so an expired claim is
simply due again; `sending` means that it may have, so an expired one is `unknown`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import JSON, String, bindparam, cast, column, delete, func, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, SQLModel, col, select

from notifier.db import bulk, told
from notifier.db.ids import new_id
from notifier.db.tables import MessageContent, MessageRow
from notifier.domain.message import CHANGE_OF_DATE, Kind, Status, may_move
from notifier.domain.news import without_addresses

ROW = MessageRow
TABLE = SQLModel.metadata.tables["message"]
"""For statements on many rows, which need no objects."""
CONTENT = SQLModel.metadata.tables["message_content"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A due message that this worker alone may send until its lease ends."""

    id: str
    store_id: str
    backorder_id: str
    key: str
    kind: Kind
    token: str
    until: datetime
    attempts: int
    due_at: datetime
    expires_at: datetime
    account: str
    """Through which it may go, and from whose budget it was taken."""
    instead_of: str | None = None
    """The account that should carry it, and its trouble, where this one stands in."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a message was rendered to: `envelope` compressed, the rest for lists and evidence.

    `digest` is of the envelope before it was compressed; `pseudonym` stands for the address where that must not.
    """

    envelope: bytes
    digest: str
    to: str
    pseudonym: str
    subject: str
    template_version: str
    says: Mapping[str, Any]
    variant: str | None = None
    """Which of two subjects it has, where two are tried."""
    confirm_at: datetime | None = None
    """When to ask the mail service what became of it, where it must be asked."""


# --- settling --------------------------------------------------------------------------------------------


def freeze(session: Session, leaving: Sequence[tuple[Claim, Frozen, str]], now: datetime) -> set[str]:
    """Keep what was rendered, and say that it is leaving through that provider.

    Answers the ids of those that may go: not of a claim that was lost, nor of a message that was overtaken.
    """
    held = _held(session, [claim for claim, _, _ in leaving], Status.PLANNED)
    leaving = [item for item in leaving if item[0].id in held]
    if not leaving:
        return held
    rows = [
        {
            "id": claim.id,
            "provider": provider,
            "to_email": frozen.to,
            "subject": frozen.subject,
            "template_version": frozen.template_version,
            "variant": frozen.variant,
            "says": frozen.says,
        }
        for claim, frozen, provider in leaving
    ]
    anew = {"confirm_at": None, "unconfirmed_at": None}
    _change_each(session, rows, {"status": Status.SENDING.value, "reason": None, "sent_at": now, **anew})
    for look_at in {frozen.confirm_at for _, frozen, _ in leaving if frozen.confirm_at}:
        asked = [claim.id for claim, frozen, _ in leaving if frozen.confirm_at == look_at]
        session.execute(update(TABLE).where(TABLE.c.id.in_(asked)).values(confirm_at=look_at))
    _keep_content(session, leaving)
    remember(session, [_left(*item, now) for item in leaving])
    return held


def _left(claim: Claim, frozen: Frozen, provider: str, now: datetime) -> dict[str, Any]:
    """That it left, for the history: with what digest, and to whom, so that this much outlives the email itself."""
    why = f"handed to {provider}" + (f" instead of {claim.instead_of}" if claim.instead_of else "")
    detail = f"sha256:{frozen.digest} to:{frozen.pseudonym}"
    return entry(_where(claim), now, Status.PLANNED, Status.SENDING, why, detail)


def _keep_content(session: Session, leaving: Sequence[tuple[Claim, Frozen, str]]) -> None:
    """In place of what an earlier try left, if anything."""
    before = _content_of(postgresql=session.get_bind().dialect.name == "postgresql")
    session.execute(before, bulk.listed(session, [claim.id for claim, _, _ in leaving]))
    columns = ("message_id", "store_id", "digest", "envelope")
    rows = [(claim.id, claim.store_id, frozen.digest, frozen.envelope) for claim, frozen, _ in leaving]
    bulk.insert_stored(session, "message_content", columns, rows)


@cache
def _content_of(*, postgresql: bool) -> Any:
    return delete(CONTENT).where(bulk.among_listed(CONTENT.c.message_id, postgresql=postgresql))


def accepted(
    session: Session, answers: Sequence[tuple[Claim, str | None]], reason: str, now: datetime
) -> set[str]:
    """Write that a provider has these, with its name for each; the ids of those whose lease was not lost."""
    claims = [claim for claim, _ in answers]
    telling = {claim.backorder_id for claim in claims if claim.kind in CHANGE_OF_DATE}
    if telling:
        _plan_all_again(session, telling, now)
    held = _held(session, claims, Status.SENDING)
    if held:
        rows = [{"id": claim.id, "provider_ref": ref} for claim, ref in answers if claim.id in held]
        _change_each(session, rows, without_lease(Status.SENT, reason) | {"settled_at": now})
        settled = [(claim, ref) for claim, ref in answers if claim.id in held]
        remember(
            session,
            [
                entry(_where(claim), now, Status.SENDING, Status.SENT, reason, f"ref:{ref}" if ref else None)
                for claim, ref in settled
            ],
        )
    return held


def _held(session: Session, claims: Sequence[Claim], status: Status) -> set[str]:
    """The ids of the messages that these claims still hold, which then stay so until the transaction ends."""
    query = _tokens(postgresql=session.get_bind().dialect.name == "postgresql")
    asked = {"status": status.value, **bulk.listed(session, [claim.id for claim in claims])}
    tokens = {claim.id: claim.token for claim in claims}
    return {row.id for row in session.execute(query, asked) if row.lease_token == tokens[row.id]}


@cache
def _tokens(*, postgresql: bool) -> Any:
    return (
        select(TABLE.c.id, TABLE.c.lease_token)
        .where(bulk.among_listed(TABLE.c.id, postgresql=postgresql), TABLE.c.status == bindparam("status"))
        .order_by(TABLE.c.id)
        .with_for_update()
    )


def settle(
    session: Session,
    claim: Claim,
    status: Status,
    reason: str,
    now: datetime,
    *,
    provider_ref: str | None = None,
    retry_at: datetime | None = None,
    burns_attempt: bool = True,
    before: Status = Status.SENDING,
) -> bool:
    """Write how a send ended. False when the lease was lost meanwhile: then whoever has it now decides.

    What would be tried again only when it is no longer true expires at once.
    """
    if status is Status.PLANNED and retry_at is not None and retry_at >= claim.expires_at:
        status, reason = Status.EXPIRED, f"too late to be tried again: {reason}"
    values = without_lease(status, reason)
    values["settled_at"] = now
    if provider_ref is not None:
        values["provider_ref"] = provider_ref
    if retry_at is not None:
        values["attempt_at"] = retry_at
    if status in {Status.PLANNED, Status.EXPIRED}:
        values["sent_at"] = None
    if status is Status.UNKNOWN:
        values["in_doubt"] = ROW.provider
    if not burns_attempt:
        values["attempts"] = ROW.attempts - 1
    plan_again(session, claim.kind, status, claim.backorder_id, now)
    if not changed(session, _held_by(claim, before), values):
        return False
    remember_claims(session, [claim], now, before, status, reason)
    return True


def release(session: Session, claim: Claim) -> None:
    """Give a claim back untried, burning no attempt: it is due at once."""
    values = {"lease_token": None, "lease_until": None, "attempts": ROW.attempts - 1}
    changed(session, _held_by(claim, Status.PLANNED), values)


def postpone(session: Session, claim: Claim, until: datetime, reason: str, now: datetime) -> None:
    """Give a claim back untried, burning no attempt, to be tried at `until`, or to expire before."""
    attempt_at = min(until, claim.expires_at)
    values = without_lease(Status.PLANNED, reason) | {"attempt_at": attempt_at, "attempts": ROW.attempts - 1}
    if changed(session, _held_by(claim, Status.PLANNED), values):
        remember_claims(session, [claim], now, Status.PLANNED, Status.PLANNED, reason)


def _held_by(claim: Claim, status: Status) -> Any:
    return update(ROW).where(
        col(ROW.id) == claim.id, col(ROW.lease_token) == claim.token, col(ROW.status) == status.value
    )


# --- what people and providers decide --------------------------------------------------------------------


def move(
    session: Session, message: MessageRow, status: Status, reason: str, now: datetime, **values: Any
) -> bool:
    """Move one message by a decision from outside the dispatch (a person, the provider's report).

    False when that is no legal move from where it is now, so that late reports change nothing.
    """
    before = Status(message.status)
    if not may_move(before, status):
        return False
    plan_again(session, Kind(message.kind), status, message.backorder_id, now)
    query = update(ROW).where(col(ROW.id) == message.id, col(ROW.status) == before.value)
    if not changed(session, query, without_lease(status, reason) | {"settled_at": now} | values):
        return False
    where = {"id": message.id, "store_id": message.store_id, "backorder_id": message.backorder_id}
    remember(session, [entry(where, now, before, status, reason)])
    return True


def content(session: Session, message_id: str) -> MessageContent | None:
    return session.get(MessageContent, message_id)


def accounts_in_doubt(session: Session) -> set[str]:
    """The accounts through which the messages went that are `unknown` now."""
    query = select(ROW.provider).where(ROW.status == Status.UNKNOWN.value).distinct()
    return {account for account in session.exec(query) if account}


def plan_again(session: Session, kind: Kind, status: Status, backorder_id: str, now: datetime) -> None:
    """What became of word of a date decides where the order stands in law; news that expired may have to be told."""
    if kind in CHANGE_OF_DATE or status is Status.EXPIRED:
        _plan_all_again(session, {backorder_id}, now)


def _plan_all_again(session: Session, backorder_ids: Collection[str], now: datetime) -> None:
    orders = SQLModel.metadata.tables["backorder"]
    those = orders.c.id.in_(backorder_ids)
    if (
        len(backorder_ids) > 1
    ):  # locked in the order of their ids, so that two workers can't wait for each other
        session.execute(select(orders.c.id).where(those).order_by(orders.c.id).with_for_update())
    session.execute(update(orders).where(those).values(replan_at=now))


def _change_each(session: Session, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]) -> None:
    """Write to many messages, each named by its `id`, with one statement; what is None stays as it is.

    `common` is what all of them get.
    """
    statement = _changing(tuple(rows[0]), session.get_bind().dialect.name)
    session.execute(statement.values(**common), {"rows": orjson.dumps(rows).decode()})


@cache
def _changing(names: tuple[str, ...], dialect: str) -> Any:
    """The statement takes its rows as one document, so it is the same one however many they are."""
    document = bindparam("rows", type_=String)
    if dialect == "postgresql":
        columns = [column(name, TABLE.c[name].type) for name in names]
        found = (
            func.json_to_recordset(cast(document, JSON))
            .table_valued(*columns)
            .render_derived(with_types=True)
        )
        new: dict[str, Any] = {name: found.c[name] for name in names}
    else:
        found = func.json_each(document).table_valued("value")
        new = {name: found.c.value.op("->>")(name) for name in names}
    values = {name: func.coalesce(new[name], TABLE.c[name]) for name in names if name != "id"}
    return update(TABLE).where(TABLE.c.id == new["id"]).values(values)


# --- helpers ---------------------------------------------------------------------------------------------


def changed(session: Session, query: Any, values: Mapping[str, Any]) -> bool:
    """Whether the update, with these values, found its one row."""
    result = session.execute(query.values(**values).execution_options(synchronize_session=False))
    return isinstance(result, CursorResult) and result.rowcount == 1


def without_lease(status: Status, reason: str | None) -> dict[str, Any]:
    """The columns of a message that nobody holds."""
    said = without_addresses(reason)
    return {"status": status.value, "reason": said, "lease_token": None, "lease_until": None}


def remember_claims(
    session: Session, claims: Sequence[Claim], now: datetime, before: Status, after: Status, reason: str
) -> None:
    remember(session, [entry(_where(claim), now, before, after, reason) for claim in claims])


def _where(claim: Claim) -> dict[str, str]:
    return {"id": claim.id, "store_id": claim.store_id, "backorder_id": claim.backorder_id}


def remember(session: Session, entries: Sequence[dict[str, Any]]) -> None:
    """Add rows to the history, and tell stores that listen what became of these messages."""
    bulk.insert(session, "message_history", entries)
    told.moved(session, entries)


def entry(
    message: Mapping[str, Any],
    now: datetime,
    before: Status | None,
    after: Status,
    reason: str,
    detail: str | None = None,
) -> dict[str, Any]:
    """A row of the history; of `message` it takes `id`, `store_id` and `backorder_id`.

    `detail` says what `reason` leaves out: `sha256:…` of what left and `to:…` whom, or the service's `ref:…` for it.
    """
    return {
        "id": new_id("hist"),
        "store_id": message["store_id"],
        "backorder_id": message["backorder_id"],
        "message_id": message["id"],
        "at": now,
        "before": before.value if before else None,
        "after": after.value,
        "reason": without_addresses(reason),
        "detail": detail,
    }
