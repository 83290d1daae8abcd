"""The store itself."""

from typing import Annotated

from fastapi import APIRouter, Body

from notifier.api import store_examples, store_shapes, views
from notifier.api.deps import CallDep, Work
from notifier.api.problems import declared
from notifier.db import accounts
from notifier.shopkeeping import NewTrial, StoreChange, change
from notifier.trial import send_test

router = APIRouter(prefix="/v1", tags=["store"])


@router.get("/store", operation_id="get_store", response_model=store_shapes.StoreShape)
def get_store(call: CallDep) -> store_shapes.StoreShape:
    """The store that the key opens. Of the keys that it has at mail services, only whether they are set."""
    with call.reading() as work:
        return _store(work)


@router.patch(
    "/store",
    operation_id="change_store",
    response_model=store_shapes.StoreShape,
    responses=declared(400, 415),
)
def change_store(
    wanted: Annotated[StoreChange, Body(examples=[store_examples.STORE_CHANGE])], call: CallDep
) -> store_shapes.StoreShape:
    """Change the store: what is left out stays, null takes away what was set. Keys are written, and never read."""
    with call.writing() as work:
        change(work.session, work.store.id, wanted, work.services.post, work.services.keyring, work.now)
        return _store(work)


@router.post(
    "/store/test-email",
    operation_id="test_store",
    response_model=store_shapes.Trial,
    responses=declared(400, 415),
)
def test_store(
    wanted: Annotated[NewTrial, Body(examples=[store_examples.TEST_EMAIL])], call: CallDep
) -> store_shapes.Trial:
    """Send a sample email at once, and tell what came of it: what is wrong and where to mend it, or what was accepted.

    It goes out even while the account is paused; when it is accepted, the pause ends. Each call sends one, whatever
    `Idempotency-Key` it carries.
    """
    tried = send_test(call.services.post, call.store_id, wanted.to, call.now, second=wanted.second)
    return store_shapes.Trial.model_validate(tried, from_attributes=True)


def _store(work: Work) -> store_shapes.StoreShape:
    settings, keys = work.services.settings, accounts.keys_of(work.session, work.store.id)
    return views.store(work.store, keys, settings.sender, settings.provider)
