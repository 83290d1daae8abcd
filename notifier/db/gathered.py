"""Very many orders as they stand in the database, and what hangs on them: put together there, to one row for each.

Days and times come as text, in one form from both databases: UTC, to the microsecond. No value is converted on its way,
as most are only compared.
"""

from collections.abc import Collection, Sequence
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


class Lines(NamedTuple):
    """What there is of an order's lines, all in the same sequence; and the one that moves."""

    backorder_id: str
    ids: str
    plain: str
    """Of each what a plan depends on as it is."""
    latest: str | None
    unpromised: int
    changed: str
    """Of each but the one that moves: when its estimate changed; then the first and the last of them."""
    changed_first: str | None
    changed_last: str | None
    soonest: str | None
    """The soonest estimate of all but the one that moves."""
    id: str
    eta: str | None
    eta_earliest: str | None
    eta_reason: str | None
    eta_changed_at: str
    unit_price: str | None
    waiting: int


class Messages(NamedTuple):
    """What there is of an order's messages, all in the same sequence."""

    backorder_id: str
    said: str | None
    """Of each its key, state, what it is about, whether it was dropped, what it says; its times, if it has not left."""
    ids: str | None
    left: str | None
    """Of each that has left what `Left` has."""
    welcome: str | None
    """What the first email said, if it has left."""
    unsettled: int
    """Whether any that has left gave a legal notice, or told of a line without a date."""
    astray: int


class Left(NamedTuple):
    """A message that has left: when, by the earliest that is known, and whether it gave a legal notice."""

    key: str
    at: str
    times: str
    notice: str
    id: str


NO_MESSAGES = Messages("", None, None, None, None, 0, 0)


def left(messages: Messages) -> list[Left]:
    """The messages that have left."""
    if not messages.left:
        return []
    return [Left(*each.split(WITHIN)) for each in messages.left.split(BETWEEN)]


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


PLAIN = slice(6, None)
"""Of an order's row: what a plan depends on as it is."""


def orders(session: Session, ids: Sequence[str]) -> Sequence[Row[Any]]:
    """These orders, by id."""
    return _run(
        session,
        "SELECT id, store_id, currency, {time:placed_at} AS placed_at, {time:registered_at} AS registered_at,"
        " {json:payment} AS payment, timezone, country, unsubscribed, seller_credit"
        " FROM backorder WHERE id {ids} ORDER BY id",
        ids,
    )


def lines(session: Session, ids: Sequence[str], sku: str, own: Collection[str]) -> Sequence[Lines]:
    """What there is of the lines of each of these orders, one of which is of that SKU. `own` have their own policy."""
    query = _LINES.replace("{own}", "CASE WHEN sku {own_ids} THEN sku ELSE '' END" if own else "''")
    more: dict[str, Any] = {"sku": sku} | ({"own": list(own)} if own else {})
    return [Lines._make(row) for row in _run(session, query, ids, **more)]


def messages(session: Session, ids: Sequence[str]) -> Sequence[Messages]:
    """What there is of the messages of each of these orders that has any."""
    return [Messages._make(row) for row in _run(session, _MESSAGES, ids)]


def happened(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of these orders about which there are facts that plans depend on beyond what the rows say."""
    return {row[0] for row in _run(session, _HAPPENED, ids)}


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_HAPPENED = (
    "SELECT DISTINCT backorder_id FROM fact WHERE backorder_id {ids}"  # noqa: S608  our own words
    f" AND kind IN ({_words(PLANNING_FACTS)})"
)

_ITS = "CASE WHEN sku = :sku THEN"
_OTHERS = "CASE WHEN sku <> :sku THEN"
_DAYS = " || '|' || ".join(f"coalesce({{day:{day}}}, '')" for day in DUTY_DAYS)
_LINES = (
    "SELECT backorder_id, {concat}(id, {between}),"  # noqa: S608  our own words
    " {concat}(CAST(sku = :sku AS TEXT) || '|' || {own} || '|' || coalesce({day:promised}, '') || '|' ||"
    " coalesce({day:eta}, '') || '|' || coalesce({day:eta_earliest}, '') || '|' || CAST(waiting > 0 AS TEXT) || '|' ||"
    " CAST(allocated >= waiting AS TEXT) || '|' || law_state || '|' || CAST(essential_date AS TEXT) || '|' || "
    f"{_DAYS}, {{between}}), max({{day:eta}}), max(CASE WHEN promised IS NULL THEN 1 ELSE 0 END),"
    f" {{concat}}({_OTHERS} {{time:eta_changed_at}} ELSE '' END, {{between}}),"
    f" min({_OTHERS} {{time:eta_changed_at}} END), max({_OTHERS} {{time:eta_changed_at}} END),"
    f" min({_OTHERS} {{day:eta}} END),"
    f" max({_ITS} id END), max({_ITS} {{day:eta}} END), max({_ITS} {{day:eta_earliest}} END),"
    f" max({_ITS} eta_reason END), max({_ITS} {{time:eta_changed_at}} END), max({_ITS} unit_price END),"
    f" max({_ITS} waiting END)"
    # In one sequence for all, by an index that is there; another would only make orders look different that are alike.
    " FROM (SELECT * FROM backorder_line WHERE backorder_id {ids} ORDER BY backorder_id, sku) AS line"
    " GROUP BY backorder_id"
)

_LEFT = f"(status NOT IN ({_words(UNDER_WAY)}) OR coalesce(reason, '') = '{DROPPED}')"
_MESSAGES = (
    "SELECT backorder_id,"  # noqa: S608  our own words
    " {concat}(key || '|' || status || '|' || about || '|' || "
    f"CASE WHEN reason = '{DROPPED}' THEN 'dropped' ELSE '' END || '|' || {{json:says}} || '|' ||"
    f" CASE WHEN {_LEFT} THEN '' ELSE {{plain:due_at}} || '|' || {{plain:expires_at}} END, {{between}}),"
    " {concat}(id, {between}),"
    f" {{concat}}(CASE WHEN {_LEFT} THEN key || {{within}} || {{time:coalesce(sent_at, due_at)}} || {{within}} ||"
    " coalesce({plain:sent_at}, '') || '|' || {plain:due_at} || {within} ||"
    " CASE WHEN {find}({json:says}, '\"notice\"') > 0 THEN 'notice' ELSE '' END || {within} || id END, {between}),"
    f" max(CASE WHEN {_LEFT} AND kind = '{Kind.EXPECTATION}' THEN {{json:says}} END),"
    f" max(CASE WHEN {_LEFT} AND ({{find}}({{json:says}}, '\"notice\"') > 0 OR {{find}}({{json:says}}, '{{{{}}}}') > 0)"
    " THEN 1 ELSE 0 END),"
    f" max(CASE WHEN status IN ({_words(ASTRAY)}) THEN 1 ELSE 0 END)"
    " FROM (SELECT * FROM message WHERE backorder_id {ids} ORDER BY backorder_id, key) AS message GROUP BY backorder_id"
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
