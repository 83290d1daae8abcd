"""The store itself, and when its emails go."""

from typing import Annotated

from fastapi import APIRouter, Body

from notifier import inputs
from notifier.api import examples, shapes, views
from notifier.api.deps import CallDep
from notifier.api.problems import declared
from notifier.db import queries
from notifier.db.codec import policy_from_json, policy_to_json
from notifier.db.tables import Store

router = APIRouter(prefix="/v1", tags=["store"])


@router.get("/store", operation_id="get_store", response_model=shapes.StoreShape)
def get_store(call: CallDep) -> shapes.StoreShape:
    """The store that the key opens."""
    settings = call.services.settings
    with call.reading() as work:
        return views.store(work.store, settings.sender, settings.provider)


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
