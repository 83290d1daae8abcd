"""Very many orders as they stand in the database, and what hangs on them: put together there, to three texts for all.

Each value comes as text, "" for none: days and times in one form from both databases, UTC to the microsecond. Nothing
is converted on its way, as most is only compared; and while the database puts a text together, no row of it asks for
the interpreter, which is free for the texts before.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, JSON, String, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from notifier.db.facts import PLANNING_FACTS
from notifier.db.tables import DUTY_DAYS
from notifier.domain.message import DROPPED, Kind, Status

UNDER_WAY = (Status.PLANNED, Status.HELD, Status.CANCELLED, Status.EXPIRED)
"""Messages in these states have not left, unless a person dropped them."""

ASTRAY = (Status.BOUNCED, Status.FAILED)
"""What became of these depends on the address."""

WITHIN, BETWEEN, APART, ORDERS = "\x1f", "\x1e", "\x1d", "\x1c"
"""What stands between the parts of a message, between messages, between what there is of an order, and between orders.
No id, JSON or text that anybody gave has such a character in it."""

NEVER = "\x1a"
"""What no text can be: a reason that is not given."""

Found = tuple[str | None, str | None, str | None, str | None]
"""Of very many orders: themselves, their lines, their messages, and which of them more has happened to. What `read` has
for `orders`."""


class Gathered(NamedTuple):
    """What there is of an order, of its lines and of its messages: each of the two all in the same sequence.

    What asks whether something is so is "" where it is not.
    """

    id: str
    store_id: str
    currency: str
    placed_at: str
    registered_at: str
    payment: str
    timezone: str
    country: str
    unsubscribed: str
    seller_credit: str

    line_id: str
    """Of the line that moves, as the next ones."""
    eta: str
    eta_earliest: str
    eta_reason: str
    """`NEVER` where none was given."""
    eta_changed_at: str
    unit_price: str
    waiting: str
    allocated: str

    line_ids: str
    lines: str
    """Of each what a plan depends on as it is."""
    latest: str
    unpromised: str
    """Whether checkout promised no day for one of them."""
    changed: str
    """Of each but the one that moves: when its estimate changed."""
    soonest: str
    """The soonest estimate of all but the one that moves."""

    said: str
    """Of each its key, state, what it is about, whether it was dropped, what it says; its times, if it has not left."""
    message_ids: str
    gone: str
    """Of each that has left what `Left` has."""
    welcome: str
    """What the first email said, if it has left."""
    unsettled: str
    """Whether any that has left gave a legal notice, or told of a line without a date."""
    astray: str
    """Whether what became of one depends on the address, or somebody has begun to send one."""

    happened: str
    """Whether there are facts about it that plans depend on beyond what the rows say."""


class Left(NamedTuple):
    """A message that has left: when, by the earliest that is known, and whether it gave a legal notice."""

    key: str
    at: str
    times: str
    notice: str
    id: str


_NO_MESSAGES = ("",) * 6


def left(order: Gathered) -> list[Left]:
    """Its messages that have left."""
    return [Left(*each.split(WITHIN)) for each in order.gone.split(BETWEEN)] if order.gone else []


def as_text(at: datetime) -> str:
    """An instant in the form in which they come."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def read(
    session: Session, ids: Sequence[str], sku: str, own: Collection[str], *, lock: bool = False
) -> Found:
    """These orders, one line of each of which is of that SKU. `own` are the SKUs that have their own policy.

    With `lock` nobody else changes the orders or their messages until the transaction ends. Without, the messages' ids
    are left out.
    """
    lines = _LINES.replace("OWN", "CASE WHEN sku {own_ids} THEN sku ELSE '' END" if own else "''")
    more: dict[str, Any] = {"sku": sku} | ({"own": list(own)} if own else {})
    locks = lock and session.get_bind().dialect.name == "postgresql"
    with _by_index(session):
        if locks:  # by itself, as whoever waited for a lock sees the rest as it was before
            _run(session, _LOCKING, ids)
        messages = _LOCKED_MESSAGES if locks else _MESSAGES
        of_messages = _run(session, messages.replace("IDS", _IDS if lock else "''"), ids)
        of_orders = _run(session, _ORDERS, ids, sku=sku)
        return of_orders, _run(session, lines, ids, **more), of_messages, _run(session, _HAPPENED, ids)


def orders(found: Found) -> list[Gathered]:
    """Those orders, by id."""
    of_orders, of_lines, of_messages, happened = map(_rows, found)
    lines = {row[0]: row[1:] for row in of_lines}
    messages = {row[0]: row[1:] for row in of_messages}
    to_whom = {row[0] for row in happened}
    of_orders.sort()
    return [
        Gathered._make(
            (*row, *lines[row[0]], *messages.get(row[0], _NO_MESSAGES), "1" if row[0] in to_whom else "")
        )
        for row in of_orders
    ]


def _rows(text: str | None) -> list[list[str]]:
    return [row.split(APART) for row in text.split(ORDERS)] if text else []


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


def _text(selected: str, *columns: str) -> str:
    """The query for these columns of all rows as one text. A name of a column stands for itself; `?` before it for
    whether it is so, which is said by "1".
    """
    values = (
        f"CASE WHEN {name[1:]} THEN '1' ELSE '' END" if name[0] == "?" else f"coalesce({name}, '')"
        for name in columns
    )
    return f"SELECT {{concat}}({' || {apart} || '.join(values)}, {{orders}}) FROM ({selected}) AS found"  # noqa: S608  our own words


_LOCKING = "SELECT count(*) FROM (SELECT id FROM backorder WHERE id {ids} ORDER BY id FOR UPDATE) AS o"

_ORDERS = _text(
    "SELECT o.id, o.store_id, currency, {time:placed_at} AS placed, {time:registered_at} AS registered,"
    " {json:payment} AS payment, timezone, country, unsubscribed, seller_credit, its.id AS line_id,"
    " {day:eta} AS eta, {day:eta_earliest} AS earliest, coalesce(eta_reason, {never}) AS reason,"
    " {time:eta_changed_at} AS changed, unit_price, CAST(waiting AS TEXT) AS waiting,"
    " CAST(allocated AS TEXT) AS allocated"
    " FROM backorder AS o JOIN backorder_line AS its ON its.backorder_id = o.id AND its.sku = :sku WHERE o.id {ids}",
    "id", "store_id", "currency", "placed", "registered", "payment", "timezone", "country", "?unsubscribed",
    "?seller_credit", "line_id", "eta", "earliest", "reason", "changed", "unit_price", "waiting",
    "allocated",
)  # fmt: skip

_HAPPENED = _text(
    f"SELECT backorder_id FROM fact WHERE backorder_id {{ids}} AND kind IN ({_words(PLANNING_FACTS)})",  # noqa: S608  our own words
    "backorder_id",
)

_OTHERS = "CASE WHEN sku <> :sku THEN"
_DAYS = " || '|' || ".join(f"coalesce({{day:{day}}}, '')" for day in DUTY_DAYS)
_LINES = _text(
    "SELECT backorder_id, {concat}(id, {between}) AS ids,"  # noqa: S608  our own words
    " {concat}(CAST(sku = :sku AS TEXT) || '|' || OWN || '|' || coalesce({day:promised}, '') || '|' ||"
    " coalesce({day:eta}, '') || '|' || coalesce({day:eta_earliest}, '') || '|' || CAST(waiting > 0 AS TEXT) || '|' ||"
    " CAST(allocated >= waiting AS TEXT) || '|' || law_state || '|' || CAST(essential_date AS TEXT) || '|' || "
    f"{_DAYS}, {{between}}) AS lines, max({{day:eta}}) AS latest, count(promised) < count(*) AS unpromised,"
    f" {{concat}}({_OTHERS} {{time:eta_changed_at}} ELSE '' END, {{between}}) AS changed,"
    f" min({_OTHERS} {{day:eta}} END) AS soonest"
    " FROM backorder_line WHERE backorder_id {ids} GROUP BY backorder_id",
    "backorder_id", "ids", "lines", "latest", "?unpromised", "changed", "soonest",
)  # fmt: skip

# Most are planned, and have no reason: that is asked first.
_LEFT = (
    f"((status <> '{Status.PLANNED}' OR reason IS NOT NULL)"
    f" AND (status NOT IN ({_words(UNDER_WAY)}) OR coalesce(reason, '') = '{DROPPED}'))"
)
_BEGUN = "attempts > 0 OR lease_token IS NOT NULL OR attempt_at <> due_at OR reason IS NOT NULL"
_IDS = "{concat}(id, {between})"


def _messages(source: str, left: str, says: str) -> str:
    """What there is of the messages of each order, from where, by which names: whether one has left, and its words."""
    notice = f"{{find}}({says}, '\"notice\"') > 0"
    return _text(
        "SELECT backorder_id, {concat}(key || '|' || status || '|' || about || '|' || "  # noqa: S608  our own words
        f"CASE WHEN reason = '{DROPPED}' THEN 'dropped' ELSE '' END || '|' || {says} || '|' ||"
        f" CASE WHEN {left} THEN '' ELSE {{plain:due_at}} || '|' || {{plain:expires_at}} END, {{between}}) AS said,"
        " IDS AS ids,"
        f" {{concat}}(CASE WHEN {left} THEN key || {{within}} || {{time:coalesce(sent_at, due_at)}} || {{within}} ||"
        " coalesce({plain:sent_at}, '') || '|' || {plain:due_at} || {within} ||"
        f" CASE WHEN {notice} THEN 'notice' ELSE '' END || {{within}} || id END, {{between}}) AS gone,"
        f" max(CASE WHEN {left} AND kind = '{Kind.EXPECTATION}' THEN {says} END) AS welcome,"
        f" count(CASE WHEN {left} AND ({notice} OR {{find}}({says}, '{{{{}}}}') > 0) THEN 1 END) > 0 AS unsettled,"
        f" count(CASE WHEN status IN ({_words(ASTRAY)}) OR (status = '{Status.PLANNED}' AND ({_BEGUN})) THEN 1 END) > 0"
        f" AS astray FROM {source} GROUP BY backorder_id",
        "backorder_id", "said", "ids", "gone", "welcome", "?unsettled", "?astray",
    )  # fmt: skip


_MESSAGES = _messages("message WHERE backorder_id {ids}", _LEFT, "{json:says}")
# Where each is locked in turn, what is asked again and again is worked out on the way, and little else taken along.
_LOCKED_MESSAGES = _messages(
    "(SELECT backorder_id, id, key, kind, status, reason, about, due_at, attempt_at, expires_at, sent_at, attempts,"  # noqa: S608  our own words
    f" lease_token, {_LEFT} AS has_left, {{json:says}} AS words FROM message WHERE backorder_id {{ids}}"
    " ORDER BY id FOR UPDATE) AS message",
    "has_left",
    "words",
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
    "apart": f"chr({ord(APART)})",
    "orders": f"chr({ord(ORDERS)})",
    "never": f"chr({ord(NEVER)})",
    "ids": "= ANY(CAST(:ids AS TEXT[]))",
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
    "apart": f"char({ord(APART)})",
    "orders": f"char({ord(ORDERS)})",
    "never": f"char({ord(NEVER)})",
    "ids": "IN (SELECT value FROM json_each(:ids))",
    "own_ids": "IN (SELECT value FROM json_each(:own))",
}


@cache
def _statement(query: str, *, postgresql: bool) -> TextClause:
    words: dict[str, Any] = _POSTGRESQL if postgresql else _SQLITE
    kind: TypeEngine[Any] = ARRAY(String) if postgresql else JSON()
    own = [bindparam("own", type_=kind)] if "{own_ids}" in query else []
    return text(query.format(**words)).bindparams(*own)


def _run(session: Session, query: str, ids: Sequence[str], **more: Any) -> Any:
    postgresql = session.get_bind().dialect.name == "postgresql"
    # Ids need no quotes, so one text is put together at once; and PostgreSQL must not look at how many they are, as it
    # does in `bulk.listed`: of thousands that costs a fifth of a dry run.
    listed = f"{{{','.join(ids)}}}" if postgresql else json.dumps(ids)
    return session.execute(_statement(query, postgresql=postgresql), {"ids": listed} | more).scalar_one()
