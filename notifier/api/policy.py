"""When a store's emails go: its sending policy, what another would do, and every version that it had."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Path, Response

from notifier import policies
from notifier.api import policy_examples, policy_shapes, shapes
from notifier.api.deps import After, Call, CallDep, Limit, Work
from notifier.api.policy_shapes import PolicyEffect, PolicyShape, PolicyVersionShape
from notifier.api.problems import declared, way_on
from notifier.db import policies as rows
from notifier.db import stores
from notifier.db.codec import policy_from_json
from notifier.db.tables import Store
from notifier.errors import Conflict, Fault, Held
from notifier.fields import Text
from notifier.policies import Outlook
from notifier.policy_input import PolicyChange, PolicyInput, SkuPolicyInput

router = APIRouter(prefix="/v1/policy", tags=["policy"])

Versions = shapes.Page[PolicyVersionShape]
Sku = Annotated[Text, Path(description="The SKU, percent-encoded; it may contain slashes")]
IfMatch = Annotated[
    str | None, Header(max_length=100, description='The `ETag` that was read, like `"3"`; else 412')
]


class Stale(Conflict):
    """The policy is not the one that `If-Match` names."""

    status, slug, title = 412, "stale", "Changed meanwhile"


@router.get("", operation_id="get_policy", response_model=PolicyShape)
def get_policy(call: CallDep, response: Response) -> PolicyShape:
    """The store's sending policy, in full, with its version, which the `ETag` has too."""
    with call.reading() as work:
        return _shown(work.store, response)


@router.put(
    "",
    operation_id="set_policy",
    response_model=PolicyShape | PolicyEffect,
    responses=declared(400, 409, 412),
)
def set_policy(
    wanted: Annotated[PolicyChange, Body(examples=[policy_examples.POLICY])],
    call: CallDep,
    response: Response,
    if_match: IfMatch = None,
) -> PolicyShape | PolicyEffect:
    """Replace the sending policy, or, with `dry_run`, tell what that would do to the emails that are planned.

    What is left out has its default, `skus` too. Every open order follows within moments, in chunks:
    `GET /v1/policy/versions` tells how far they are. A policy that would send more than the present one's
    `max_messages_per_change` is 409 without `confirm`. `version` or `If-Match` guard against another's change.
    """
    with call.reading() as work:
        _guard(work.store, if_match)
        if wanted.dry_run:
            return policy_shapes.effect(_foreseen(work, wanted), wanted)
        if not wanted.confirm:
            _hold_if_too_many(work, wanted)
    return _set(call, wanted, wanted.version, response, if_match)


def _foreseen(work: Work, wanted: PolicyInput) -> Outlook:
    return policies.preview(work.session, work.store, wanted.policy, work.now)


def _hold_if_too_many(work: Work, wanted: PolicyInput) -> None:
    """Raises Held, with what it would do and the second yes to the whole policy."""
    outlook = _foreseen(work, wanted)
    try:
        policies.hold_if_too_many(outlook, policy_from_json(work.store.policy).max_messages_per_change)
    except Held as held:
        raise way_on(held, "PUT", router.prefix, policy_shapes.effect(outlook, wanted), wanted) from None


@router.put(
    "/skus/{sku:path}",
    operation_id="set_sku_policy",
    response_model=PolicyShape,
    responses=declared(400, 409, 412),
)
def set_sku_policy(
    sku: Sku,
    wanted: Annotated[SkuPolicyInput, Body(examples=[policy_examples.SKU_POLICY])],
    call: CallDep,
    response: Response,
    if_match: IfMatch = None,
) -> PolicyShape:
    """Set what is otherwise for one SKU: a new version of the whole policy, in which the rest stays.

    What would send very much is 409, as for the whole; the second yes in `confirm` then puts the whole.
    """
    return _one_sku(call, sku, wanted, response, if_match)


@router.delete(
    "/skus/{sku:path}",
    operation_id="clear_sku_policy",
    response_model=PolicyShape,
    responses=declared(404, 409, 412),
)
def clear_sku_policy(sku: Sku, call: CallDep, response: Response, if_match: IfMatch = None) -> PolicyShape:
    """Have one SKU follow the store's policy again."""
    return _one_sku(call, sku, None, response, if_match)


def _one_sku(
    call: Call, sku: str, own: SkuPolicyInput | None, response: Response, if_match: str | None
) -> PolicyShape:
    with call.reading() as work:
        version, wanted = work.store.policy_version, policies.with_sku(work.store, sku, own)
        _hold_if_too_many(work, wanted)
    return _set(call, wanted, version, response, if_match)


def _set(
    call: Call, wanted: PolicyInput, made_from: int | None, response: Response, if_match: str | None
) -> PolicyShape:
    with call.writing() as work:
        rows.hold(work.session, work.store.id)
        _guard(work.store, if_match)
        by = f"API key that ends in {stores.hint(work.session, call.key)}"
        store = policies.change(work.session, work.store.id, wanted, by, work.now, made_from)
        return _shown(store, response)


def _guard(store: Store, if_match: str | None) -> None:
    if if_match is not None and if_match.strip() not in {"*", f'"{store.policy_version}"'}:
        raise Stale(
            f"If-Match is {if_match}, and the policy is in version {store.policy_version}: read it again",
            (Fault("/If-Match", f'must be "{store.policy_version}"'),),
        )


def _shown(store: Store, response: Response) -> PolicyShape:
    response.headers["ETag"] = f'"{store.policy_version}"'
    return PolicyShape.model_construct(None, **dict(policies.current(store)), version=store.policy_version)


@router.get("/versions", operation_id="list_policy_versions", response_model=Versions)
def list_versions(call: CallDep, limit: Limit = 50, after: After = None) -> Versions:
    """List every version of the policy, the newest first: who set it when, what it changed, and how far orders follow.

    To go back to one, `PUT` its `policy`.
    """
    place = call.read_cursor({}, after)
    with call.reading() as work:
        found = policies.kept(
            work.session, work.store.id, before=int(place) if place else None, limit=limit + 1
        )
    shown = [policy_shapes.version(it) for it in found[:limit]]
    return Versions(data=shown, next=call.cursor({}, str(shown[-1].version)) if len(found) > limit else None)


@router.get(
    "/versions/{version}",
    operation_id="get_policy_version",
    response_model=PolicyVersionShape,
    responses=declared(404),
)
def get_version(version: Annotated[int, Path(ge=1, le=2**31 - 1)], call: CallDep) -> PolicyVersionShape:
    """Read one version of the policy, and how far the open orders have followed it."""
    with call.reading() as work:
        return policy_shapes.version(policies.find(work.session, work.store.id, version))
