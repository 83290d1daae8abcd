"""Plans orders again and writes what came of it: the one road from facts to the outbox."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from notifier import telling
from notifier.db import facts as store
from notifier.db import hindsight, policies, supply
from notifier.db.alike import Sketch
from notifier.db.beside import Beside
from notifier.db.engine import transaction
from notifier.db.facts import Order
from notifier.db.pattern import Pattern, pattern, write_alike
from notifier.db.planned import apply
from notifier.db.tables import Fact
from notifier.deemed import cancellations
from notifier.domain.law import standing
from notifier.domain.law.duties import next_look
from notifier.domain.message import Draft
from notifier.domain.plan import plan
from notifier.domain.reconcile import Changes, reconcile
from notifier.domain.waiting import look_after

CHUNK = 200
"""How many orders one transaction plans again, so that sending goes on meanwhile."""

SHAPES = 10_000
"""How many shapes of orders are kept in mind."""

Thought = TypeVar("Thought")
"""What is known of a shape."""


def replan(session: Session, orders: Iterable[Order], now: datetime) -> None:
    """Make the planned emails of these orders what their facts ask for, and note where they stand in law.

    The orders are locked by this transaction and were loaded after its last change to them.
    """
    orders = list(orders)
    planned, order_standings, line_standings = [], [], []
    for order in orders:
        wanted = plan(order.facts, order.policy, now)
        changes = reconcile(wanted, order.facts, order.policy, now)
        if changes:
            planned.append((order.row.store_id, order.row.id, changes))
        order_standing, moved = standings(order, wanted, now)
        if order_standing:
            order_standings.append(order_standing)
        line_standings += moved
    apply(session, planned, now)
    order_standings += telling.stands(session, orders, now)
    store.store_standings(session, order_standings, line_standings)


def changes_of(order: Order, now: datetime) -> Changes:
    """What to change so that the planned emails of the order are what its facts ask for."""
    return reconcile(plan(order.facts, order.policy, now), order.facts, order.policy, now)


def replan_alike(
    session: Session, orders: Sequence[Sketch], known: dict[Hashable, Pattern], now: datetime
) -> None:
    """Like `replan`, for very many orders: those of one shape are planned once, and `known` keeps what came of it.

    The orders and their messages are locked by this transaction; their rows were changed since they were sketched.
    All that share `known` are of one store and policy, and are planned at this very instant; threads may share it.
    """
    singles = [sketch.id for sketch in orders if sketch.shape is None]
    for start in range(0, len(singles), CHUNK):
        replan(session, store.load(session, singles[start : start + CHUNK], lock=True).values(), now)
    patterns: dict[Hashable, Pattern] = {}  # of these orders, whatever becomes of `known` meanwhile
    firsts: dict[Hashable, Sketch] = {}
    for sketch in orders:
        if sketch.shape is None or sketch.shape in patterns:
            continue
        if (found := known.get(sketch.shape)) is not None:
            patterns[sketch.shape] = found
        else:
            firsts.setdefault(sketch.shape, sketch)
    loaded = store.load(session, [sketch.id for sketch in firsts.values()], lock=True)
    for shape, sketch in firsts.items():
        order = loaded[sketch.id]
        wanted = plan(order.facts, order.policy, now)
        changes = reconcile(wanted, order.facts, order.policy, now)
        patterns[shape] = known[shape] = pattern(session, sketch, changes, *_stand(order, wanted, now))
    write_alike(
        session, [(sketch, patterns[sketch.shape]) for sketch in orders if sketch.shape is not None], now
    )


def load(asked: Beside, ids: Iterable[str]) -> dict[str, Order]:
    """Orders to be read only; who asks waits for what was asked before."""
    return asked.ask(partial(store.load, ids=list(ids))).result()


def plan_shapes(
    asked: Beside,
    firsts: Mapping[Hashable, str],
    known: dict[Hashable, Thought],
    what: Callable[[Order], Thought],
) -> None:
    """Have it `known` `what` comes of each of these shapes, or orders without one: by the id of one that is of it."""
    forget(known)
    new = {shape: id_ for shape, id_ in firsts.items() if shape not in known}
    loaded = load(asked, new.values()) if new else {}
    for shape, id_ in new.items():
        known[shape] = what(loaded[id_])


def forget(known: dict[Hashable, Any]) -> None:
    """Shapes are few; where they are not, no list of them must grow with the orders."""
    if len(known) > SHAPES:
        known.clear()


def standings(
    order: Order, wanted: tuple[Draft, ...], now: datetime
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """What to write of where an order and its lines stand in law and in general; only what differs."""
    whole, lines = _stand(order, wanted, now)
    same = all(getattr(order.row, name) == value for name, value in whole.items())
    return None if same else {"id": order.row.id} | whole, lines


def _stand(
    order: Order, wanted: tuple[Draft, ...], now: datetime
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Where the order stands, and those of its lines that stand elsewhere than is written."""
    wheres = {line.id: standing(order.facts, line, order.policy, now) for line in order.facts.lines}
    replan_at = look_after(wanted, next_look(order.facts, order.policy, wheres, now), now)
    stood = {row.id: {name: getattr(row, name) for name in store.LINE_STANDING} for row in order.lines}
    stands_now = {line_id: store.line_standing(where) for line_id, where in wheres.items()}
    lines = [{"id": id_} | now_so for id_, now_so in stands_now.items() if now_so != stood[id_]]
    return {"replan_at": replan_at, "status": order.facts.status.value}, lines


def write(session: Session, happened: Iterable[tuple[Order, Sequence[Fact]]], now: datetime) -> None:
    """Keep facts about locked orders whose rows were changed, and plan those orders again."""
    changed = list(happened)
    if not changed:
        return
    for order, facts in changed:
        order.row.version += 1
        session.add(order.row)
        session.add_all(order.lines)
        session.add_all(facts)
    session.flush()
    hindsight.note(session, changed)
    telling.happened(session, changed, now)
    supply.ask_after(session, changed)
    for start in range(0, len(changed), CHUNK):
        replan(session, [store.after(*item) for item in changed[start : start + CHUNK]], now)


def watch(engine: Engine, now: datetime) -> bool:
    """Plan again a chunk of the orders whose time has come, and one of those of a store whose policy changed.

    What the law has cancelled meanwhile is taken off the orders of stores that chose so.

    False when nothing is left of either, or others are at it.
    """
    with transaction(engine) as session:
        orders = store.load(session, store.to_replan(session, now, CHUNK), lock=True)
        _again(session, orders, now)
    followed = follow(engine, now)
    return followed or len(orders) == CHUNK


def follow(engine: Engine, now: datetime) -> bool:
    """Have a chunk of a store's orders follow its new policy, in one transaction with how far that is.

    So whoever is killed leaves it where it was, and the next one goes on. False when no store's orders are left, or
    others are at them.
    """
    with transaction(engine) as session:
        job = policies.next_unfinished(session, now)
        if job is None:
            return False
        if job.finished_at is None:
            ids = policies.next_open(session, job, CHUNK)
            _again(session, store.load(session, ids, lock=True), now)
            job.done += len(ids)
            job.cursor = ids[-1] if ids else job.cursor
            job.finished_at = None if len(ids) == CHUNK else now
        session.add(job)
    return True


def _again(session: Session, orders: Mapping[str, Order], now: datetime) -> None:
    ended = list(cancellations(orders.values(), now))
    write(session, ended, now)
    done = {order.row.id for order, _ in ended}
    replan(session, [order for id_, order in orders.items() if id_ not in done], now)
