"""What the law asks of the store, in the console: nearest first, with what a person can do about each."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from notifier import duties, intake, settling
from notifier.db import digests
from notifier.db.duties import Place, Wanted
from notifier.db.engine import reading, transaction
from notifier.domain.law.duties import Task
from notifier.duties import Listed
from notifier.errors import Conflict, Invalid
from notifier.inputs import NewCancellation, NewRefund, NewSettlement
from notifier.pages.html import Page, PageRoute
from notifier.pages.plain import Label
from notifier.pages.session import SignedIn, Visit
from notifier.validation import T, checked

PAGE = 50
TASKS = {
    Task.NOTICE: "Send the notice, or ship",
    Task.ANSWER: "Have the answer, or ship",
    Task.CANCEL: "Cancel",
    Task.REFUND: "Send the money back",
}
DONE = {
    "refunded": "The refund is kept, and the customer is told.",
    "cancelled": "The units are off the order, and the customer is told.",
    "settled": "It is called done, and your reason is kept.",
}

UNSENT = {
    "sending": "is being sent",
    "waiting": "waits for the mail service",
    "unknown": "has perhaps not arrived",
    "failed": "could not be sent",
    "missed": "was not sent",
}
"""What became of a daily list that is not known to have gone."""

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Field = Annotated[str, Form(max_length=1000)]
Short = Annotated[str, Query(max_length=20)]


@router.get("/console/duties")
def duties_page(visit: SignedIn, duty: Short = "", sku: str = "", after: str = "", done: Short = "") -> Page:
    return _page(visit, duty, sku, after, done)


@router.post("/console/duties/refund")
def refund(
    visit: SignedIn,
    token: Annotated[str, Form()],
    backorder_id: Field = "",
    amount: Field = "",
    currency: Field = "",
    method: Field = "",
) -> Response:
    visit.check(token, f"refund {backorder_id}")
    entered = {"amount": amount.strip(), "currency": currency.strip(), "method": method.strip()}

    def act(session: Session, new: NewRefund) -> None:
        settling.refund(session, visit.store_id, backorder_id, new, visit.now)

    return _act(visit, NewRefund, entered, act, "refunded")


@router.post("/console/duties/cancel")
def cancel(
    visit: SignedIn, token: Annotated[str, Form()], backorder_id: Field = "", sku: Field = ""
) -> Response:
    visit.check(token, f"cancel {backorder_id}")

    def act(session: Session, new: NewCancellation) -> None:
        intake.cancel(session, visit.store_id, backorder_id, new, visit.now)

    return _act(visit, NewCancellation, {"lines": [{"sku": sku}]}, act, "cancelled")


@router.post("/console/duties/done")
def call_done(
    visit: SignedIn,
    token: Annotated[str, Form()],
    backorder_id: Field = "",
    sku: Field = "",
    duty: Field = "",
    reason: Field = "",
) -> Response:
    visit.check(token, f"done {backorder_id}")
    entered = {"backorder_id": backorder_id, "sku": sku, "duty": duty, "reason": reason.strip()}

    def act(session: Session, new: NewSettlement) -> None:
        settling.call_done(session, visit.store_id, new, visit.now)

    return _act(visit, NewSettlement, entered, act, "settled")


def _act(
    visit: Visit, shape: type[T], entered: Mapping[str, Any], act: Callable[[Session, T], None], done: str
) -> Response:
    try:
        new = checked(shape, entered)
        with transaction(visit.services.engine) as session:
            act(session, new)
    except (Conflict, Invalid) as error:
        return _page(visit, problem=error.detail)
    return RedirectResponse(f"/console/duties?done={done}", 303)


def _page(
    visit: Visit, duty: str = "", sku: str = "", after: str = "", done: str = "", problem: str = ""
) -> Page:
    chosen = {task.value: task for task in Task}.get(duty)
    words = sku.strip() if sku.isprintable() else "-"  # PostgreSQL refuses NUL in text
    wanted = Wanted((chosen,) if chosen else tuple(Task), words or None)
    with reading(visit.services.engine) as session:
        found = duties.listed(session, visit.store_id, wanted, visit.now, after=_place(after), limit=PAGE + 1)
        mailed = digests.last(session, visit.store_id)
    filters = {name: value for name, value in (("duty", duty), ("sku", words)) if value}
    following = urlencode(filters | {"after": str(found[PAGE - 1].place)}) if len(found) > PAGE else ""
    values = {
        "rows": [(item, TASKS[item.task], _label(item)) for item in found[:PAGE]],
        "tasks": {task.value: text for task, text in TASKS.items()},
        "chosen": duty,
        "words": sku,
        "problem": problem,
        "unsent": UNSENT.get(mailed.status, "") if mailed else "",
        "mailed": mailed,
        "done": DONE.get(done, ""),
        "following": f"?{following}" if following else "",
    }
    return visit.page("duties.html", values, 422 if problem else 200)


def _place(after: str) -> Place | None:
    """Where the list goes on; from its beginning where the address was tampered with."""
    try:
        return Place.read(after) if after.isprintable() and after else None
    except ValueError:
        return None


def _label(item: Listed) -> Label:
    return Label("Overdue", "bad") if item.overdue else Label("Due", "wait")
