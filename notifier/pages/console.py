"""The console's first page: what is going on, what comes next, and what needs a person."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from notifier.db import accounts, duties, endpoints, overview
from notifier.db.accounts import State
from notifier.db.engine import reading, transaction
from notifier.db.tables import TROUBLE, Store
from notifier.domain.policy import local_day
from notifier.errors import NotFound
from notifier.pages.html import Page, PageRoute
from notifier.pages.plain import mail_row
from notifier.pages.session import SignedIn, Visit

SHOWN = 8
DAY = timedelta(days=1)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    count: int
    path: str
    tone: str = ""


@router.get("/console")
def overview_page(visit: SignedIn) -> Page:
    with reading(visit.services.engine) as session:
        store = session.get_one(Store, visit.store_id)
        through = _accounts(session, visit)
        troubles = [accounts.find(session, account) for account in through]
        paused = [it for it in troubles if accounts.state(it, visit.now) is State.PAUSED]
        sent = overview.last_sent(session, store.id, SHOWN, visit.now - DAY) or overview.last_sent(
            session, store.id, SHOWN
        )
        lost = overview.lost_notices(session, store.id, SHOWN)
        in_trouble = overview.in_trouble(session, store.id, SHOWN)
        values = {
            "paused": paused,
            "all_paused": len(paused) == len(through),
            "hooks": endpoints.paused(session, store.id, SHOWN),
            "figures": list(_figures(session, store, visit.now)),
            "lost": [mail_row(mail) for mail in lost],
            "trouble": [mail_row(mail) for mail in in_trouble if mail not in lost],
            "due": [mail_row(mail) for mail in overview.next_due(session, visit.store_id, SHOWN)],
            "sent": [mail_row(mail) for mail in sent],
        }
    return visit.page("overview.html", values)


@router.post("/console/accounts/{account}/resume")
def resume(account: str, visit: SignedIn, token: Annotated[str, Form()]) -> Response:
    """What kept the store's account from sending is mended: end its pause now."""
    visit.check(token, f"resume {account}")
    with transaction(visit.services.engine) as session:
        if account not in _accounts(session, visit):
            raise NotFound("This store does not send through that account.")
        accounts.resume(session, account)
    return RedirectResponse("/console", 303)


def _accounts(session: Session, visit: Visit) -> list[str]:
    return accounts.of_store(session, visit.store_id, visit.services.settings.provider)


def _figures(session: Session, store: Store, now: datetime) -> Iterator[Figure]:
    orders = overview.count_orders(session, store.id)
    yield Figure("orders waiting", orders.get("open", 0), "/console/backorders")
    yield Figure("partly shipped", orders.get("partly_shipped", 0), "/console/backorders")
    answers = overview.count_answers_needed(session, store.id)
    yield Figure("need an answer", answers, "/console/messages?kind=consent", "wait" if answers else "")
    near = duties.count_near(session, store.id, now)
    yield Figure("duties of the law near", near, "/console/duties", "bad" if near else "")
    passed = overview.count_passed(session, store.id, local_day(now, ZoneInfo(store.timezone)))
    yield Figure("past their date", passed, "/console/skus", "bad" if passed else "")
    due = overview.count_due(session, store.id, now + DAY)
    yield Figure("emails in the next 24 hours", due, "/console/messages?status=planned")
    sent = overview.count_sent(session, store.id, now - DAY)
    yield Figure("emails in the last 24 hours", sent, "/console/messages?status=sent&status=delivered")
    troubled = overview.count_trouble(session, store.id)
    states = "&".join(f"status={status}" for status in TROUBLE)
    yield Figure("emails in trouble", troubled, f"/console/messages?{states}", "bad" if troubled else "")
