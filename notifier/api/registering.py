"""Registers what several requests ask for in one transaction. Each is answered as if it had come alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import structlog
from fastapi import Response
from sqlmodel import Session

from notifier import advising, intake
from notifier.api import advice, shapes, views
from notifier.api.deps import Once, Work, no_store
from notifier.api.gather import Waits
from notifier.bootstrap import Services
from notifier.db import facts, idempotency, queries
from notifier.db.engine import transaction
from notifier.db.registering import NewOrder
from notifier.db.stores import stores_of_keys
from notifier.errors import Invalid, NotifierError, Unavailable
from notifier.inputs import NewBackorder
from notifier.intake import Registered

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """One request to register one backorder."""

    new: NewBackorder
    once: Once


Answers = dict[Registration, Response | Exception]
Shown = shapes.Backorder | dict[str, Any]
"""An order as it is answered, as a shape or in plain values."""


def register_together(
    asked: Sequence[Registration], waits: Waits | None = None
) -> list[Response | Exception]:
    """An answer or an error for each, in order; all that was not refused is committed.

    `waits` is called where another group may be prepared meanwhile.
    Where one breaks the transaction, each is tried by itself: it takes no other with it.
    """
    services = asked[0].once.call.services
    try:
        with transaction(services.engine, waits) as session:
            answers = _register(session, services, asked, services.clock())
    except Unavailable as error:
        return [error] * len(asked)
    except Exception as error:
        if len(asked) == 1:
            return [error]
        log.exception("registrations did not go together; each is tried by itself", count=len(asked))
        return [answer for one in asked for answer in register_together([one])]
    return [answers[one] for one in asked]


def _register(session: Session, services: Services, asked: Sequence[Registration], now: datetime) -> Answers:
    """Store by store, in order of id, so that two transactions can't wait for each other."""
    opened = stores_of_keys(session, {one.once.call.key for one in asked}, hold=True)
    stores = {store.id: store for store in opened.values()}
    groups: dict[str, list[Registration]] = {store_id: [] for store_id in sorted(stores)}
    answers: Answers = {}
    for one in asked:
        if store := opened.get(one.once.call.key):
            groups[store.id].append(one)
        else:
            answers[one] = no_store()
    for store_id, group in groups.items():
        answers |= _for_store(Work(session, stores[store_id], services, now), group)
    return answers


def _for_store(work: Work, asked: Sequence[Registration]) -> Answers:
    session, store_id = work.session, work.store.id
    answers: Answers = {}
    # Of those with one idempotency key the first goes first, and the others find its answer.
    first = {one.once.key: one for one in reversed(asked) if one.once.key}
    later = [one for one in asked if one.once.key and first[one.once.key] is not one]
    digests = {key: one.once.digest for key, one in first.items()}
    given = idempotency.claim(session, store_id, digests, work.now)
    for key, one in first.items():
        if key in given:
            answers[one] = _again(one.once, given[key])
    todo = [one for one in asked if one not in later and one not in answers]
    results = intake.register_many(session, work.store, [one.new for one in todo], work.now)
    seen = shown(work, results)
    kept: dict[str, tuple[int, str]] = {}
    for one, result in zip(todo, results, strict=True):
        if isinstance(result, NotifierError):
            answers[one] = result
            continue
        status, body = status_of(result), views.as_json(seen[result.backorder_id])
        answers[one] = Response(body, status, media_type="application/json")
        if one.once.key:
            kept[one.once.key] = status, body
    idempotency.keep(session, store_id, kept)
    idempotency.release(session, store_id, first.keys() - given.keys() - kept.keys())
    return answers | (_for_store(work, later) if later else {})


def _again(once: Once, given: idempotency.Given) -> Response | Exception:
    try:
        return once.again(given)
    except Invalid as error:
        return error


# --- answering -------------------------------------------------------------------------------------------


def status_of(result: Registered) -> int:
    return 201 if result.created else 200


def shown(work: Work, results: Iterable[object]) -> dict[str, Shown]:
    """By id, the orders of those results that are one: from what was just written, or read where it was there."""
    found = [result for result in results if isinstance(result, Registered)]
    new = [it.order for it in found if it.order]
    written = views.registered(new, work.services.links, work.now)
    _advise(work, new, written)
    return written | read(work, {it.backorder_id for it in found} - written.keys())


def _advise(work: Work, orders: Iterable[NewOrder], written: Mapping[str, dict[str, Any]]) -> None:
    """Add to each what history says of its dates."""
    dates = {
        order.facts.backorder_id: [(line.sku, line.eta) for line in order.facts.lines] for order in orders
    }
    contradicted = advising.advise(work.session, work.store, chain.from_iterable(dates.values()), work.now)
    if contradicted:
        for id_, entered in dates.items():
            if found := [contradicted[date] for date in entered if date in contradicted]:
                written[id_]["advice"] = advice.shown(found)


def read(work: Work, ids: Collection[str]) -> dict[str, shapes.Backorder]:
    """By id; all of them are this store's."""
    if not ids:
        return {}
    messages = queries.messages_of(work.session, ids)
    return {
        id_: views.backorder(order, messages[id_], work.services.links, work.now)
        for id_, order in facts.load(work.session, ids).items()
    }
