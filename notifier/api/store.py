"""The store itself, and when its emails go."""

from typing import Annotated

from fastapi import APIRouter, Body

from notifier import inputs
from notifier.api import examples, store_shapes, views
from notifier.api.deps import CallDep, Work
from notifier.api.problems import declared
from notifier.db import accounts, queries
from notifier.db.codec import policy_from_json, policy_to_json
from notifier.db.tables import Store
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
    wanted: Annotated[StoreChange, Body(examples=[examples.STORE_CHANGE])], call: CallDep
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
    wanted: Annotated[NewTrial, Body(examples=[examples.TEST_EMAIL])], call: CallDep
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


@router.get("/policy", operation_id="get_policy", response_model=inputs.PolicyInput)
def get_policy(call: CallDep) -> inputs.PolicyInput:
    """The store's sending policy, in full."""
    with call.reading() as work:
        return _policy(work.store)


@router.put("/policy", operation_id="set_policy", response_model=inputs.PolicyInput, responses=declared(400))
def set_policy(
    policy: Annotated[inputs.PolicyInput, Body(examples=[examples.POLICY])], call: CallDep
) -> inputs.PolicyInput:
    """Replace the sending policy; what is left out has its default. Planned emails follow within moments."""
    given = policy.model_dump(mode="json", include=policy.model_fields_set)
    with call.writing() as work:
        if work.store.policy != given:
            work.store.policy = given
            work.session.add(work.store)
            queries.plan_all_again(work.session, work.store.id, work.now)
        return _policy(work.store)


def _policy(store: Store) -> inputs.PolicyInput:
    return inputs.PolicyInput.model_validate(policy_to_json(policy_from_json(store.policy)))
