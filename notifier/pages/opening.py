"""Opens a customer's link: which order it is for, and in whose language what is wrong with it is said."""

from dataclasses import replace

from fastapi import Request
from sqlmodel import Session

from notifier import suppressing
from notifier.bootstrap import Services
from notifier.db import facts as store
from notifier.db.facts import Order
from notifier.links import Key
from notifier.pages.html import Trouble
from notifier.pages.throttle import Limits, visitor
from notifier.signed import naming


def key_of(request: Request, services: Services, token: str) -> Key:
    """What the link says. Raises Trouble when it is not one of ours, or has run out.

    A right link opens whatever was tried from the same network before.
    """
    now = services.clock()
    key = services.links.read_order(token)
    if key is None:
        limits: Limits = request.state.limits
        who = visitor(request)
        if wait := limits.wrong_links.wait(who, now):
            raise Trouble("too_many", 429, wait)
        limits.wrong_links.count(who, now)
        raise Trouble("unknown", 404)
    if key.has_run_out(now):
        raise Trouble("run_out", 410)
    return key


def load(session: Session, services: Services, key: Key, *, lock: bool = False) -> Order:
    """The order that a link opens. Raises Trouble when its links were ended."""
    order = store.load(session, [key.backorder_id], lock=lock).get(key.backorder_id)
    if order is None or order.row.link_series != key.series or order.facts.erased:
        raise Trouble("ended", 410)
    # Who wants no reminders of one order gets none of any.
    quiet = order.facts.unsubscribed or suppressing.is_quiet(session, order, naming(services.links.secret))
    return replace(order, facts=replace(order.facts, unsubscribed=quiet))
