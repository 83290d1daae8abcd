"""Believable orders, many of them: a few through the real intake, the rest copied from those by the database."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from notifier.db.engine import transaction
from notifier.db.stores import create_store
from notifier.db.tables import Store
from notifier.inputs import NewBackorder
from notifier.intake import Registered, register_many

STORE = "store_bench"
API_KEY = "nk_bench"
HOT = "LAMP-BRASS"
"""The SKU that every order of `lay_waiting` waits for."""

_PLACES = (
    ("America/New_York", "US", "en-US"), ("America/Los_Angeles", "US", "en-US"), ("Europe/Berlin", "DE", "de-DE"),
    ("Europe/Paris", "FR", "fr-FR"), ("Europe/Warsaw", "PL", "pl-PL"), ("Asia/Dubai", "AE", "ar"),
    ("Asia/Kolkata", "IN", "en-IN"), ("Asia/Tokyo", "JP", "en"), ("Pacific/Auckland", "NZ", "en-NZ"),
    ("Pacific/Honolulu", "US", "en-US"),
)  # fmt: skip
_GOODS = [(f"SKU-{n:03d}", f"{what}, {colour}") for n, (what, colour) in enumerate(
    (what, colour) for what in ("Linen tablecloth", "Pepper mill", "Glass ornament", "Oak stool", "Wool throw",
                                "Brass lamp", "Stoneware bowl", "Walnut tray")
    for colour in ("sage", "charcoal", "red", "natural", "ochre")
)]  # fmt: skip


def make_store(engine: Engine) -> None:
    with transaction(engine) as session:
        create_store(
            session,
            datetime.now(UTC),
            name="Hearth & Pine",
            timezone="America/New_York",
            country="US",
            store_id=STORE,
            api_key=API_KEY,
        )


def order(
    number: str, now: datetime, days: int, *, awake: bool = False, first: str | None = None
) -> dict[str, object]:
    """A backorder as a store would post it, with one to three lines, expected that many days from now.

    The day is the customer's; with `awake` it is daytime there.
    """
    dice = random.Random(number)
    places = [place for place in _PLACES if not awake or _is_day(now, place[0])]
    zone, country, locale = dice.choice(places)
    eta = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
    goods = dice.sample(_GOODS, dice.choice((1, 1, 2, 2, 3)))
    if first:
        goods[0] = (first, "Brass lamp, large")
    return {
        "order_id": number,
        "currency": "USD",
        "order_url": f"https://shop.example/orders/{number}",
        "customer": {"email": f"{number}@customer.example", "name": "Jane Doe", "locale": locale,
                     "timezone": zone, "country": country},
        "lines": [
            {"sku": sku, "name": name, "quantity": dice.choice((1, 1, 2)), "unit_price": "38.50",
             "eta": eta.isoformat(), "image_url": f"https://shop.example/img/{sku}.jpg",
             "product_url": f"https://shop.example/p/{sku}", "highlights": ["Made by hand"]}
            for sku, name in goods
        ],
    }  # fmt: skip


def _is_day(at: datetime, zone: str) -> bool:
    return 10 <= at.astimezone(ZoneInfo(zone)).hour < 18


def lay_future(engine: Engine, messages: int) -> None:
    """Orders registered the day before yesterday, with that many emails still to come, none of them soon."""
    now = datetime.now(UTC)
    then = now - timedelta(days=2)
    dice = random.Random(messages)
    ids = _register(
        engine,
        [order(_number(), now, dice.randint(20, 90)) for _ in range(_few(messages, 20))],
        then,
    )
    _sent_before(engine, ids, now)
    _multiply(engine, ids, "planned", messages)


def lay_due(engine: Engine, messages: int) -> None:
    """Orders with that many emails due now: half are new (expectation), half reach a countdown's day."""
    now = datetime.now(UTC)
    half = messages // 2
    few = _few(half, 5)
    new = _register(engine, [order(_number(), now, 30) for _ in range(few)], now - timedelta(seconds=5))
    _multiply(engine, new, "due", messages - half)
    old = _register(
        engine,
        [order(_number(), now, 7, awake=True) for _ in range(few)],
        now - timedelta(days=20),
    )
    _sent_before(engine, old, now - timedelta(days=1))
    _multiply(engine, old, "due", half)


def lay_waiting(engine: Engine, orders: int) -> None:
    """That many orders that wait for one SKU, told of their date, with all their countdowns to come."""
    now = datetime.now(UTC)
    ids = _register(
        engine,
        [order(_number(), now, 30, first=HOT) for _ in range(_few(orders, 5))],
        now - timedelta(days=2),
    )
    _sent_before(engine, ids, now)
    _multiply(engine, ids, "orders", orders)


def _few(messages: int, each: int) -> int:
    """How many orders the others are copied from, at least `each` times so that counts come out about right."""
    return max(1, min(200, messages // each))


def _number() -> str:
    return f"{random.getrandbits(48):012x}"


def _register(engine: Engine, orders: Sequence[dict[str, object]], at: datetime) -> list[str]:
    news = [NewBackorder.model_validate(new) for new in orders]
    with transaction(engine) as session:
        done = register_many(session, session.get_one(Store, STORE), news, at)
    return [it.backorder_id for it in done if isinstance(it, Registered)]


def _sent_before(engine: Engine, ids: Sequence[str], now: datetime) -> None:
    """What fell due before `now` was sent when it did."""
    with transaction(engine) as session:
        session.connection().execute(
            text(
                "UPDATE message SET status = 'sent', sent_at = due_at, settled_at = due_at, provider = 'sendgrid',"
                " to_email = (SELECT email FROM backorder WHERE backorder.id = message.backorder_id), attempts = 1"
                f" WHERE due_at <= :now AND backorder_id IN ({_quoted(ids)})"
            ),
            {"now": _stored(engine, now)},
        )


def _multiply(engine: Engine, ids: Sequence[str], unit: str, wanted: int) -> None:
    """Copy these orders with all that hangs on them until there are about `wanted` of the unit.

    A copy's ids differ in the eight digits that tell when a row was made, so that, as in life, what belongs
    together lies together, and older than whatever is made from now on.
    """
    counts = {
        "orders": "SELECT count(*) FROM backorder WHERE id IN ({ids})",
        "planned": "SELECT count(*) FROM message WHERE status = 'planned' AND backorder_id IN ({ids})",
        "due": "SELECT count(*) FROM message WHERE status = 'planned' AND attempt_at <= :now"
        " AND backorder_id IN ({ids})",
    }
    with transaction(engine) as session:
        connection = session.connection()
        each = connection.execute(
            text(counts[unit].format(ids=_quoted(ids))),
            {"now": _stored(engine, datetime.now(UTC))} if unit == "due" else {},
        ).scalar_one()
        copies = round(wanted / each) - 1
        if copies < 1:
            return
        sqlite = engine.dialect.name == "sqlite"
        if not sqlite:
            connection.execute(
                text("SET LOCAL session_replication_role = replica")
            )  # the copies refer rightly
        for table in ("backorder", "backorder_line", "fact", "message", "message_history"):
            connection.execute(text(_copying(table, ids, copies, sqlite=sqlite)))


def _copying(table: str, ids: Sequence[str], copies: int, *, sqlite: bool) -> str:
    stamp = "printf('%08x', n)" if sqlite else "lpad(to_hex(n), 8, '0')"
    find = "instr" if sqlite else "strpos"

    def copied(column: str) -> str:
        own = f"old.{column}"
        if column in {"id", "backorder_id", "message_id"}:
            return f"substr({own}, 1, {find}({own}, '_')) || {stamp} || substr({own}, {find}({own}, '_') + 9)"
        if column == "order_id":
            return f"{own} || '-' || n"
        if column in {"email", "to_email"}:
            return f"n || '.' || {own}"
        if column in {"registered_at", "eta_changed_at", "sent_at"}:  # in life no two have the same
            earlier = f"strftime('%Y-%m-%d %H:%M:%f000', {own}, -n || ' seconds')"
            return earlier if sqlite else f"{own} - n * interval '1 second'"
        if column == "says":  # its keys are ids of lines: {"line_0199…": {…}, …}
            words = own if sqlite else f"{own}::text"
            changed = f"replace({words}, substr({words}, 2, 14), '\"line_' || {stamp})"
            return changed if sqlite else f"({changed})::jsonb"
        return own

    columns = [column.name for column in SQLModel.metadata.tables[table].columns]
    numbers = (
        f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {copies}) SELECT n FROM s)"
        if sqlite
        else f"generate_series(1, {copies})"
    )
    key = "id" if table == "backorder" else "backorder_id"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(map(copied, columns))}"
        f" FROM {numbers} AS s{'' if sqlite else '(n)'} CROSS JOIN {table} AS old"
        f" WHERE old.{key} IN ({_quoted(ids)}) ORDER BY n, old.id"
    )


def _quoted(ids: Sequence[str]) -> str:
    return ", ".join(f"'{id_}'" for id_ in ids)


def _stored(engine: Engine, at: datetime) -> datetime | str:
    """As the column keeps it: text on SQLite."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if engine.dialect.name == "sqlite" else at
