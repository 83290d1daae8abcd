"""The account of a mail service through which the store sends: is it well, and if not, try again."""

from fastapi import APIRouter, Response

from notifier.api import shapes, views
from notifier.api.deps import Answer, CallDep, Id, OnceDep, Work
from notifier.api.problems import declared
from notifier.db import accounts
from notifier.errors import NotFound

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


@router.get("", operation_id="list_accounts", response_model=shapes.Page[shapes.Account])
def list_accounts(call: CallDep) -> shapes.Page[shapes.Account]:
    """The account that the store sends through, and what keeps it from sending."""
    with call.reading() as work:
        return shapes.Page(data=[_account(work)], next=None)


@router.post(
    "/{account}/resume",
    operation_id="resume_account",
    response_model=shapes.Account,
    responses=declared(404),
)
def resume_account(account: Id, once: OnceDep) -> Response:
    """End its pause now, because what was wrong is mended; if it isn't, the next send pauses it again."""

    def decide(work: Work) -> Answer:
        if account != _name(work):
            raise NotFound(f"this store does not send through {account!r}")
        accounts.resume(work.session, account)
        return 200, _account(work)

    return once.answer(decide)


def _name(work: Work) -> str:
    return work.store.provider or work.services.settings.provider


def _account(work: Work) -> shapes.Account:
    name = _name(work)
    row = accounts.find(work.session, name)
    return views.account(name, row, accounts.state(row, work.now), work.services.post.paces.get(name))
