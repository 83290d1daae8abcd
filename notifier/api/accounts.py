"""The accounts of mail services through which the store sends: are they well, and if not, try again."""

from fastapi import APIRouter, Response

from notifier.api import shapes, store_shapes, views
from notifier.api.deps import Answer, CallDep, Id, OnceDep, Work
from notifier.api.problems import declared
from notifier.db import accounts
from notifier.errors import NotFound

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


@router.get("", operation_id="list_accounts", response_model=shapes.Page[store_shapes.Account])
def list_accounts(call: CallDep) -> shapes.Page[store_shapes.Account]:
    """The account that the store sends through, and its second if it has one; and what keeps each from sending."""
    with call.reading() as work:
        return shapes.Page(data=[_account(work, name) for name in _names(work)], next=None)


@router.post(
    "/{account}/resume",
    operation_id="resume_account",
    response_model=store_shapes.Account,
    responses=declared(404),
)
def resume_account(account: Id, once: OnceDep) -> Response:
    """End its pause now, because what was wrong is mended; if it isn't, the next send pauses it again."""

    def decide(work: Work) -> Answer:
        if account not in _names(work):
            raise NotFound(f"this store does not send through {account!r}")
        accounts.resume(work.session, account)
        return 200, _account(work, account)

    return once.answer(decide)


def _names(work: Work) -> list[str]:
    return accounts.of_store(work.session, work.store.id, work.services.settings.provider)


def _account(work: Work, name: str) -> store_shapes.Account:
    row = accounts.find(work.session, name)
    pace = work.services.post.paces.get(accounts.provider_of(name))
    return views.account(name, name != _names(work)[0], row, accounts.state(row, work.now), pace)
