"""What a customer decides: to keep waiting, to cancel, in which language and whether reminded; and their links.

Every function takes a session inside a transaction and the time `now`. They raise NotFound, Invalid or Conflict before
anything is written. `form` is the digest of the very form that was sent, for answers that came from a page: it tells
a repeat of an answer from a second one.
"""

from datetime import datetime

from sqlmodel import Session

from notifier.db import facts as store
from notifier.db import queries
from notifier.domain.law.course import day_of
from notifier.domain.order import Choice
from notifier.errors import Conflict, Fault, Invalid, NotFound
from notifier.inputs import CancelledLine, NewAnswer, NewRevocation
from notifier.intake import OrderFacts, take_off
from notifier.planning import write
from notifier.words.language import speak

MOST_ORDERS = 100
"""Of how many of a customer's orders at a time the language is changed: one transaction stays short."""


def answer(
    session: Session, store_id: str, backorder_id: str, new: NewAnswer, now: datetime, form: str = ""
) -> None:
    """The customer chose: to keep waiting, or to cancel what has not shipped."""
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        rows = [fact.line(sku, f"/skus/{number}") for number, sku in enumerate(new.skus)] if new.skus else []
        open_rows = [row for row in rows or fact.order.lines if row.waiting]
        if not open_rows:
            raise Conflict(
                f"order {fact.order.row.order_id!r} has nothing left to wait for, so there is nothing to answer"
            )
        if new.extra_until is not None and new.extra_until < day_of(fact.order.facts, now):
            raise Invalid(
                f"extra_until {new.extra_until} is over; name a day ahead",
                (Fault("/extra_until", "must not lie in the past"),),
            )
        more = new.model_dump(mode="json", include={"further", "extra_until"}, exclude_defaults=True)
        said = {"choice": new.answer.value, "lines": [row.id for row in rows], **_means(form)}
        fact.happened("answered", said | more)
        if new.answer is Choice.CANCEL:
            take_off(fact, [(row.sku, None) for row in open_rows], "customer", None)


def cancel(
    session: Session,
    store_id: str,
    backorder_id: str,
    lines: list[CancelledLine],
    now: datetime,
    form: str = "",
) -> None:
    """The customer cancels units. For lines of which nothing is left it is their answer as well.

    Raises Conflict where fewer units are open.
    """
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        units = fact.units([(line.sku, line.quantity) for line in lines])
        whole = [row.id for row, count in units if count == row.waiting]
        if whole:
            fact.happened("answered", {"choice": Choice.CANCEL.value, "lines": whole, **_means(form)})
        take_off(fact, [(row.sku, count) for row, count in units], "customer", None, _means(form))


def was_given(session: Session, backorder_id: str, form: str) -> bool:
    """Whether this very form was answered before."""
    return any(fact.data.get("form") == form for fact in queries.facts_about(session, backorder_id))


def set_waiting_series(
    session: Session, store_id: str, backorder_id: str, wanted: bool, now: datetime
) -> None:
    """The customer wants the countdowns of this order, or wants none; other emails go either way."""
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        if fact.order.row.unsubscribed == wanted:
            fact.order.row.unsubscribed = not wanted
            fact.happened("resubscribed" if wanted else "unsubscribed", {})


def choose_language(session: Session, store_id: str, backorder_id: str, tag: str, now: datetime) -> None:
    """The customer wants to read this language (a BCP 47 tag), on the pages and in the emails of this order and of
    their other orders with this store that are not over, `MOST_ORDERS` at most.

    Must be the first to lock an order in its transaction, as it locks several in the order of their ids. Orders that
    speak the language already keep their region.
    """
    asked = store.load(session, [backorder_id]).get(backorder_id)
    if asked is None or asked.row.store_id != store_id:
        raise NotFound(f"there is no backorder {backorder_id!r} in this store")
    theirs = queries.open_orders(session, store_id, asked.row.email, MOST_ORDERS)
    happened = []
    for order in store.load(session, {backorder_id, *theirs}, lock=True).values():
        spoken = speak(order.facts.customer.locale).language
        if order.row.email.lower() == asked.row.email.lower() and spoken != tag and not order.facts.erased:
            order.row.locale = tag
            happened.append((order, [store.record(order, "language_chosen", now, now, {"locale": tag})]))
    write(session, happened, now)


def revoke_links(
    session: Session, store_id: str, backorder_id: str, new: NewRevocation, now: datetime
) -> None:
    """Every link to the customer's page of this order that was written before opens nothing any more.

    An email that is being written meanwhile does not leave with such a link: this is a fact like any other.
    """
    with OrderFacts(session, store_id, backorder_id, now) as fact:
        fact.order.row.link_series += 1
        fact.happened("links_revoked", {"reason": new.reason})


def _means(form: str) -> dict[str, str]:
    """How an answer was given, for the evidence."""
    return {"means": "page", "form": form} if form else {"means": "page"}
