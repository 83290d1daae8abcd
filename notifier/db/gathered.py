"""Very many orders as they stand in the database, and what hangs on them: put together there, to one row for each.

Days and times come as text, in one form from both databases: UTC, to the microsecond. No value is converted on its way,
as most are only compared.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, JSON, Row, String, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from notifier.db.facts import PLANNING_FACTS
from notifier.db.tables import DUTY_DAYS
from notifier.domain.message import DROPPED, Kind, Status

UNDER_WAY = (Status.PLANNED, Status.HELD, Status.CANCELLED, Status.EXPIRED)
"""Messages in these states have not left, unless a person dropped them."""

ASTRAY = (Status.BOUNCED, Status.FAILED)
"""What became of these depends on the address."""

WITHIN, BETWEEN = "\x1f", "\x1e"
"""What stands between the parts of a message, and between messages. No key, id or JSON has such a character in it."""


class Gathered(NamedTuple):
    """What there is of an order, of its lines and of its messages: each of the two all in the same sequence."""

    id: str
    store_id: str
    currency: str | None
    placed_at: str
    registered_at: str
    payment: str | None
    timezone: str
    country: str | None
    unsubscribed: bool
    seller_credit: bool
    happened: bool
    """Whether there are facts about it that plans depend on beyond what the rows say."""

    line_id: str
    """Of the line that moves, as the next ones."""
    eta: str | None
    eta_earliest: str | None
    eta_reason: str | None
    eta_changed_at: str
    unit_price: str | None
    waiting: int

    line_ids: str
    lines: str
    """Of each what a plan depends on as it is."""
    latest: str | None
    unpromised: int
    changed: str
    """Of each but the one that moves: when its estimate changed."""
    soonest: str | None
    """The soonest estimate of all but the one that moves."""

    said: str | None
    """Of each its key, state, what it is about, whether it was dropped, what it says; its times, if it has not left."""
    message_ids: str | None
    gone: str | None
    """Of each that has left what `Left` has."""
    welcome: str | None
    """What the first email said, if it has left."""
    unsettled: int | None
    """Whether any that has left gave a legal notice, or told of a line without a date."""
    astray: int | None
    """Whether what became of one depends on the address, or somebody has begun to send one."""


class Left(NamedTuple):
    """A message that has left: when, by the earliest that is known, and whether it gave a legal notice."""

    key: str
    at: str
    times: str
    notice: str
    id: str


_NO_MESSAGES = (None,) * 6


def left(order: Gathered) -> list[Left]:
    """Its messages that have left."""
    return [Left(*each.split(WITHIN)) for each in order.gone.split(BETWEEN)] if order.gone else []


def as_text(at: datetime) -> str:
    """An instant in the form in which they come."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def lock(session: Session, ids: Sequence[str]) -> None:
    """Nobody else changes these orders or their messages until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        _run(
            session,
            "SELECT count(*) FROM (SELECT id FROM backorder WHERE id {ids} ORDER BY id FOR UPDATE) AS o",
            ids,
        )
        _run(
            session,
            "SELECT count(*) FROM (SELECT id FROM message WHERE backorder_id {ids} ORDER BY id FOR UPDATE) AS m",
            ids,
        )


def orders(session: Session, ids: Sequence[str], sku: str, own: Collection[str]) -> Sequence[Gathered]:
    """These orders by id, one line of each of which is of that SKU. `own` are the SKUs that have their own policy."""
    lines = _LINES.replace("OWN", "CASE WHEN sku {own_ids} THEN sku ELSE '' END" if own else "''")
    more: dict[str, Any] = {"sku": sku} | ({"own": list(own)} if own else {})
    with _by_index(session):
        of_lines = {row[0]: row[1:] for row in _run(session, lines, ids, **more)}
        of_messages = {row[0]: row[1:] for row in _run(session, _MESSAGES, ids)}
        found = _run(session, _ORDERS, ids, sku=sku)
    return [
        Gathered._make((*order, *of_lines[order[0]], *of_messages.get(order[0], _NO_MESSAGES)))
        for order in found
    ]


@contextmanager
def _by_index(session: Session) -> Iterator[None]:
    """Have PostgreSQL look each order up; for thousands of them it would rather read whole tables of a million rows."""
    if session.get_bind().dialect.name != "postgresql":
        yield
        return
    ways = [f"SET LOCAL enable_{way} TO" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin")]
    session.execute(text("; ".join(f"{way} off" for way in ways)))
    yield
    session.execute(text("; ".join(f"{way} DEFAULT" for way in ways)))


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_ORDERS = (
    "SELECT o.id, o.store_id, currency, {time:placed_at}, {time:registered_at}, {json:payment}, timezone, country,"  # noqa: S608  our own words
    " unsubscribed, seller_credit, EXISTS (SELECT 1 FROM fact WHERE fact.backorder_id = o.id"
    f" AND fact.kind IN ({_words(PLANNING_FACTS)})), its.id, {{day:eta}}, {{day:eta_earliest}}, eta_reason,"
    " {time:eta_changed_at}, unit_price, waiting"
    " FROM backorder AS o JOIN backorder_line AS its ON its.backorder_id = o.id AND its.sku = :sku"
    " WHERE o.id {ids} ORDER BY o.id"
)

_OTHERS = "CASE WHEN sku <> :sku THEN"
_DAYS = " || '|' || ".join(f"coalesce({{day:{day}}}, '')" for day in DUTY_DAYS)
_LINES = (
    "SELECT backorder_id, {concat}(id, {between}),"  # noqa: S608  our own words
    " {concat}(CAST(sku = :sku AS TEXT) || '|' || OWN || '|' || coalesce({day:promised}, '') || '|' ||"
    " coalesce({day:eta}, '') || '|' || coalesce({day:eta_earliest}, '') || '|' || CAST(waiting > 0 AS TEXT) || '|' ||"
    " CAST(allocated >= waiting AS TEXT) || '|' || law_state || '|' || CAST(essential_date AS TEXT) || '|' || "
    f"{_DAYS}, {{between}}), max({{day:eta}}), max(CASE WHEN promised IS NULL THEN 1 ELSE 0 END),"
    f" {{concat}}({_OTHERS} {{time:eta_changed_at}} ELSE '' END, {{between}}), min({_OTHERS} {{day:eta}} END)"
    " FROM backorder_line WHERE backorder_id {ids} GROUP BY backorder_id"
)

# Most are planned, and have no reason: that is asked first.
_LEFT = (
    f"((status <> '{Status.PLANNED}' OR reason IS NOT NULL)"
    f" AND (status NOT IN ({_words(UNDER_WAY)}) OR coalesce(reason, '') = '{DROPPED}'))"
)
_BEGUN = "attempts > 0 OR lease_token IS NOT NULL OR attempt_at <> due_at OR reason IS NOT NULL"
_NOTICE = "{find}({json:says}, '\"notice\"') > 0"
_MESSAGES = (
    "SELECT backorder_id, {concat}(key || '|' || status || '|' || about || '|' || "  # noqa: S608  our own words
    f"CASE WHEN reason = '{DROPPED}' THEN 'dropped' ELSE '' END || '|' || {{json:says}} || '|' ||"
    f" CASE WHEN {_LEFT} THEN '' ELSE {{plain:due_at}} || '|' || {{plain:expires_at}} END, {{between}}),"
    " {concat}(id, {between}),"
    f" {{concat}}(CASE WHEN {_LEFT} THEN key || {{within}} || {{time:coalesce(sent_at, due_at)}} || {{within}} ||"
    " coalesce({plain:sent_at}, '') || '|' || {plain:due_at} || {within} ||"
    f" CASE WHEN {_NOTICE} THEN 'notice' ELSE '' END || {{within}} || id END, {{between}}),"
    f" max(CASE WHEN {_LEFT} AND kind = '{Kind.EXPECTATION}' THEN {{json:says}} END),"
    f" max(CASE WHEN {_LEFT} AND ({_NOTICE} OR {{find}}({{json:says}}, '{{{{}}}}') > 0) THEN 1 ELSE 0 END),"
    f" max(CASE WHEN status IN ({_words(ASTRAY)}) OR (status = '{Status.PLANNED}' AND ({_BEGUN})) THEN 1 ELSE 0 END)"
    " FROM message WHERE backorder_id {ids} GROUP BY backorder_id"
)


class _As:
    """How a column of that kind is written so that it comes as text."""

    def __init__(self, form: str) -> None:
        self._form = form

    def __format__(self, column: str) -> str:
        return self._form.replace("COLUMN", column)


_POSTGRESQL = {
    "time": _As("to_char(COLUMN AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24\\:MI\\:SS.US')"),
    "plain": _As("CAST(COLUMN AS TEXT)"),
    "day": _As("CAST(COLUMN AS TEXT)"),
    "json": _As("CAST(COLUMN AS TEXT)"),
    "concat": "string_agg",
    "find": "strpos",
    "within": f"chr({ord(WITHIN)})",
    "between": f"chr({ord(BETWEEN)})",
    "ids": "= ANY(:ids)",
    "own_ids": "= ANY(:own)",
}
_SQLITE = {
    "time": _As("COLUMN"),
    "plain": _As("COLUMN"),
    "day": _As("COLUMN"),
    "json": _As("COLUMN"),
    "concat": "group_concat",
    "find": "instr",
    "within": f"char({ord(WITHIN)})",
    "between": f"char({ord(BETWEEN)})",
    "ids": "IN (SELECT value FROM json_each(:ids))",
    "own_ids": "IN (SELECT value FROM json_each(:own))",
}


@cache
def _statement(query: str, *, postgresql: bool) -> TextClause:
    words: dict[str, Any] = _POSTGRESQL if postgresql else _SQLITE
    lists = ("ids", "own") if "{own_ids}" in query else ("ids",)
    kind: TypeEngine[Any] = ARRAY(String) if postgresql else JSON()
    return text(query.format(**words)).bindparams(*(bindparam(name, type_=kind) for name in lists))


def _run(session: Session, query: str, ids: Sequence[str], **more: Any) -> Sequence[Row[Any]]:
    postgresql = session.get_bind().dialect.name == "postgresql"
    return session.execute(_statement(query, postgresql=postgresql), {"ids": list(ids)} | more).all()
